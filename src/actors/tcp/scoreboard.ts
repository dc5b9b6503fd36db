import { seqDiff, seqGe, seqGt, seqLe, seqLt, seqMax } from '../../wire/seq.ts';
import type { SackBlock } from '../../wire/tcp.ts';
import { DUPLICATES_FOR_LOSS } from './limits.ts';

/** Where a sent segment is believed to be; `gone` ones have left the board. */
type Place = 'in-flight' | 'lost' | 'sacked' | 'gone';

/** A segment that was sent and is not cumulatively acknowledged. */
export interface SentSegment {
  /** First number, and the one behind the last. */
  seq: number;
  end: number;
  /** SYN and FIN bits; each takes a number. */
  readonly syn: boolean;
  readonly fin: boolean;
  /** Time of the last transmission, and its place among all of them: many go out in one microsecond. */
  sent_us: number;
  order: number;
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

/** One sending of a segment: of no interest any more once it was sent again. */
interface Transmission {
  readonly segment: SentSegment;
  readonly order: number;
}

/** The delivered segment that was sent last (RFC 8985: RACK.segment, RACK.rtt). */
interface Newest {
  readonly order: number;
  readonly rtt_us: number;
}

/** Dropped entries at the front of a list before it is packed. */
const PACK_SEGMENTS = 512;
const NOTHING_WAITS_US = 0;

/**
 * What was sent and what is known of it (RFC 6675 section 3): which segments were SACKed, which count as lost, how many bytes are
 * in the network. Segments stand in order of sequence number. What is lost is found by time (RFC 8985, RACK).
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
  /** Sendings in the order of time; the first ones may be settled already. */
  #transmissions: Transmission[] = [];
  #settled = 0;
  #newest: Newest = { order: 0, rtt_us: 0 };
  #sent = 0;
  /** Highest number that was delivered; undefined before the first. */
  #highest: number | undefined;
  /** The path has been seen to change the order of segments. */
  #reorders = false;

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
    };
    this.#segments.push(made);
    this.#transmissions.push({ segment: made, order: made.order });
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
    segment.order = ++this.#sent;
    segment.transmissions += 1;
    this.#transmissions.push({ segment, order: segment.order });
  }

  /** Cuts a segment in two at `length` bytes (the path takes smaller ones than when it was sent) and returns the first part. */
  split(segment: SentSegment, length: number): SentSegment {
    const cut = (segment.seq + length) >>> 0;
    const front: SentSegment = { ...segment, end: cut, fin: false };
    const rest: SentSegment = { ...segment, seq: cut };
    this.#segments.splice(this.#indexOf(segment.seq), 1, front, rest);
    this.#transmissions = this.#transmissions.flatMap((sending) =>
      sending.segment === segment
        ? [
            { ...sending, segment: front },
            { ...sending, segment: rest },
          ]
        : [sending],
    );
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
      first.place = 'gone';
      delivered.segments += 1;
      this.#head += 1;
    }
    if (!once) delivered.rtt_us = 0;
    delivered.bytes += this.#trimFirst(una);
    this.#lostFrom = seqMax(this.#lostFrom, una);
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

  /**
   * Finds what is lost: segments sent before one that has arrived, a round trip and some time for reordering ago (RFC 8985 section
   * 6.2). Three SACKed segments need no such time unless the path reorders. Returns the time until another look is worthwhile, or 0.
   */
  judge(now_us: number, reorder_us: number, recovering: boolean): number {
    const isSure = !this.#reorders && (recovering || this.#sacked >= DUPLICATES_FOR_LOSS);
    const limit_us = this.#newest.rtt_us + (isSure ? 0 : reorder_us);
    for (; this.#settled < this.#transmissions.length; this.#settled++) {
      const { segment, order } = this.#transmissions[this.#settled];
      if (segment.place !== 'in-flight' || segment.order !== order) continue;
      if (order > this.#newest.order) break;
      const left_us = segment.sent_us + limit_us - now_us;
      if (left_us > 0) return left_us;
      this.#lose(segment);
    }
    this.#packTransmissions();
    return NOTHING_WAITS_US;
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
    this.#transmissions = [];
    this.#head = this.#settled = this.#lost = this.#sacked = this.pipe = 0;
  }

  save() {
    const segments = this.#segments.slice(this.#head);
    const places = new Map(segments.map((segment, at) => [segment, at]));
    return {
      segments: segments.map((segment) => ({ ...segment })),
      transmissions: this.#transmissions.slice(this.#settled).flatMap(({ segment, order }) => {
        const at = places.get(segment);
        return at === undefined || order !== segment.order ? [] : [at];
      }),
      lostFrom: this.#lostFrom,
      newest: { ...this.#newest },
      sent: this.#sent,
      highest: this.#highest ?? null,
      reorders: this.#reorders,
    };
  }

  restore(saved: ReturnType<Scoreboard['save']>): void {
    this.clear();
    this.#segments = saved.segments.map((segment) => ({ ...segment }));
    this.#transmissions = saved.transmissions.map((at) => {
      const segment = this.#segments[at];
      return { segment, order: segment.order };
    });
    this.#lostFrom = saved.lostFrom;
    this.#newest = { ...saved.newest };
    this.#sent = saved.sent;
    this.#highest = saved.highest ?? undefined;
    this.#reorders = saved.reorders;
    for (const segment of this.#segments) {
      if (segment.place === 'in-flight') this.pipe += lengthOf(segment);
      else if (segment.place === 'lost') this.#lost += 1;
      else this.#sacked += 1;
    }
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
    const isFirst = segment.transmissions === 1;
    if (this.#highest === undefined || seqGt(segment.end, this.#highest)) this.#highest = segment.end;
    else if (isFirst && seqLt(segment.end, this.#highest)) this.#reorders = true;
    const rtt_us = now_us - segment.sent_us;
    // It may be the first sending that has arrived, not the last: the round trip would be too short to be true.
    if (!isFirst && rtt_us < this.#newest.rtt_us / 2) return;
    if (segment.order > this.#newest.order) this.#newest = { order: segment.order, rtt_us };
  }

  /** An ACK in the middle of the first segment: the rest stays. Returns bytes newly known to be delivered. */
  #trimFirst(una: number): number {
    const first = this.first;
    if (first === undefined || seqLe(una, first.seq)) return 0;
    const bytes = seqDiff(una, first.seq);
    if (first.place === 'in-flight') this.pipe -= bytes;
    first.seq = una;
    return first.place === 'sacked' ? 0 : bytes;
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
      this.#transmissions = [];
      this.#head = this.#settled = 0;
    } else if (this.#head >= PACK_SEGMENTS && this.#head * 2 >= this.#segments.length) {
      this.#segments.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #packTransmissions(): void {
    if (this.#settled < PACK_SEGMENTS || this.#settled * 2 < this.#transmissions.length) return;
    this.#transmissions.splice(0, this.#settled);
    this.#settled = 0;
  }
}

function lengthOf(segment: SentSegment): number {
  return seqDiff(segment.end, segment.seq);
}

/** Payload bytes of a segment: its numbers without FIN. */
export function payloadLength(segment: SentSegment): number {
  return seqDiff(segment.end, segment.seq) - (segment.fin ? 1 : 0);
}
