import { seqDiff } from '../../wire/seq.ts';

/** Where a sent segment is believed to be; `gone` ones have left the board. */
export type Place = 'in-flight' | 'lost' | 'sacked' | 'gone';

/** A segment that was sent and is not cumulatively acknowledged. It may be many times as long as the path carries in one packet. */
export interface SentSegment {
  /** First number, and the one behind the last. */
  seq: number;
  end: number;
  /** SYN and FIN bits; each takes a number. */
  readonly syn: boolean;
  fin: boolean;
  /** Time of the last transmission, and its place among all of them: many go out in one microsecond. */
  sent_us: number;
  order: number;
  transmissions: number;
  place: Place;
  /** What the delivery rate estimate noted when it was sent, where there is one. */
  sending: Sending | undefined;
  /** Neighbours in the order of sending. */
  earlier: SentSegment | undefined;
  later: SentSegment | undefined;
}

/** State of the connection when a segment was sent; what arrives of the segment later is measured against it. */
export interface Sending {
  /** Bytes delivered and lost until then, and when the last of them was delivered. */
  readonly delivered: number;
  readonly lost: number;
  readonly delivered_us: number;
  /** When the first segment of the present sample was sent. */
  readonly firstSent_us: number;
  readonly appLimited: boolean;
  /** Bytes in the network, this segment included. */
  readonly inFlight: number;
}

/** What an acknowledgement brought, cumulative and selective parts together. */
export interface Delivered {
  /** Segments that left the board. */
  segments: number;
  /** Bytes that were not known to be delivered before. */
  bytes: number;
  /** Round trip of the oldest segment, when all that were acknowledged were sent once only (Karn); 0 for none. */
  rtt_us: number;
  /** Round trip of the one sent last, of those that were sent once only; 0 for none. */
  newestRtt_us: number;
  /** The lowest end of a segment that arrived and was sent once only; {@link NO_END} for none. */
  originalEnd: number;
  /** Something that was sent more than once was acknowledged. */
  resent: boolean;
}

/** Hears of all that arrives or is found lost. */
export interface BoardListener {
  delivered(segment: SentSegment, bytes: number, now_us: number): void;
  lost(segment: SentSegment): void;
}

/** {@link Delivered.originalEnd} of nothing. */
export const NO_END = -1;

/** What an ACK tells that tells of nothing: to be added to. */
export function nothingDelivered(): Delivered {
  return { segments: 0, bytes: 0, rtt_us: 0, newestRtt_us: 0, originalEnd: NO_END, resent: false };
}

/** Sequence numbers of a segment, those of SYN and FIN included. */
export function lengthOf(segment: SentSegment): number {
  return seqDiff(segment.end, segment.seq);
}

/** Payload bytes of a segment: its numbers without FIN. */
export function payloadLength(segment: SentSegment): number {
  return lengthOf(segment) - (segment.fin ? 1 : 0);
}

/** Round trip of a segment that was sent once and has arrived now: 1 us at least, so that 0 can stand for none. */
export function measured_us(segment: SentSegment, now_us: number): number {
  return Math.max(1, now_us - segment.sent_us);
}
