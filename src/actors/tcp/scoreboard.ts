import { seqDiff, seqGe, seqGt, seqLe, seqLt, seqMax } from '../../wire/seq.ts';
import type { SackBlock } from '../../wire/tcp.ts';
import { DUPLICATES_FOR_LOSS } from './limits.ts';

/** Where a sent segment is believed to be. */
type Place = 'in-flight' | 'lost' | 'sacked';

/** A segment that was sent and is not cumulatively acknowledged. */
export interface SentSegment {
  /** First number, and the one behind the last. */
  seq: number;
  end: number;
  /** SYN and FIN bits; each takes a number. */
  readonly syn: boolean;
  readonly fin: boolean;
  /** Time of the last transmission. */
  sent_us: number;
  transmissions: number;
  place: Place;
}

/** What an acknowledgement brought. */
export interface Delivered {
  /** Segments that left the board. */
  segments: number;
  /** Bytes that were not known to be delivered before. */
  bytes: number;
  /** Round trip of the oldest one, when all of them were sent once only (Karn); 0 for none. */
  rtt_us: number;
}

/** Dropped entries at the front of the list before it is packed. */
const PACK_SEGMENTS = 512;

/**
 * What was sent and what is known of it (RFC 6675 section 3): which segments were SACKed, which count as lost, how many bytes are
 * in the network. Segments stand in order of sequence number.
 */
export class Scoreboard {
  /** Bytes in the network: sent, not SACKed, not lost. */
  pipe = 0;
  #segments: SentSegment[] = [];
  #head = 0;
  /** Lost ones that were not sent again yet. */
  #lost = 0;
  #sacked = 0;
  /** No lost segment stands before this number. */
  #lostFrom = 0;
  /** Up to here, segments were judged by the SACKs above them. */
  #judgedTo = 0;
  /** Segments sent again, in the order of that. */
  #resent: SentSegment[] = [];
  /** Transmission time of the newest segment known to be delivered. */
  #newestDelivered_us = 0;

  get size(): number {
    return this.#segments.length - this.#head;
  }

  get lostCount(): number {
    return this.#lost;
  }

  get sackedCount(): number {
    return this.#sacked;
  }

  get first(): SentSegment | undefined {
    return this.#segments[this.#head];
  }

  get last(): SentSegment | undefined {
    return this.size === 0 ? undefined : this.#segments[this.#segments.length - 1];
  }

  sent(segment: { seq: number; end: number; syn?: boolean; fin?: boolean }, now_us: number): SentSegment {
    if (this.size === 0) this.#lostFrom = this.#judgedTo = segment.seq;
    const { seq, end, syn = false, fin = false } = segment;
    const made: SentSegment = { seq, end, syn, fin, sent_us: now_us, transmissions: 1, place: 'in-flight' };
    this.#segments.push(made);
    this.pipe += lengthOf(made);
    return made;
  }

  /** A segment of the board goes out once more. */
  sentAgain(segment: SentSegment, now_us: number): void {
    if (segment.place === 'lost') {
      this.#lost -= 1;
      this.pipe += lengthOf(segment);
      segment.place = 'in-flight';
    }
    segment.sent_us = now_us;
    segment.transmissions += 1;
    this.#resent.push(segment);
  }

  /** Cuts a segment in two at `length` bytes (the path takes smaller ones than when it was sent) and returns the first part. */
  split(segment: SentSegment, length: number): SentSegment {
    const cut = (segment.seq + length) >>> 0;
    const front: SentSegment = { ...segment, end: cut, fin: false };
    const rest: SentSegment = { ...segment, seq: cut };
    this.#segments.splice(this.#indexOf(segment.seq), 1, front, rest);
    this.#resent = this.#resent.flatMap((other) => (other === segment ? [front, rest] : [other]));
    if (segment.place === 'lost') this.#lost += 1;
    if (segment.place === 'sacked') this.#sacked += 1;
    return front;
  }

  /** Everything before `una` has arrived. */
  acknowledge(una: number, now_us: number): Delivered {
    const delivered: Delivered = { segments: 0, bytes: 0, rtt_us: 0 };
    let once = true;
    for (let first = this.first; first !== undefined && seqLe(first.end, una); first = this.first) {
      once &&= first.transmissions === 1;
      if (first.place !== 'sacked') {
        delivered.bytes += lengthOf(first);
        if (delivered.rtt_us === 0) delivered.rtt_us = now_us - first.sent_us;
        this.#delivered(first, now_us);
      }
      this.#leave(first);
      delivered.segments += 1;
      this.#head += 1;
    }
    if (!once) delivered.rtt_us = 0;
    this.#trimFirst(una);
    this.#lostFrom = seqMax(this.#lostFrom, una);
    this.#judgedTo = seqMax(this.#judgedTo, una);
    this.#pack();
    return delivered;
  }

  /** Marks what SACK blocks cover; blocks outside of (una, nxt] are not believed. Returns bytes newly known to be delivered. */
  sack(blocks: readonly SackBlock[], una: number, nxt: number, now_us: number): number {
    let bytes = 0;
    for (const { left, right } of blocks) {
      if (seqGe(left, right) || seqLt(left, una) || seqGt(right, nxt)) continue;
      for (let at = this.#indexOf(left); at < this.#segments.length; at++) {
        const segment = this.#segments[at];
        if (seqGt(segment.end, right)) break;
        if (segment.place === 'sacked' || seqLt(segment.seq, left)) continue;
        this.#leave(segment);
        segment.place = 'sacked';
        this.#sacked += 1;
        bytes += lengthOf(segment);
        this.#delivered(segment, now_us);
      }
    }
    return bytes;
  }

