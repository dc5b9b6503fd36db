/** The part of what is sent that a path may lose without being congested (BBR.LossThresh). */
const THRESHOLD = 0.02;
/**
 * Standard deviations above it that are chance. The draft has none, and outside of its probes it takes any loss in a round for congestion.
 * But of the 170 segments that 100 Mbit/s and 20 ms hold, a path that loses 1 % at random loses some in four rounds of five: each binds the
 * sender to what arrives just then, and whenever its own process has stood still that is little. It is more than 2 % in every eleventh
 * round, and one deviation above that in one of 130.
 */
const DEVIATIONS = 1;

/** Bytes that were lost of those under way, in the round trip of the newest segment that has arrived. */
export interface RoundLosses {
  readonly lost: number;
  readonly inFlight: number;
}

/** Bytes that a path which is not congested may lose of `inFlight`. */
function harmless(inFlight: number, mss: number): number {
  return THRESHOLD * inFlight + DEVIATIONS * Math.sqrt(THRESHOLD * (1 - THRESHOLD) * inFlight * mss);
}

/** IsInflightTooHigh. */
export function isTooMuch({ lost, inFlight }: RoundLosses, mss: number): boolean {
  return lost > harmless(inFlight, mss);
}

/** InflightAtLoss: where in the last `bytes` of it the losses became too much. */
export function inflightAtLoss({ lost, inFlight }: RoundLosses, bytes: number, mss: number): number {
  const before = inFlight - bytes;
  return before + Math.max(0, harmless(before, mss) - (lost - bytes)) / (1 - THRESHOLD);
}
