import type { VirtualScheduler } from '../../src/actors/scheduler.ts';
import type { Segment } from '../../src/actors/tcp/segment.ts';

/** Bytes of Ethernet, IP and TCP headers with timestamps: what a payload weighs more on a link. */
const HEADER_BYTES = 14 + 20 + 32;
const BITS_PER_BYTE = 8;
const US_PER_S = 1_000_000;
/** Between marks, so that one has time to act: the interval of CoDel (RFC 8289). */
const MARK_INTERVAL_US = 100_000;
/** ECN field: sent by one who answers marks, and marked (RFC 3168). */
const NOT_ECT = 0;
const CE = 3;

/** A link of limited rate with a queue that drops at its end, for the segments of any number of connections in one direction. */
export class Bottleneck {
  readonly rate_bps: number;
  readonly queueBytes: number;
  /** Queue length above which segments of those who answer marks are marked. */
  readonly markBytes: number;
  dropped = 0;
  marked = 0;
  carriedBytes = 0;
  /** Of the queue, seen by each segment that came. */
  readonly queueSeen: number[] = [];
  readonly #scheduler: VirtualScheduler;
  #freeAt_us = 0;
  #marked_us = Number.NEGATIVE_INFINITY;

  constructor(scheduler: VirtualScheduler, options: { rate_bps: number; queueBytes: number; markBytes?: number }) {
    this.#scheduler = scheduler;
    this.rate_bps = options.rate_bps;
    this.queueBytes = options.queueBytes;
    this.markBytes = options.markBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Bytes that wait now. */
  get backlogBytes(): number {
    return (Math.max(0, this.#freeAt_us - this.#scheduler.now_us()) * this.rate_bps) / BITS_PER_BYTE / US_PER_S;
  }

  /** Takes a segment; what leaves the queue, and when, or undefined when it was full. */
  offer(segment: Segment): { segment: Segment; leaves_us: number } | undefined {
    const bytes = segment.payload.length + HEADER_BYTES;
    const backlog = this.backlogBytes;
    this.queueSeen.push(backlog);
    if (backlog + bytes > this.queueBytes) {
      this.dropped += 1;
      return undefined;
    }
    const now_us = this.#scheduler.now_us();
    const isDue = backlog > this.markBytes && now_us - this.#marked_us >= MARK_INTERVAL_US;
    const marks = isDue && (segment.ecn ?? NOT_ECT) !== NOT_ECT;
    if (marks) {
      this.marked += 1;
      this.#marked_us = now_us;
    }
    this.carriedBytes += segment.payload.length;
    const start_us = Math.max(this.#freeAt_us, now_us);
    this.#freeAt_us = start_us + (bytes * BITS_PER_BYTE * US_PER_S) / this.rate_bps;
    return { segment: marks ? { ...segment, ecn: CE } : segment, leaves_us: this.#freeAt_us };
  }
}
