import type { F13Shape, FourTuple } from '../../engine/f13.ts';
import { isMulticast, type Mac } from '../../wire/address.ts';
import { u48 } from '../../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES } from '../../wire/ethernet.ts';
import { type FrameView, parseFrame } from '../../wire/frame.ts';
import { IcmpType, type IcmpView, icmpQuote, isFragmentationNeeded, isIcmpError } from '../../wire/icmp.ts';
import { seqAdd } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import { Reason } from '../../wire/terms.ts';
import type { AdmissionLimits } from '../admission.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type { SettingIndication, SettingRequest } from '../services.ts';
import type { InSegment } from '../tcp/segment.ts';
import { ControlFrames, type SavedControlFrames } from './control-frames.ts';
import { LegPackets } from './leg-packets.ts';
import { LegSession } from './session.ts';
import type { SavedLegSession, SessionHost, SessionStart } from './session-host.ts';
import { Settings, tupleKey } from './settings.ts';
import { Tombstones } from './tombstones.ts';

/** Sessions of one driver at a time: our own, and the far ends of peers that have shown who they are. */
export const DRIVER_SESSIONS = 256;
/** Far ends without keys, in all and per remote address: what strangers with true addresses can take up, besides the others. */
export const UNPROVEN_SESSIONS = 128;
export const UNPROVEN_SESSIONS_PER_ADDRESS = 8;
const UNPROVEN_DEFAULT: AdmissionLimits = { all: UNPROVEN_SESSIONS, perAddress: UNPROVEN_SESSIONS_PER_ADDRESS };

/** Where an intermediate driver stands. */
export interface IntermediateDriverOptions {
  /** Of this host's one interface. */
  readonly mac: Mac;
  /** Of the local link, bytes of an IP packet. */
  readonly mtu: number;
  /** Bridge, driver 3009 and virtual NIC are folded in ([0431]): port `lan` takes and gives the frames of the LAN. */
  readonly folded?: boolean;
  /** Default {@link UNPROVEN_SESSIONS}, in all and per remote address. */
  readonly unproven?: AdmissionLimits;
}

/**
 * Intermediate driver 2006/3006/1008 (spec 1.4): terminates announced TCP sessions towards the local TCP and speaks with the far driver, or
 * with the engine there, without congestion control. Everything else passes untouched. Ports: `upper` to the IP stack, `lower`
 * to the driver or bridge, `settings` to the application.
 */
export class IntermediateDriverLayer extends Layer {
  readonly kind = 'intermediate-driver';
  readonly options: IntermediateDriverOptions;
  readonly settings = new Settings();
  readonly sessions = new Map<string, LegSession>();
  readonly tombstones: Tombstones;
  readonly #upper: Port<Frame, Frame>;
  readonly #lower: Port<Frame, Frame>;
  readonly #application: Port<SettingRequest, SettingIndication>;
  readonly #lan: Port<Frame, Frame> | undefined;
  readonly #control: ControlFrames;
  readonly #packets: LegPackets;

