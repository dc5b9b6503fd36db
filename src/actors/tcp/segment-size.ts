import { SUPER_SEGMENT_BYTES } from './limits.ts';

/** A super-segment is at most this part of the congestion window, so that ACKs keep coming while the next one waits (RFC 5681 section 4.2). */
const PART_OF_WINDOW = 1 / 4;

/** What limits the next segment, all in bytes. `available`: what there is to send and the other side's window takes. */
export interface SizeLimits {
  readonly available: number;
  readonly mss: number;
  readonly cwnd: number;
  /** Believed to be in the network. */
  readonly pipe: number;
}

/** Payload of the longest super-segment for a window: whole segments, at least one. */
export function superSegmentGoal(cwnd: number, mss: number): number {
  return wholeSegments(Math.min(cwnd * PART_OF_WINDOW, SUPER_SEGMENT_BYTES), mss);
}

/**
 * Payload of the next segment where an interface cuts: whole segments, unless it is the end of what is available. 0: better wait for
 * another ACK than send a small one, or small segments and small ACKs would keep each other small.
 */
export function superSegmentLength({ available, mss, cwnd, pipe }: SizeLimits): number {
  const free = cwnd - pipe;
  const goal = superSegmentGoal(cwnd, mss);
  if (available <= Math.min(goal, Math.max(free, mss))) return available;
  if (free < goal && pipe >= goal) return 0;
  return wholeSegments(Math.min(goal, free, available), mss);
}

/** Rounded down to whole segments, but to one at least. */
function wholeSegments(bytes: number, mss: number): number {
  return Math.max(1, Math.floor(bytes / mss)) * mss;
}
