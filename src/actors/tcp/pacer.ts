import type { CongestionControl } from './congestion/congestion.ts';

const US_PER_S = 1_000_000;
/** A host's timer may be so late; what it holds back is made up for. */
const LATENESS_US = 2_000;
/**
 * The next burst waits no longer, whatever the rate: one that was measured while a host slept for hours would never be measured anew.
 * Linux's fq queue has the same bound.
 */
const LONGEST_WAIT_US = 1_000_000;

/**
 * When the next burst may go out at the rate that congestion control has set (draft-ietf-ccwg-bbr section 5.6.2). A burst is a
 * quantum: single segments would each need a timer.
 */
export class Pacer {
  readonly #congestion: CongestionControl;
  /** When what went out has gone at the rate. */
  #next_us = 0;
  /** Bytes left of the present burst. */
  #left = 0;

  constructor(congestion: CongestionControl) {
    this.#congestion = congestion;
  }

  /** Whether something may go out now. */
  allows(now_us: number): boolean {
    if (this.#left > 0) return true;
    if (this.#next_us > now_us) return false;
    this.#left = this.#congestion.quantum;
    this.#next_us = Math.max(this.#next_us, now_us - LATENESS_US);
    return true;
  }

  /** So many bytes went out. */
  sent(bytes: number, now_us: number): void {
    this.#left = Math.max(0, this.#left - bytes);
    const from_us = Math.max(this.#next_us, now_us - LATENESS_US);
    const next_us = from_us + (bytes * US_PER_S) / this.#congestion.pacingRate;
    this.#next_us = Math.min(next_us, now_us + LONGEST_WAIT_US);
  }

  /** Time until the next burst, in whole microseconds. */
  wait_us(now_us: number): number {
    return Math.max(1, Math.ceil(this.#next_us - now_us));
  }

  save(): readonly [number, number] {
    return [this.#next_us, this.#left];
  }

  restore(saved: readonly [number, number]): void {
    [this.#next_us, this.#left] = saved;
  }
}
