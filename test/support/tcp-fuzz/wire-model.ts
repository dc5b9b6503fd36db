import type { Segment } from '../../../src/actors/tcp/segment.ts';
import { seqDiff } from '../../../src/wire/seq.ts';
import { Flag, segmentLength } from '../../../src/wire/tcp.ts';
import { Ranges } from './ranges.ts';

/** Something that a TCP must never do. */
export class Fault extends Error {}

/** Largest scale that counts, whatever an option says (RFC 7323 section 2.3). */
const MAX_SCALE = 14;
/** Behind this a clock of milliseconds in 32 bits seems to have gone back. */
const STAMP_HALF_TURN_US = 2 ** 31 * 1_000;
const NOTHING = Number.NEGATIVE_INFINITY;

/** What the model must know of the end that it watches. */
export interface Watched {
  /** Initial sequence numbers of this end and of the true other one. */
  readonly isn: number;
  readonly peerIsn: number;
  /** Byte that this end's user wrote at a place of its stream. */
  readonly own: Uint8Array;
  now_us(): number;
  /** Bytes that the user has written, and whether it has closed. */
  written(): number;
  closed(): boolean;
  /** Of the connection: whether a number is sent and not yet acknowledged. */
  isUnderWay(seq: number): boolean;
}

/**
 * Watches one end from outside: every segment that reaches it and every one it sends. Knows nothing of the implementation; places are
 * counted from the initial numbers: 0 is the SYN, the first byte has 1.
 */
export class WireModel {
  /** Everything that ever came in, whoever sent it. */
  readonly arrived = new Ranges();
  /** Behind the highest number sent. */
  sentTo = 0;
  /** Highest ACK sent, -1 before the first. */
  acked = -1;
  /** Highest right edge of our own window as it was offered. */
  offeredTo = NOTHING;
  readonly #watched: Watched;
  /** Largest right edge that any segment has offered to this end. */
  #mayTo = NOTHING;
  /** Largest scale that a SYN of the other side named. */
  #peerScale = 0;
  /** Whether the other side's SYNs named a scale; undefined once they disagree, as liars do. */
  #peerScales: boolean | undefined;
  #sawSyn = false;
  /** Scale that our own SYN named. */
  #namedScale: number | undefined;
  #lastStamp: number | undefined;
  #lastStamp_us = 0;
  readonly #stamps = new Set<number>();
  #finAt: number | undefined;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  /** A segment is about to reach this end. */
  arrives(segment: Segment): void {
    const { flags, payload, options } = segment;
    const from = seqDiff(segment.seq, this.#watched.peerIsn);
    this.arrived.add(from, from + segmentLength(flags, payload.length));
    if (options.timestamps !== undefined) this.#stamps.add(options.timestamps.value);
    const isSyn = (flags & Flag.SYN) !== 0;
    if (isSyn) this.#synArrives(options.windowScale);
    const at = (flags & Flag.ACK) === 0 ? 1 : seqDiff(segment.ack, this.#watched.isn);
    if (at >= 0 && at <= this.sentTo) this.#offer(at, segment.window, isSyn);
  }

  /** This end sends. */
  sends(segment: Segment): void {
    const { flags } = segment;
    if ((flags & Flag.RST) !== 0) return;
    if ((flags & Flag.SYN) !== 0) this.#namedScale = segment.options.windowScale;
    this.#checkNumbers(segment);
    if ((flags & Flag.ACK) !== 0) this.#checkAck(segment);
    this.#checkBlocks(segment);
    this.#checkStamps(segment);
  }

  #synArrives(windowScale: number | undefined): void {
    this.#peerScale = Math.max(this.#peerScale, Math.min(MAX_SCALE, windowScale ?? 0));
    const scales = windowScale !== undefined;
    this.#peerScales = this.#sawSyn && this.#peerScales !== scales ? undefined : scales;
    this.#sawSyn = true;
  }

  #offer(at: number, window: number, isSyn: boolean): void {
    const isScaled = !isSyn && this.#namedScale !== undefined;
    this.#mayTo = Math.max(this.#mayTo, at + window * (isScaled ? 2 ** this.#peerScale : 1));
  }

