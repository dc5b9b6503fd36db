import { isMulticast } from '../../wire/address.ts';
import { u16, u32, u48 } from '../../wire/bytes.ts';
import type { FrameView } from '../../wire/frame.ts';
import {
  buildInnerFrame,
  INNER_VERSION,
  type InnerEnds,
  innerVersion,
  readInnerUnits,
} from '../../wire/inner-frame.ts';
import { type InnerMessage, InnerRefusal, InnerReset, NO_INNER_TOKEN } from '../../wire/inner-leg.ts';
import { isSingleHost } from '../../wire/ip-address.ts';
import { ip6Destination, ip6Source } from '../../wire/ipv6.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import type { MachineView } from '../layer.ts';
import type { MachineObserver } from '../machine-host.ts';
import type { HandshakeMode } from '../services.ts';
import { TokenBucket } from '../token-bucket.ts';
import {
  INNER_FAR_SESSIONS,
  INNER_SESSIONS,
  INNER_SESSIONS_PER_ADDRESS,
  RESETS_BURST,
  RESETS_PER_SECOND,
  UNDER_WAY_BYTES,
} from './limits.ts';
import { InnerSession } from './session.ts';
import type { InnerRandoms, InnerSessionHost, InnerStart, LocalSide, SavedInnerSession } from './session-host.ts';
import { type SavedUnderWay, UnderWay } from './under-way.ts';

/** What the leg needs of the layer that it is in. */
export interface InnerLegHost {
  now_us(): number;
  setTimer(name: string, delay_us: number): void;
  clearTimer(name: string): void;
  randomBytes(length: number): Uint8Array;
  readonly observer: MachineObserver;
  /** Frames of the leg, with F21; `parent`: what the frame answers. */
  toLine(bytes: Uint8Array, parent?: Frame): void;
  /** The TCP behind a new session; see {@link LocalSide}. */
  local(session: InnerSession): LocalSide;
  /** A CONN-REQ asks for a connection to `ends.local`: an `InnerRefusal` when it is not to be. */
  refusal(ends: InnerEnds): number | undefined;
  drop(reason: DropReason, frame: Frame | undefined, detail?: string): void;
  count(name: string): void;
  /** A session is over and forgotten. */
  ended(session: InnerSession): void;
}

export interface InnerLegOptions {
  /** Largest IP packet of the leg. */
  readonly mtu: number;
  readonly handshake: HandshakeMode;
  /** Cost of all that may be under way; {@link UNDER_WAY_BYTES} unless given. */
  readonly underWay_bytes?: number;
}

export interface SavedInnerLeg {
  readonly sessions: readonly SavedInnerSession[];
  readonly underWay: SavedUnderWay;
  readonly resets: readonly number[];
}

/** Random bytes of a session: token, sequence and acknowledgement number. */
const RANDOM_BYTES = 14;

/** One text per session, the own host's end first. */
export function innerKey({ local, localPort, remote, remotePort }: InnerEnds): string {
  return `${local}:${localPort}-${remote}:${remotePort}`;
}

/** The ends that a frame from the line speaks of: `local` is where it goes to. Undefined when it is no whole TCP frame. */
export function innerEndsOf(bytes: Uint8Array, { ip, ip6, tcp }: FrameView): InnerEnds | undefined {
  if (tcp === undefined) return undefined;
  const { sourcePort: remotePort, destinationPort: localPort } = tcp;
  if (ip !== undefined) return { local: ip.destination, localPort, remote: ip.source, remotePort };
  if (ip6 === undefined) return undefined;
  return { local: ip6Destination(bytes, ip6), localPort, remote: ip6Source(bytes, ip6), remotePort };
}

/**
 * All sessions of one end of the inner leg: for driver 2106 or 3106, and for encapsulation processing 3001B. The layer gives marked
 * frames to {@link frame}, its timers to {@link timerFired}, and opens near ends by {@link open}.
 */
export class InnerLeg {
  readonly #host: InnerLegHost;
  readonly #options: InnerLegOptions;
  readonly #sessions = new Map<string, InnerSession>();
  /** Far ends by remote address. */
  readonly #guests = new Map<string, number>();
  #guestCount = 0;
  readonly #underWay: UnderWay;
  readonly #resets = new TokenBucket(RESETS_PER_SECOND, RESETS_BURST);

