import { type BbrDecision, type BbrEvent, bbrDecision, bbrMachine } from '../../../../machines/bbr.ts';
import { type MachineCommand, MachineHost, type MachineObserver, type SavedMachine } from '../../../machine-host.ts';
import type { Sending } from '../../sent-segment.ts';
import {
  type AckReport,
  type CongestionControl,
  initialWindow,
  type Reduction,
  type SavedCongestion,
  UNBOUNDED,
} from '../congestion.ts';
import { DeliveryRate, type RateSample } from '../delivery-rate.ts';
import { inflightAtLoss, isTooMuch, type RoundLosses } from './losses.ts';
import * as model from './model.ts';
import {
  isTimeToGoDown,
  isTimeToProbe,
  pickProbeWait,
  raiseBound,
  steepen,
  targetInflight,
  withHeadroom,
} from './probing.ts';
import { type BbrState, NEVER_US, newBbrState } from './state.ts';
import { inflight, probeRttWindow, quantum, setWindow } from './window.ts';

const STARTUP_LOSS_EVENTS = 6;
const DRAIN_ROUNDS = 3;
const PROBE_RTT_US = 200_000;
/** Round trip that is taken for granted until one was measured. */
const NOMINAL_RTT_US = 1_000;
const US_PER_S = 1_000_000;
const STARTUP_GAIN = 2.77;

/** What BBR wants to know of its connection. */
export interface BbrParts {
  /** Instance name of the connection's machine; that of the phases is put behind it. */
  readonly name: string;
  readonly observer: MachineObserver;
  readonly mss: number;
  /** The initial sequence number: where the random numbers begin. */
  iss(): number;
  sack(): boolean;
}

const decide = ({ value }: { readonly value: string | object }): BbrDecision => bbrDecision(value);

/**
 * BBR (draft-ietf-ccwg-bbr, version 3): a model of the path, made of the rate at which it delivers and its smallest round trip, says
 * how fast to send and how much may be under way. Losses bound it only where they are more than 2 %. The phases are a machine of their
 * own; the numbers are here. It does not answer marks of RFC 3168, so its segments do not ask for any.
 */
export class Bbr implements CongestionControl {
  readonly name = 'bbr';
  readonly rate: DeliveryRate;
  readonly answersMarks = false;
  readonly phases: MachineHost<typeof bbrMachine, BbrDecision>;
  readonly #s: BbrState;
  readonly #parts: BbrParts;

