import { seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt, seqMax } from '../../wire/seq.ts';
import type { SackBlock } from '../../wire/tcp.ts';
import { Rack } from './rack.ts';
import { SegmentList } from './segment-list.ts';
import { SendOrder } from './send-order.ts';
import {
  type BoardListener,
  type Delivered,
  lengthOf,
  measured_us,
  NO_END,
  nothingDelivered,
  type SentSegment,
} from './sent-segment.ts';

const NOTHING_WAITS_US = 0;

/**
 * What was sent and what is known of it (RFC 6675 section 3): which segments were SACKed, which count as lost, how many bytes are
 * in the network. What is lost is found by time (RFC 8985, RACK). A segment of many packets is cut where the other side has only
 * some of them, so that only what is lost goes out again.
 */
export class Scoreboard {
  /** Bytes in the network: sent, not SACKed, not lost. */
  pipe = 0;
  /** All bytes that were ever found lost. */
  lostBytes = 0;
  /** Payload of a packet: SACKs cut segments at multiples of it. */
  mss = Number.MAX_SAFE_INTEGER;
  readonly rack = new Rack();
  listener: BoardListener | undefined;
  readonly #list = new SegmentList();
  readonly #underWay = new SendOrder();
  /** Lost ones that were not sent again yet. */
  #lost = 0;
  #sacked = 0;
  /** No lost segment stands before this number. */
  #lostFrom = 0;
  #sent = 0;

  get size(): number {
    return this.#list.size;
  }

  get lostCount(): number {
    return this.#lost;
  }

  get sackedCount(): number {
    return this.#sacked;
  }

  get first(): SentSegment | undefined {
    return this.#list.first;
  }

  get last(): SentSegment | undefined {
    return this.#list.last;
  }

  sent(segment: { seq: number; end: number; syn?: boolean; fin?: boolean }, now_us: number): SentSegment {
    if (this.size === 0) this.#lostFrom = segment.seq;
    const { seq, end, syn = false, fin = false } = segment;
    const made: SentSegment = {
      seq,
      end,
      syn,
      fin,
      sent_us: now_us,
      order: ++this.#sent,
      transmissions: 1,
      place: 'in-flight',
      sending: undefined,
      earlier: undefined,
      later: undefined,
    };
    this.#list.append(made);
    this.#underWay.append(made);
    this.pipe += lengthOf(made);
    return made;
  }

  /** A segment of the board goes out once more. */
  sentAgain(segment: SentSegment, now_us: number): void {
    if (segment.place === 'lost') {
      this.#lost -= 1;
      this.pipe += lengthOf(segment);
      segment.place = 'in-flight';
    } else if (segment.place === 'in-flight') {
      this.#underWay.remove(segment);
    }
    segment.sent_us = now_us;
    segment.order = ++this.#sent;
    segment.transmissions += 1;
    if (segment.place === 'in-flight') this.#underWay.append(segment);
  }

  /** Cuts a segment in two at `length` bytes and returns the first part. */
  split(segment: SentSegment, length: number): SentSegment {
    this.#cut(this.#list.indexOf(segment.seq), segment, length);
    return segment;
  }

  /** Everything before `una` has arrived. */
  acknowledge(una: number, now_us: number, delivered = nothingDelivered()): Delivered {
    for (let { first } = this.#list; first !== undefined && seqGt(una, first.seq); first = this.#list.first) {
      const end = seqLe(first.end, una) ? first.end : una;
      if (first.transmissions > 1) delivered.resent = true;
      if (first.place !== 'sacked') {
        if (delivered.rtt_us === 0) delivered.rtt_us = measured_us(first, now_us);
        this.#arrived(first, end, now_us, delivered);
      }
      if (end !== first.end) {
        // The middle of a segment: the rest stays.
        if (first.place === 'in-flight') this.pipe -= seqDiff(end, first.seq);
        first.seq = end;
        break;
      }
      this.#leave(first);
      first.place = 'gone';
      delivered.segments += 1;
      this.#list.dropFirst();
    }
    if (delivered.resent) delivered.rtt_us = 0;
    this.#lostFrom = seqMax(this.#lostFrom, una);
    return delivered;
  }