  constructor(host: InnerLegHost, options: InnerLegOptions) {
    this.#host = host;
    this.#options = options;
    this.#underWay = new UnderWay(options.underWay_bytes ?? UNDER_WAY_BYTES);
  }

  get sessions(): ReadonlyMap<string, InnerSession> {
    return this.#sessions;
  }

  get underWay_bytes(): number {
    return this.#underWay.used_bytes;
  }

  sessionOf(ends: InnerEnds): InnerSession | undefined {
    return this.#sessions.get(innerKey(ends));
  }

  /** A near end for a SYN of the own host, which the caller has; undefined when there is no room. The caller calls `open`. */
  openNear(ends: InnerEnds, link: InnerStart['link']): InnerSession | undefined {
    if (this.#sessions.size >= INNER_SESSIONS) return undefined;
    return this.#add({ end: 'near', ends, link, ...this.#common() });
  }

  /** A frame with the mark, for an address that is ours to serve. */
  frame(frame: Frame, parsed: FrameView): void {
    const { tcp } = parsed;
    const ends = innerEndsOf(frame.bytes, parsed);
    if (tcp === undefined || ends === undefined) return this.#host.drop('malformed', frame);
    // Answers go back to where it came from: a group there would have everybody get a session's bytes.
    if (isMulticast(parsed.ethernet.source) || !isSingleHost(ends.remote)) return this.#host.drop('bad-source', frame);
    if (innerVersion(frame.bytes, tcp) !== INNER_VERSION) return this.#host.drop('unknown-kind', frame, 'version');
    const { messages, malformed } = readInnerUnits(frame.bytes, parsed.payloadOffset, parsed.payloadEnd);
    for (const message of messages) this.#message(message, ends, frame, parsed);
    if (malformed !== undefined) this.#host.drop('malformed', frame, malformed);
    this.#shareRoom();
  }

  /** The name is one that `setTimer` was called with. */
  timerFired(name: string): void {
    const slash = name.indexOf('/');
    this.#sessions.get(name.slice(0, slash))?.timerFired(name.slice(slash + 1));
    this.#shareRoom();
  }

  stop(): void {
    for (const session of [...this.#sessions.values()]) session.stop();
  }

  machines(): readonly MachineView[] {
    return [...this.#sessions.values()].map(({ machine }) => ({
      instance: machine.instance,
      machine: machine.machine,
      state: machine.state,
    }));
  }

  save(): SavedInnerLeg {
    return {
      sessions: [...this.#sessions.values()].map((session) => session.save()),
      underWay: this.#underWay.save(),
      resets: this.#resets.save(),
    };
  }

  restore(saved: SavedInnerLeg): void {
    this.#sessions.clear();
    this.#guests.clear();
    this.#guestCount = 0;
    this.#underWay.restore(saved.underWay);
    this.#resets.restore(saved.resets);
    for (const each of saved.sessions) this.#add(each.start, each.randoms).restore(each);
  }

  #message(message: InnerMessage, ends: InnerEnds, frame: Frame, parsed: FrameView): void {
    const session = this.sessionOf(ends);
    if (message.kind === 'conn-req') return this.#request(session, message, ends, frame, parsed);
    if (session !== undefined && !session.isOver && isFor(session, message)) return session.received(message);
    this.#host.drop(session === undefined ? 'no-session' : 'bad-token', frame, message.kind);
    if (message.kind !== 'reset') this.#answerUnknown(message.token, ends, frame, parsed);
  }

  #request(
    session: InnerSession | undefined,
    message: InnerMessage & { kind: 'conn-req' },
    ends: InnerEnds,
    frame: Frame,
    parsed: FrameView,
  ): void {
    if (session === undefined) return this.#accept(message, ends, frame, parsed);
    if (session.start.end === 'near') return this.#host.drop('unexpected-unit', frame, 'both ends open');
    if (session.peerToken === message.ownToken) return session.request(message);
    // The terminal has begun anew, or somebody pretends so: its answer will tell. What is over makes room.
    if (!session.isOver) return session.check();
    session.local.abort();
    this.#forget(session);
    this.#accept(message, ends, frame, parsed);
  }

