import { EMPTY } from '../../wire/bytes.ts';
import { seqAdd, seqDiff, seqGe, seqGt, seqLt } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import type { ConnectionCore, TcpStats } from './core.ts';
import {
  DATA_RETRANSMISSIONS,
  MIN_PAYLOAD_BYTES,
  R1_RETRANSMISSIONS,
  SCOREBOARD_SEGMENTS,
  SEND_QUEUE_BYTES,
  SYN_ACK_RETRANSMISSIONS,
  SYN_RETRANSMISSIONS,
} from './limits.ts';
import { PathMtu } from './path-mtu.ts';
import { Recovery } from './recovery.ts';
import { type InSegment, PAYLOAD_HEADROOM_BYTES } from './segment.ts';
import { superSegmentLength } from './segment-size.ts';
import { NONE, newSendNumbers, type SendNumbers } from './send-numbers.ts';
import { SendQueue } from './send-queue.ts';
import { SendTimers } from './send-timers.ts';
import { payloadLength, type SentSegment } from './sent-segment.ts';
import { unanswered } from './user-timeout.ts';

/** The sending half of a connection: queue, offered window, what goes out when. */
export class Sender {
  readonly n: SendNumbers;
  readonly recovery: Recovery;
  readonly timers: SendTimers;
  readonly #core: ConnectionCore;
  readonly #stats: TcpStats;
  readonly #queue = new SendQueue();
  readonly #mark: number;
  /** Made with the first doubt about the size of packets. */
  #path: PathMtu | undefined;

  constructor(core: ConnectionCore, stats: TcpStats) {
    this.#core = core;
    this.#stats = stats;
    this.#mark = core.options.sendQueueBytes ?? SEND_QUEUE_BYTES;
    this.n = newSendNumbers(core.options.mss);
    this.recovery = new Recovery(core, this.n, stats);
    this.timers = new SendTimers(core, this.n, this.recovery);
  }

