import { concat, EMPTY } from '../../wire/bytes.ts';
import { LEG_DATA_MAX_BYTES } from '../../wire/leg.ts';
import { seqAdd, seqDiff, seqLe, seqLt } from '../../wire/seq.ts';

/** DATA packets that may be under way. */
export const LEG_WINDOW_PACKETS = 32;
/** Handshake bytes that may wait to be sent; a TLS handshake needs a few thousand. */
export const LEG_QUEUE_BYTES = 262_144;
/** Times that a DATA packet is sent. */
export const LEG_DATA_TRIES = 8;
const FIRST_RETRY_US = 300_000;

interface OutPacket {
  readonly sequence: number;
  readonly body: Uint8Array;
  readonly last: boolean;
}

/** What a stream needs of the session that it is part of. */
export interface LegStreamHost {
  sendData(sequence: number, body: Uint8Array, last: boolean): void;
  sendAcknowledge(): void;
  armRetry(delay_us: number): void;
  disarmRetry(): void;
  /** A packet went unanswered {@link LEG_DATA_TRIES} times, or the queue is over its limit. */
  failed(): void;
}

export interface SavedLegStream {
  readonly corked: boolean;
  readonly next: number;
  readonly oldest: number;
  readonly tries: number;
  readonly underWay: readonly OutPacket[];
  readonly waiting: readonly Uint8Array[];
  readonly waitingBytes: number;
  readonly finishing: boolean;
  readonly expected: number;
  readonly ended: boolean;
  readonly early: readonly OutPacket[];
}

/**
 * The reliable mode of the leg: handshake bytes both ways with numbers of their own (each body byte counts one, the end of the
 * stream counts one), cumulative acknowledgement, retransmission with doubling, everything bounded.
 */
export class LegStream {
  readonly #host: LegStreamHost;
  #corked = true;
  #next = 0;
  #oldest = 0;
  #tries = 0;
  #underWay: OutPacket[] = [];
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #finishing = false;
  #expected = 0;
  #ended = false;
  #early: OutPacket[] = [];

  constructor(host: LegStreamHost) {
    this.#host = host;
  }

  /** Next number to be sent. */
  get next(): number {
    return this.#next;
  }

  /** Next number expected of the other side. */
  get expected(): number {
    return this.#expected;
  }

  /** The other side's stream has ended and everything of it was delivered. */
  get remoteEnded(): boolean {
    return this.#ended;
  }

  /** All of ours, its end included, was acknowledged. */
  get localEnded(): boolean {
    return this.#finishing && this.#waiting.length === 0 && this.#underWay.length === 0;
  }

  /** The leg stands: what waits may go out. */
  open(): void {
    this.#corked = false;
    this.#pump();
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += LEG_DATA_MAX_BYTES) {
      this.#waiting.push(bytes.slice(at, at + LEG_DATA_MAX_BYTES));
    }
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > LEG_QUEUE_BYTES) this.#host.failed();
    else this.#pump();
  }

  /** Ends our direction after all that was written. */
  finish(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    this.#waiting.push(EMPTY);
    this.#pump();
  }

  /** The other side has everything before `acknowledgement`. */
  acknowledged(acknowledgement: number): void {
    if (!seqLt(this.#oldest, acknowledgement) || !seqLe(acknowledgement, this.#next)) return;
    this.#oldest = acknowledgement;
    this.#underWay = this.#underWay.filter((packet) => seqLt(acknowledgement, endOf(packet)));
    this.#tries = 1;
    this.#host.disarmRetry();
    if (this.#underWay.length > 0) this.#host.armRetry(FIRST_RETRY_US);
    this.#pump();
  }

  /** A DATA packet: bytes that are now in order (often none), or `undefined` when it is beyond the window. Acknowledges. */
  received(sequence: number, body: Uint8Array, last: boolean): Uint8Array | undefined {
    const distance = seqDiff(sequence, this.#expected);
    if (distance > LEG_WINDOW_PACKETS * LEG_DATA_MAX_BYTES || body.length > LEG_DATA_MAX_BYTES) return undefined;
    if (distance >= 0 && !this.#ended) this.#keepEarly({ sequence, body: body.slice(), last });
    const delivered = this.#takeInOrder();
    this.#host.sendAcknowledge();
    return delivered;
  }

  retry(): void {
    if (this.#underWay.length === 0) return;
    if (this.#tries >= LEG_DATA_TRIES) {
      this.#host.failed();
      return;
    }
    this.#tries += 1;
    for (const packet of this.#underWay) this.#host.sendData(packet.sequence, packet.body, packet.last);
    this.#host.armRetry(FIRST_RETRY_US * 2 ** (this.#tries - 1));
  }

  save(): SavedLegStream {
    return {
      corked: this.#corked,
      next: this.#next,
      oldest: this.#oldest,
      tries: this.#tries,
      underWay: [...this.#underWay],
      waiting: [...this.#waiting],
      waitingBytes: this.#waitingBytes,
      finishing: this.#finishing,
      expected: this.#expected,
      ended: this.#ended,
      early: [...this.#early],
    };
  }

  restore(saved: SavedLegStream): void {
    this.#corked = saved.corked;
    this.#next = saved.next;
    this.#oldest = saved.oldest;
    this.#tries = saved.tries;
    this.#underWay = [...saved.underWay];
    this.#waiting = [...saved.waiting];
    this.#waitingBytes = saved.waitingBytes;
    this.#finishing = saved.finishing;
    this.#expected = saved.expected;
    this.#ended = saved.ended;
    this.#early = [...saved.early];
  }

  #pump(): void {
    while (!this.#corked && this.#waiting.length > 0 && this.#underWay.length < LEG_WINDOW_PACKETS) {
      const body = this.#waiting.shift() as Uint8Array;
      this.#waitingBytes -= body.length;
      const packet = { sequence: this.#next, body, last: body.length === 0 };
      this.#next = endOf(packet);
      if (this.#underWay.push(packet) === 1) {
        this.#tries = 1;
        this.#host.armRetry(FIRST_RETRY_US);
      }
      this.#host.sendData(packet.sequence, packet.body, packet.last);
    }
  }

  #keepEarly(packet: OutPacket): void {
    const full = this.#early.length >= LEG_WINDOW_PACKETS && packet.sequence !== this.#expected;
    if (full || this.#early.some((kept) => kept.sequence === packet.sequence)) return;
    this.#early.push(packet);
    this.#early.sort((one, other) => seqDiff(one.sequence, other.sequence));
  }

  #takeInOrder(): Uint8Array {
    const parts: Uint8Array[] = [];
    while (this.#early.length > 0 && (this.#early[0] as OutPacket).sequence === this.#expected) {
      const packet = this.#early.shift() as OutPacket;
      this.#expected = endOf(packet);
      this.#ended = packet.last;
      if (packet.body.length > 0) parts.push(packet.body);
      if (packet.last) this.#early = [];
    }
    this.#early = this.#early.filter((packet) => seqLe(this.#expected, packet.sequence));
    return parts.length === 1 ? (parts[0] as Uint8Array) : concat(...parts);
  }
}

function endOf(packet: OutPacket): number {
  return seqAdd(packet.sequence, packet.body.length + (packet.last ? 1 : 0));
}
