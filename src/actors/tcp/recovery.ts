import { seqDiff, seqGe, seqGt, seqLe } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import { Congestion } from './congestion/congestion.ts';
import type { ConnectionCore, TcpStats } from './core.ts';
import { DUPLICATES_FOR_LOSS } from './limits.ts';
import { RttEstimator } from './rtt.ts';
import { Scoreboard } from './scoreboard.ts';
import type { InSegment } from './segment.ts';
import { NONE, type SendNumbers } from './send-numbers.ts';

/** Below this a reordering window would be noise. */
const MIN_REORDER_US = 1_000;

/**
 * What ACKs tell about the network: round trips, losses, and how much may be under way. RFC 8985 and 6675 with SACK, RFC 6582
 * without.
 */
export class Recovery {
  readonly rtt = new RttEstimator();
  readonly congestion: Congestion;
  readonly board = new Scoreboard();
  /** Time after which {@link reorderingOver} is due, found by the last ACK; 0 for never. */
  reorderWait_us = 0;
  readonly #core: ConnectionCore;
  readonly #n: SendNumbers;
  readonly #stats: TcpStats;

  constructor(core: ConnectionCore, numbers: SendNumbers, stats: TcpStats) {
    this.#core = core;
    this.#n = numbers;
    this.#stats = stats;
    this.congestion = new Congestion(core.options.congestion ?? 'cubic', core.options.mss);
  }

  /** Bytes believed to be in the network. */
  get pipe(): number {
    return Math.max(0, this.board.pipe - this.#n.renoArrived * this.#n.mss);
  }

  /** Sequence numbers sent and not acknowledged. */
  get flight(): number {
    return seqDiff(this.#n.nxt, this.#n.una);
  }

  /** Whether `bytes` more may go out now; notes when not. */
  allows(bytes: number): boolean {
    const pipe = this.pipe;
    if (pipe === 0 || pipe + bytes <= this.congestion.cwnd) return true;
    this.#n.cwndLimited = true;
    return false;
  }

  /** ACK field and SACK blocks of a segment; UNA is still the old one. `timestampRtt_us` is 0 where there is none. */
  acknowledge(segment: InSegment, timestampRtt_us: number): void {
    const n = this.#n;
    const now_us = this.#core.host.now_us();
    const flight = this.flight;
    const advance = seqDiff(segment.ack, n.una);
    const isDuplicate = advance === 0 && this.#isDuplicate(segment);
    const wasFast = n.recover !== NONE && !n.afterTimeout;
    const delivered = this.board.acknowledge(segment.ack, now_us);
    const sacks = n.sack ? segment.options.sacks : undefined;
    const sacked = sacks === undefined ? 0 : this.board.sack(sacks, segment.ack, n.nxt, now_us);
    n.una = segment.ack;
    if (advance > 0) this.#progress(delivered.rtt_us || timestampRtt_us);
    if (!n.sack) this.#countDuplicates(isDuplicate, advance, delivered.segments);
    if (n.sack) this.#judge();
    this.#endTailProbe(segment, isDuplicate);
    this.#recover(flight, advance);
    const bytes = delivered.bytes + sacked;
    if (!wasFast && bytes > 0 && n.cwndLimited) this.congestion.acked(bytes, now_us, this.rtt.srtt_us);
  }

  /** The time for reordering is over: what is still missing counts as lost. */
  reorderingOver(): void {
    this.#judge();
    this.#recover(this.flight, 0);
  }

  /** The retransmission timer went off for data: all that is under way counts as lost (RFC 6298 section 5, RFC 5681 section 3.1). */
  timedOut(): void {
    const n = this.#n;
    this.congestion.timedOut(this.flight, n.retries > 1);
    this.board.loseAll();
    n.recover = n.nxt;
    n.afterTimeout = true;
    n.urgent = true;
    n.duplicateAcks = n.renoArrived = 0;
    n.tailProbe = NONE;
  }

  save() {
    return { rtt: this.rtt.save(), congestion: this.congestion.save(), board: this.board.save() };
  }

  restore(saved: ReturnType<Recovery['save']>): void {
    this.rtt.restore(saved.rtt);
    this.congestion.restore(saved.congestion);
    this.board.restore(saved.board);
  }

  #judge(): void {
    // Whole microseconds: a rest of a quarter would be armed as no time at all, over and over.
    const reorder_us = Math.ceil(Math.min(Math.max(MIN_REORDER_US, this.rtt.min_us / 4), this.rtt.srtt_us));
    this.reorderWait_us = this.board.judge(this.#core.host.now_us(), reorder_us, this.#n.recover !== NONE);
  }

  /** RFC 5681 section 2. */
  #isDuplicate(segment: InSegment): boolean {
    const carries = segment.payload.length > 0 || (segment.flags & (Flag.SYN | Flag.FIN)) !== 0;
    return this.board.size > 0 && !carries && segment.window * 2 ** this.#n.scale === this.#n.wnd;
  }

  #progress(rtt_us: number): void {
    this.#n.retries = this.#n.probes = 0;
    this.rtt.progress();
    if (rtt_us > 0) this.rtt.sample(rtt_us);
  }

  #countDuplicates(isDuplicate: boolean, advance: number, segments: number): void {
    const n = this.#n;
    if (isDuplicate) {
      n.duplicateAcks += 1;
      n.renoArrived = Math.min(n.renoArrived + 1, this.board.size - 1);
    } else if (advance > 0) {
      n.duplicateAcks = 0;
      n.renoArrived = n.recover === NONE ? 0 : Math.max(0, n.renoArrived - (segments - 1));
    }
  }

  #recover(flight: number, advance: number): void {
    const n = this.#n;
    if (n.recover !== NONE && seqGe(n.una, n.recover)) this.#endRecovery();
    if (n.recover !== NONE) {
      // Without SACK, an ACK that moves but does not end recovery points at the next hole.
      if (!n.sack && advance > 0 && !n.afterTimeout) this.#loseNext();
      return;
    }
    if (!n.sack && n.duplicateAcks >= DUPLICATES_FOR_LOSS) this.board.loseFirst();
    if (this.board.lostCount === 0) return;
    this.#stats.fastRecoveries += 1;
    n.recover = n.nxt;
    n.urgent = true;
    this.congestion.lost(flight);
  }

  #loseNext(): void {
    this.board.loseFirst();
    this.#n.urgent = true;
  }

  #endRecovery(): void {
    const n = this.#n;
    if (!n.afterTimeout) this.congestion.recovered(this.flight);
    n.recover = NONE;
    n.afterTimeout = false;
    n.duplicateAcks = n.renoArrived = 0;
  }

  /** What became of a tail loss probe (RFC 8985 section 7.4.2): a repair that the probe made is a loss, too. */
  #endTailProbe(segment: InSegment, isDuplicate: boolean): void {
    const n = this.#n;
    if (n.tailProbe === NONE || !seqGe(segment.ack, n.tailProbe)) return;
    const first = segment.options.sacks?.[0];
    const arrivedTwice = first !== undefined && seqLe(first.right, segment.ack);
    const isRepair = n.tailProbeRepeats && !arrivedTwice && seqGt(segment.ack, n.tailProbe);
    if (isRepair) this.congestion.lost(this.flight);
    if (isRepair || arrivedTwice || !n.tailProbeRepeats || isDuplicate) n.tailProbe = NONE;
  }
}
