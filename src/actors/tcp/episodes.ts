import { seqDiff, seqGe, seqGt, seqLe } from '../../wire/seq.ts';
import type { CongestionControl } from './congestion/congestion.ts';
import type { TcpStats } from './core.ts';
import { DUPLICATES_FOR_LOSS } from './limits.ts';
import type { ReorderingWindow } from './reordering.ts';
import type { Scoreboard } from './scoreboard.ts';
import type { InSegment } from './segment.ts';
import { NONE, type SendNumbers } from './send-numbers.ts';
import { type Delivered, NO_END } from './sent-segment.ts';
import { UndoWatch } from './undo.ts';

/** New segments that are sent after a timeout to see whether it was for nothing (RFC 5682 section 2.1 step 2). */
const FORWARD_SEGMENTS = 2;

/** What was so before an ACK, or a timer, changed anything. */
export interface Before {
  readonly now_us: number;
  /** Sequence numbers sent and not acknowledged; bytes in the network; bytes ever found lost. */
  readonly flight: number;
  readonly pipe: number;
  readonly lostBytes: number;
}

/** An ACK that has been entered into the scoreboard. */
export interface Arrived {
  readonly segment: InSegment;
  /** How far UNA has moved. */
  readonly advance: number;
  readonly isDuplicate: boolean;
  readonly delivered: Delivered;
}

/** The parts of a sender that episodes steer. */
export interface EpisodeParts {
  readonly n: SendNumbers;
  readonly board: Scoreboard;
  readonly congestion: CongestionControl;
  readonly reordering: ReorderingWindow;
  readonly stats: TcpStats;
}

/**
 * The times in which the window is reduced: because the network has marked a packet, while losses are repaired (RFC 6675, 6582), and
 * after a timeout; how each begins and ends, and how it is taken back when nothing was lost after all (RFC 5682, 3522, 3708).
 */
export class Episodes {
  readonly undo = new UndoWatch();
  readonly #parts: EpisodeParts;

  constructor(parts: EpisodeParts) {
    this.#parts = parts;
  }

  /** A loss or a mark is being worked off. */
  get busy(): boolean {
    return this.#parts.n.recover !== NONE;
  }

