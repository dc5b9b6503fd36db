import { seqGe } from '../../../wire/seq.ts';
import { type AckReport, UNBOUNDED } from './congestion.ts';

/** Constants of RFC 9406 section 4.3. */
const MIN_RTT_THRESH_US = 4_000;
const MAX_RTT_THRESH_US = 16_000;
const MIN_RTT_DIVISOR = 8;
const SAMPLES_PER_ROUND = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;
const NOT_YET = -1;

/**
 * HyStart++ (RFC 9406): slow start that notices by longer round trips that a queue grows, goes on four times slower to be sure,
 * and ends before the queue overflows. Its limit of eight segments per ACK is left out, as in Linux: a receiver that joins
 * segments acknowledges 64 KB at once, and would stay slow for ever.
 */
export class HyStart {
  /** The round ends when this number is acknowledged. */
  #roundEnd = NOT_YET;
  #lastMin_us = UNBOUNDED;
  #min_us = UNBOUNDED;
  #samples = 0;
  /** Smallest round trip when the slower growth began; 0 outside of it. */
  #slowFrom_us = 0;
  #slowRounds = 0;

  /** Round trips stayed long: slow start is over. */
  get done(): boolean {
    return this.#slowRounds >= CSS_ROUNDS;
  }

  /** Bytes that the window grows by for this ACK. */
  growth(report: AckReport): number {
    this.#round(report);
    if (report.rtt_us > 0) this.#sample(report.rtt_us);
    return this.#slowFrom_us === 0 ? report.delivered : Math.floor(report.delivered / CSS_GROWTH_DIVISOR);
  }

  save(): readonly number[] {
    return [this.#roundEnd, this.#lastMin_us, this.#min_us, this.#samples, this.#slowFrom_us, this.#slowRounds];
  }

  static from(saved: readonly number[]): HyStart {
    const made = new HyStart();
    [made.#roundEnd, made.#lastMin_us, made.#min_us, made.#samples, made.#slowFrom_us, made.#slowRounds] = saved as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return made;
  }

  #round({ una, nxt }: AckReport): void {
    if (this.#roundEnd !== NOT_YET && !seqGe(una, this.#roundEnd)) return;
    this.#roundEnd = nxt;
    this.#lastMin_us = this.#min_us;
    this.#min_us = UNBOUNDED;
    this.#samples = 0;
    if (this.#slowFrom_us > 0) this.#slowRounds += 1;
  }

  #sample(rtt_us: number): void {
    this.#min_us = Math.min(this.#min_us, rtt_us);
    this.#samples += 1;
    if (this.#samples < SAMPLES_PER_ROUND) return;
    if (this.#slowFrom_us > 0) {
      // It was a passing delay.
      if (this.#min_us < this.#slowFrom_us) this.#slowFrom_us = this.#slowRounds = 0;
      return;
    }
    if (this.#lastMin_us === UNBOUNDED) return;
    const part_us = this.#lastMin_us / MIN_RTT_DIVISOR;
    const threshold_us = Math.max(MIN_RTT_THRESH_US, Math.min(part_us, MAX_RTT_THRESH_US));
    if (this.#min_us >= this.#lastMin_us + threshold_us) this.#slowFrom_us = this.#min_us;
  }
}