  constructor(parts: BbrParts) {
    this.#parts = parts;
    this.#s = newBbrState(parts.mss, initialWindow(parts.mss));
    this.rate = new DeliveryRate((sending, bytes) => this.#lost(sending, bytes));
    this.phases = new MachineHost({
      machine: bbrMachine,
      instance: `${parts.name}.bbr`,
      decide,
      execute: (command) => this.#execute(command),
      observer: parts.observer,
    });
    this.#firstPacing(NOMINAL_RTT_US);
  }

  get cwnd(): number {
    return Math.floor(this.#s.cwnd);
  }

  get ssthresh(): number {
    return UNBOUNDED;
  }

  get pacingRate(): number {
    return this.#s.pacingRate;
  }

  /** Bytes that may go out in one burst (C.send_quantum). */
  get quantum(): number {
    return quantum(this.#s);
  }

  setMss(mss: number, fresh: boolean): void {
    this.#s.mss = mss;
    if (!fresh) return;
    this.#s.cwnd = initialWindow(mss);
    this.#firstPacing(NOMINAL_RTT_US);
  }

  beginSmall(): void {
    this.#s.cwnd = this.#s.mss;
  }

  /** UpdateOnACK (section 5.2.3). */
  acked(report: AckReport): void {
    const s = this.#s;
    const { sample } = report;
    if (!s.seenRtt && report.srtt_us > 0) this.#begin(report);
    if (report.limited) s.limitedUntil = this.rate.deliveredBytes + report.pipe;
    if (sample === undefined) return;
    if (s.lostSinceAck) s.lossEvents += 1;
    s.lostSinceAck = false;
    model.noteDelivery(s, sample, this.rate.deliveredBytes);
    model.noteRate(s, sample, this.rate.deliveredBytes);
    if (s.lossRoundStart) this.#lossRound(sample);
    model.noteAggregation(s, report);
    model.noteFullBw(s, sample);
    this.#checkStartup(report, sample);
    this.#checkDrain(report);
    this.#cycle(report, sample);
    model.noteRtt(s, report);
    this.#checkProbeRtt(report);
    if (sample.delivered > 0) s.idleRestart = false;
    const { pacingGain, cwndGain } = this.phases.decision;
    model.nextDelivery(s, sample, Math.min(1, pacingGain, cwndGain));
    s.bw = Math.min(model.maxBw(s), s.bwShort);
    if (s.lossRoundStart) s.lossEvents = 0;
    this.#pace(pacingGain);
    setWindow(s, this.phases.decision, report.delivered, this.rate.deliveredBytes);
  }

  sent(): void {}

  /** OnEnterFastRecovery. Marks are for those who answer them. */
  reduce(why: 'loss' | 'mark'): void {
    if (why === 'loss') this.#saveWindow(false);
  }

  recovered(): void {
    this.#restoreWindow();
  }

  /** OnEnterRTO. */
  timedOut({ pipe }: Reduction, isReduced: boolean): void {
    this.#saveWindow(isReduced);
    if (!isReduced) this.#saveForUndo();
    this.#s.cwnd = pipe + this.#s.mss;
  }

  /** HandleSpuriousLossDetection (section 5.5.11.2). */
  undo(): void {
    const s = this.#s;
    this.#restoreWindow();
    s.lossInRound = false;
    model.watchFullBw(s, 0);
    s.bwShort = Math.max(s.bwShort, s.undo.bwShort);
    s.inflightShort = Math.max(s.inflightShort, s.undo.inflightShort);
    s.inflightLong = Math.max(s.inflightLong, s.undo.inflightLong);
    const { phase } = s.undo;
    s.undo = { ...s.undo, phase: 'none' };
    if (phase === 'none') return;
    if (phase === 'Startup') s.fullBwReached = false;
    this.phases.send({ type: phase === 'Startup' ? 'undo.startup' : 'undo.probe' });
  }

  /** HandleRestartFromIdle (section 5.4.1). */
  resume(now_us: number): void {
    const s = this.#s;
    if (!this.rate.appLimited) return;
    s.idleRestart = true;
    s.extraAckedFrom_us = now_us;
    if (this.phases.decision.cycles) this.#pace(1);
    else if (this.phases.decision.phase === 'ProbeRTT') this.#checkProbeRttDone(now_us);
  }

  save(): SavedCongestion {
    return { numbers: { ...this.#s, undo: { ...this.#s.undo } }, phases: this.phases.save(), rate: this.rate.save() };
  }

  restore(saved: SavedCongestion): void {
    const { numbers, phases, rate } = saved as { numbers: BbrState; phases: SavedMachine; rate: readonly number[] };
    Object.assign(this.#s, numbers);
    this.#s.undo = { ...numbers.undo };
    this.phases.restore(phases);
    this.rate.restore(rate);
  }

  #send(type: Exclude<BbrEvent['type'], 'rtt.probed'>): void {
    this.phases.send({ type });
  }

  #execute({ type }: MachineCommand): void {
    const s = this.#s;
    if (type === 'beginDrain') s.drainStartRound = s.roundCount;
    else if (type === 'beginDown') this.#beginDown();
    else if (type === 'beginRefill') this.#beginRefill();
    else if (type === 'beginUp') {
      s.ackPhase = 'starting';
      this.#startRound();
      model.watchFullBw(s, s.bwLatest);
      steepen(s);
    } else if (type === 'beginRttProbe') {
      this.#saveWindow(false);
      s.probeRttDone_us = NEVER_US;
      s.ackPhase = 'stopping';
      this.#startRound();
    }
  }

  #beginDown(): void {
    const s = this.#s;
    s.lossInRound = false;
    s.bwLatest = s.inflightLatest = 0;
    s.probeUpAckedPerStep = UNBOUNDED;
    if (s.random === 0) s.random = this.#parts.iss();
    pickProbeWait(s);
    s.cycleFrom_us = this.rate.delivered_us;
    s.ackPhase = 'stopping';
    this.#startRound();
  }

  #beginRefill(): void {
    const s = this.#s;
    model.forgetShortTerm(s);
    s.probeUpRounds = s.probeUpAcked = 0;
    s.probePrecautionary = false;
    s.ackPhase = 'refilling';
    this.#startRound();
  }

  #startRound(): void {
    this.#s.nextRoundDelivered = this.rate.deliveredBytes;
  }

  /** The first round trip was measured. */
  #begin({ srtt_us, now_us }: AckReport): void {
    const s = this.#s;
    s.seenRtt = true;
    s.minRttAt_us = s.probeRttMinAt_us = s.extraAckedFrom_us = now_us;
    this.#firstPacing(srtt_us);
  }

