import { type BoardListener, lengthOf, type Sending, type SentSegment } from '../sent-segment.ts';

const US_PER_S = 1_000_000;

/** What one ACK tells of how fast the network delivers (draft-ietf-ccwg-bbr section 4.1). */
export interface RateSample {
  /** Bytes per second; 0 for no reliable measurement. */
  readonly rate: number;
  /** Bytes that arrived in the time measured. */
  readonly delivered: number;
  /** All bytes delivered when the newest segment of this ACK was sent. */
  readonly priorDelivered: number;
  /** The application, not the network, limited the rate. */
  readonly appLimited: boolean;
  /** Bytes lost since that segment was sent, and bytes in the network right behind it. */
  readonly lost: number;
  readonly inFlight: number;
}

/**
 * Measures the delivery rate: each segment remembers how much had been delivered when it was sent; when it arrives, what was
 * delivered since then, over the longer of the times of sending and of acknowledgement, is a sample.
 */
export class DeliveryRate implements BoardListener {
  /** All bytes delivered, and lost, in the life of the connection. */
  deliveredBytes = 0;
  lostBytes = 0;
  /** When something was delivered last. */
  delivered_us = 0;
  #firstSent_us = 0;
  /** Segments up to this count of delivered bytes were sent when the application had no more to send; 0 for none. */
  #limitedUntil = 0;
  /** The segment of the present ACK that was sent last. */
  #newest: Sending | undefined;
  #newestOrder = 0;
  #newestSent_us = 0;
  readonly #onLost: (sending: Sending, bytes: number) => void;

  /** `onLost`: a segment was found lost. */
  constructor(onLost: (sending: Sending, bytes: number) => void) {
    this.#onLost = onLost;
  }

  get appLimited(): boolean {
    return this.#limitedUntil !== 0;
  }

  /** A segment goes out, new or again; `pipe` counts it. */
  sent(segment: SentSegment, pipe: number, now_us: number): void {
    if (pipe <= lengthOf(segment)) this.#firstSent_us = this.delivered_us = now_us;
    segment.sending = {
      delivered: this.deliveredBytes,
      lost: this.lostBytes,
      delivered_us: this.delivered_us,
      firstSent_us: this.#firstSent_us,
      appLimited: this.appLimited,
      inFlight: pipe,
    };
  }

  delivered(segment: SentSegment, bytes: number, now_us: number): void {
    this.deliveredBytes += bytes;
    this.delivered_us = now_us;
    const { sending } = segment;
    if (sending === undefined || (this.#newest !== undefined && segment.order <= this.#newestOrder)) return;
    this.#newest = sending;
    this.#newestOrder = segment.order;
    this.#newestSent_us = segment.sent_us;
  }

  lost(segment: SentSegment): void {
    const bytes = lengthOf(segment);
    this.lostBytes += bytes;
    if (segment.sending !== undefined) this.#onLost(segment.sending, bytes);
  }

  /** Nothing waits to be sent though the window has room: what is measured until all of this has arrived is the application's rate. */
  limitedByApplication(pipe: number): void {
    this.#limitedUntil = Math.max(1, this.deliveredBytes + pipe);
  }

  /** The sample of an ACK that has been worked off; undefined when it brought nothing. */
  take(minRtt_us: number): RateSample | undefined {
    if (this.deliveredBytes > this.#limitedUntil) this.#limitedUntil = 0;
    const newest = this.#newest;
    if (newest === undefined) return undefined;
    this.#newest = undefined;
    const sending_us = this.#newestSent_us - newest.firstSent_us;
    this.#firstSent_us = this.#newestSent_us;
    const interval_us = Math.max(sending_us, this.delivered_us - newest.delivered_us);
    const delivered = this.deliveredBytes - newest.delivered;
    // Shorter than any round trip: it was the first sending that arrived, not the one that was measured.
    const isReliable = interval_us >= minRtt_us && interval_us > 0;
    return {
      rate: isReliable ? (delivered * US_PER_S) / interval_us : 0,
      delivered,
      priorDelivered: newest.delivered,
      appLimited: newest.appLimited,
      lost: this.lostBytes - newest.lost,
      inFlight: newest.inFlight,
    };
  }

  save(): readonly number[] {
    return [this.deliveredBytes, this.lostBytes, this.delivered_us, this.#firstSent_us, this.#limitedUntil];
  }

  restore(saved: readonly number[]): void {
    [this.deliveredBytes, this.lostBytes, this.delivered_us, this.#firstSent_us, this.#limitedUntil] = saved as [
      number,
      number,
      number,
      number,
      number,
    ];
  }
}
