import { UNBOUNDED } from '../congestion.ts';

/** Where the ACKs of a bandwidth probe are: none is expected, the pipe is refilled, the probe begins, its ACKs come, it ends. */
export type AckPhase = 'none' | 'refilling' | 'starting' | 'feedback' | 'stopping';

/** What losses have changed, to be taken back when there were none. */
export interface BbrUndo {
  readonly phase: 'Startup' | 'ProbeBW_UP' | 'none';
  readonly bwShort: number;
  readonly inflightShort: number;
  readonly inflightLong: number;
}

/** All numbers of BBR, plain so that they are saved at once; names as in draft-ietf-ccwg-bbr section 2. Rates are bytes per second. */
export interface BbrState {
  mss: number;
  cwnd: number;
  priorCwnd: number;
  pacingRate: number;
  seenRtt: boolean;
  // round trips, counted by delivered bytes
  nextRoundDelivered: number;
  roundStart: boolean;
  roundCount: number;
  roundsSinceProbe: number;
  drainStartRound: number;
  // rate
  bw: number;
  bwCycle: number;
  bwCycleBefore: number;
  bwShort: number;
  bwLatest: number;
  // volume
  inflightLong: number;
  inflightShort: number;
  inflightLatest: number;
  /** The least part of the rate and volume of the model that was sent, in this round of losses and the one before. */
  heldBack: number;
  heldBackBefore: number;
  // full pipe
  fullBw: number;
  fullBwCount: number;
  fullBwNow: boolean;
  fullBwReached: boolean;
  // losses
  lossInRound: boolean;
  lossRoundDelivered: number;
  lossRoundStart: boolean;
  lossEvents: number;
  lostSinceAck: boolean;
  // round trip
  minRtt_us: number;
  minRttAt_us: number;
  probeRttMin_us: number;
  probeRttMinAt_us: number;
  probeRttExpired: boolean;
  probeRttDone_us: number;
  probeRttRoundDone: boolean;
  // ACK aggregation
  extraAcked: number;
  extraAckedBefore: number;
  extraAckedRounds: number;
  extraAckedFrom_us: number;
  extraAckedDelivered: number;
  // ProbeBW
  ackPhase: AckPhase;
  cycleFrom_us: number;
  probeWait_us: number;
  isProbeSample: boolean;
  probeTooHigh: boolean;
  probePrecautionary: boolean;
  probeUpRounds: number;
  probeUpAcked: number;
  probeUpAckedPerStep: number;
  // others
  idleRestart: boolean;
  /** The window was what limited the sender until so much is delivered. */
  limitedUntil: number;
  random: number;
  undo: BbrUndo;
}

/** Not known yet; 0 is a time like any other. */
export const NEVER_US = -1;

export function newBbrState(mss: number, cwnd: number): BbrState {
  return {
    mss,
    cwnd,
    priorCwnd: 0,
    pacingRate: 0,
    seenRtt: false,
    nextRoundDelivered: 0,
    roundStart: false,
    roundCount: 0,
    roundsSinceProbe: 0,
    drainStartRound: 0,
    bw: 0,
    bwCycle: 0,
    bwCycleBefore: 0,
    bwShort: UNBOUNDED,
    bwLatest: 0,
    inflightLong: UNBOUNDED,
    inflightShort: UNBOUNDED,
    inflightLatest: 0,
    heldBack: 1,
    heldBackBefore: 1,
    fullBw: 0,
    fullBwCount: 0,
    fullBwNow: false,
    fullBwReached: false,
    lossInRound: false,
    lossRoundDelivered: 0,
    lossRoundStart: false,
    lossEvents: 0,
    lostSinceAck: false,
    minRtt_us: NEVER_US,
    minRttAt_us: 0,
    probeRttMin_us: NEVER_US,
    probeRttMinAt_us: 0,
    probeRttExpired: false,
    probeRttDone_us: NEVER_US,
    probeRttRoundDone: false,
    extraAcked: 0,
    extraAckedBefore: 0,
    extraAckedRounds: 0,
    extraAckedFrom_us: 0,
    extraAckedDelivered: 0,
    ackPhase: 'none',
    cycleFrom_us: 0,
    probeWait_us: 0,
    isProbeSample: false,
    probeTooHigh: false,
    probePrecautionary: false,
    probeUpRounds: 0,
    probeUpAcked: 0,
    probeUpAckedPerStep: UNBOUNDED,
    idleRestart: false,
    limitedUntil: 0,
    random: 0,
    undo: { phase: 'none', bwShort: UNBOUNDED, inflightShort: UNBOUNDED, inflightLong: UNBOUNDED },
  };
}
