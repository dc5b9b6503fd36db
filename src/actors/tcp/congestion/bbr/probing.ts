import type { AckReport } from '../congestion.ts';
import { UNBOUNDED } from '../congestion.ts';
import type { RateSample } from '../delivery-rate.ts';
import { bdp, watchFullBw } from './model.ts';
import type { BbrState } from './state.ts';

/** Room that is left to others below the volume at which losses began (BBR.Headroom). */
const HEADROOM = 0.15;
/** Segments that keep a pipe going (BBR.MinPipeCwnd). */
export const MIN_PIPE_SEGMENTS = 4;
/** Rounds after which a flow of Reno would have grown as much as a probe takes (section 5.3.3.8). */
const MAX_RENO_ROUNDS = 63;
const PROBE_WAIT_US = 2_000_000;
const PROBE_WAIT_SPREAD_US = 1_000_000;
const MAX_UP_ROUNDS = 30;
/** xorshift32; 0 would stay 0. */
const RANDOM_SEED = 0x9e37_79b9;
const RANGE_32 = 2 ** 32;

/** A fraction from 0 to 1, of the connection's own sequence: a restored connection draws the same. */
function random(s: BbrState): number {
  let x = s.random === 0 ? RANDOM_SEED : s.random;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  s.random = x >>> 0;
  return s.random / RANGE_32;
}

/** PickProbeWait: flows that share a path are not to probe together. */
export function pickProbeWait(s: BbrState): void {
  s.roundsSinceProbe = random(s) < 1 / 2 ? 0 : 1;
  s.probeWait_us = PROBE_WAIT_US + Math.floor(random(s) * PROBE_WAIT_SPREAD_US);
}

/** TargetInflight: the estimated BDP unless congestion has cut the window. */
export function targetInflight(s: BbrState): number {
  return Math.min(bdp(s, 1, s.cwnd), s.cwnd);
}

/** IsTimeToProbeBW. */
export function isTimeToProbe(s: BbrState, now_us: number): boolean {
  if (now_us > s.cycleFrom_us + s.probeWait_us) return true;
  return s.roundsSinceProbe >= Math.min(targetInflight(s) / s.mss, MAX_RENO_ROUNDS);
}

/** InflightWithHeadroom. */
export function withHeadroom(s: BbrState): number {
  if (s.inflightLong === UNBOUNDED) return UNBOUNDED;
  const headroom = Math.max(s.mss, HEADROOM * s.inflightLong);
  return Math.max(s.inflightLong - headroom, MIN_PIPE_SEGMENTS * s.mss);
}

/** IsTimeToGoDown. */
export function isTimeToGoDown(s: BbrState, report: AckReport, sample: RateSample, isLimited: boolean): boolean {
  if (s.probeTooHigh && report.pipe >= s.inflightLong) {
    s.probePrecautionary = true;
    return true;
  }
  if (isLimited && s.cwnd >= s.inflightLong) {
    watchFullBw(s, sample.rate);
    return false;
  }
  return s.fullBwNow;
}

/** RaiseInflightLongtermSlope: growth doubles in each round of a probe. */
export function steepen(s: BbrState): void {
  const segments = 2 ** s.probeUpRounds;
  s.probeUpRounds = Math.min(s.probeUpRounds + 1, MAX_UP_ROUNDS);
  s.probeUpAckedPerStep = Math.max(s.cwnd / segments, s.mss);
}

/** The upper half of AdaptLongTermModel: losses are few, so what went well may be the new bound. */
export function raiseBound(
  s: BbrState,
  report: AckReport,
  sample: RateSample,
  isUp: boolean,
  isLimited: boolean,
): void {
  if (s.inflightLong === UNBOUNDED) return;
  s.inflightLong = Math.max(s.inflightLong, sample.inFlight);
  if (!isUp || !isLimited || s.cwnd < s.inflightLong) return;
  s.probeUpAcked += report.delivered;
  if (s.probeUpAcked >= s.probeUpAckedPerStep) {
    const steps = Math.floor(s.probeUpAcked / s.probeUpAckedPerStep);
    s.probeUpAcked -= steps * s.probeUpAckedPerStep;
    s.inflightLong += steps * s.mss;
  }
  if (s.roundStart) steepen(s);
}