  /** InitPacingRate. */
  #firstPacing(rtt_us: number): void {
    this.#s.pacingRate = (STARTUP_GAIN * initialWindow(this.#s.mss) * US_PER_S) / rtt_us;
  }

  /** SetPacingRateWithGain. */
  #pace(gain: number): void {
    const s = this.#s;
    const rate = gain * s.bw * model.PACING_MARGIN;
    if (rate > 0 && (s.fullBwReached || rate > s.pacingRate)) s.pacingRate = rate;
  }

  /** The end of a round that is counted from its first loss. Losses that may be chance leave the model as it is. */
  #lossRound(sample: RateSample): void {
    const s = this.#s;
    const isCongested = s.lossInRound && this.#isTooHigh(sample);
    if (isCongested && !this.phases.decision.probes) model.lowerBounds(s);
    s.lossInRound = false;
  }

  /** CheckStartupDone with CheckStartupHighLoss. */
  #checkStartup(report: AckReport, sample: RateSample): void {
    const s = this.#s;
    if (this.phases.decision.phase !== 'Startup') return;
    const isMuch = s.lossRoundStart && s.lossEvents >= STARTUP_LOSS_EVENTS && this.#isTooHigh(sample);
    if (report.episode === 'recovery' && (isMuch || (!this.#parts.sack() && report.lost > 0))) {
      s.undo = { ...s.undo, phase: 'Startup' };
      s.fullBwReached = true;
      s.inflightLong = Math.max(model.bdp(s, 1, s.cwnd), s.inflightLatest);
    }
    if (s.fullBwReached) this.#send('pipe.full');
  }

  #checkDrain(report: AckReport): void {
    const s = this.#s;
    if (this.phases.decision.phase !== 'Drain') return;
    const isLong = s.roundCount > s.drainStartRound + DRAIN_ROUNDS;
    if (isLong || report.pipe <= inflight(s, this.phases.decision, 1)) this.#send('queue.drained');
  }

  /** UpdateProbeBWCyclePhase (section 5.3.3.9). */
  #cycle(report: AckReport, sample: RateSample): void {
    const s = this.#s;
    if (!s.fullBwReached || this.#longTerm(report, sample)) return;
    const { phase } = this.phases.decision;
    if (phase === 'ProbeBW_DOWN' || phase === 'ProbeBW_CRUISE') {
      const holdsLittle = report.pipe <= withHeadroom(s) && report.pipe <= inflight(s, this.phases.decision, 1);
      if (isTimeToProbe(s, report.now_us)) this.#send('time.probe');
      else if (phase === 'ProbeBW_DOWN' && holdsLittle) this.#send('time.cruise');
    } else if (phase === 'ProbeBW_REFILL' && s.roundStart) {
      s.isProbeSample = true;
      this.#send('pipe.refilled');
    } else if (phase === 'ProbeBW_UP' && isTimeToGoDown(s, report, sample, this.#isLimited)) {
      s.probeTooHigh = false;
      this.#send('probe.over');
    }
  }

  /** AdaptLongTermModel: true when it has led to another phase. */
  #longTerm(report: AckReport, sample: RateSample): boolean {
    const s = this.#s;
    const { cycles, phase } = this.phases.decision;
    if (s.ackPhase === 'starting' && s.roundStart) s.ackPhase = 'feedback';
    if (s.ackPhase === 'stopping' && s.roundStart) {
      s.isProbeSample = false;
      s.ackPhase = 'none';
      if (cycles && !sample.appLimited) model.nextCycle(s);
      if (cycles && s.probePrecautionary && !s.probeTooHigh) {
        this.#send('time.probe');
        return true;
      }
    }
    if (!this.#isTooHigh(sample)) raiseBound(s, report, sample, phase === 'ProbeBW_UP', this.#isLimited);
    return false;
  }

  get #isLimited(): boolean {
    return this.rate.deliveredBytes <= this.#s.limitedUntil;
  }

  /** CheckProbeRTT. */
  #checkProbeRtt(report: AckReport): void {
    const s = this.#s;
    if (this.phases.decision.phase !== 'ProbeRTT' && s.probeRttExpired && !s.idleRestart) this.#send('rtt.stale');
    if (this.phases.decision.phase !== 'ProbeRTT') return;
    this.rate.limitedByApplication(report.pipe);
    if (s.probeRttDone_us === NEVER_US) {
      if (report.pipe > probeRttWindow(s)) return;
      s.probeRttDone_us = report.now_us + PROBE_RTT_US;
      s.probeRttRoundDone = false;
      this.#startRound();
    } else {
      if (s.roundStart) s.probeRttRoundDone = true;
      if (s.probeRttRoundDone) this.#checkProbeRttDone(report.now_us);
    }
  }

  #checkProbeRttDone(now_us: number): void {
    const s = this.#s;
    if (s.probeRttDone_us === NEVER_US || now_us <= s.probeRttDone_us) return;
    s.probeRttMinAt_us = now_us;
    this.#restoreWindow();
    model.forgetShortTerm(s);
    this.phases.send({ type: 'rtt.probed', full: s.fullBwReached });
  }

  /** HandleLostPacket (section 5.5.10.2). */
  #lost(sending: Sending, bytes: number): void {
    const s = this.#s;
    s.lostSinceAck = true;
    if (!s.lossInRound) {
      s.lossRoundDelivered = this.rate.deliveredBytes;
      this.#saveForUndo();
    }
    s.lossInRound = true;
    if (!s.isProbeSample) return;
    const losses = { lost: this.rate.lostBytes - sending.lost, inFlight: sending.inFlight };
    if (!this.#isTooHigh(losses)) return;
    s.probeTooHigh = true;
    s.isProbeSample = false;
    const atLoss = inflightAtLoss(losses, bytes, s.mss);
    if (!sending.appLimited) s.inflightLong = Math.max(atLoss, targetInflight(s) * model.BETA);
    if (this.phases.decision.phase !== 'ProbeBW_UP') return;
    s.undo = { ...s.undo, phase: 'ProbeBW_UP' };
    this.#send('probe.over');
  }

  #isTooHigh(losses: RoundLosses): boolean {
    return isTooMuch(losses, this.#s.mss) || (losses.lost > 0 && !this.#parts.sack());
  }

  #saveForUndo(): void {
    const { bwShort, inflightShort, inflightLong } = this.#s;
    this.#s.undo = { phase: 'none', bwShort, inflightShort, inflightLong };
  }

  /** SaveCwnd; `isReduced`: the window is one of recovery. */
  #saveWindow(isReduced: boolean): void {
    const s = this.#s;
    const isCut = isReduced || this.phases.decision.phase === 'ProbeRTT';
    s.priorCwnd = isCut ? Math.max(s.priorCwnd, s.cwnd) : s.cwnd;
  }

  #restoreWindow(): void {
    this.#s.cwnd = Math.max(this.#s.cwnd, this.#s.priorCwnd);
  }
}