  constructor(host: LayerHost, label: string, options: IntermediateDriverOptions) {
    super(host, label);
    this.options = options;
    this.#upper = this.addPort<Frame, Frame>('upper', (frame) => this.#fromStack(frame));
    this.#lower = this.addPort<Frame, Frame>('lower', (frame) => this.#fromLine(frame));
    this.#application = this.addPort<SettingRequest, SettingIndication>('settings', (request) =>
      this.#setting(request),
    );
    this.#lan = options.folded ? this.addPort<Frame, Frame>('lan', (frame) => this.#lower.send(frame)) : undefined;
    this.tombstones = new Tombstones();
    this.#control = new ControlFrames({
      softwareMac: options.mac,
      toEngine: (bytes) => this.#lower.send(host.frame(bytes)),
      indicate: (indication) => this.#application.send(indication),
      resume: (key, numbers) => this.sessions.get(key)?.line.keeper.resume(numbers),
      drop: (frame, detail) => this.drop('foreign-control-frame', frame, detail),
    });
    this.#packets = new LegPackets({
      vault: host.vault,
      now_us: () => host.now_us(),
      sessionOf: (tuple) => this.sessions.get(tupleKey(tuple)),
      listenerFor: (address, port) => this.settings.listenerFor(address, port),
      toLine: (bytes, parent) => this.#lower.send(host.frame(bytes, parent)),
      accept: (start) => this.#newSession(start),
      drop: (reason, frame, detail) => this.drop(reason, frame, detail),
      count: (name) => this.count(name),
    });
  }

  override stop(): void {
    for (const session of [...this.sessions.values()]) session.event({ type: 'withdrawn', reason: Reason.OPERATOR });
  }

  override timerFired(name: string): void {
    const slash = name.indexOf('/');
    this.sessions.get(name.slice(0, slash))?.timerFired(name.slice(slash + 1));
  }

  override machines(): readonly MachineView[] {
    return [...this.sessions.values()].flatMap((session) =>
      session.machines.map(({ instance, machine, state }) => ({ instance, machine, state })),
    );
  }

  save(): SavedLayer {
    return {
      version: 1,
      settings: this.settings.save() as never,
      tombstones: this.tombstones.save() as never,
      control: this.#control.save() as never,
      sessions: [...this.sessions.values()].map((session) => session.save()) as never,
    };
  }

  restore(saved: SavedLayer): void {
    this.settings.restore(saved.settings as never);
    this.tombstones.restore(saved.tombstones as never);
    this.#control.restore(saved.control as unknown as SavedControlFrames);
    this.sessions.clear();
    for (const each of saved.sessions as unknown as readonly SavedLegSession[]) {
      const session = new LegSession(this.#sessionHost(tupleKey(each.start.tuple)), each.start, each.ownToken);
      session.restore(each);
      this.sessions.set(session.key, session);
    }
  }

  // ---- block H: from the IP stack ----

  #fromStack(frame: Frame): void {
    const parsed = parseFrame(frame.bytes);
    if (!parsed.ok || parsed.ip === undefined || parsed.tcp === undefined) {
      this.#lower.send(frame);
      return;
    }
    const tuple = tupleOf(parsed, 'out');
    const session = this.sessions.get(tupleKey(tuple));
    if (session !== undefined) {
      session.line.keeper.link = { own: parsed.ethernet.source, nextHop: parsed.ethernet.destination };
      session.local.segment(segmentOf(frame, parsed));
    } else if (!this.#takesSyn(frame, parsed, tuple)) this.#lower.send(frame);
  }

  /** A SYN of an announced session starts the leg (spec 2.4 step 7). False when the frame is none of ours. */
  #takesSyn(frame: Frame, parsed: FrameView, tuple: FourTuple): boolean {
    const announced = this.settings.connectFor(tuple);
    if (announced === undefined) {
      if (this.tombstones.shapeOf(tupleKey(tuple), this.host.now_us()) === undefined) return false;
      this.drop('no-session', frame, 'session is over');
      return true;
    }
    const flags = parsed.tcp?.flags ?? 0;
    if ((flags & (Flag.SYN | Flag.ACK | Flag.RST)) !== Flag.SYN) {
      this.drop('no-session', frame, 'not a SYN');
      return true;
    }
    const random = this.host.randomBytes(this.label, 4);
    const session = this.#newSession({
      end: 'near',
      tuple,
      shape: announced.shape,
      handshake: announced.handshake,
      ownMac: parsed.ethernet.source,
      nextHopMac: parsed.ethernet.destination,
      next: numberOf(random),
      acknowledged: 0,
      mtu: this.options.mtu,
    });
    if (session === undefined) this.drop('too-many-sessions', frame);
    else session.takeSyn(segmentOf(frame, parsed));
    return true;
  }

  // ---- block I: from the line ----

  #fromLine(frame: Frame): void {
    const { bytes } = frame;
    if (bytes.length < ETHERNET_HEADER_BYTES) return this.drop('malformed', frame);
    if (this.settings.isSpecial(u48(bytes, 0)) || this.settings.isSpecial(u48(bytes, 6)))
      return this.#control.received(frame);
    if (this.#lan !== undefined && u48(bytes, 0) !== this.options.mac) {
      this.#lan.send(frame);
      if (!isMulticast(u48(bytes, 0))) return;
    }
    const parsed = parseFrame(bytes);
    if (parsed.ok && parsed.icmp !== undefined && this.#takesRumour(bytes, parsed.icmp)) return;
    if (!parsed.ok || parsed.ip === undefined || (parsed.tcp ?? parsed.udp) === undefined) {
      this.#upper.send(frame);
      return;
    }
    const tuple = tupleOf(parsed, 'in');
    const shape = this.#shapeOf(tuple);
    if (shape === undefined) {
      this.#upper.send(frame);
      return;
    }
    if (parsed.ethernet.destination !== this.options.mac) return this.drop('not-for-us', frame);
    if ((shape === 'tcp') !== (parsed.tcp !== undefined)) return this.drop('not-announced', frame, 'another F13 shape');
    if (frame.checksum === 'bad') return this.drop('bad-checksum', frame);
    this.#packets.received(frame, parsed, tuple);
  }

  /**
   * F13 shape of what a packet belongs to: a session, an announced one, or one that is over. No operating system's TCP may see
   * anything that is addressed to these, whatever it looks like. Undefined for everybody else's packets.
   */
  #shapeOf(tuple: FourTuple): F13Shape | undefined {
    const key = tupleKey(tuple);
    const known =
      this.sessions.get(key)?.start ??
      this.settings.connectFor(tuple) ??
      this.settings.listenerFor(tuple.local, tuple.localPort);
    return known?.shape ?? this.tombstones.shapeOf(key, this.host.now_us());
  }

  /** An ICMP error about a session's own packets: a rumour about the peer; the local TCP never sent what it quotes. */
  #takesRumour(bytes: Uint8Array, icmp: IcmpView): boolean {
    if (!isIcmpError(icmp.type)) return false;
    const quote = icmpQuote(bytes, icmp);
    if (quote?.sourcePort === undefined || quote.destinationPort === undefined) return false;
    const { source, sourcePort, destination, destinationPort } = quote;
    const tuple = { local: source, localPort: sourcePort, remote: destination, remotePort: destinationPort };
    const session = this.sessions.get(tupleKey(tuple));
    if (session === undefined) return false;
    this.count('icmpRumours');
    if (icmp.type !== IcmpType.SOURCE_QUENCH) {
      session.unreachable(isFragmentationNeeded(icmp.type, icmp.code) ? undefined : quote.seq);
    }
    return true;
  }

  // ---- block L ----

  #setting(request: SettingRequest): void {
    switch (request.kind) {
      case 'announce-listen':
        if (!this.settings.listen(request)) this.drop('too-many-sessions', undefined, 'announced listeners');
        return;
      case 'announce-connect':
        if (!this.settings.connect(request)) this.drop('too-many-sessions', undefined, 'announced sessions');
        return;
      case 'announce-special':
        if (!this.settings.special(request)) this.drop('table-full', undefined, 'special addresses');
        return;
      case 'announce-records':
        return this.#announceRecords(request.tuple, request.receiveConnectionId);
      case 'withdraw':
        return this.#withdraw(request.tuple);
      case 'engine-start':
      case 'engine-renew':
        return this.#engineStart(request);
      case 'engine-stop':
        return this.#control.stop(request.sessionId, request.reason);
      case 'engine-demand':
        return this.#control.demand(request.rule);
    }
  }

  #engineStart(request: SettingRequest & { kind: 'engine-start' | 'engine-renew' }): void {
    const session = this.sessions.get(tupleKey(request.start.tuple));
    if (session === undefined) {
      this.#application.send({
        kind: 'engine-stopped',
        sessionId: request.start.sessionId,
        reason: Reason.NO_LISTENER,
      });
      return;
    }
    session.proven();
    this.#control.start(request.kind === 'engine-start' ? 'start' : 'renew', request.start, session.line.keeper);
  }

  #announceRecords(tuple: FourTuple, receiveConnectionId: number): void {
    const session = this.sessions.get(tupleKey(tuple));
    session?.announceRecords(receiveConnectionId);
    session?.proven();
  }

  #withdraw(tuple: FourTuple): void {
    this.settings.withdraw(tuple);
    this.sessions.get(tupleKey(tuple))?.event({ type: 'withdrawn', reason: Reason.OPERATOR });
  }

  // ---- sessions ----

  #newSession(start: SessionStart): LegSession | undefined {
    if (!this.#hasRoom(start)) return undefined;
    const key = tupleKey(start.tuple);
    const session = new LegSession(this.#sessionHost(key), start);
    this.sessions.set(key, session);
    this.count('sessions');
    return session;
  }

  #hasRoom(start: SessionStart): boolean {
    const isUnproven = (session: LegSession): boolean => session.start.end === 'far' && !session.decision.proven;
    const unproven = [...this.sessions.values()].filter(isUnproven);
    if (start.end === 'near') return this.sessions.size - unproven.length < DRIVER_SESSIONS;
    const { all, perAddress } = this.options.unproven ?? UNPROVEN_DEFAULT;
    const sameAddress = unproven.filter((session) => session.start.tuple.remote === start.tuple.remote);
    return unproven.length < all && sameAddress.length < perAddress;
  }

  #sessionHost(key: string): SessionHost {
    const { host } = this;
    return {
      now_us: () => host.now_us(),
      setTimer: (name, delay_us) => this.setTimer(`${key}/${name}`, delay_us),
      clearTimer: (name) => this.clearTimer(`${key}/${name}`),
      randomBytes: (length) => host.randomBytes(this.label, length),
      vault: host.vault,
      observer: host.observer(this.label),
      toLine: (bytes) => this.#lower.send(host.frame(bytes)),
      toStack: (bytes) => this.#upper.send(host.frame(bytes)),
      indicate: (indication) => this.#application.send(indication),
      drop: (reason, detail) => this.drop(reason, undefined, detail),
      count: (name) => this.count(name),
      ended: () => this.#ended(key),
    };
  }

  #ended(key: string): void {
    const session = this.sessions.get(key);
    if (session === undefined) return;
    this.sessions.delete(key);
    this.settings.withdraw(session.start.tuple);
    this.tombstones.add(key, session.start.shape, this.host.now_us());
  }
}

function tupleOf(parsed: FrameView, direction: 'in' | 'out'): FourTuple {
  const { ip } = parsed;
  const ports = parsed.tcp ?? parsed.udp;
  const source = { address: ip?.source ?? 0, port: ports?.sourcePort ?? 0 };
  const destination = { address: ip?.destination ?? 0, port: ports?.destinationPort ?? 0 };
  const [local, remote] = direction === 'in' ? [destination, source] : [source, destination];
  return { local: local.address, localPort: local.port, remote: remote.address, remotePort: remote.port };
}

/** The local TCP's segment as block A gets it. */
function segmentOf(frame: Frame, parsed: FrameView): InSegment {
  const tcp = parsed.tcp as NonNullable<FrameView['tcp']>;
  return {
    seq: tcp.seq,
    ack: tcp.ack,
    flags: tcp.flags,
    window: tcp.window,
    options: tcp.options,
    payload: frame.bytes.subarray(parsed.payloadOffset, parsed.payloadEnd),
  };
}

function numberOf(bytes: Uint8Array): number {
  return seqAdd(
    ((bytes[0] as number) << 24) | ((bytes[1] as number) << 16) | ((bytes[2] as number) << 8) | (bytes[3] as number),
    0,
  );
}
