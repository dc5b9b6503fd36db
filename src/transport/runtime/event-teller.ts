import type { PeerStatus } from '../../actors/gateway/status.ts';
import type { JournalRecord } from '../../actors/tap.ts';
import { suiteById } from '../../engine/crypto/suite.ts';
import { formatIp4 } from '../../wire/address.ts';
import type { GatewayEvent } from './control-protocol.ts';
import { stepText } from './steps.ts';

const PEER_PREFIX = 'peer-';
/** Note of a layer that does not renew: `peer`, and why in `detail`. */
export const RENEWAL_REFUSED = 'renewal-refused';
/** Events of the leg's machine that ended it, in words: they say more than what SSL saw of it. */
const LEG_ENDS: Readonly<Record<string, string>> = {
  'refused.received': 'refused by the far end: nobody listens there',
  'timer.retry': 'no answer',
  'local.refused': 'the local TCP refused',
  'timer.suspect': 'the peer said BYE and is silent',
};

/** What the teller must know of the gateway. */
interface Known {
  /** Kind of the layer with this label. */
  kindOf(label: string): string | undefined;
  peer(name: string): PeerStatus | undefined;
  now(): Date;
}

/** Turns records of a gateway's machines into events for an operator. */
export class EventTeller {
  readonly #known: Known;
  readonly #tell: (event: GatewayEvent) => void;
  /** How the last leg ended, and in which input (by its time). */
  #legEnd: { readonly words: string | undefined; readonly time_us: number } | undefined;
  /** Why the last session of a peer ended; `''` for sessions whose peer never became known. */
  readonly #lastReason = new Map<string, string>();

  constructor(known: Known, tell: (event: GatewayEvent) => void) {
    this.#known = known;
    this.#tell = tell;
  }

  take(record: JournalRecord): void {
    const [layer, instance = ''] = splitActor(record.actor);
    if (record.kind === 'note') this.#note(record);
    else if (record.kind === 'transition' && instance.startsWith(PEER_PREFIX))
      this.#peer(record, instance.slice(PEER_PREFIX.length));
    else if (record.kind === 'transition') this.#leg(record);
    const text = stepText(this.#known.kindOf(layer) ?? '', record.kind, record.name);
    if (text === undefined) return;
    const { machine, to } = (record.data ?? {}) as { machine?: string; to?: string };
    this.#say({ kind: 'step', text, layer, event: record.name, machine, state: to, seq: record.seq });
  }

  #leg({ name, data, time_us }: JournalRecord): void {
    const { machine, from, to } = data as { machine: string; from: string; to: string };
    if (machine === 'leg' && from !== to && to === 'CLOSED') this.#legEnd = { words: LEG_ENDS[name], time_us };
  }

  #note({ name, data, time_us }: JournalRecord): void {
    const { peer = '', reason = '', detail = '' } = (data ?? {}) as Record<string, string | undefined>;
    if (name === 'session-closed') {
      const leg = this.#legEnd?.time_us === time_us ? this.#legEnd.words : undefined;
      this.#lastReason.set(peer, leg ?? reason);
      if (peer === '') this.#say({ kind: 'warning', text: `a session that was not yet anybody's ended: ${reason}` });
    } else if (name === RENEWAL_REFUSED) this.#say({ kind: 'warning', peer, text: `${peer}: not renewed: ${detail}` });
  }

  #peer(record: JournalRecord, peer: string): void {
    const { from, to } = record.data as { from: string; to: string };
    if (from === to) return;
    const { seq } = record;
    if (to === 'UP')
      this.#say({ kind: 'tunnel', peer, state: 'up', seq, text: `tunnel to ${peer} is up${this.#details(peer)}` });
    else if (from === 'UP')
      this.#say({ kind: 'tunnel', peer, state: 'down', seq, text: `tunnel to ${peer} is down${this.#because(peer)}` });
    else if (from === 'DIALLING' && to === 'BACK-OFF')
      this.#say({
        kind: 'tunnel',
        peer,
        state: 'waiting',
        seq,
        text: `no session with ${peer}${this.#because(peer)}; it is tried again`,
      });
    else if (to === 'DIALLING')
      this.#say({ kind: 'tunnel', peer, state: 'connecting', seq, text: `connecting to ${peer}` });
  }

  #details(name: string): string {
    const peer = this.#known.peer(name);
    if (peer?.suite === undefined || peer.tuple === undefined) return '';
    const { remote, remotePort } = peer.tuple;
    return `: ${suiteById(peer.suite).name}, ${formatIp4(remote)}:${remotePort}`;
  }

  #because(peer: string): string {
    const reason = this.#lastReason.get(peer);
    return reason === undefined ? '' : ` (${reason})`;
  }

  #say(event: Omit<GatewayEvent, 'time'>): void {
    this.#tell({ time: this.#known.now().toISOString(), ...event });
  }
}

/** `2006/leg-1` is layer 2006 and instance `leg-1`. */
function splitActor(actor: string): [layer: string, instance?: string] {
  const slash = actor.indexOf('/');
  return slash < 0 ? [actor] : [actor.slice(0, slash), actor.slice(slash + 1)];
}
