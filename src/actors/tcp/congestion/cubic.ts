import type { Growth } from './window-control.ts';

/** RFC 9438 section 5: segments per second cubed. */
const C = 0.4;
const BETA = 0.7;
/** Growth of the Reno-friendly window, section 4.3: what has Reno's mean window with CUBIC's smaller cut. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);
const MAX_STEP = 1.5;
const US_PER_S = 1_000_000;
const NONE = -1;

/** CUBIC (RFC 9438): the window follows a cubic of the time since the last loss, around the size at which it happened. */
export class CubicGrowth implements Growth {
  /** Where the plateau is, in segments; 0 before the first loss. */
  #wMax = 0;
  /** Window when it was last cut: up to there Reno would still be behind. */
  #wPrior = 0;
  #epochStart_us = NONE;
  /** Seconds from the epoch's start to the plateau. */
  #k = 0;
  #wEstimate = 0;
  /** When the window was last seen in use. */
  #last_us = 0;

  get name(): 'cubic' {
    return 'cubic';
  }

  grow(window: { readonly cwnd: number; readonly mss: number }, acked: number, now_us: number, rtt_us: number): number {
    const segments = window.cwnd / window.mss;
    if (this.#epochStart_us === NONE) this.#begin(segments, now_us);
    this.#last_us = now_us;
    const ackedSegments = acked / window.mss;
    const target = Math.min(Math.max(this.#cubic(now_us + rtt_us), segments), segments * MAX_STEP);
    this.#wEstimate += (this.#wEstimate >= this.#wPrior ? 1 : ALPHA) * (ackedSegments / segments);
    if (this.#cubic(now_us) < this.#wEstimate)
      return Math.max(0, Math.floor((this.#wEstimate - segments) * window.mss));
    return Math.floor(((target - segments) / segments) * ackedSegments * window.mss);
  }

  cut(cwnd: number, mss: number): number {
    const segments = cwnd / mss;
    // Fast convergence: a flow that loses below its last maximum leaves room for a new one (section 4.7).
    this.#wMax = segments < this.#wMax ? (segments * (1 + BETA)) / 2 : segments;
    this.#wPrior = segments;
    this.#epochStart_us = NONE;
    return BETA;
  }

  /** Section 5.8: time in which the window was not used does not count. */
  pause(now_us: number): void {
    if (this.#epochStart_us !== NONE) this.#epochStart_us += now_us - this.#last_us;
    this.#last_us = now_us;
  }

  /** After a timeout the plateau is where growth begins again (section 4.8). */
  restart(forgets: boolean): void {
    this.#epochStart_us = NONE;
    if (forgets) this.#wMax = 0;
  }

  save(): readonly number[] {
    return [this.#wMax, this.#wPrior, this.#epochStart_us, this.#k, this.#wEstimate, this.#last_us];
  }

  restore(saved: readonly number[]): void {
    [this.#wMax, this.#wPrior, this.#epochStart_us, this.#k, this.#wEstimate, this.#last_us] = saved as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
  }

  /** W_cubic in segments at a time of the host. */
  #cubic(at_us: number): number {
    return C * ((at_us - this.#epochStart_us) / US_PER_S - this.#k) ** 3 + this.#wMax;
  }

  #begin(segments: number, now_us: number): void {
    this.#epochStart_us = now_us;
    this.#last_us = now_us;
    this.#wEstimate = segments;
    if (segments >= this.#wMax) {
      this.#wMax = segments;
      this.#k = 0;
      return;
    }
    this.#k = Math.cbrt((this.#wMax - segments) / C);
  }
}