  /** Bytes that may be written before the queue is over its mark. */
  get space(): number {
    return Math.max(0, this.#mark - this.#queue.length);
  }

  /** Number behind the last byte that was written. */
  get end(): number {
    return seqAdd(this.n.queueSeq, this.#queue.length);
  }

  get finAcknowledged(): boolean {
    return this.n.fin !== NONE && seqGt(this.n.una, this.n.fin);
  }

  /** Takes the initial number; nothing was sent yet. */
  begin(iss: number): void {
    Object.assign(this.n, { iss, una: iss, nxt: iss, queueSeq: seqAdd(iss, 1) });
  }

  /** Our SYN went out and was acknowledged before there was a connection. */
  synAcknowledged(): void {
    this.n.una = this.n.nxt = seqAdd(this.n.iss, 1);
  }

  /** What the handshake agreed on. */
  agree(mss: number, sack: boolean, scale: number): void {
    Object.assign(this.n, { mss, sack, scale });
    this.#path = undefined;
    if (this.#core.options.mtuProbing === 'always') this.#search().beginSmall();
    this.recovery.setMss(this.n.mss, true);
  }

  /** Sends SYN, or SYN+ACK, again with the number it had where it went out before (simultaneous open). */
  sendSyn(): void {
    const first = this.recovery.board.first;
    if (first === undefined) {
      this.n.nxt = seqAdd(this.n.iss, 1);
      this.#send({ seq: this.n.iss, end: this.n.nxt, syn: true });
    } else {
      this.#sendAgain(first);
    }
    this.timers.restart();
  }

  write(bytes: Uint8Array): void {
    if (this.#unsent() === 0) this.recovery.nothingWaits();
    this.#queue.append(bytes);
    if (this.#queue.length < this.#mark || this.n.toldFull) return;
    this.n.toldFull = true;
    this.#core.tell({ kind: 'full' });
  }

  /** ACK field and window of an acceptable segment, UNA <= ack <= NXT (RFC 9293 section 3.10.7.4, fifth step). */
  acknowledge(segment: InSegment, timestampRtt_us: number): void {
    const { n, recovery } = this;
    const advance = seqDiff(segment.ack, n.una);
    if (this.#unsent() === 0) recovery.nothingWaits();
    recovery.acknowledge(segment, timestampRtt_us);
    // Whoever answers lives, even when its window stays shut (RFC 9293 MUST-37).
    if (segment.window === 0) n.retries = n.probes = 0;
    if (advance > 0) this.#forget();
    if (advance > 0) this.#path?.progress();
    this.timers.acknowledged(advance > 0);
    this.#updateWindow(segment, advance > 0);
  }

  /** The first window of the connection: there is no older segment to compare with. */
  firstWindow(segment: InSegment): void {
    this.n.wl1 = segment.seq;
    this.n.wl2 = segment.ack;
    this.#updateWindow(segment, true);
  }

  /** IP headers have grown by so many bytes, or shrunk: packets stay as long as they are (RFC 9293 MUST-16). */
  headersGrew(bytes: number): void {
    if (bytes === 0) return;
    this.n.mss = Math.max(MIN_PAYLOAD_BYTES, this.n.mss - bytes);
    this.#path?.headersGrew(bytes);
    this.recovery.setMss(this.n.mss, false);
  }

  /** Puts on the wire what the windows allow, lost segments first. `force`: a small segment may go (window probe timer). */
  output(force = false): void {
    if (!this.#core.decision.sends || this.recovery.board.first?.syn === true) return;
    this.#resumeAfterIdle();
    this.n.cwndLimited = this.n.paced = false;
    while (this.#sendForward() || this.#sendLost() || this.#sendNew(force));
    this.timers.arm((this.#unsent() > 0 || this.#finWaits()) && !this.n.paced);
  }

  /** The retransmission timer went off. False: it went off too often. */
  timedOut(): boolean {
    const { n, recovery } = this;
    const first = recovery.board.first;
    if (first === undefined) return true;
    if (n.retries >= this.#retransmissionLimit(first)) return false;
    this.#stats.timeouts += 1;
    n.retries += 1;
    recovery.rtt.backOff();
    unanswered(this.#core, n.retries);
    if (!first.syn && n.retries >= R1_RETRANSMISSIONS) this.#search().vanished(payloadLength(first));
    if (!first.syn) recovery.timedOut();
    if (first.syn) this.#sendAgain(first);
    else this.#sendLost();
    this.timers.restart();
    this.timers.tailProbe.off();
    return true;
  }

  /** The window probe timer went off (RFC 9293 section 3.8.6.1). False: too many probes went unanswered. */
  probeWindow(): boolean {
    const { n } = this;
    if (n.probes >= this.#limit(DATA_RETRANSMISSIONS)) return false;
    n.probes += 1;
    if (n.wnd === 0) n.shutProbes += 1;
    unanswered(this.#core, n.probes - 1);
    const before = n.nxt;
    if (n.wnd > 0) this.output(true);
    if (n.nxt === before) this.#sendProbe();
    return true;
  }

  /** The tail loss probe timer went off: something new, or the last segment once more (RFC 8985 section 7.3). */
  probeTail(): void {
    const { n } = this;
    const last = this.recovery.board.last;
    if (last === undefined || !this.timers.mayProbeTail) return;
    this.#stats.tailProbes += 1;
    n.cwndLimited = n.paced = false;
    n.tailProbeRepeats = !this.#sendNew(true, true);
    if (n.tailProbeRepeats) this.#sendAgain(this.#tailOf(last));
    n.tailProbe = n.nxt;
    this.timers.restart();
  }

  /** The path takes at most `mss` bytes of payload in a segment from now on. */
  shrink(mss: number): void {
    if (mss < this.n.mss || this.#path !== undefined) this.#search().told(mss);
  }

  clear(): void {
    this.#queue.clear();
    this.recovery.board.clear();
    this.timers.clear();
  }

  save() {
    return {
      n: { ...this.n },
      recovery: this.recovery.save(),
      queue: this.#queue.save(),
      path: this.#path?.save() ?? null,
      timers: this.timers.save(),
    };
  }

  restore(saved: ReturnType<Sender['save']>): void {
    Object.assign(this.n, saved.n);
    this.recovery.restore(saved.recovery);
    this.#queue.restore(saved.queue);
    if (saved.path !== null) this.#search().restore(saved.path);
    this.timers.restore(saved.timers);
  }

  /** Drops acknowledged bytes from the queue and tells the user when it has room again. */
  #forget(): void {
    const { n } = this;
    const bytes = Math.min(this.#queue.length, Math.max(0, seqDiff(n.una, n.queueSeq)));
    this.#queue.drop(bytes);
    n.queueSeq = seqAdd(n.queueSeq, bytes);
    this.#stats.bytesOut += bytes;
    if (!n.toldFull || this.#queue.length > this.#mark / 2) return;
    n.toldFull = false;
    this.#core.tell({ kind: 'writable', space: this.space });
  }

  /**
   * `progress`: it acknowledges something new, so it was sent after all before it, whatever its number is: a window of earlier would be
   * counted from the new UNA, and its end would move where nobody has offered anything.
   */
  #updateWindow(segment: InSegment, progress: boolean): void {
    const { n } = this;
    const isNewer = progress || seqLt(n.wl1, segment.seq) || (n.wl1 === segment.seq && seqGe(segment.ack, n.wl2));
    if (!isNewer) return;
    const wasShut = n.wnd === 0;
    n.wnd = (segment.flags & Flag.SYN) !== 0 ? segment.window : segment.window * 2 ** n.scale;
    n.maxWnd = Math.max(n.maxWnd, n.wnd);
    if (n.wnd > 0) n.shutProbes = 0;
    n.wl1 = segment.seq;
    n.wl2 = segment.ack;
    if (!wasShut || n.wnd === 0 || !this.timers.isProbing) return;
    // The byte of a window probe was most likely thrown away: it goes first.
    this.recovery.board.loseFirst();
    n.urgent = true;
  }

  /** Bytes written and never sent. */
  #unsent(): number {
    return Math.max(0, seqDiff(this.end, this.n.nxt));
  }

  #finWaits(): boolean {
    return this.#core.decision.finishes && this.n.fin === NONE;
  }

  /** After a timeout: new data before what seems lost (RFC 5682 section 2.1 step 2). False as well when there is none to send. */
  #sendForward(): boolean {
    const { n } = this;
    if (n.forwardSegments === 0) return false;
    const isSent = this.#sendNew(false);
    n.forwardSegments = isSent ? n.forwardSegments - 1 : 0;
    if (n.nxt === n.recover) n.forward = false;
    return isSent;
  }

  #sendLost(): boolean {
    // Until the answer to what went forward is there.
    if (this.n.forward && seqGt(this.n.nxt, this.n.recover)) return false;
    const lost = this.recovery.board.nextLost();
    if (lost === undefined) return false;
    const { n } = this;
    const length = n.urgent ? Math.min(n.mss, payloadLength(lost)) : this.#nextLength(payloadLength(lost), 'repair');
    if (!n.urgent && !this.recovery.allows(length)) return false;
    n.urgent = false;
    this.#sendAgain(lost, length);
    return true;
  }

  /** The last full segment of a super-segment is a piece of its own from now on. */
  #tailOf(last: SentSegment): SentSegment {
    const ahead = payloadLength(last) - this.n.mss;
    if (last.syn || ahead <= 0) return last;
    this.recovery.board.split(last, ahead);
    return this.recovery.board.last ?? last;
  }

  #sendNew(force: boolean, beyondCwnd = false): boolean {
    const { n, recovery } = this;
    const unsent = this.#unsent();
    if ((unsent === 0 && !this.#finWaits()) || n.fin !== NONE) return false;
    const room = seqDiff(seqAdd(n.una, n.wnd), n.nxt);
    if (room <= 0 || recovery.board.size >= SCOREBOARD_SEGMENTS || n.cwndLimited || n.paced) return false;
    const probe = beyondCwnd ? 0 : (this.#path?.probe(unsent, room) ?? 0);
    if (probe > 0) {
      this.#sendNext(probe, false);
      return true;
    }
    const length = this.#nextLength(Math.min(unsent, room), beyondCwnd ? 'probe' : 'new');
    if (length === 0 && unsent > 0) return false;
    const fin = this.#finWaits() && length === unsent && length < room;
    if (!force && !fin && !this.#isWorthwhile(length, unsent)) return false;
    if (!beyondCwnd && !recovery.allows(length)) return false;
    this.#sendNext(length, fin);
    return true;
  }

  /** Payload of the next segment, new or again; 0 where the congestion window makes it wait. */
  #nextLength(available: number, kind: 'new' | 'repair' | 'probe'): number {
    const { n, recovery } = this;
    // An interface that cuts leaves the urgent pointer as it is: wrong in all segments but the first.
    const isWhole = this.#core.options.superSegments === true && !this.#core.urgent.sending(n.una);
    if (kind === 'probe' || !isWhole) return Math.min(available, n.mss);
    const { pipe, congestion } = recovery;
    const { cwnd, pacingRate } = congestion;
    const repairs = kind === 'repair';
    const length = superSegmentLength({ available, mss: n.mss, cwnd, pacingRate, pipe, repairs });
    if (length === 0 && available > 0) n.cwndLimited = true;
    return length;
  }

  /** Sender's side of silly window avoidance (RFC 9293 section 3.8.6.2.1) and, where it is on, Nagle's rule. */
  #isWorthwhile(length: number, unsent: number): boolean {
    if (length >= this.n.mss) return true;
    if (length === unsent) return !this.#core.settings.nagle || this.recovery.flight === 0;
    return length >= this.n.maxWnd / 2;
  }

  #sendNext(length: number, fin: boolean): void {
    const { n } = this;
    const seq = n.nxt;
    if (fin) n.fin = seqAdd(seq, length);
    n.nxt = seqAdd(seq, length + (fin ? 1 : 0));
    this.timers.tailProbe.off();
    this.#send({ seq, end: n.nxt, fin });
  }

  #sendProbe(): void {
    const first = this.recovery.board.first;
    this.#stats.windowProbes += 1;
    if (first !== undefined) this.#sendAgain(first);
    else if (this.#unsent() > 0) this.#sendNext(1, false);
    else if (this.#finWaits()) this.#sendNext(0, true);
    this.timers.arm((this.#unsent() > 0 || this.#finWaits()) && !this.n.paced);
  }

  #send(segment: { seq: number; end: number; syn?: boolean; fin?: boolean }): void {
    this.#transmit(this.recovery.sent(segment));
  }

  /** At most `most` payload bytes of it. */
  #sendAgain(segment: SentSegment, most = this.n.mss): void {
    const { board } = this.recovery;
    if (segment.seq === this.n.mtuProbe) this.#path?.lost();
    const fits = segment.syn || payloadLength(segment) <= most;
    const part = fits ? segment : board.split(segment, most);
    this.recovery.sentAgain(part, this.#core.stamp);
    // What the timer waits for is on its way once more.
    if (part === board.first) this.timers.restart();
    this.#transmit(part);
  }

  #transmit(segment: SentSegment): void {
    const { n } = this;
    n.lastSent_us = this.#core.host.now_us();
    if (segment.syn) {
      const flags = this.#core.decision.state === 'SYN-SENT' ? Flag.SYN : Flag.SYN | Flag.ACK;
      this.#core.emit(segment.seq, flags, EMPTY);
      return;
    }
    const length = payloadLength(segment);
    const at = seqDiff(segment.seq, n.queueSeq);
    const isLast = at + length === this.#queue.length;
    const push = length > 0 && isLast ? Flag.PSH : 0;
    const flags = Flag.ACK | push | (segment.fin ? Flag.FIN : 0);
    const headroom = this.#core.options.superSegments === true && length > 0 ? PAYLOAD_HEADROOM_BYTES : 0;
    this.#core.emit(segment.seq, flags, this.#queue.slice(at, length, headroom), headroom);
  }

  #search(): PathMtu {
    this.#path ??= new PathMtu(this.#core, this.n, this.recovery);
    return this.#path;
  }

  #resumeAfterIdle(): void {
    if (this.recovery.board.size > 0 || this.#unsent() === 0) return;
    const now_us = this.#core.host.now_us();
    this.recovery.congestion.resume(now_us, now_us - this.n.lastSent_us > this.recovery.rtt.rto_us());
  }

  #retransmissionLimit(first: SentSegment): number {
    if (!first.syn) return this.#limit(DATA_RETRANSMISSIONS);
    return this.#limit(this.#core.decision.state === 'SYN-SENT' ? SYN_RETRANSMISSIONS : SYN_ACK_RETRANSMISSIONS);
  }

  #limit(usual: number): number {
    return this.#core.options.retransmissions ?? usual;
  }
}
