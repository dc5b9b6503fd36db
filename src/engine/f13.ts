/** F11-F13 of a tunnel: TCP-shaped or UDP headers with no transport protocol behind them (docs/PROTOCOL.md section 1). */
import type { Ip4, Mac } from '../wire/address.ts';
import { buildTcpFrame, buildUdpFrame } from '../wire/build.ts';
import { EMPTY } from '../wire/bytes.ts';
import { IP4_HEADER_BYTES } from '../wire/ipv4.ts';
import { seqAdd, seqDiff } from '../wire/seq.ts';
import { Flag, TCP_HEADER_BYTES } from '../wire/tcp.ts';
import { UDP_HEADER_BYTES } from '../wire/udp.ts';

/** Addresses and ports of a session as one end sees them. */
export interface FourTuple {
  readonly local: Ip4;
  readonly localPort: number;
  readonly remote: Ip4;
  readonly remotePort: number;
}

/** Shape of F13 on the wire. */
export type F13Shape = 'tcp' | 'udp';

/** F11: own MAC and the next hop's. */
export interface F13Link {
  readonly own: Mac;
  readonly nextHop: Mac;
}

/** What stateful firewalls take for the state of a TCP connection: plain data, kept by one side at a time. */
export interface F13Numbers {
  /** Sequence number of the next payload byte to be sent. */
  readonly next: number;
  /** Highest end of the peer's bytes that were accepted. */
  readonly acknowledged: number;
}

const WINDOW = 65_535;
/** With {@link WINDOW} just under 2^30 bytes: a firewall then lets one-way bursts pass. */
const WINDOW_SCALE = 14;
const SHAPE_MSS = 1460;
/** An acknowledgement is due when the peer sent so much since our last packet. */
export const ACKNOWLEDGE_EVERY_BYTES = 2 ** 28;
/** … or this long after the first byte that no packet of ours acknowledged. */
export const ACKNOWLEDGE_AFTER_MS = 10_000;
/** A forward jump larger than this is no packet of this session. */
const ACCEPTED_JUMP_BYTES = 2 ** 30;

/** Bytes that F12 and F13 take of a path MTU. */
export function f13Overhead(shape: F13Shape): number {
  return IP4_HEADER_BYTES + (shape === 'tcp' ? TCP_HEADER_BYTES : UDP_HEADER_BYTES);
}

/**
 * Builds F10 frames of one session and keeps the numbers of a TCP-shaped F13. There is one keeper per session and end: the driver's
 * until the engine starts, then the engine's. Nothing is ever sent again under an old number.
 */
export class F13Keeper {
  readonly tuple: FourTuple;
  readonly shape: F13Shape;
  link: F13Link;
  #next: number;
  #acknowledged: number;
  #unacknowledged = 0;
  #ipId = 0;

  constructor(tuple: FourTuple, shape: F13Shape, link: F13Link, numbers: F13Numbers) {
    this.tuple = tuple;
    this.shape = shape;
    this.link = link;
    this.#next = numbers.next;
    this.#acknowledged = numbers.acknowledged;
  }