  /** Marks what SACK blocks cover; blocks outside of (una, nxt] are not believed. */
  sack(
    blocks: readonly SackBlock[],
    una: number,
    nxt: number,
    now_us: number,
    delivered = nothingDelivered(),
  ): Delivered {
    for (const { left, right } of blocks) {
      if (seqGe(left, right) || seqLt(left, una) || seqGt(right, nxt)) continue;
      for (let at = this.#list.indexOf(left); ; at++) {
        const segment = this.#list.at(at);
        if (segment === undefined || seqGe(segment.seq, right)) break;
        if (segment.place === 'sacked' || !this.#cutOut(at, segment, left, right)) continue;
        this.#arrived(segment, segment.end, now_us, delivered);
        this.#leave(segment);
        segment.place = 'sacked';
        this.#sacked += 1;
      }
    }
    return delivered;
  }

  /**
   * Finds what is lost: segments sent before one that has arrived, a round trip and `reorder_us` ago (RFC 8985 section 6.2). Returns
   * the time until another look is worthwhile, or 0.
   */
  judge(now_us: number, reorder_us: number): number {
    const { rack } = this;
    for (let { first } = this.#underWay; first !== undefined; first = this.#underWay.first) {
      if (!rack.isOvertaken(first)) break;
      const left_us = first.sent_us + rack.rtt_us + reorder_us - now_us;
      if (left_us > 0) return left_us;
      this.#lose(first);
    }
    return NOTHING_WAITS_US;
  }

  /** The first packet counts as lost (three duplicate ACKs or a partial one without SACK, RFC 6582). */
  loseFirst(): void {
    const { first } = this;
    if (first === undefined || first.place !== 'in-flight') return;
    this.#lose(lengthOf(first) > this.mss ? this.split(first, this.mss) : first);
  }

  /**
   * The retransmission timer went off: nothing counts as under way but what was sent less than a round trip ago (RFC 8985 section
   * 6.3). A first segment that was SACKed means that the receiver has thrown it away again (RFC 2018 section 8): then no SACK is
   * believed.
   */
  timedOut(now_us: number): void {
    const { first } = this;
    const reneged = first?.place === 'sacked';
    for (const segment of this.#list.all()) {
      if (segment.place === 'sacked') {
        if (!reneged) continue;
        this.#sacked -= 1;
        this.#goesOn(segment);
      }
      const isRecent = segment !== first && segment.sent_us + this.rack.rtt_us > now_us;
      if (segment.place === 'in-flight' && !isRecent) this.#lose(segment);
    }
    if (reneged) this.#relink();
  }

  /** Nothing was lost after all: what was not sent again yet counts as under way. */
  undo(): void {
    if (this.#lost === 0) return;
    for (const segment of this.#list.all()) if (segment.place === 'lost') this.#goesOn(segment);
    this.#lost = 0;
    this.#relink();
  }

  /** The first lost segment that was not sent again yet. */
  nextLost(): SentSegment | undefined {
    if (this.#lost === 0) return undefined;
    for (let at = this.#list.indexOf(this.#lostFrom); ; at++) {
      const segment = this.#list.at(at);
      if (segment === undefined) return undefined;
      if (segment.place !== 'lost') continue;
      this.#lostFrom = segment.seq;
      return segment;
    }
  }

  clear(): void {
    this.#list.clear();
    this.#underWay.clear();
    this.#lost = this.#sacked = this.pipe = 0;
  }

  save() {
    return {
      segments: this.#list.all().map(({ earlier: _, later: __, sending, ...segment }) => ({
        ...segment,
        sending: sending === undefined ? null : { ...sending },
      })),
      lostFrom: this.#lostFrom,
      rack: this.rack.save(),
      sent: this.#sent,
      lostBytes: this.lostBytes,
      mss: this.mss,
    };
  }

  restore(saved: ReturnType<Scoreboard['save']>): void {
    this.clear();
    this.#lostFrom = saved.lostFrom;
    this.rack.restore(saved.rack);
    this.#sent = saved.sent;
    this.lostBytes = saved.lostBytes;
    this.mss = saved.mss;
    for (const { sending, ...fields } of saved.segments) {
      this.#list.append({ ...fields, sending: sending ?? undefined, earlier: undefined, later: undefined });
      if (fields.place === 'in-flight') this.pipe += seqDiff(fields.end, fields.seq);
      else if (fields.place === 'lost') this.#lost += 1;
      else this.#sacked += 1;
    }
    this.#relink();
  }

  /** Makes the list of what is under way anew. Parts of one sending have one `order`, and stand in order of sequence number. */
  #relink(): void {
    const underWay = this.#list.all().filter(({ place }) => place === 'in-flight');
    underWay.sort((a, b) => a.order - b.order || seqDiff(a.seq, b.seq));
    this.#underWay.clear();
    for (const segment of underWay) this.#underWay.append(segment);
  }

