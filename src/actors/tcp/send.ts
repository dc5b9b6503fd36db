import { seqAdd, seqDiff, seqGe, seqGt, seqLt } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import type { ConnectionCore, TcpStats } from './core.ts';
import {
  DATA_RETRANSMISSIONS,
  MIN_PAYLOAD_BYTES,
  R1_RETRANSMISSIONS,
  SEND_QUEUE_BYTES,
  SYN_ACK_RETRANSMISSIONS,
  SYN_RETRANSMISSIONS,
} from './limits.ts';
import { Recovery } from './recovery.ts';
import type { InSegment } from './segment.ts';
import { NONE, newSendNumbers, type SendNumbers } from './send-numbers.ts';
import { SendOutput } from './send-output.ts';
import type { SendTimers } from './send-timers.ts';
import { payloadLength, type SentSegment } from './sent-segment.ts';
import { unanswered } from './user-timeout.ts';

/** The sending half of a connection: what may go out, by windows and timers, and what ACKs make of it. */
export class Sender {
  readonly n: SendNumbers;
  readonly recovery: Recovery;
  readonly #core: ConnectionCore;
  readonly #stats: TcpStats;
  readonly #out: SendOutput;

  constructor(core: ConnectionCore, stats: TcpStats) {
    this.#core = core;
    this.#stats = stats;
    this.n = newSendNumbers(core.options.mss);
    this.recovery = new Recovery(core, this.n, stats);
    this.#out = new SendOutput(core, this.n, this.recovery);
  }

  get timers(): SendTimers {
    return this.#out.timers;
  }

  /** Bytes that may be written before the queue is over its mark. */
  get space(): number {
    return Math.max(0, this.#mark - this.#out.queue.length);
  }

  /** Number behind the last byte that was written. */
  get end(): number {
    return this.#out.end;
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
    this.#out.path = undefined;
    if (this.#core.options.mtuProbing === 'always') this.#out.search().beginSmall();
    this.recovery.setMss(this.n.mss, true);
  }

  /** Sends SYN, or SYN+ACK, again with the number it had where it went out before (simultaneous open). */
  sendSyn(): void {
    const first = this.recovery.board.first;
    if (first === undefined) this.#out.sendSyn();
    else this.#out.sendAgain(first);
    this.timers.restart();
  }

  write(bytes: Uint8Array): void {
    if (this.#out.unsent === 0) this.recovery.nothingWaits();
    this.#out.queue.append(bytes);
    if (this.#out.queue.length < this.#mark || this.n.toldFull) return;
    this.n.toldFull = true;
    this.#core.tell({ kind: 'full' });
  }

  /** ACK field and window of an acceptable segment, UNA <= ack <= NXT (RFC 9293 section 3.10.7.4, fifth step). */
  acknowledge(segment: InSegment, timestampRtt_us: number): void {
    const { n, recovery } = this;
    const advance = seqDiff(segment.ack, n.una);
    if (this.#out.unsent === 0) recovery.nothingWaits();
    recovery.acknowledge(segment, timestampRtt_us);
    // Whoever answers lives, even when its window stays shut (RFC 9293 MUST-37).
    if (segment.window === 0) n.retries = n.probes = 0;
    if (advance > 0) this.#forget();
    if (advance > 0) this.#out.path?.progress();
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
    this.#out.path?.headersGrew(bytes);
    this.recovery.setMss(this.n.mss, false);
  }

  /** Puts on the wire what the windows allow, lost segments first. `force`: a small segment may go (window probe timer). */
  output(force = false): void {
    if (!this.#core.decision.sends || this.recovery.board.first?.syn === true) return;
    this.#resumeAfterIdle();
    this.n.cwndLimited = this.n.paced = false;
    while (this.#out.sendForward() || this.#out.sendLost() || this.#out.sendNew(force));
    this.#out.armTimers();
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
    if (!first.syn && n.retries >= R1_RETRANSMISSIONS) this.#out.search().vanished(payloadLength(first));
    if (!first.syn) recovery.timedOut();
    if (first.syn) this.#out.sendAgain(first);
    else this.#out.sendLost();
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
    if (n.nxt !== before) return true;
    this.#stats.windowProbes += 1;
    this.#out.sendProbe();
    return true;
  }

  /** The tail loss probe timer went off: something new, or the last segment once more (RFC 8985 section 7.3). */
  probeTail(): void {
    const { n } = this;
    const last = this.recovery.board.last;
    if (last === undefined || !this.timers.mayProbeTail) return;
    this.#stats.tailProbes += 1;
    n.cwndLimited = n.paced = false;
    n.tailProbeRepeats = !this.#out.sendNew(true, true);
    if (n.tailProbeRepeats) this.#out.sendTailAgain(last);
    n.tailProbe = n.nxt;
    this.timers.restart();
  }

  /** The path takes at most `mss` bytes of payload in a segment from now on. */
  shrink(mss: number): void {
    if (mss < this.n.mss || this.#out.path !== undefined) this.#out.search().told(mss);
  }

  clear(): void {
    this.#out.queue.clear();
    this.recovery.board.clear();
    this.timers.clear();
  }

  save() {
    return {
      n: { ...this.n },
      recovery: this.recovery.save(),
      queue: this.#out.queue.save(),
      path: this.#out.path?.save() ?? null,
      timers: this.timers.save(),
    };
  }

  restore(saved: ReturnType<Sender['save']>): void {
    Object.assign(this.n, saved.n);
    this.recovery.restore(saved.recovery);
    this.#out.queue.restore(saved.queue);
    if (saved.path !== null) this.#out.search().restore(saved.path);
    this.timers.restore(saved.timers);
  }

  get #mark(): number {
    return this.#core.options.sendQueueBytes ?? SEND_QUEUE_BYTES;
  }

  /** Drops acknowledged bytes from the queue and tells the user when it has room again. */
  #forget(): void {
    const { n } = this;
    const bytes = Math.min(this.#out.queue.length, Math.max(0, seqDiff(n.una, n.queueSeq)));
    this.#out.queue.drop(bytes);
    n.queueSeq = seqAdd(n.queueSeq, bytes);
    this.#stats.bytesOut += bytes;
    if (!n.toldFull || this.#out.queue.length > this.#mark / 2) return;
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

  #resumeAfterIdle(): void {
    if (this.recovery.board.size > 0 || this.#out.unsent === 0) return;
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