  get numbers(): F13Numbers {
    return { next: this.#next, acknowledged: this.#acknowledged };
  }

  /** True when the peer has sent more than our packets have acknowledged. */
  get owesAcknowledgement(): boolean {
    return this.shape === 'tcp' && this.#unacknowledged > 0;
  }

  /** True when an acknowledgement must not wait for the timer. */
  get acknowledgementDue(): boolean {
    return this.owesAcknowledgement && this.#unacknowledged >= ACKNOWLEDGE_EVERY_BYTES;
  }

  /** An F10 frame with `payload` behind F13. `reset` gives the RST shape that tells firewalls to forget the flow. */
  frame(payload: Uint8Array, reset = false): Uint8Array {
    if (this.shape === 'udp') return this.#udp(payload);
    const flags = (reset ? Flag.RST : 0) | Flag.ACK | (payload.length > 0 ? Flag.PSH : 0);
    return this.#tcp(flags, {}, payload);
  }

  /** An ACK without payload; only for the TCP shape. */
  emptyAcknowledgement(): Uint8Array {
    return this.#tcp(Flag.ACK, {}, EMPTY);
  }

  /** HELLO in TCP shape: a SYN whose number is the one before `next`, so that it can be sent again unchanged. */
  syn(): Uint8Array {
    const first = seqAdd(this.#next, -1);
    return this.#shape(
      { seq: first, ack: 0, flags: Flag.SYN, options: { mss: SHAPE_MSS, windowScale: WINDOW_SCALE } },
      EMPTY,
    );
  }

  /** COOKIE in TCP shape: the SYN+ACK's number is the cookie. */
  static synAck(tuple: FourTuple, link: F13Link, cookie: number, synNumber: number): Uint8Array {
    const keeper = new F13Keeper(tuple, 'tcp', link, { next: cookie, acknowledged: seqAdd(synNumber, 1) });
    return keeper.#shape(
      {
        seq: cookie,
        ack: seqAdd(synNumber, 1),
        flags: Flag.SYN | Flag.ACK,
        options: { mss: SHAPE_MSS, windowScale: WINDOW_SCALE },
      },
      EMPTY,
    );
  }

  /** The peer's first payload byte will have this number. */
  peerStarted(number: number): void {
    this.#acknowledged = number;
  }

  /** Goes on from the numbers of whoever kept them meanwhile. */
  resume(numbers: F13Numbers): void {
    this.#next = numbers.next;
    this.#acknowledged = numbers.acknowledged;
    this.#unacknowledged = 0;
  }

  /** Accepted bytes of the peer (an authenticated record, a valid leg packet): moves the acknowledgement number forward. */
  observed(seq: number, length: number): void {
    if (this.shape === 'udp') return;
    const end = seqAdd(seq, length);
    const forward = seqDiff(end, this.#acknowledged);
    if (forward <= 0 || forward > ACCEPTED_JUMP_BYTES) return;
    this.#acknowledged = end;
    this.#unacknowledged += forward;
  }

  save(): readonly number[] {
    return [this.#next, this.#acknowledged, this.#unacknowledged, this.#ipId, this.link.own, this.link.nextHop];
  }

  restore(saved: readonly number[]): void {
    const [next, acknowledged, unacknowledged, ipId, own, nextHop] = saved as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    this.#next = next;
    this.#acknowledged = acknowledged;
    this.#unacknowledged = unacknowledged;
    this.#ipId = ipId;
    this.link = { own, nextHop };
  }

  #tcp(flags: number, options: object, payload: Uint8Array): Uint8Array {
    const frame = this.#shape({ seq: this.#next, ack: this.#acknowledged, flags, options }, payload);
    this.#next = seqAdd(this.#next, payload.length);
    this.#unacknowledged = 0;
    return frame;
  }

  #shape(header: { seq: number; ack: number; flags: number; options: object }, payload: Uint8Array): Uint8Array {
    const { local, localPort, remote, remotePort } = this.tuple;
    return buildTcpFrame(
      {
        ethernet: { source: this.link.own, destination: this.link.nextHop },
        ip: { source: local, destination: remote, id: this.#nextIpId() },
        tcp: { sourcePort: localPort, destinationPort: remotePort, window: WINDOW, ...header },
      },
      payload,
    );
  }

  #udp(payload: Uint8Array): Uint8Array {
    const { local, localPort, remote, remotePort } = this.tuple;
    return buildUdpFrame(
      {
        ethernet: { source: this.link.own, destination: this.link.nextHop },
        ip: { source: local, destination: remote, id: this.#nextIpId() },
        udp: { sourcePort: localPort, destinationPort: remotePort },
      },
      payload,
    );
  }

  #nextIpId(): number {
    this.#ipId = (this.#ipId + 1) & 0xffff;
    return this.#ipId;
  }
}