  /** IsLost() of RFC 6675: three segments behind it have arrived. Segments sent again are judged by time instead. */
  judge(reorder_us: number): void {
    this.#judgeBySacks();
    this.#judgeResent(reorder_us);
  }

  /** The first segment counts as lost (three duplicate ACKs or a partial one without SACK, RFC 6582). */
  loseFirst(): void {
    const first = this.first;
    if (first !== undefined && first.place === 'in-flight') this.#lose(first);
  }

  /**
   * The retransmission timer went off: nothing that is not SACKed counts as under way. A first segment that was SACKed means that the
   * receiver has thrown it away again (RFC 2018 section 8): then no SACK is believed.
   */
  loseAll(): void {
    const reneged = this.first?.place === 'sacked';
    for (let at = this.#head; at < this.#segments.length; at++) {
      const segment = this.#segments[at];
      if (segment.place === 'sacked' && !reneged) continue;
      if (segment.place === 'sacked') {
        this.#sacked -= 1;
        segment.place = 'in-flight';
        this.pipe += lengthOf(segment);
      }
      if (segment.place === 'in-flight') this.#lose(segment);
    }
    this.#resent = [];
  }

  /** The first lost segment that was not sent again yet. */
  nextLost(): SentSegment | undefined {
    if (this.#lost === 0) return undefined;
    for (let at = this.#indexOf(this.#lostFrom); at < this.#segments.length; at++) {
      const segment = this.#segments[at];
      if (segment.place !== 'lost') continue;
      this.#lostFrom = segment.seq;
      return segment;
    }
    return undefined;
  }

  clear(): void {
    this.#segments = [];
    this.#resent = [];
    this.#head = this.#lost = this.#sacked = this.pipe = 0;
  }

  save() {
    const segments = this.#segments.slice(this.#head);
    return {
      segments: segments.map((segment) => ({ ...segment })),
      resent: this.#resent.flatMap((segment) => {
        const at = segments.indexOf(segment);
        return at < 0 ? [] : [at];
      }),
      marks: [this.#lostFrom, this.#judgedTo, this.#newestDelivered_us],
    };
  }

  restore(saved: ReturnType<Scoreboard['save']>): void {
    this.clear();
    this.#segments = saved.segments.map((segment) => ({ ...segment }));
    this.#resent = saved.resent.map((at) => this.#segments[at]);
    [this.#lostFrom, this.#judgedTo, this.#newestDelivered_us] = saved.marks;
    for (const segment of this.#segments) {
      if (segment.place === 'in-flight') this.pipe += lengthOf(segment);
      else if (segment.place === 'lost') this.#lost += 1;
      else this.#sacked += 1;
    }
  }

  #judgeBySacks(): void {
    if (this.#sacked < DUPLICATES_FOR_LOSS) return;
    let at = this.#segments.length;
    for (let above = 0; above < DUPLICATES_FOR_LOSS; ) if (this.#segments[--at].place === 'sacked') above += 1;
    const limit = at;
    for (at = this.#indexOf(this.#judgedTo); at < limit; at++) {
      const segment = this.#segments[at];
      if (segment.place === 'in-flight' && segment.transmissions === 1) this.#lose(segment);
    }
    if (seqGt(this.#segments[limit].seq, this.#judgedTo)) this.#judgedTo = this.#segments[limit].seq;
  }

  /** One sent again is lost again when something sent later than it has arrived (the rule of RFC 8985). */
  #judgeResent(reorder_us: number): void {
    let gone = 0;
    for (; gone < this.#resent.length; gone++) {
      const segment = this.#resent[gone];
      const isUnderWay = segment.place === 'in-flight' && this.#holds(segment);
      if (!isUnderWay) continue;
      if (segment.sent_us + reorder_us >= this.#newestDelivered_us) break;
      this.#lose(segment);
    }
    if (gone > 0) this.#resent.splice(0, gone);
  }

  #holds(segment: SentSegment): boolean {
    const first = this.first;
    return first !== undefined && seqGe(segment.seq, first.seq);
  }

  #lose(segment: SentSegment): void {
    this.pipe -= lengthOf(segment);
    segment.place = 'lost';
    this.#lost += 1;
    if (seqLt(segment.seq, this.#lostFrom)) this.#lostFrom = segment.seq;
  }

  /** Takes a segment out of the counts of its place. */
  #leave(segment: SentSegment): void {
    if (segment.place === 'in-flight') this.pipe -= lengthOf(segment);
    else if (segment.place === 'lost') this.#lost -= 1;
    else this.#sacked -= 1;
  }

  #delivered(segment: SentSegment, now_us: number): void {
    // Which transmission arrived is not known of one that was sent again just now.
    if (segment.transmissions > 1 && segment.sent_us === now_us) return;
    this.#newestDelivered_us = Math.max(this.#newestDelivered_us, segment.sent_us);
  }

  /** An ACK in the middle of the first segment: the rest stays. */
  #trimFirst(una: number): void {
    const first = this.first;
    if (first === undefined || seqLe(una, first.seq)) return;
    if (first.place === 'in-flight') this.pipe -= seqDiff(una, first.seq);
    first.seq = una;
  }

  /** Index of the first segment that ends behind `seq`. */
  #indexOf(seq: number): number {
    let low = this.#head;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (seqGt(this.#segments[middle].end, seq)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #pack(): void {
    if (this.#head === this.#segments.length) {
      this.#segments = [];
      this.#resent = [];
      this.#head = 0;
    } else if (this.#head >= PACK_SEGMENTS && this.#head * 2 >= this.#segments.length) {
      this.#segments.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

function lengthOf(segment: SentSegment): number {
  return seqDiff(segment.end, segment.seq);
}
