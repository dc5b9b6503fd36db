import { EMPTY } from '../../wire/bytes.ts';
import { seqAdd, seqDiff, seqGt } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import type { ConnectionCore } from './core.ts';
import { SCOREBOARD_SEGMENTS } from './limits.ts';
import { PathMtu } from './path-mtu.ts';
import type { Recovery } from './recovery.ts';
import { PAYLOAD_HEADROOM_BYTES } from './segment.ts';
import { superSegmentLength } from './segment-size.ts';
import { NONE, type SendNumbers } from './send-numbers.ts';
import { SendQueue } from './send-queue.ts';
import { SendTimers } from './send-timers.ts';
import { payloadLength, type SentSegment } from './sent-segment.ts';

/** What a sender puts on the wire: which segment is next, how long it is, and the segment itself out of the queue. */
export class SendOutput {
  readonly queue = new SendQueue();
  readonly timers: SendTimers;
  /** Made with the first doubt about the size of packets. */
  path: PathMtu | undefined;
  readonly #core: ConnectionCore;
  readonly #n: SendNumbers;
  readonly #recovery: Recovery;

  constructor(core: ConnectionCore, numbers: SendNumbers, recovery: Recovery) {
    this.#core = core;
    this.#n = numbers;
    this.#recovery = recovery;
    this.timers = new SendTimers(core, numbers, recovery);
  }

