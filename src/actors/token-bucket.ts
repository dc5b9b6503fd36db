const MICRO = 1_000_000;

/** A rate limit: `rate` per second on average, `burst` at once. Counts in millionths, so that it is exact in microseconds. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst_micro: number;
  #tokens_micro: number;
  #filled_us = 0;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst_micro = burst * MICRO;
    this.#tokens_micro = this.#burst_micro;
  }

  /** Takes one token; false when none is left. */
  take(now_us: number): boolean {
    const grown = this.#tokens_micro + (now_us - this.#filled_us) * this.#perSecond;
    this.#tokens_micro = Math.min(this.#burst_micro, grown);
    this.#filled_us = now_us;
    if (this.#tokens_micro < MICRO) return false;
    this.#tokens_micro -= MICRO;
    return true;
  }

  /** Full again. */
  refill(): void {
    this.#tokens_micro = this.#burst_micro;
  }

  save(): readonly number[] {
    return [this.#tokens_micro, this.#filled_us];
  }

  restore(saved: readonly number[]): void {
    [this.#tokens_micro, this.#filled_us] = saved as [number, number];
  }
}
