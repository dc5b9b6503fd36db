import type { Growth } from './congestion.ts';

/** RFC 9438 section 5: segments per second cubed. */
const C = 0.4;
const BETA = 0.7;
/** Growth of the Reno-friendly window, section 4.3. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);
const MAX_STEP = 1.5;
const US_PER_S = 1_000_000;
const NONE = -1;

/** CUBIC (RFC 9438): the window follows a cubic of the time since the last loss, around the size at which it happened. */
export class CubicGrowth implements Growth {
  readonly name = 'cubic';
  /** Window at the last loss, in segments; 0 before the first. */
  #wMax = 0;
  #epochStart_us = NONE;
  /** Seconds from the epoch's start to the plateau. */
  #k = 0;
  #wEstimate = 0;

  grow(window: { readonly cwnd: number; readonly mss: number }, acked: number, now_us: number, rtt_us: number): number {
    const segments = window.cwnd / window.mss;
    if (this.#epochStart_us === NONE) this.#begin(segments, now_us);
    const ackedSegments = acked / window.mss;
    const t = (now_us + rtt_us - this.#epochStart_us) / US_PER_S;
    const target = Math.min(Math.max(C * (t - this.#k) ** 3 + this.#wMax, segments), segments * MAX_STEP);
    this.#wEstimate += (this.#wEstimate >= this.#wMax ? 1 : ALPHA) * (ackedSegments / segments);
    const byCubic = ((target - segments) / segments) * ackedSegments;
    const byReno = this.#wEstimate - segments;
    return Math.floor(Math.max(byCubic, byReno, 0) * window.mss);
  }

  cut(cwnd: number, mss: number): number {
    const segments = cwnd / mss;
    // Fast convergence: a flow that loses below its last maximum leaves room for a new one (section 4.7).
    this.#wMax = segments < this.#wMax ? (segments * (1 + BETA)) / 2 : segments;
    this.#epochStart_us = NONE;
    return BETA;
  }

  restart(): void {
    this.#epochStart_us = NONE;
  }

  save(): readonly number[] {
    return [this.#wMax, this.#epochStart_us, this.#k, this.#wEstimate];
  }

  restore(saved: readonly number[]): void {
    [this.#wMax, this.#epochStart_us, this.#k, this.#wEstimate] = saved as [number, number, number, number];
  }

  #begin(segments: number, now_us: number): void {
    this.#epochStart_us = now_us;
    this.#wEstimate = segments;
    if (segments >= this.#wMax) {
      this.#wMax = segments;
      this.#k = 0;
      return;
    }
    this.#k = Math.cbrt((this.#wMax - segments) / C);
  }
}