  #lose(segment: SentSegment): void {
    this.pipe -= lengthOf(segment);
    this.#underWay.remove(segment);
    segment.place = 'lost';
    this.#lost += 1;
    this.lostBytes += lengthOf(segment);
    if (seqLt(segment.seq, this.#lostFrom)) this.#lostFrom = segment.seq;
    this.listener?.lost(segment);
  }

  /** A segment that was counted as lost, or SACKed, is under way; the caller has taken it out of that count. */
  #goesOn(segment: SentSegment): void {
    segment.place = 'in-flight';
    this.pipe += lengthOf(segment);
    this.#underWay.append(segment);
  }

  /** Takes a segment out of the counts of its place. */
  #leave(segment: SentSegment): void {
    if (segment.place === 'in-flight') {
      this.pipe -= lengthOf(segment);
      this.#underWay.remove(segment);
    } else if (segment.place === 'lost') this.#lost -= 1;
    else this.#sacked -= 1;
  }

  /** A segment, up to `end`, is known to have arrived. */
  #arrived(segment: SentSegment, end: number, now_us: number, delivered: Delivered): void {
    const bytes = seqDiff(end, segment.seq);
    delivered.bytes += bytes;
    if (segment.transmissions === 1) {
      const rtt_us = measured_us(segment, now_us);
      delivered.newestRtt_us = delivered.newestRtt_us === 0 ? rtt_us : Math.min(delivered.newestRtt_us, rtt_us);
      const isLowest = delivered.originalEnd === NO_END || seqLt(end, delivered.originalEnd);
      if (isLowest) delivered.originalEnd = end;
    }
    this.rack.arrived(segment, end, now_us);
    this.listener?.delivered(segment, bytes, now_us);
  }

  /** Cuts the segment where a SACK block begins and ends; false when no packet of it, from its first number on, is covered. */
  #cutOut(at: number, segment: SentSegment, left: number, right: number): boolean {
    if (seqLt(segment.seq, left)) {
      this.#cutAtPacket(at, segment, Math.ceil(seqDiff(left, segment.seq) / this.mss));
      return false;
    }
    return (
      seqLe(segment.end, right) || this.#cutAtPacket(at, segment, Math.floor(seqDiff(right, segment.seq) / this.mss))
    );
  }

  /** Cuts behind whole packets only: whoever reports single bytes does not make the board grow. */
  #cutAtPacket(at: number, segment: SentSegment, packets: number): boolean {
    const length = packets * this.mss;
    if (length <= 0 || length >= lengthOf(segment)) return false;
    this.#cut(at, segment, length);
    return true;
  }

  #cut(at: number, front: SentSegment, length: number): void {
    const cut = seqAdd(front.seq, length);
    const rest: SentSegment = { ...front, seq: cut, syn: false };
    front.end = cut;
    front.fin = false;
    this.#list.insert(at + 1, rest);
    if (rest.place === 'in-flight') this.#underWay.insertAfter(front, rest);
    else if (rest.place === 'lost') this.#lost += 1;
    else this.#sacked += 1;
  }
}
