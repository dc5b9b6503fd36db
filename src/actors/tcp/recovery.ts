import { seqDiff, seqGe, seqGt, seqLe } from '../../wire/seq.ts';
import { Flag, type SackBlock } from '../../wire/tcp.ts';
import type { CongestionControl } from './congestion/congestion.ts';
import { createCongestion } from './congestion/create.ts';
import type { ConnectionCore, TcpStats } from './core.ts';
import { type Arrived, type Before, type EpisodeParts, Episodes } from './episodes.ts';
import { Pacer } from './pacer.ts';
import { ReorderingWindow } from './reordering.ts';
import { RttEstimator } from './rtt.ts';
import { Scoreboard } from './scoreboard.ts';
import type { InSegment } from './segment.ts';
import { NONE, type SendNumbers } from './send-numbers.ts';
import { nothingDelivered, type SentSegment } from './sent-segment.ts';

/** A SYN that went out more often than this was lost by a network that is best met with one segment (RFC 5681 section 3.1). */
const MAX_SYN_SENDINGS = 2;

/** What ACKs tell about the network: round trips, losses, and how much may be under way. */
export class Recovery implements EpisodeParts {
  readonly rtt = new RttEstimator();
  readonly congestion: CongestionControl;
  readonly board = new Scoreboard();
  /** Time after which {@link reorderingOver} is due, found by the last ACK; 0 for never. */
  reorderWait_us = 0;
  readonly #core: ConnectionCore;
  readonly n: SendNumbers;
  readonly stats: TcpStats;
  readonly reordering = new ReorderingWindow();
  readonly #episodes: Episodes;
  /** Only where the algorithm paces. */
  readonly pacer: Pacer | undefined;

  constructor(core: ConnectionCore, numbers: SendNumbers, stats: TcpStats) {
    this.#core = core;
    this.n = numbers;
    this.stats = stats;
    this.congestion = createCongestion(core.options.congestion ?? 'cubic', {
      name: core.options.name,
      observer: core.host.observer,
      mss: core.options.mss,
      iss: () => numbers.iss,
      sack: () => numbers.sack,
    });
    this.pacer = this.congestion.pacingRate > 0 ? new Pacer(this.congestion) : undefined;
    this.board.listener = this.congestion.rate;
    this.#episodes = new Episodes(this);
  }

  /** Bytes believed to be in the network. */
  get pipe(): number {
    return Math.max(0, this.board.pipe - this.n.arrivedBehind * this.n.mss);
  }

  /** Sequence numbers sent and not acknowledged. */
  get flight(): number {
    return seqDiff(this.n.nxt, this.n.una);
  }