  #checkNumbers({ seq, flags, payload }: Segment): void {
    const { isn, own, isUnderWay, written, closed } = this.#watched;
    const from = seqDiff(seq, isn);
    const to = from + segmentLength(flags, payload.length);
    const isSyn = (flags & Flag.SYN) !== 0;
    if (to === from) {
      // A keepalive probe has the number before the next one (RFC 9293 section 3.8.4).
      const isKnown = isUnderWay(seq) || from === this.sentTo || from === this.sentTo - 1;
      if (!isKnown) throw new Fault(`ACK at ${from}, sent to ${this.sentTo}`);
      return;
    }
    if (isSyn !== (from === 0)) throw new Fault(`SYN flag ${isSyn} at place ${from}`);
    if (from > this.sentTo) throw new Fault(`leaves out ${this.sentTo} to ${from}`);
    if (!isUnderWay(seq)) throw new Fault(`sends ${from} to ${to}, acknowledged already`);
    const fin = (flags & Flag.FIN) !== 0;
    if (!isSyn) this.#checkWindow(from, to);
    const bytesTo = fin ? to - 1 : to;
    if (bytesTo - 1 > written()) throw new Fault(`sends up to ${bytesTo} but ${written()} bytes were written`);
    if (fin && (!closed() || to - 2 !== written())) throw new Fault(`FIN at ${to - 1}, written ${written()}`);
    if (fin) this.#finAt = to - 1;
    if (this.#finAt !== undefined && bytesTo > this.#finAt) throw new Fault(`sends ${bytesTo} behind FIN`);
    if (!isSyn) checkBytes(payload, own, from - 1, 'sends');
    this.sentTo = Math.max(this.sentTo, to);
  }

  /** One number beyond the window may go: a probe (RFC 9293 section 3.8.6.1). */
  #checkWindow(from: number, to: number): void {
    const edge = this.#mayTo;
    if (to <= edge || (to === edge + 1 && to - from === 1)) return;
    // A probe's number may become part of a larger segment later; what was sent once may be sent again.
    if (to <= this.sentTo && to <= edge + 1) return;
    throw new Fault(`sends ${from} to ${to}, but the largest window ever offered ends at ${edge}`);
  }

  #checkAck(segment: Segment): void {
    const isSyn = (segment.flags & Flag.SYN) !== 0;
    const ack = seqDiff(segment.ack, this.#watched.peerIsn);
    if (!this.arrived.covers(0, ack)) throw new Fault(`acknowledges ${ack}, which did not all arrive`);
    if (ack < this.acked) throw new Fault(`acknowledges ${ack} after ${this.acked}`);
    this.acked = ack;
    // The field of a SYN is never scaled: after another ACK it tells less than is open.
    if (this.#peerScales === undefined || (isSyn && this.offeredTo !== NOTHING)) return;
    const scale = this.#peerScales ? (this.#namedScale ?? 0) : 0;
    const unit = isSyn ? 1 : 2 ** scale;
    const edge = ack + segment.window * unit;
    // The field counts in units: what is less than one cannot be told (RFC 7323 section 2.4).
    if (edge <= this.offeredTo - unit) throw new Fault(`moves the right edge back from ${this.offeredTo} to ${edge}`);
    this.offeredTo = Math.max(this.offeredTo, edge);
  }

  /** RFC 2018 section 4, RFC 2883: blocks tell of what arrived only. */
  #checkBlocks({ options, ack }: Segment): void {
    const blocks = options.sacks ?? [];
    const { peerIsn } = this.#watched;
    const upTo = seqDiff(ack, peerIsn);
    const seen = new Ranges();
    blocks.forEach(({ left, right }, index) => {
      const from = seqDiff(left, peerIsn);
      const to = from + seqDiff(right, left);
      if (to <= from) throw new Fault(`SACK block ${from} to ${to}`);
      if (!this.arrived.covers(from, to)) throw new Fault(`SACK block ${from} to ${to} did not arrive`);
      if (index === 0 && (to <= upTo || from < upTo)) return;
      if (from <= upTo) throw new Fault(`SACK block ${from} to ${to} at or before ACK ${upTo}`);
      const before = seen.count;
      seen.add(from, to);
      if (seen.count === before) throw new Fault(`SACK blocks touch at ${from} to ${to}`);
    });
  }

  #checkStamps({ options }: Segment): void {
    const { timestamps } = options;
    if (timestamps === undefined) return;
    const now_us = this.#watched.now_us();
    const isBack = seqDiff(timestamps.value, this.#lastStamp ?? timestamps.value) < 0;
    if (isBack && now_us - this.#lastStamp_us < STAMP_HALF_TURN_US) {
      throw new Fault(`timestamp ${timestamps.value} after ${this.#lastStamp}`);
    }
    this.#lastStamp = timestamps.value;
    this.#lastStamp_us = now_us;
    const isEcho = timestamps.echo === 0 || this.#stamps.has(timestamps.echo);
    if (!isEcho) throw new Fault(`echoes ${timestamps.echo}, which never came`);
  }
}

/** Compares a part of a stream with what stands at that place. */
export function checkBytes(bytes: Uint8Array, stream: Uint8Array, at: number, what: string): void {
  const is = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (is.compare(stream, at, at + bytes.length) !== 0) throw new Fault(`${what} wrong bytes at ${at}`);
}
