import { seqAdd, seqDiff, seqGe, seqGt } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import type { InSegment } from './segment.ts';
import { NONE } from './send-numbers.ts';

/** Largest value of the urgent pointer: where the urgent data ends further on, this says "at least so far". */
const MAX_POINTER = 0xffff;

/** Both ends of the urgent data of one connection (RFC 9293 section 3.8.5): each is the number of the first byte that is not urgent. */
export class Urgent {
  #sendUp = NONE;
  #receiveUp = NONE;

  /** Everything up to `end`, not including, is urgent: SND.UP. */
  send(end: number): void {
    this.#sendUp = end;
  }

  /** Something urgent is not yet acknowledged. */
  sending(una: number): boolean {
    if (this.#sendUp !== NONE && seqGe(una, this.#sendUp)) this.#sendUp = NONE;
    return this.#sendUp !== NONE;
  }

  /** The urgent pointer for a segment that begins at `seq`; 0 where it has none and no URG. */
  pointer(seq: number, una: number): number {
    if (!this.sending(una)) return 0;
    return Math.min(MAX_POINTER, Math.max(0, seqDiff(this.#sendUp, seq)));
  }

  /**
   * The pointer of an acceptable segment: RCV.UP. Bytes from `nxt` on to the end of the urgent data when the user is to be told: with the
   * first pointer, and with each that goes further (MUST-32); else 0. The user has worked off what is before `consumed`.
   */
  arrived({ seq, flags, urgent }: InSegment, nxt: number, consumed: number): number {
    // Kept for ever it would seem to lie ahead once 2 GB have come without urgent data.
    if (this.left(consumed) === 0) this.#receiveUp = NONE;
    if ((flags & Flag.URG) === 0 || urgent === undefined) return 0;
    const end = seqAdd(seq, urgent);
    if (!seqGt(end, nxt) || (this.#receiveUp !== NONE && !seqGt(end, this.#receiveUp))) return 0;
    this.#receiveUp = end;
    return seqDiff(end, nxt);
  }

  /** Urgent bytes that the user has still to work off when it has done so up to `consumed` (MUST-33). */
  left(consumed: number): number {
    return this.#receiveUp === NONE ? 0 : Math.max(0, seqDiff(this.#receiveUp, consumed));
  }

  save(): readonly [number, number] {
    return [this.#sendUp, this.#receiveUp];
  }

  restore(saved: readonly [number, number]): void {
    [this.#sendUp, this.#receiveUp] = saved;
  }
}
