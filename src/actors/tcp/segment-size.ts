import { SUPER_SEGMENT_BYTES } from './limits.ts';

/** A super-segment is at most this part of the congestion window, so that ACKs keep coming while the next one waits (RFC 5681 section 4.2). */
const PART_OF_WINDOW = 1 / 4;
/** Where the congestion control gives a rate, a super-segment is what it sends in this time: a burst no queue on the way notices. */
const BURST_S = 1 / 1000;

/** What limits super-segments, all in bytes. */
export interface BurstLimits {
  readonly mss: number;
  readonly cwnd: number;
  /** Bytes per second at which to send; 0 for as fast as the window allows. */
  readonly pacingRate: number;
}

/** What limits the next one, all in bytes. */
export interface SizeLimits extends BurstLimits {
  /** What there is to send and the other side's window takes. */
  readonly available: number;
  /** Believed to be in the network. */
  readonly pipe: number;
  /** It repairs a loss: it does not wait to become larger. */
  readonly repairs: boolean;
}

/** Payload of the longest super-segment: whole segments, at least one. */
export function superSegmentGoal({ mss, cwnd, pacingRate }: BurstLimits): number {
  const burst = pacingRate > 0 ? pacingRate * BURST_S : SUPER_SEGMENT_BYTES;
  return wholeSegments(Math.min(cwnd * PART_OF_WINDOW, burst, SUPER_SEGMENT_BYTES), mss);
}

/**
 * Payload of the next segment where an interface cuts: whole segments, unless it is the end of what is available. 0: better wait for
 * another ACK than send a small one, or small segments and small ACKs would keep each other small.
 */
export function superSegmentLength(limits: SizeLimits): number {
  const { available, mss, cwnd, pipe, repairs } = limits;
  const free = cwnd - pipe;
  const goal = superSegmentGoal(limits);
  if (available <= Math.min(goal, Math.max(free, mss))) return available;
  if (!repairs && free < goal && pipe >= goal) return 0;
  return wholeSegments(Math.min(goal, free, available), mss);
}

/** Rounded down to whole segments, but to one at least. */
function wholeSegments(bytes: number, mss: number): number {
  return Math.max(1, Math.floor(bytes / mss)) * mss;
}
