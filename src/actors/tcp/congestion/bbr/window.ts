import type { BbrDecision } from '../../../../machines/bbr.ts';
import { initialWindow, UNBOUNDED } from '../congestion.ts';
import { bdp } from './model.ts';
import { MIN_PIPE_SEGMENTS, withHeadroom } from './probing.ts';
import type { BbrState } from './state.ts';

const PROBE_RTT_GAIN = 0.5;
const US_PER_S = 1_000_000;
const QUANTUM_US = 1_000;
const MAX_QUANTUM_BYTES = 65_536;
/** Quanta that sender, network and receiver hold on to (section 5.5.8). */
const OFFLOAD_QUANTA = 3;

/** Bytes that may go out in one burst (C.send_quantum, section 5.6.3). */
export function quantum(s: BbrState): number {
  return Math.max(2 * s.mss, Math.min((s.pacingRate * QUANTUM_US) / US_PER_S, MAX_QUANTUM_BYTES));
}

/** ProbeRTTCwnd. */
export function probeRttWindow(s: BbrState): number {
  return Math.max(bdp(s, PROBE_RTT_GAIN, s.cwnd), MIN_PIPE_SEGMENTS * s.mss);
}

/** Inflight(gain); with `extra`, what ACKs hold back, it is BBR.max_inflight (section 5.6.4.2). */
export function inflight(s: BbrState, { phase }: BbrDecision, gain: number, extra = 0): number {
  const cap = bdp(s, gain, initialWindow(s.mss)) + extra;
  const least = Math.max(OFFLOAD_QUANTA * quantum(s), MIN_PIPE_SEGMENTS * s.mss);
  return Math.max(cap, least) + (phase === 'ProbeBW_UP' ? 2 * s.mss : 0);
}

/** SetCwnd (section 5.6.4.6): `acked` bytes are new, `delivered` were in all. */
export function setWindow(s: BbrState, decision: BbrDecision, acked: number, delivered: number): void {
  const most = inflight(s, decision, decision.cwndGain, Math.max(s.extraAcked, s.extraAckedBefore));
  if (s.fullBwReached) s.cwnd = Math.min(s.cwnd + acked, most);
  else if (s.cwnd < most || delivered < initialWindow(s.mss)) s.cwnd += acked;
  s.cwnd = Math.max(s.cwnd, MIN_PIPE_SEGMENTS * s.mss);
  if (decision.phase === 'ProbeRTT') s.cwnd = Math.min(s.cwnd, probeRttWindow(s));
  s.cwnd = Math.min(s.cwnd, bound(s, decision));
}

/** BoundCwndForModel (section 5.6.4.7). */
function bound(s: BbrState, { phase, cycles }: BbrDecision): number {
  let cap = UNBOUNDED;
  if (phase === 'ProbeRTT' || phase === 'ProbeBW_CRUISE') cap = withHeadroom(s);
  else if (cycles) cap = s.inflightLong;
  return Math.max(Math.min(cap, s.inflightShort), MIN_PIPE_SEGMENTS * s.mss);
}
