import type { SentSegment } from './sent-segment.ts';

/**
 * The segments that are in the network in the order in which they were sent, the oldest first. A list linked through the segments
 * themselves: a sending, an arrival and a cut each cost the same however much is under way.
 */
export class SendOrder {
  first: SentSegment | undefined;
  last: SentSegment | undefined;

  append(segment: SentSegment): void {
    this.#link(segment, this.last, undefined);
  }

  /** Puts `rest`, cut off from `front`, right behind it: they were sent together. */
  insertAfter(front: SentSegment, rest: SentSegment): void {
    this.#link(rest, front, front.later);
  }

  remove(segment: SentSegment): void {
    const { earlier, later } = segment;
    if (earlier === undefined) this.first = later;
    else earlier.later = later;
    if (later === undefined) this.last = earlier;
    else later.earlier = earlier;
    segment.earlier = segment.later = undefined;
  }

  clear(): void {
    this.first = this.last = undefined;
  }

  #link(segment: SentSegment, earlier: SentSegment | undefined, later: SentSegment | undefined): void {
    segment.earlier = earlier;
    segment.later = later;
    if (earlier === undefined) this.first = segment;
    else earlier.later = segment;
    if (later === undefined) this.last = segment;
    else later.earlier = segment;
  }
}
