import { seqAdd, seqDiff, seqGe, seqGt, seqIn, seqLe, seqLt } from '../../wire/seq.ts';
import { Flag, type SackBlock, segmentLength } from '../../wire/tcp.ts';
import type { ConnectionCore, TcpStats } from './core.ts';
import { LazyTimer } from './lazy-timer.ts';
import {
  DELAYED_ACK_US,
  MAX_SACK_BLOCKS,
  MAX_SACK_BLOCKS_WITH_TIMESTAMPS,
  MAX_WINDOW_SCALE,
  QUICK_ACK_SEGMENTS,
  RECEIVE_BUFFER_BYTES,
} from './limits.ts';
import { Reassembly } from './reassembly.ts';
import type { InSegment } from './segment.ts';

const MAX_WINDOW_FIELD = 0xffff;
/** Full segments that are acknowledged together at most (RFC 9293 SHLD-19). */
const SEGMENTS_PER_ACK = 2;
const NO_FIN = -1;
const NOTHING_AHEAD: ReturnType<Reassembly['save']> = { pieces: [], ranges: [] };

/** Numbers of the receiving half (RFC 9293 section 3.3.1), plain so that they are saved at once. */
interface ReceiveNumbers {
  irs: number;
  /** RCV.NXT */
  nxt: number;
  /** Right edge of the window that was offered; never moves back. */
  edge: number;
  /** Our window scale, 0 until both sides have offered one. */
  scale: number;
  sack: boolean;
  /** Bytes given to the user and not reported as consumed. */
  unread: number;
  /** Number of the other side's FIN once one has arrived, in order or not. */
  fin: number;
  /** Payload bytes since our last ACK. */
  unacknowledged: number;
  /** Largest payload seen: what counts as a full segment. */
  fullSegment: number;
  quickAcks: number;
  /** ACK field of the last segment sent (Last.ACK.sent of RFC 7323). */
  lastAck: number;
}

/** The receiving half of a connection: window, order, and when to acknowledge. */
export class Receiver {
  readonly n: ReceiveNumbers;
  /** An ACK must go out at the end of this step. */
  ackNow = false;
  readonly delayedAck: LazyTimer;
  readonly #core: ConnectionCore;
  readonly #stats: TcpStats;
  readonly #buffer: number;
  /** What is ahead of a gap; made when there is the first. */
  #gap: Reassembly | undefined;
  #duplicate: SackBlock | undefined;

  constructor(core: ConnectionCore, stats: TcpStats) {
    this.#core = core;
    this.#stats = stats;
    this.#buffer = core.options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES;
    this.delayedAck = new LazyTimer(core.host, 'ack');
    this.n = {
      irs: 0,
      nxt: 0,
      edge: 0,
      scale: 0,
      sack: false,
      unread: 0,
      fin: NO_FIN,
      unacknowledged: 0,
      fullSegment: 0,
      quickAcks: QUICK_ACK_SEGMENTS,
      lastAck: 0,
    };
  }

