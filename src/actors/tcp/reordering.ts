import { seqGt } from '../../wire/seq.ts';
import { DUPLICATES_FOR_LOSS } from './limits.ts';
import { NONE } from './send-numbers.ts';

/** Below this a reordering window would be noise of timers. */
const MIN_REORDER_US = 1_000;
/** Recoveries after which a widened window is narrow again (RFC 8985 section 6.2 step 4). */
const PERSIST_RECOVERIES = 16;

/** What the window depends on besides its own memory. */
export interface ReorderingSigns {
  /** The path has been seen to change the order. */
  readonly reorders: boolean;
  readonly recovering: boolean;
  /** Segments SACKed now. */
  readonly sacked: number;
  readonly minRtt_us: number;
  readonly srtt_us: number;
}

/** How long a segment may be late before it counts as lost: RACK's reordering window, which repetitions for nothing widen. */
export class ReorderingWindow {
  /** In quarters of the smallest round trip. */
  #quarters = 1;
  #persists = 0;
  /** SND.NXT when the window was last widened: once in a round trip is enough. */
  #round = NONE;

  /** The other side has got something twice (DSACK): a repetition was not needed. */
  repeatedForNothing(una: number, nxt: number): void {
    if (this.#round !== NONE && !seqGt(una, this.#round)) return;
    this.#round = nxt;
    this.#quarters += 1;
    this.#persists = PERSIST_RECOVERIES;
  }

  /** A recovery is over. */
  recovered(): void {
    if (this.#persists === 0) return;
    this.#persists -= 1;
    if (this.#persists > 0) return;
    this.#quarters = 1;
    this.#round = NONE;
  }

  /** In whole microseconds: a rest of a quarter would be armed as no time at all, over and over. */
  window_us(signs: ReorderingSigns): number {
    const isSure = signs.recovering || signs.sacked >= DUPLICATES_FOR_LOSS;
    if (!signs.reorders && isSure) return 0;
    const wide_us = (this.#quarters * signs.minRtt_us) / 4;
    return Math.ceil(Math.min(Math.max(MIN_REORDER_US, wide_us), signs.srtt_us));
  }

  save(): readonly [number, number, number] {
    return [this.#quarters, this.#persists, this.#round];
  }

  restore(saved: readonly [number, number, number]): void {
    [this.#quarters, this.#persists, this.#round] = saved;
  }
}
