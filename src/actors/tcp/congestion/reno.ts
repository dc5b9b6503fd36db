import type { Growth } from './congestion.ts';

/** One segment per round trip, half on loss (RFC 5681 section 3.1). */
export class RenoGrowth implements Growth {
  readonly name = 'reno';
  /** Acknowledged bytes that have not yet made a whole segment of growth. */
  #counted = 0;

  grow(window: { readonly cwnd: number; readonly mss: number }, acked: number): number {
    this.#counted += acked;
    if (this.#counted < window.cwnd) return 0;
    this.#counted -= window.cwnd;
    return window.mss;
  }

  cut(): number {
    this.#counted = 0;
    return 1 / 2;
  }

  restart(): void {
    this.#counted = 0;
  }

  save(): readonly number[] {
    return [this.#counted];
  }

  restore(saved: readonly number[]): void {
    this.#counted = saved[0] ?? 0;
  }
}