  /** Whether `bytes` more may go out now; notes when not. */
  allows(bytes: number): boolean {
    const { pipe } = this;
    if (pipe > 0 && pipe + bytes > this.congestion.cwnd) {
      this.n.cwndLimited = true;
      return false;
    }
    if (this.pacer?.allows(this.#core.host.now_us()) === false) this.n.paced = true;
    return !this.n.paced;
  }

  /** The size of a packet was agreed on, or the path takes less. */
  setMss(mss: number, fresh: boolean): void {
    this.board.mss = mss;
    this.congestion.setMss(mss, fresh);
  }

  /** Something new goes out. */
  sent(fields: { seq: number; end: number; syn?: boolean; fin?: boolean }): SentSegment {
    const now_us = this.#core.host.now_us();
    const segment = this.board.sent(fields, now_us);
    this.#goesOut(segment, now_us);
    return segment;
  }

  /** A segment goes out once more; `stamp` is the timestamp that it carries, NONE without the option. */
  sentAgain(segment: SentSegment, stamp: number): void {
    const now_us = this.#core.host.now_us();
    this.board.sentAgain(segment, now_us);
    this.#goesOut(segment, now_us);
    this.#episodes.undo.sentAgain(segment.end, stamp, this.n.una);
    this.stats.retransmissions += 1;
  }

  /** Nothing waits to be sent; where the window has room, too, the application is what limits the rate. */
  nothingWaits(): void {
    const { rate, cwnd } = this.congestion;
    if (rate === undefined || this.board.lostCount > 0 || this.pipe >= cwnd) return;
    rate.limitedByApplication(this.pipe);
  }

  /** ACK field and SACK blocks of a segment; UNA is still the old one. `timestampRtt_us` is 0 where there is none. */
  acknowledge(segment: InSegment, timestampRtt_us: number): void {
    const n = this.n;
    const before = this.#before();
    const behind = n.arrivedBehind;
    const advance = seqDiff(segment.ack, n.una);
    const ack: Arrived = {
      segment,
      advance,
      isDuplicate: advance === 0 && this.#isDuplicate(segment),
      delivered: nothingDelivered(),
    };
    const { first } = this.board;
    const synSendings = first?.syn === true && advance > 0 ? first.transmissions : 0;
    this.#enter(ack, before.now_us);
    if (advance > 0) this.n.retries = this.n.probes = 0;
    this.#measure(ack, timestampRtt_us);
    if (synSendings > 1) this.#synWasRepeated(synSendings);
    if (n.sack) this.#judge();
    else this.#countDuplicates(ack);
    this.#endTailProbe(ack, before);
    this.#episodes.arrived(before, ack);
    this.#report(before, ack, n.sack ? 0 : behind);
  }

  /** The time for reordering is over: what is still missing counts as lost. */
  reorderingOver(): void {
    const before = this.#before();
    this.#judge();
    this.#episodes.lossesFound(before);
  }

  /** The network has marked a packet of ours. */
  marked(): void {
    this.#episodes.marked(this.#before());
  }

  /** What is to be sent again was lost for its size. */
  excuse(): void {
    this.#episodes.excuse();
  }

  /** The retransmission timer went off for data. */
  timedOut(): void {
    this.#episodes.timedOut(this.#before());
  }

  save() {
    return {
      rtt: this.rtt.save(),
      congestion: this.congestion.save(),
      board: this.board.save(),
      reordering: this.reordering.save(),
      undo: this.#episodes.undo.save(),
      pacer: this.pacer?.save() ?? null,
    };
  }

  restore(saved: ReturnType<Recovery['save']>): void {
    this.rtt.restore(saved.rtt);
    this.congestion.restore(saved.congestion);
    this.board.restore(saved.board);
    this.reordering.restore(saved.reordering);
    this.#episodes.undo.restore(saved.undo);
    if (saved.pacer !== null) this.pacer?.restore(saved.pacer);
  }

  #before(): Before {
    const now_us = this.#core.host.now_us();
    return { now_us, flight: this.flight, pipe: this.pipe, lostBytes: this.board.lostBytes };
  }

  #goesOut(segment: SentSegment, now_us: number): void {
    if (segment.syn) return;
    const bytes = seqDiff(segment.end, segment.seq);
    this.congestion.rate?.sent(segment, this.board.pipe, now_us);
    this.congestion.sent(bytes);
    this.pacer?.sent(bytes, now_us);
  }

