import { seqGt, seqLt } from '../../wire/seq.ts';
import type { SentSegment } from './sent-segment.ts';

/** A delivered segment: its place in the order of sending, and its round trip. */
interface Mark {
  order: number;
  end: number;
  rtt_us: number;
}

/** What is known of the delivered segment that was sent last: RACK.xmit_ts, end_seq, rtt and fack of RFC 8985 section 6.2. */
export class Rack {
  /** The path has been seen to change the order of segments. */
  reorders = false;
  #newest: Mark = { order: 0, end: 0, rtt_us: 0 };
  /** The same of segments that were sent once only: no repetition is taken for the original. */
  #original: Mark = { order: 0, end: 0, rtt_us: 0 };
  /** Highest number that was delivered; undefined before the first. */
  #highest: number | undefined;

  /** Round trip of that segment. */
  get rtt_us(): number {
    return this.#newest.rtt_us;
  }

  /** A segment, or its part up to `end`, has arrived. */
  arrived(segment: SentSegment, end: number, now_us: number): void {
    const isOriginal = segment.transmissions === 1;
    if (this.#highest === undefined || seqGt(end, this.#highest)) this.#highest = end;
    else if (isOriginal && seqLt(end, this.#highest)) this.reorders = true;
    const rtt_us = now_us - segment.sent_us;
    const mark = { order: segment.order, end, rtt_us };
    if (isOriginal && isNewer(mark, this.#original)) this.#original = mark;
    // It may be the first sending that has arrived, not the last: the round trip would be too short to be true.
    if (!isOriginal && rtt_us < this.rtt_us / 2) return;
    if (isNewer(mark, this.#newest)) this.#newest = mark;
  }

  /** Whether something that was sent after the segment has arrived. */
  isOvertaken(segment: SentSegment): boolean {
    return isNewer(this.#newest, segment);
  }

  /** Repetitions were for nothing: what seemed to answer them has answered the originals. */
  believeOriginals(): void {
    this.#newest = this.#original;
  }

  save() {
    const highest = this.#highest ?? null;
    return { reorders: this.reorders, newest: { ...this.#newest }, original: { ...this.#original }, highest };
  }

  restore(saved: ReturnType<Rack['save']>): void {
    this.reorders = saved.reorders;
    this.#newest = { ...saved.newest };
    this.#original = { ...saved.original };
    this.#highest = saved.highest ?? undefined;
  }
}

/** Sent later, or behind the other in one sending. */
function isNewer(a: { order: number; end: number }, b: { order: number; end: number }): boolean {
  return a.order > b.order || (a.order === b.order && seqGt(a.end, b.end));
}
