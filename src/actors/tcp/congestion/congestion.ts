import type { MachineView } from '../../layer.ts';
import { INITIAL_WINDOW_SEGMENTS } from '../limits.ts';
import type { DeliveryRate, RateSample } from './delivery-rate.ts';

/** The algorithms that there are. */
export const CONGESTION_NAMES = ['cubic', 'newreno', 'bbr'] as const;
export type CongestionName = (typeof CONGESTION_NAMES)[number];

/** Why the window is what it is: nothing special, a mark of the network (ECN), repair of losses, or repair after a timeout. */
export type Episode = 'open' | 'marked' | 'recovery' | 'timeout';

/** What one ACK, or the time for reordering being over, tells a congestion control. */
export interface AckReport {
  readonly now_us: number;
  readonly una: number;
  readonly nxt: number;
  /** Bytes newly known to have arrived, and newly counted as lost. */
  readonly delivered: number;
  readonly lost: number;
  /** UNA has moved. */
  readonly advanced: boolean;
  /** Bytes in the network now, after all that was learned. */
  readonly pipe: number;
  /** Round trip that this ACK measured, 0 for none; the smoothed one; the smallest. */
  readonly rtt_us: number;
  readonly srtt_us: number;
  readonly minRtt_us: number;
  /** The congestion window was what stopped the sender. */
  readonly limited: boolean;
  readonly episode: Episode;
  /** Where the algorithm measures the delivery rate. */
  readonly sample: RateSample | undefined;
}

/** The state of the sender when its window is to be reduced. */
export interface Reduction {
  readonly now_us: number;
  /** Sequence numbers sent and not acknowledged, before the ACK that told of the loss. */
  readonly flight: number;
  /** Bytes in the network before that ACK, and now. */
  readonly pipeBefore: number;
  readonly pipe: number;
}

/** One algorithm of congestion control: how many bytes may be in the network, and how fast they go there. */
export interface CongestionControl {
  readonly name: CongestionName;
  /** Bytes that may be in the network. */
  readonly cwnd: number;
  readonly ssthresh: number;
  /** Bytes per second at which to send; 0 for as fast as the window allows. */
  readonly pacingRate: number;
  /** Bytes that may go out in one burst where it paces. */
  readonly quantum: number;
  /** The machine of its phases, where it has any. */
  readonly phases: MachineView | undefined;
  /** Its measurement of the delivery rate, where it wants one. */
  readonly rate: DeliveryRate | undefined;
  /** Does what RFC 3168 asks for when the network marks packets. */
  readonly answersMarks: boolean;
  /** The handshake, or the path, has told the segment size. `fresh`: nothing was sent yet. */
  setMss(mss: number, fresh: boolean): void;
  /** The SYN had to be sent again and again: begin with one segment. */
  beginSmall(): void;
  acked(report: AckReport): void;
  /** Bytes of data went out, new or again. */
  sent(bytes: number): void;
  /** Losses are repaired from now on, or the network has marked a packet: once per round trip. */
  reduce(why: 'loss' | 'mark', reduction: Reduction): void;
  /** What was under way when the window was reduced is acknowledged. */
  recovered(): void;
  /** The retransmission timer went off. `isReduced`: this loss has reduced the window already. */
  timedOut(reduction: Reduction, isReduced: boolean): void;
  /** The last reduction was for nothing. */
  undo(): void;
  /** Data is to be sent when nothing is under way. `long`: for longer than a timeout. */
  resume(now_us: number, long: boolean): void;
  save(): SavedCongestion;
  restore(saved: SavedCongestion): void;
}

/** Plain data; each algorithm knows its own. */
export type SavedCongestion = { readonly [key: string]: unknown };

/** Above every window and round trip. A small integer: a larger number would take memory of its own in each connection. */
export const UNBOUNDED = 0x7fff_ffff;

/** First window in bytes (RFC 6928 section 2). */
export function initialWindow(mss: number): number {
  return Math.min(INITIAL_WINDOW_SEGMENTS * mss, Math.max(2 * mss, 14_600));
}