  #enter({ segment, delivered }: Arrived, now_us: number): void {
    const n = this.n;
    const sacks = n.sack ? segment.options.sacks : undefined;
    if (sacks !== undefined) this.#gotTwice(sacks, segment.ack);
    this.board.acknowledge(segment.ack, now_us, delivered);
    if (sacks !== undefined) this.board.sack(sacks, segment.ack, n.nxt, now_us, delivered);
    n.una = segment.ack;
  }

  /** A first block that tells of nothing that is missing: the other side got that twice (RFC 2883). */
  #gotTwice(sacks: readonly SackBlock[], ack: number): void {
    const [first, second] = sacks;
    if (first === undefined || seqGe(first.left, first.right)) return;
    const isInside = second !== undefined && seqGe(first.left, second.left) && seqLe(first.right, second.right);
    if (!seqLe(first.right, ack) && !isInside) return;
    this.stats.repeatedForNothing += 1;
    this.#episodes.undo.gotTwice(first.left);
    const n = this.n;
    // A probe of the tail may be needless, and the network may double what we sent once.
    const wasProbe = n.tailProbe !== NONE && n.tailProbeRepeats;
    if (wasProbe || this.stats.repeatedForNothing > this.stats.retransmissions) return;
    this.reordering.repeatedForNothing(n.una, n.nxt);
  }

  /** Whatever was measured, once an ACK: by the segments themselves or, where they went out more than once, by timestamps. */
  #measure({ advance, delivered }: Arrived, timestampRtt_us: number): void {
    const bySegment_us = advance > 0 ? delivered.rtt_us : delivered.newestRtt_us;
    const rtt_us = bySegment_us > 0 || advance === 0 ? bySegment_us : timestampRtt_us;
    if (rtt_us > 0) this.rtt.sample(rtt_us);
  }

  #synWasRepeated(sendings: number): void {
    this.rtt.synWasRepeated();
    if (sendings > MAX_SYN_SENDINGS) this.congestion.beginSmall();
  }

  #judge(): void {
    const { board, rtt } = this;
    const { episode } = this.n;
    const reorder_us = this.reordering.window_us({
      reorders: board.rack.reorders,
      recovering: episode === 'recovery' || episode === 'timeout',
      sacked: board.sackedCount,
      minRtt_us: rtt.min_us,
      srtt_us: rtt.srtt_us,
    });
    this.reorderWait_us = board.judge(this.#core.host.now_us(), reorder_us);
  }

  /** RFC 5681 section 2. */
  #isDuplicate(segment: InSegment): boolean {
    const carries = segment.payload.length > 0 || (segment.flags & (Flag.SYN | Flag.FIN)) !== 0;
    return this.board.size > 0 && !carries && segment.window * 2 ** this.n.scale === this.n.wnd;
  }

  #countDuplicates({ isDuplicate, advance, delivered }: Arrived): void {
    const n = this.n;
    if (isDuplicate) {
      n.duplicateAcks += 1;
      n.arrivedBehind = Math.min(n.arrivedBehind + 1, this.board.size - 1);
    } else if (advance > 0) {
      n.duplicateAcks = 0;
      n.arrivedBehind = n.recover === NONE ? 0 : Math.max(0, n.arrivedBehind - (delivered.segments - 1));
    }
  }

  /** What became of a tail loss probe (RFC 8985 section 7.4.2): a repair that the probe made is a loss, too. */
  #endTailProbe({ segment, isDuplicate }: Arrived, before: Before): void {
    const n = this.n;
    if (n.tailProbe === NONE || !seqGe(segment.ack, n.tailProbe)) return;
    const first = segment.options.sacks?.[0];
    const arrivedTwice = first !== undefined && seqLe(first.right, segment.ack);
    const isRepair = n.tailProbeRepeats && !arrivedTwice && seqGt(segment.ack, n.tailProbe);
    if (isRepair && n.recover === NONE) {
      this.congestion.reduce('loss', { ...before, pipeBefore: before.pipe, pipe: this.pipe });
      this.congestion.recovered();
    }
    if (isRepair || arrivedTwice || !n.tailProbeRepeats || isDuplicate) n.tailProbe = NONE;
  }

  /** `behind`: packets that duplicate ACKs had told of, so that an ACK which moves over them brings them no second time. */
  #report(before: Before, { delivered, advance, isDuplicate }: Arrived, behind: number): void {
    const n = this.n;
    const { now_us } = before;
    const byDuplicate = !n.sack && isDuplicate ? n.mss : 0;
    this.congestion.acked({
      now_us,
      una: n.una,
      nxt: n.nxt,
      delivered: byDuplicate + Math.max(0, delivered.bytes - behind * n.mss),
      lost: this.board.lostBytes - before.lostBytes,
      advanced: advance > 0,
      pipe: this.pipe,
      rtt_us: delivered.newestRtt_us,
      srtt_us: this.rtt.srtt_us,
      minRtt_us: this.rtt.min_us,
      limited: n.cwndLimited,
      episode: n.episode,
      sample: this.congestion.rate?.take(this.rtt.min_us),
    });
  }
}
