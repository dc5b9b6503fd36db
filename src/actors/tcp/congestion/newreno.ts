import type { Growth } from './window-control.ts';

/** One segment per round trip, half on loss (RFC 5681 section 3.1); recovery itself, RFC 6582, is the same for all algorithms. */
export class NewRenoGrowth implements Growth {
  /** Acknowledged bytes that have not yet made a whole segment of growth. */
  #counted = 0;

  get name(): 'newreno' {
    return 'newreno';
  }

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

  pause(): void {}

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