  #accept(message: InnerMessage & { kind: 'conn-req' }, ends: InnerEnds, frame: Frame, parsed: FrameView): void {
    const isFull =
      this.#guestCount >= INNER_FAR_SESSIONS ||
      this.#sessions.size >= INNER_SESSIONS ||
      (this.#guests.get(String(ends.remote)) ?? 0) >= INNER_SESSIONS_PER_ADDRESS;
    const refusal = isFull ? InnerRefusal.TOO_MANY : this.#host.refusal(ends);
    if (refusal !== undefined) {
      this.#host.drop(isFull ? 'too-many-sessions' : 'not-announced', frame);
      return this.#answer({ kind: 'refused', token: message.ownToken, reason: refusal, code: 0 }, ends, frame, parsed);
    }
    const link = { destination: parsed.ethernet.source, source: parsed.ethernet.destination };
    this.#host.count('sessionsTaken');
    this.#add({ end: 'far', ends, link, ...this.#common() }).request(message);
  }

  /** RFC 9293 section 3.10.7.1, in the words of this leg: whoever names a token that is nobody's hears of it. */
  #answerUnknown(token: number, ends: InnerEnds, frame: Frame, parsed: FrameView): void {
    const reset: InnerMessage = { kind: 'reset', token: NO_INNER_TOKEN, reason: InnerReset.UNKNOWN, unknown: token };
    this.#answer(reset, ends, frame, parsed);
  }

  /** Stateless; its numbers are those that a TCP would answer with. */
  #answer(message: InnerMessage, ends: InnerEnds, frame: Frame, { ethernet, tcp }: FrameView): void {
    if (!this.#resets.take(this.#host.now_us())) return;
    const link = { destination: ethernet.source, source: ethernet.destination };
    const numbers = { seq: tcp?.ack ?? 0, ack: tcp?.seq ?? 0 };
    this.#host.toLine(buildInnerFrame(link, ends, numbers, message), frame);
  }

  #common() {
    return { handshake: this.#options.handshake, mtu: this.#options.mtu };
  }

  #add(start: InnerStart, randoms: InnerRandoms = this.#draw()): InnerSession {
    const key = innerKey(start.ends);
    const session = new InnerSession(this.#sessionHost(key), key, start, randoms, (made) => this.#host.local(made));
    this.#sessions.set(key, session);
    if (start.end === 'far') this.#countGuest(start, 1);
    return session;
  }

  #countGuest({ ends }: InnerStart, by: number): void {
    this.#guestCount += by;
    const address = String(ends.remote);
    const left = (this.#guests.get(address) ?? 0) + by;
    if (left === 0) this.#guests.delete(address);
    else this.#guests.set(address, left);
  }

  #draw(): InnerRandoms {
    const bytes = this.#host.randomBytes(RANDOM_BYTES);
    return { token: u48(bytes, 0) || u16(bytes, 6) + 1, seq: u32(bytes, 6), ack: u32(bytes, 10) };
  }

  #sessionHost(key: string): InnerSessionHost {
    const host = this.#host;
    return {
      now_us: () => host.now_us(),
      setTimer: (name, delay_us) => host.setTimer(`${key}/${name}`, delay_us),
      clearTimer: (name) => host.clearTimer(`${key}/${name}`),
      observer: host.observer,
      underWay: this.#underWay,
      toLine: (bytes) => host.toLine(bytes),
      drop: (reason, detail) => host.drop(reason, undefined, detail),
      count: (name) => host.count(name),
      ended: () => {
        const session = this.#sessions.get(key);
        if (session?.isOver) this.#forget(session);
      },
    };
  }

  #forget(session: InnerSession): void {
    if (!this.#sessions.delete(session.key)) return;
    if (session.start.end === 'far') this.#countGuest(session.start, -1);
    this.#host.ended(session);
  }

  /** Sessions that waited for others' bytes to arrive go on. */
  #shareRoom(): void {
    for (const key of this.#underWay.takeWaiting()) this.#sessions.get(key)?.output();
  }
}

/** Whether a unit names the token that its receiver chose, or a RESET the one that it was named by. */
function isFor(session: InnerSession, message: Exclude<InnerMessage, { kind: 'conn-req' }>): boolean {
  if (message.kind === 'reset' && message.token === NO_INNER_TOKEN) return message.unknown === session.peerToken;
  return message.token === session.ownToken;
}
