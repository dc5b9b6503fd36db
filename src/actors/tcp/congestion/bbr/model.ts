import type { AckReport } from '../congestion.ts';
import { UNBOUNDED } from '../congestion.ts';
import type { RateSample } from '../delivery-rate.ts';
import { type BbrState, NEVER_US } from './state.ts';

const US_PER_S = 1_000_000;
/** What a loss takes at most (section 5.5.10.2): no more than CUBIC's does. */
export const BETA = 0.7;
/** Sending is so much slower than the rate that was measured, so that queues get shorter rather than longer. */
export const PACING_MARGIN = 0.99;
/** Growth of the rate that says that the pipe is not full, and rounds without it (section 5.3.1.2). */
const FULL_BW_GROWTH = 1.25;
const FULL_BW_ROUNDS = 3;
/** Section 5.3.4.3 and 5.5.7.2. */
const PROBE_RTT_INTERVAL_US = 5_000_000;
const MIN_RTT_FILTER_US = 10_000_000;
/** Half of the ten rounds over which the largest aggregation is remembered: two halves stand for the window. */
const EXTRA_ACKED_HALF_ROUNDS = 5;

/** BBR.max_bw: the largest rate of the present ProbeBW cycle and the one before. */
export function maxBw(s: BbrState): number {
  return Math.max(s.bwCycle, s.bwCycleBefore);
}

/** AdvanceMaxBwFilter. */
export function nextCycle(s: BbrState): void {
  if (s.bwCycle === 0) return;
  s.bwCycleBefore = s.bwCycle;
  s.bwCycle = 0;
}

/** BBR.bdp with a gain; `unknown` as long as no round trip was measured. */
export function bdp(s: BbrState, gain: number, unknown: number): number {
  return s.minRtt_us === NEVER_US ? unknown : (gain * s.bw * s.minRtt_us) / US_PER_S;
}

/** UpdateLatestDeliverySignals; `delivered` is C.delivered. */
export function noteDelivery(s: BbrState, sample: RateSample, delivered: number): void {
  s.lossRoundStart = false;
  s.bwLatest = Math.max(s.bwLatest, sample.rate);
  s.inflightLatest = Math.max(s.inflightLatest, sample.delivered);
  if (sample.priorDelivered < s.lossRoundDelivered) return;
  s.lossRoundDelivered = delivered;
  s.lossRoundStart = true;
}

/** AdvanceLatestDeliverySignals; `part` of what the model allows is sent in this phase. */
export function nextDelivery(s: BbrState, sample: RateSample, part: number): void {
  s.heldBack = Math.min(s.heldBack, part);
  if (!s.lossRoundStart) return;
  s.heldBackBefore = s.heldBack;
  s.heldBack = part;
  s.bwLatest = sample.rate;
  s.inflightLatest = sample.delivered;
}

/** UpdateMaxBw with UpdateRound. */
export function noteRate(s: BbrState, sample: RateSample, delivered: number): void {
  s.roundStart = sample.priorDelivered >= s.nextRoundDelivered;
  if (s.roundStart) {
    s.nextRoundDelivered = delivered;
    s.roundCount += 1;
    s.roundsSinceProbe += 1;
  }
  if (sample.rate > 0 && (sample.rate >= maxBw(s) || !sample.appLimited)) s.bwCycle = Math.max(s.bwCycle, sample.rate);
}

/**
 * AdaptLowerBoundsFromCongestion: once in a round with losses, when not probing. What arrives is at most what was sent a round trip
 * ago, so it is measured against that: otherwise one loss while the sender held back by a tenth (or the pacing margin) would take that
 * tenth for the state of the path, until the next probe.
 */
export function lowerBounds(s: BbrState): void {
  if (s.bwShort === UNBOUNDED) s.bwShort = maxBw(s);
  if (s.inflightShort === UNBOUNDED) s.inflightShort = s.cwnd;
  const part = Math.min(s.heldBack, s.heldBackBefore);
  const bw = s.bwLatest / (part * PACING_MARGIN);
  s.bwShort = Math.max(Math.min(bw, s.bwShort), BETA * s.bwShort);
  s.inflightShort = Math.max(Math.min(s.inflightLatest / part, s.inflightShort), BETA * s.inflightShort);
}

/** ResetShortTermModel. */
export function forgetShortTerm(s: BbrState): void {
  s.bwShort = s.inflightShort = UNBOUNDED;
}

/** UpdateACKAggregation (section 5.5.9). */
export function noteAggregation(s: BbrState, { now_us, delivered }: AckReport): void {
  let expected = (s.bw * (now_us - s.extraAckedFrom_us)) / US_PER_S;
  if (s.extraAckedDelivered <= expected) {
    s.extraAckedDelivered = expected = 0;
    s.extraAckedFrom_us = now_us;
  }
  s.extraAckedDelivered += delivered;
  const extra = Math.min(s.extraAckedDelivered - expected, s.cwnd);
  if (s.roundStart) s.extraAckedRounds += 1;
  if (s.extraAckedRounds >= (s.fullBwReached ? EXTRA_ACKED_HALF_ROUNDS : 1)) {
    s.extraAckedRounds = 0;
    s.extraAckedBefore = s.fullBwReached ? s.extraAcked : 0;
    s.extraAcked = 0;
  }
  s.extraAcked = Math.max(s.extraAcked, extra);
}

/** ResetFullBW, with a first rate to compare with. */
export function watchFullBw(s: BbrState, rate: number): void {
  s.fullBw = rate;
  s.fullBwCount = 0;
  s.fullBwNow = false;
}

/** CheckFullBWReached (section 5.3.1.2). */
export function noteFullBw(s: BbrState, sample: RateSample): void {
  if (s.fullBwNow || !s.roundStart || sample.appLimited || sample.rate === 0) return;
  if (sample.rate >= s.fullBw * FULL_BW_GROWTH) {
    watchFullBw(s, sample.rate);
    return;
  }
  s.fullBwCount += 1;
  s.fullBwNow = s.fullBwCount >= FULL_BW_ROUNDS;
  if (s.fullBwNow) s.fullBwReached = true;
}

/** UpdateMinRTT (section 5.3.4.3). */
export function noteRtt(s: BbrState, { now_us, rtt_us }: AckReport): void {
  s.probeRttExpired = now_us > s.probeRttMinAt_us + PROBE_RTT_INTERVAL_US;
  const isLower = s.probeRttMin_us === NEVER_US || rtt_us < s.probeRttMin_us;
  if (rtt_us > 0 && (isLower || s.probeRttExpired)) {
    s.probeRttMin_us = rtt_us;
    s.probeRttMinAt_us = now_us;
  }
  if (s.probeRttMin_us === NEVER_US) return;
  const isExpired = now_us > s.minRttAt_us + MIN_RTT_FILTER_US;
  if (s.minRtt_us !== NEVER_US && s.probeRttMin_us >= s.minRtt_us && !isExpired) return;
  s.minRtt_us = s.probeRttMin_us;
  s.minRttAt_us = s.probeRttMinAt_us;
}
