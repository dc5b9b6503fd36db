import { terminalDriverMachine } from '../../machines/terminal-driver.ts';
import { isMulticast, type Mac } from '../../wire/address.ts';
import { ETHERNET_HEADER_BYTES, EtherType, parseEthernet } from '../../wire/ethernet.ts';
import { type FrameView, parseFrame } from '../../wire/frame.ts';
import { type InnerEnds, innerVersion } from '../../wire/inner-frame.ts';
import { NO_INNER_TOKEN } from '../../wire/inner-leg.ts';
import { Flag } from '../../wire/tcp.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { type TcpIcmpError, tcpIcmpError } from '../icmp-error.ts';
import { InnerLeg, innerEndsOf, innerKey, type SavedInnerLeg } from '../inner-leg/leg.ts';
import { type InnerSession, LOCAL_TIMER } from '../inner-leg/session.ts';
import { Tombstones } from '../intermediate-driver/tombstones.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type { HandshakeMode } from '../services.ts';
import { type InSegment, reversed, segmentFromPacket, type TcpTuple } from '../tcp/segment.ts';
import { Bypass, type BypassOptions, type SavedBypass } from './bypass.ts';
import { TerminalSide } from './local-side.ts';

/** Where a driver stands that ends all TCP of its host. */
export interface TerminalDriverOptions {
  /** Of the host's interface. */
  readonly mac: Mac;
  /** Of the way to the counterparts, bytes of an IP packet. */
  readonly mtu: number;
  /** `hold`, the default: a SYN is answered when the far TCP has answered. */
  readonly handshake?: HandshakeMode;
  readonly bypass?: BypassOptions;
  /** Cost of what may be under way of all sessions; see `UNDER_WAY_BYTES`. */
  readonly underWay_bytes?: number;
}

/** ICMP codes for what the inner leg tells as unreachable: administratively prohibited and the like, or nobody there. */
const HARD_CODES = { ip4: 13, ip6: 1 } as const;
const SOFT_CODES = { ip4: 1, ip6: 3 } as const;
const CONTROL = Flag.SYN | Flag.ACK | Flag.RST;

/**
 * Intermediate driver 2106/3106 (spec 5.3): as 2006, but preset to terminate, once, the TCP of all applications of its host. Towards the
 * other host's driver, or processing 3001B, it speaks the inner leg. Untouched pass: everything that is not TCP, tagged frames,
 * fragments, connections of destinations that are gone by, and segments of connections that it did not see begin. Ports: `upper` to the IP
 * stack, `lower` to the driver.
 */
