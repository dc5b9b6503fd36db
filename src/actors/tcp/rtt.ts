import { FIRST_RTO_US, MAX_RTO_US, MIN_RTO_US, RTO_AFTER_LOST_SYN_US } from './limits.ts';

/**
 * Round trip time and retransmission timeout (RFC 6298). The variance term is never below 200 ms, as in Linux: a path whose delay
 * hardly varies would otherwise time out on the first delayed ACK.
 */
export class RttEstimator {
  /** Smoothed, 0 before the first sample. */
  srtt_us = 0;
  /** Smallest sample, 0 before the first. */
  min_us = 0;
  #variance_us = 0;
  /** Times that the timeout was doubled. */
  #backoff = 0;
  /** Timeout as long as no round trip was measured. */
  #first_us = FIRST_RTO_US;

  /** A measurement, and nothing else, takes a doubled timeout back: what was sent too early once would always be (section 5, last note). */
  sample(rtt_us: number): void {
    this.#backoff = 0;
    const rtt = Math.max(1, rtt_us);
    this.min_us = this.min_us === 0 ? rtt : Math.min(this.min_us, rtt);
    if (this.srtt_us === 0) {
      this.srtt_us = rtt;
      this.#variance_us = rtt / 2;
      return;
    }
    this.#variance_us += (Math.abs(this.srtt_us - rtt) - this.#variance_us) / 4;
    this.srtt_us += (rtt - this.srtt_us) / 8;
  }

  rto_us(): number {
    const plain = this.srtt_us === 0 ? this.#first_us : this.srtt_us + Math.max(MIN_RTO_US, 4 * this.#variance_us);
    return Math.round(Math.min(MAX_RTO_US, plain * 2 ** this.#backoff));
  }

  /** The timer went off: the next one waits twice as long (section 5.5). */
  backOff(): void {
    if (this.rto_us() < MAX_RTO_US) this.#backoff += 1;
  }

  /** The SYN had to be sent again: 1 s may be less than the path's round trip. Data begins with this timeout (section 5.7). */
  synWasRepeated(): void {
    this.#backoff = 0;
    this.#first_us = RTO_AFTER_LOST_SYN_US;
  }

  save(): readonly number[] {
    return [this.srtt_us, this.min_us, this.#variance_us, this.#backoff, this.#first_us];
  }

  restore(saved: readonly number[]): void {
    [this.srtt_us, this.min_us, this.#variance_us, this.#backoff, this.#first_us] = saved as [
      number,
      number,
      number,
      number,
      number,
    ];
  }
}