  /** Number behind the last byte that was written. */
  get end(): number {
    return seqAdd(this.#n.queueSeq, this.queue.length);
  }

  /** Bytes written and never sent. */
  get unsent(): number {
    return Math.max(0, seqDiff(this.end, this.#n.nxt));
  }

  /** After a burst: the timers that its outcome asks for. */
  armTimers(): void {
    this.timers.arm((this.unsent > 0 || this.#finWaits) && !this.#n.paced);
  }

  /** The SYN, or SYN+ACK, for the first time. */
  sendSyn(): void {
    this.#n.nxt = seqAdd(this.#n.iss, 1);
    this.#transmit(this.#recovery.sent({ seq: this.#n.iss, end: this.#n.nxt, syn: true }));
  }

  /** After a timeout: new data before what seems lost (RFC 5682 section 2.1 step 2). False as well when there is none to send. */
  sendForward(): boolean {
    const n = this.#n;
    if (n.forwardSegments === 0) return false;
    const isSent = this.sendNew(false);
    n.forwardSegments = isSent ? n.forwardSegments - 1 : 0;
    if (n.nxt === n.recover) n.forward = false;
    return isSent;
  }

  /** The first lost segment. False where there is none, or no room for it. */
  sendLost(): boolean {
    const n = this.#n;
    // Until the answer to what went forward is there.
    if (n.forward && seqGt(n.nxt, n.recover)) return false;
    const lost = this.#recovery.board.nextLost();
    if (lost === undefined) return false;
    const length = n.urgent ? Math.min(n.mss, payloadLength(lost)) : this.#nextLength(payloadLength(lost), 'repair');
    if (!n.urgent && !this.#recovery.allows(length)) return false;
    n.urgent = false;
    this.sendAgain(lost, length);
    return true;
  }

  /** Something that was never sent. `force`: also a small segment; `beyondCwnd`: also without room in the congestion window. */
  sendNew(force: boolean, beyondCwnd = false): boolean {
    const n = this.#n;
    const { unsent } = this;
    const finWaits = this.#finWaits;
    if ((unsent === 0 && !finWaits) || n.fin !== NONE) return false;
    const room = seqDiff(seqAdd(n.una, n.wnd), n.nxt);
    if (room <= 0 || this.#recovery.board.size >= SCOREBOARD_SEGMENTS || n.cwndLimited || n.paced) return false;
    const probe = beyondCwnd ? 0 : (this.path?.probe(unsent, room) ?? 0);
    if (probe > 0) {
      this.#sendNext(probe, false);
      return true;
    }
    const length = this.#nextLength(Math.min(unsent, room), beyondCwnd ? 'probe' : 'new');
    if (length === 0 && unsent > 0) return false;
    const fin = finWaits && length === unsent && length < room;
    if (!force && !fin && !this.#isWorthwhile(length, unsent)) return false;
    if (!beyondCwnd && !this.#recovery.allows(length)) return false;
    this.#sendNext(length, fin);
    return true;
  }

  /** Into a window that is shut: what is under way, or one byte, or the FIN (RFC 9293 section 3.8.6.1). */
  sendProbe(): void {
    const { first } = this.#recovery.board;
    if (first !== undefined) this.sendAgain(first);
    else if (this.unsent > 0) this.#sendNext(1, false);
    else if (this.#finWaits) this.#sendNext(0, true);
    this.armTimers();
  }

  /** The last full segment of what was sent last; of a super-segment it is a piece of its own from now on. */
  sendTailAgain(last: SentSegment): void {
    const { board } = this.#recovery;
    const ahead = payloadLength(last) - this.#n.mss;
    if (!last.syn && ahead > 0) board.split(last, ahead);
    this.sendAgain(board.last ?? last);
  }

  /** At most `most` payload bytes of it. */
  sendAgain(segment: SentSegment, most = this.#n.mss): void {
    const { board } = this.#recovery;
    if (segment.seq === this.#n.mtuProbe) this.path?.lost();
    const fits = segment.syn || payloadLength(segment) <= most;
    const part = fits ? segment : board.split(segment, most);
    this.#recovery.sentAgain(part, this.#core.stamp);
    // What the timer waits for is on its way once more.
    if (part === board.first) this.timers.restart();
    this.#transmit(part);
  }

  /** There is a doubt about the size of packets. */
  search(): PathMtu {
    this.path ??= new PathMtu(this.#core, this.#n, this.#recovery);
    return this.path;
  }

  get #finWaits(): boolean {
    return this.#core.decision.finishes && this.#n.fin === NONE;
  }

  /** Payload of the next segment, new or again; 0 where the congestion window makes it wait. */
  #nextLength(available: number, kind: 'new' | 'repair' | 'probe'): number {
    const n = this.#n;
    // An interface that cuts leaves the urgent pointer as it is: wrong in all segments but the first.
    const isWhole = this.#core.options.superSegments === true && !this.#core.urgent.sending(n.una);
    if (kind === 'probe' || !isWhole) return Math.min(available, n.mss);
    const { pipe, congestion } = this.#recovery;
    const { cwnd, pacingRate } = congestion;
    const repairs = kind === 'repair';
    const length = superSegmentLength({ available, mss: n.mss, cwnd, pacingRate, pipe, repairs });
    if (length === 0 && available > 0) n.cwndLimited = true;
    return length;
  }

  /** Sender's side of silly window avoidance (RFC 9293 section 3.8.6.2.1) and, where it is on, Nagle's rule. */
  #isWorthwhile(length: number, unsent: number): boolean {
    if (length >= this.#n.mss) return true;
    if (length === unsent) return !this.#core.settings.nagle || this.#recovery.flight === 0;
    return length >= this.#n.maxWnd / 2;
  }

  #sendNext(length: number, fin: boolean): void {
    const n = this.#n;
    const seq = n.nxt;
    if (fin) n.fin = seqAdd(seq, length);
    n.nxt = seqAdd(seq, length + (fin ? 1 : 0));
    this.timers.tailProbe.off();
    this.#transmit(this.#recovery.sent({ seq, end: n.nxt, fin }));
  }

  #transmit(segment: SentSegment): void {
    const n = this.#n;
    n.lastSent_us = this.#core.host.now_us();
    if (segment.syn) {
      const flags = this.#core.decision.state === 'SYN-SENT' ? Flag.SYN : Flag.SYN | Flag.ACK;
      this.#core.emit(segment.seq, flags, EMPTY);
      return;
    }
    const length = payloadLength(segment);
    const at = seqDiff(segment.seq, n.queueSeq);
    const isLast = at + length === this.queue.length;
    const push = length > 0 && isLast ? Flag.PSH : 0;
    const flags = Flag.ACK | push | (segment.fin ? Flag.FIN : 0);
    const headroom = this.#core.options.superSegments === true && length > 0 ? PAYLOAD_HEADROOM_BYTES : 0;
    this.#core.emit(segment.seq, flags, this.queue.slice(at, length, headroom), headroom);
  }
}