export class TerminalDriverLayer extends Layer {
  readonly kind = 'terminal-driver';
  readonly options: TerminalDriverOptions;
  readonly leg: InnerLeg;
  readonly #upper: Port<Frame, Frame>;
  readonly #lower: Port<Frame, Frame>;
  readonly #bypass: Bypass;
  readonly #tombstones = new Tombstones();
  readonly #machine = this.machineHost({
    machine: terminalDriverMachine,
    decide: (snapshot) => Object.freeze({ running: snapshot.value === 'RUNNING' }),
    execute: () => {},
  });

  constructor(host: LayerHost, label: string, options: TerminalDriverOptions) {
    super(host, label);
    this.options = options;
    this.#bypass = new Bypass(options.bypass);
    this.#upper = this.addPort<Frame, Frame>('upper', (frame) => this.#fromStack(frame));
    this.#lower = this.addPort<Frame, Frame>('lower', (frame) => this.#fromLine(frame));
    const { mtu, handshake = 'hold', underWay_bytes } = options;
    this.leg = new InnerLeg(
      {
        now_us: () => host.now_us(),
        setTimer: (name, delay_us) => this.setTimer(name, delay_us),
        clearTimer: (name) => this.clearTimer(name),
        randomBytes: (length) => host.randomBytes(label, length),
        observer: host.observer(label),
        toLine: (bytes, parent) => this.#lower.send(host.frame(bytes, parent)),
        local: (session) => this.#newSide(session),
        refusal: (ends) => this.#greet(ends),
        drop: (reason, frame, detail) => this.drop(reason, frame, detail),
        count: (name) => this.count(name),
        ended: (session) => this.#ended(session),
      },
      { mtu, handshake, ...(underWay_bytes !== undefined && { underWay_bytes }) },
    );
  }

  override start(): void {
    this.#machine.send({ type: 'START' });
  }

  override stop(): void {
    this.#machine.send({ type: 'STOP' });
    this.leg.stop();
  }

  override timerFired(name: string): void {
    this.leg.timerFired(name);
  }

  override machines(): readonly MachineView[] {
    return [
      { instance: '', machine: terminalDriverMachine, state: this.#machine.state },
      ...this.leg.machines(),
      ...[...this.leg.sessions.values()].flatMap(({ local }) => {
        const { machine } = (local as TerminalSide).connection;
        return [{ instance: machine.instance, machine: machine.machine, state: machine.state }];
      }),
    ];
  }

  save(): SavedLayer {
    return {
      version: 1,
      machine: this.#machine.save(),
      leg: this.leg.save() as never,
      bypass: this.#bypass.save(),
      tombstones: this.#tombstones.save() as never,
    };
  }

  restore(saved: SavedLayer): void {
    this.#machine.restore(saved.machine as never);
    this.leg.restore(saved.leg as unknown as SavedInnerLeg);
    this.#bypass.restore(saved.bypass as unknown as SavedBypass);
    this.#tombstones.restore(saved.tombstones as never);
  }

  // ---- block H: from the IP stack ----

  #fromStack(frame: Frame): void {
    if (!this.#machine.decision.running) return this.drop('stopped', frame);
    const ethernet = parseEthernet(frame.bytes);
    const isIp = ethernet.ok && isTerminable(ethernet.etherType, ethernet.headerEnd, ethernet.destination);
    const read = isIp
      ? segmentFromPacket(frame.bytes.subarray(ETHERNET_HEADER_BYTES), frame.offload?.segment_bytes)
      : undefined;
    if (!ethernet.ok || !read?.ok) {
      this.#lower.send(frame);
      return;
    }
    const ends = reversed(read.tuple);
    const session = this.leg.sessionOf(ends);
    const isSyn = (read.segment.flags & CONTROL) === Flag.SYN;
    if (session !== undefined && !(isSyn && session.isOver))
      return this.#toSession(session, frame, read.segment, isSyn);
    if (session !== undefined) (session.local as TerminalSide).mute();
    if (isSyn) this.#syn(frame, read.segment, ends);
    else if (this.#tombstones.shapeOf(innerKey(ends), this.host.now_us()) === undefined) this.#lower.send(frame);
    else this.drop('no-session', frame, 'session is over');
  }

  #toSession(session: InnerSession, frame: Frame, segment: InSegment, isSyn: boolean): void {
    if (frame.checksum === 'bad') return this.drop('bad-checksum', frame);
    const { connection } = session.local as TerminalSide;
    const reason = connection.segment(segment);
    if (reason !== undefined) this.drop(reason, frame);
    if (isSyn && connection.decision.held) session.synAgain();
  }

  /** A connection begins: it is terminated, or gone by. */
  #syn(frame: Frame, segment: InSegment, ends: TcpTuple): void {
    if (frame.checksum === 'bad') return this.drop('bad-checksum', frame);
    this.#tombstones.remove(innerKey(ends));
    const ethernet = parseEthernet(frame.bytes);
    const isGoneBy = this.#bypass.has(ends.remote, this.host.now_us());
    const session = isGoneBy || !ethernet.ok ? undefined : this.leg.openNear(ends, ethernet);
    if (session === undefined) {
      this.count(isGoneBy ? 'goneBy' : 'goneByForRoom');
      this.#lower.send(frame);
      return;
    }
    this.count('sessionsOpened');
    (session.local as TerminalSide).takeSyn(segment, frame.bytes);
    session.open();
  }

  // ---- block I: from the line ----

  #fromLine(frame: Frame): void {
    if (!this.#machine.decision.running) return this.drop('stopped', frame);
    const parsed = parseFrame(frame.bytes);
    if (!parsed.ok || parsed.tcp === undefined) return this.#otherFromLine(frame, parsed.ok ? parsed : undefined);
    if (innerVersion(frame.bytes, parsed.tcp) !== undefined) return this.#marked(frame, parsed);
    const ends = innerEndsOf(frame.bytes, parsed);
    const session = ends && this.leg.sessionOf(ends);
    if (session === undefined) {
      this.#upper.send(frame);
      return;
    }
    const { flags, seq } = parsed.tcp;
    // No TCP of the other host has a part in this session: one that answers our frames has no driver before it.
    if ((flags & CONTROL) !== Flag.RST || seq !== session.line.ack || frame.checksum === 'bad')
      return this.drop('unexpected-unit', frame, 'a segment of a terminated connection');
    this.count('resetsByTcp');
    session.alone();
  }

  #marked(frame: Frame, parsed: FrameView): void {
    if (parsed.ethernet.destination !== this.options.mac) return this.drop('not-for-us', frame);
    if (frame.checksum === 'bad') return this.drop('bad-checksum', frame);
    if (parsed.ethernet.vlan !== undefined) return this.drop('unexpected-unit', frame, 'tagged');
    this.leg.frame(frame, parsed);
  }

  #otherFromLine(frame: Frame, parsed: FrameView | undefined): void {
    const isIcmp = parsed?.icmp !== undefined || parsed?.icmp6 !== undefined;
    const error = isIcmp ? tcpIcmpError(frame.bytes.subarray(parsed?.ethernet.headerEnd)) : undefined;
    const session = error && this.leg.sessionOf(error);
    if (session === undefined || error === undefined) {
      this.#upper.send(frame);
      return;
    }
    this.count('icmpErrors');
    // Our host's TCP never sent what it quotes.
    if (frame.checksum !== 'bad' && session.line.hasSent(error.seq)) this.#icmpError(session, error);
  }

  #icmpError(session: InnerSession, { kind, local }: TcpIcmpError): void {
    const family = typeof local === 'number' ? 'ip4' : 'ip6';
    if (kind === 'hard') session.unreachable(HARD_CODES[family]);
    else if (kind === 'soft') session.unreachable(SOFT_CODES[family]);
  }

  // ---- sessions ----

  #newSide(session: InnerSession): TerminalSide {
    const { host } = this;
    const timer = (name: string) => `${session.key}/${LOCAL_TIMER}${name}`;
    return new TerminalSide(
      {
        now_us: () => host.now_us(),
        setTimer: (name, delay_us) => this.setTimer(timer(name), delay_us),
        clearTimer: (name) => this.clearTimer(timer(name)),
        vault: host.vault,
        observer: host.observer(this.label),
        toStack: (bytes) => this.#upper.send(host.frame(bytes)),
        bypass: (which, syn, heard) => this.#goBy(which, syn, heard),
      },
      session,
    );
  }

  /** Whoever asks has a counterpart, whatever was found out before. */
  #greet({ remote }: InnerEnds): undefined {
    this.#bypass.forget(remote);
  }

  #goBy({ start }: InnerSession, syn: Uint8Array | undefined, heard: boolean): boolean {
    if (!this.#bypass.isAutomatic) {
      this.count('refused');
      return false;
    }
    this.count(heard ? 'foundAlone' : 'foundSilent');
    this.#bypass.learn(start.ends.remote, heard, this.host.now_us());
    if (syn !== undefined) this.#lower.send(this.host.frame(syn));
    return true;
  }

  /** Late segments of a host's connection that stood must not go out. */
  #ended({ key, peerToken }: InnerSession): void {
    if (peerToken !== NO_INNER_TOKEN) this.#tombstones.add(key, 'tcp', this.host.now_us());
  }
}

function isTerminable(etherType: number, headerEnd: number, destination: Mac): boolean {
  const isIp = etherType === EtherType.IP4 || etherType === EtherType.IP6;
  return isIp && headerEnd === ETHERNET_HEADER_BYTES && !isMulticast(destination);
}