  /** Goes on, ends or begins one after an ACK. */
  arrived(before: Before, ack: Arrived): void {
    const { n, board } = this.#parts;
    if (this.#wasForNothing(ack)) this.#takeBack();
    if (this.#isOver) this.#end();
    if (n.episode === 'timeout') {
      if (n.forward) this.#forward(ack);
      return;
    }
    // Without SACK, an ACK that moves but does not end recovery points at the next hole.
    if (n.episode === 'recovery' && !n.sack && ack.advance > 0) this.#loseNext();
    if (!n.sack && n.duplicateAcks >= DUPLICATES_FOR_LOSS && this.#isNewLoss()) board.loseFirst();
    this.lossesFound(before);
  }

  /** Begins a recovery when something is lost and none is under way. */
  lossesFound(before: Before): void {
    const { n, board, congestion, stats } = this.#parts;
    if (board.lostCount === 0 || n.episode === 'recovery' || n.episode === 'timeout') return;
    stats.fastRecoveries += 1;
    // What a mark has reduced is not reduced once more for the same round trip.
    if (n.episode === 'open') this.undo.begin(n.una);
    n.recover = n.nxt;
    n.episode = 'recovery';
    n.urgent = n.reduced = true;
    congestion.reduce('loss', this.#reduction(before));
  }

  /** The network has marked a packet (RFC 3168 section 6.1.2): one reduction in a round trip. */
  marked(before: Before): void {
    const { n, board, congestion, stats } = this.#parts;
    if (this.busy || board.size === 0 || !congestion.answersMarks) return;
    stats.marksAnswered += 1;
    n.recover = n.nxt;
    n.episode = 'marked';
    this.undo.end();
    n.reduced = true;
    congestion.reduce('mark', this.#reduction(before));
  }

  /** The retransmission timer went off for data (RFC 6298 section 5, RFC 5681 section 3.1). */
  timedOut(before: Before): void {
    const { n, board, congestion } = this.#parts;
    // One reduction for one loss: not for the same data once more, and not for what a recovery has not repaired.
    const isReduced = n.retries > 1 || n.episode === 'recovery' || n.episode === 'marked';
    if (!isReduced) this.undo.begin(n.una);
    // Not where repetitions are on their way already, whose arrival would look the same (RFC 5682 section 2.1 step 1).
    n.forward = n.sack && (n.episode === 'open' || n.episode === 'marked' || n.retries > 1);
    n.duplicateAcks = n.arrivedBehind = 0;
    board.timedOut(before.now_us);
    congestion.timedOut(this.#reduction(before), isReduced);
    n.recover = n.nxt;
    n.episode = 'timeout';
    n.urgent = n.reduced = true;
    n.tailProbe = NONE;
    n.forwardSegments = 0;
  }

  /** The one segment that is lost was larger than any before it: no sign of congestion (RFC 4821 section 7.6.2). */
  excuse(): void {
    const { n, board, congestion } = this.#parts;
    if (n.episode !== 'recovery' || board.lostCount !== 1) return;
    n.recover = NONE;
    n.episode = 'open';
    this.undo.end();
    congestion.undo();
  }

  /** For a mark, one ACK later: what goes out next tells the other side to echo it no longer. */
  get #isOver(): boolean {
    const { n } = this.#parts;
    return this.busy && (n.episode === 'marked' ? seqGt(n.una, n.recover) : seqGe(n.una, n.recover));
  }

  #reduction(before: Before) {
    return { ...before, pipeBefore: before.pipe, pipe: this.#parts.board.pipe };
  }

  /** Whether this ACK shows that repetitions were not needed. */
  #wasForNothing({ segment, advance, delivered }: Arrived): boolean {
    const { n } = this.#parts;
    if (!this.undo.watches) return false;
    if ((!this.busy || this.#isOver) && this.undo.allForNothing) return true;
    if (!this.busy || n.episode === 'marked') return false;
    if (advance > 0 && this.undo.answersOriginal(segment)) return true;
    // Something that was sent before the timeout, and never again, arrives only now (RFC 5682 section 3.1 step 3b).
    const { originalEnd } = delivered;
    return n.episode === 'timeout' && n.forward && originalEnd !== NO_END && seqLe(originalEnd, n.recover);
  }

  #takeBack(): void {
    const { n, board, congestion, stats } = this.#parts;
    stats.undone += 1;
    if (n.episode === 'recovery') board.rack.reorders = true;
    if (this.busy) board.undo();
    board.rack.believeOriginals();
    n.recover = NONE;
    n.episode = 'open';
    n.forward = false;
    n.urgent = false;
    this.undo.end();
    congestion.undo();
  }

  #end(): void {
    const { n, congestion, reordering } = this.#parts;
    if (n.episode !== 'marked') reordering.recovered();
    congestion.recovered();
    n.settled = n.sack ? NONE : n.recover;
    n.recover = NONE;
    n.episode = 'open';
    n.forward = false;
    n.duplicateAcks = n.arrivedBehind = 0;
  }

  /** RFC 5682 section 3.1 steps 2 and 3: after a timeout new data goes first; who then still misses old data has truly lost it. */
  #forward({ advance, isDuplicate, delivered }: Arrived): void {
    const { n } = this.#parts;
    if (seqGt(n.nxt, n.recover)) {
      if (isDuplicate || (advance === 0 && delivered.bytes > 0)) n.forward = false;
    } else if (advance > 0) {
      n.recover = n.nxt;
      n.forwardSegments = FORWARD_SEGMENTS;
    }
  }

  /** Duplicate ACKs of what the last recovery has repeated are no sign of a loss (RFC 6582 section 3.2 step 1). */
  #isNewLoss(): boolean {
    const { n } = this.#parts;
    if (n.episode === 'recovery') return false;
    if (n.settled !== NONE && seqDiff(n.una, n.settled) > 0) n.settled = NONE;
    return n.settled === NONE;
  }

  #loseNext(): void {
    this.#parts.board.loseFirst();
    this.#parts.n.urgent = true;
  }
}