  /** Scale that makes the whole buffer expressible. */
  get wantedScale(): number {
    return windowScaleFor(this.#buffer);
  }

  /** Bytes of the window that is open now. */
  get window(): number {
    return Math.max(0, seqDiff(this.n.edge, this.n.nxt));
  }

  /** Number behind the last byte that the user has worked off. */
  get consumedTo(): number {
    return seqAdd(this.n.nxt, -this.n.unread - (this.finished ? 1 : 0));
  }

  /** Number behind the last byte that the user was given. */
  get deliveredTo(): number {
    return seqAdd(this.n.nxt, this.finished ? -1 : 0);
  }

  /** Everything up to the other side's FIN was delivered. */
  get finished(): boolean {
    return this.n.fin !== NO_FIN && seqGt(this.n.nxt, this.n.fin);
  }

  get hasGap(): boolean {
    return this.#gap?.isEmpty === false;
  }

  /** Takes the number of the other side's SYN. */
  begin(irs: number): void {
    this.n.irs = irs;
    this.n.nxt = this.n.lastAck = seqAdd(irs, 1);
    this.n.edge = seqAdd(this.n.nxt, firstWindowField(this.#buffer));
  }

  /** Text on a SYN waits until the connection is open (section 3.10.7.2); what is beyond one segment is left to come again. */
  early(text: Uint8Array): void {
    this.#gap?.clear();
    const length = Math.min(text.length, this.#core.options.mss, this.window);
    if (length > 0) this.#reassembly.insert(this.n.nxt, text.subarray(0, length));
  }

  /** The connection is open: gives out what came with the SYN. */
  takeEarly(): void {
    const before = this.n.nxt;
    this.#drain();
    if (this.n.nxt !== before) this.ackNow = true;
  }

  /** The acceptance test of RFC 9293 section 3.10.7.4, first step. */
  acceptable(segment: InSegment): boolean {
    const length = segmentLength(segment.flags, segment.payload.length);
    const window = this.window;
    // With a closed window the ACK field of a probe still counts; its text is cut off by the window later.
    if (window === 0) return segment.seq === this.n.nxt;
    // Whoever has filled the window sends its ACKs with the number behind it: two full windows that cross would be stuck for ever.
    if (length === 0) return seqIn(segment.seq, this.n.nxt, window + 1);
    return seqIn(segment.seq, this.n.nxt, window) || seqIn(seqAdd(segment.seq, length - 1), this.n.nxt, window);
  }

  /** It begins before the window, but not farther away than a window was ever wide. */
  isLate(segment: InSegment): boolean {
    return seqIn(segment.seq, seqAdd(this.n.nxt, -this.#buffer), this.#buffer);
  }

  /** Text and FIN of an acceptable segment. */
  take(segment: InSegment): void {
    const { payload } = segment;
    if ((segment.flags & Flag.FIN) !== 0) {
      this.#noteFin(seqAdd(segment.seq, payload.length));
      // Ahead of a gap it is acknowledged at once like text there (RFC 5681 section 4.2).
      if (payload.length === 0 && segment.seq !== this.n.nxt) this.ackNow = true;
    }
    if (payload.length > 0) this.#text(segment);
    if (this.n.fin !== NO_FIN && this.n.fin === this.n.nxt) {
      this.n.nxt = seqAdd(this.n.nxt, 1);
      this.#gap?.clear();
    }
  }

  /** A segment of which nothing is new: the sender wants to know (RFC 2883). */
  repeated(segment: InSegment): void {
    this.#stats.duplicates += 1;
    const end = seqAdd(segment.seq, segment.payload.length);
    if (segment.payload.length > 0 && seqLe(end, this.n.nxt)) this.#duplicate = { left: segment.seq, right: end };
    this.ackNow = true;
  }

  /** The user has room for `bytes` more; a sender that waits for the window hears of it. */
  consumed(bytes: number): void {
    this.n.unread = Math.max(0, this.n.unread - Math.max(0, bytes));
    if (!this.#core.decision.receives) return;
    const gain = this.#offer() - this.window;
    const blocked = this.window < SEGMENTS_PER_ACK * this.#segmentBytes();
    if (gain >= this.#buffer / 2 || (blocked && gain >= Math.min(this.#segmentBytes(), this.#buffer / 2))) {
      this.ackNow = true;
    }
  }

  /** Numbers for an outgoing ACK: what it carries is told by it, so nothing waits any more. */
  acknowledge(isSyn: boolean, isPure: boolean): { ack: number; window: number } {
    this.#moveEdge();
    this.n.unacknowledged = 0;
    this.n.lastAck = this.n.nxt;
    this.delayedAck.off();
    // With a gap the ACK itself must go, with its SACK blocks: data that rides along has no room for them.
    if (isPure || !this.hasGap) this.ackNow = false;
    const scale = isSyn ? 0 : this.n.scale;
    return { ack: this.n.nxt, window: Math.min(MAX_WINDOW_FIELD, this.window >>> scale) };
  }

  /** SACK blocks for an ACK without payload. */
  sackBlocks(timestamps: boolean): readonly SackBlock[] | undefined {
    if (!this.n.sack || (!this.hasGap && this.#duplicate === undefined)) return undefined;
    const limit = timestamps ? MAX_SACK_BLOCKS_WITH_TIMESTAMPS : MAX_SACK_BLOCKS;
    const duplicate = this.#duplicate;
    this.#duplicate = undefined;
    const blocks = this.#gap?.blocks(this.n.nxt, limit) ?? [];
    return duplicate === undefined ? blocks : [duplicate, ...blocks.slice(0, limit - 1)];
  }

  clear(): void {
    this.#gap?.clear();
    this.ackNow = false;
    this.delayedAck.dispose();
  }

  save() {
    return {
      n: { ...this.n },
      ackNow: this.ackNow,
      reassembly: this.#gap?.save() ?? NOTHING_AHEAD,
      duplicate: this.#duplicate === undefined ? null : { ...this.#duplicate },
      delayedAck: this.delayedAck.save(),
    };
  }

  restore(saved: ReturnType<Receiver['save']>): void {
    Object.assign(this.n, saved.n);
    this.ackNow = saved.ackNow;
    this.#gap = undefined;
    const { pieces, ranges } = saved.reassembly;
    if (pieces.length + ranges.length > 0) this.#reassembly.restore(saved.reassembly);
    this.#duplicate = saved.duplicate ?? undefined;
    this.delayedAck.restore(saved.delayedAck);
  }

  /** The first FIN in the window counts; one that would cut off bytes that were accepted is a lie. */
  #noteFin(seq: number): void {
    const cutsOff = seqLt(seq, this.n.nxt) || this.#gap?.reaches(seq) === true;
    if (this.n.fin === NO_FIN && !cutsOff && seqLe(seq, this.n.edge)) this.n.fin = seq;
  }

  #text({ seq, payload, segment_bytes }: InSegment): void {
    const from = Math.max(0, seqDiff(this.n.nxt, seq));
    let limit = seqDiff(this.n.edge, seq);
    if (this.n.fin !== NO_FIN) limit = Math.min(limit, seqDiff(this.n.fin, seq));
    const to = Math.min(payload.length, limit);
    if (from >= to) {
      this.ackNow = true;
      return;
    }
    const bytes = from === 0 && to === payload.length ? payload : payload.subarray(from, to);
    if (seqGe(this.n.nxt, seq)) this.#inOrder(bytes, segment_bytes);
    else this.#ahead(seq, bytes);
  }

  /** `segment_bytes`: what counts as one segment, where an interface has put several together. */
  #inOrder(bytes: Uint8Array, segment_bytes = this.#core.options.mss): void {
    const fillsGap = this.hasGap;
    this.#deliver(bytes);
    this.#drain();
    this.n.unacknowledged += bytes.length;
    this.n.fullSegment = Math.max(this.n.fullSegment, Math.min(bytes.length, segment_bytes));
    if (fillsGap || this.n.quickAcks > 0 || this.n.unacknowledged >= SEGMENTS_PER_ACK * this.n.fullSegment) {
      this.n.quickAcks = Math.max(0, this.n.quickAcks - 1);
      this.ackNow = true;
    } else if (!this.delayedAck.running) {
      this.delayedAck.set(DELAYED_ACK_US);
    }
  }

  /** Gives out what lies next in sequence among what came early. */
  #drain(): void {
    for (let next = this.#gap?.take(this.n.nxt); next !== undefined; next = this.#gap?.take(this.n.nxt)) {
      this.#deliver(next);
    }
  }

  #ahead(seq: number, bytes: Uint8Array): void {
    this.#stats.outOfOrder += 1;
    this.#reassembly.insert(seq, bytes);
    this.ackNow = true;
  }

  #deliver(bytes: Uint8Array): void {
    this.n.nxt = seqAdd(this.n.nxt, bytes.length);
    this.n.unread += bytes.length;
    this.#stats.bytesIn += bytes.length;
    this.#core.tell({ kind: 'data', bytes });
  }

  get #reassembly(): Reassembly {
    this.#gap ??= new Reassembly();
    return this.#gap;
  }

  #free(): number {
    return Math.max(0, this.#buffer - this.n.unread);
  }

  /** Bytes that may be offered: what is free, as far as the window field can tell it. */
  #offer(): number {
    return Math.min(this.#free(), MAX_WINDOW_FIELD * 2 ** this.n.scale);
  }

  /** Moves the edge of the window in steps worth a segment only (RFC 9293 section 3.8.6.2.2), and never back. */
  #moveEdge(): void {
    const edge = seqAdd(this.n.nxt, this.#offer());
    const gain = seqDiff(edge, this.n.edge);
    if (gain >= Math.min(this.#segmentBytes(), this.#buffer / 2)) this.n.edge = edge;
  }

  #segmentBytes(): number {
    return this.#core.options.mss;
  }
}

/** The least scale with which the window field can say so many bytes. */
export function windowScaleFor(bytes: number): number {
  let scale = 0;
  while (scale < MAX_WINDOW_SCALE && bytes > MAX_WINDOW_FIELD * 2 ** scale) scale += 1;
  return scale;
}

/** Window field of our SYN or SYN+ACK, which is never scaled. */
export function firstWindowField(bufferBytes: number): number {
  return Math.min(bufferBytes, MAX_WINDOW_FIELD);
}
