import { seqGt } from '../../wire/seq.ts';
import type { SentSegment } from './sent-segment.ts';

/** Dropped entries at the front of the list before it is packed. */
const PACK_SEGMENTS = 512;

/** Sent segments in order of sequence number, without gaps and overlaps. */
export class SegmentList {
  readonly #segments: SentSegment[] = [];
  #head = 0;

  get size(): number {
    return this.#segments.length - this.#head;
  }

  get first(): SentSegment | undefined {
    return this.#segments[this.#head];
  }

  get last(): SentSegment | undefined {
    return this.size === 0 ? undefined : this.#segments[this.#segments.length - 1];
  }

  /** The segment at `index` of those that are left; undefined behind the last. */
  at(index: number): SentSegment | undefined {
    return this.#segments[this.#head + index];
  }

  /** All that are left, in a new array. */
  all(): SentSegment[] {
    return this.#segments.slice(this.#head);
  }

  append(segment: SentSegment): void {
    this.#segments.push(segment);
  }

  insert(index: number, segment: SentSegment): void {
    this.#segments.splice(this.#head + index, 0, segment);
  }

  dropFirst(): void {
    this.#head += 1;
    if (this.#head === this.#segments.length) this.clear();
    else if (this.#head >= PACK_SEGMENTS && this.#head * 2 >= this.#segments.length) {
      this.#segments.splice(0, this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#segments.length = 0;
    this.#head = 0;
  }

  /** Index of the first segment that ends behind `seq`. */
  indexOf(seq: number): number {
    let low = this.#head;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (seqGt(this.#segments[middle].end, seq)) high = middle;
      else low = middle + 1;
    }
    return low - this.#head;
  }
}
