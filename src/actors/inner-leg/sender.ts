import { INNER_MIN_DATA_BYTES } from '../../wire/inner-leg.ts';
import { lean } from '../tcp/lean.ts';
import { SendQueue } from '../tcp/send-queue.ts';
import { UNIT_COST_BYTES, UNITS_UNDER_WAY } from './limits.ts';
import type { UnderWay } from './under-way.ts';

export interface InnerSenderHost {
  sendData(position: number, bytes: Uint8Array, urgent: boolean): void;
  /** So many bytes that the host's TCP has delivered are on their way: it may take more. */
  consumed(bytes: number): void;
  readonly underWay: UnderWay;
  /** Key of the session in `underWay`. */
  readonly key: string;
}

export interface SavedInnerSender {
  readonly queue: Uint8Array;
  readonly granted: number;
  readonly sent: number;
  readonly confirmed: number;
  readonly urgentTo: number;
  readonly mostBytes: number;
  readonly fin: 'none' | 'wanted' | 'sent';
  readonly units: readonly number[];
  readonly isFreed: boolean;
}

/**
 * One direction of a session, at its source: bytes go out as they come while the peer grants, at most {@link UNITS_UNDER_WAY} units at a
 * time; others wait, and the host's TCP is not told that they are consumed, so that its window shuts. Positions count from the first byte.
 */
export class InnerSender {
  readonly #host: InnerSenderHost;
  readonly #queue = new SendQueue();
  #granted = 0;
  #sent = 0;
  #confirmed = 0;
  /** Bytes before this position are urgent. */
  #urgentTo = 0;
  #mostBytes = INNER_MIN_DATA_BYTES;
  #fin: SavedInnerSender['fin'] = 'none';
  /** Where each unit that is under way ends. */
  #units: number[] = [];
  /** What is under way stays there for a reason of this session's own, and counts no more among the host's. */
  #isFreed = false;

  constructor(host: InnerSenderHost) {
    this.#host = host;
  }

  /** Next position that will be used. */
  get sent(): number {
    return this.#sent;
  }

  /** Grows whenever the peer reports or grants something new. */
  get outlook(): number {
    return this.#granted + this.#confirmed;
  }

  /** The peer has everything, the FIN included. */
  get isConfirmed(): boolean {
    return this.#fin === 'sent' && this.#confirmed === this.#sent;
  }

  /** Something is not known to have arrived, or waits for credit. */
  get isUneasy(): boolean {
    return this.#confirmed < this.#sent || this.#queue.length > 0;
  }

  /** What the peer takes in one unit, and how far it grants: from CONN-REQ or CONN-DONE. */
  begin(mostBytes: number, granted: number): void {
    this.#mostBytes = mostBytes;
    this.#granted = granted;
  }

  /** Bytes that the host has sent; they are delivered in order. */
  write(bytes: Uint8Array): void {
    this.#queue.append(lean(bytes));
    this.output();
  }

  /** So many of the bytes that are written next are urgent. */
  urgent(bytes: number): void {
    this.#urgentTo = Math.max(this.#urgentTo, this.#sent + this.#queue.length + bytes);
  }

  /** The stream ends behind all that was written. */
  finish(): void {
    this.#fin = 'wanted';
  }

  /** Position for a FIN that is due now; undefined when there is none. */
  takeFin(): number | undefined {
    if (this.#fin !== 'wanted' || this.#queue.length > 0) return undefined;
    this.#fin = 'sent';
    return this.#sent++;
  }

  /** False when the peer tells what can't be. */
  credit(granted: number, received: number, now_us: number): boolean {
    if (received > this.#sent) return false;
    this.#granted = Math.max(this.#granted, granted);
    if (received > this.#confirmed) this.#arrived(received, now_us);
    this.output();
    return true;
  }

  /** Sends what credit, the number of units and the host's other sessions leave room for. */
  output(): void {
    let consumed = 0;
    while (this.#queue.length > 0) {
      const length = this.#nextLength();
      if (length === 0 || !this.#takesRoom(length + UNIT_COST_BYTES)) break;
      const bytes = this.#queue.slice(0, length);
      const position = this.#sent;
      this.#sent += length;
      this.#units.push(this.#sent);
      this.#host.sendData(position, bytes, position < this.#urgentTo);
      this.#queue.drop(length);
      consumed += length;
    }
    if (consumed > 0) this.#host.consumed(consumed);
  }

  /** Others shall not wait for what this session's peer does not report. */
  free(): void {
    if (!this.#isFreed) this.#host.underWay.give(this.#cost());
    this.#isFreed = true;
  }

  /** Nothing will be sent any more. */
  close(): void {
    this.free();
    this.#host.underWay.forget(this.#host.key);
    this.#queue.clear();
    this.#units = [];
    this.#confirmed = this.#sent;
  }

  save(): SavedInnerSender {
    return {
      queue: this.#queue.save(),
      granted: this.#granted,
      sent: this.#sent,
      confirmed: this.#confirmed,
      urgentTo: this.#urgentTo,
      mostBytes: this.#mostBytes,
      fin: this.#fin,
      units: [...this.#units],
      isFreed: this.#isFreed,
    };
  }

  restore(saved: SavedInnerSender): void {
    this.#queue.restore(saved.queue);
    this.#granted = saved.granted;
    this.#sent = saved.sent;
    this.#confirmed = saved.confirmed;
    this.#urgentTo = saved.urgentTo;
    this.#mostBytes = saved.mostBytes;
    this.#fin = saved.fin;
    this.#units = [...saved.units];
    this.#isFreed = saved.isFreed;
    if (!this.#isFreed) this.#host.underWay.force(this.#cost());
  }

  /** Bytes of the next unit; none while credit or units are used up. Urgent bytes share no unit with others. */
  #nextLength(): number {
    if (this.#units.length >= UNITS_UNDER_WAY) return 0;
    const urgent = this.#urgentTo - this.#sent;
    const most = Math.min(this.#queue.length, this.#mostBytes, this.#granted - this.#sent);
    return urgent > 0 ? Math.min(most, urgent) : most;
  }

  #takesRoom(cost_bytes: number): boolean {
    const { underWay, key } = this.#host;
    if (this.#isFreed) return true;
    if (underWay.take(key, cost_bytes)) return true;
    if (this.#units.length > 0) return false;
    underWay.forget(key);
    underWay.force(cost_bytes);
    return true;
  }

  #arrived(received: number, now_us: number): void {
    const { underWay } = this.#host;
    const before = this.#cost();
    this.#confirmed = received;
    const first = this.#units.findIndex((end) => end > received);
    this.#units.splice(0, first < 0 ? this.#units.length : first);
    if (this.#isFreed) underWay.force(this.#cost());
    else underWay.give(before - this.#cost());
    this.#isFreed = false;
    underWay.confirmed(now_us);
  }

  /** What is under way of this session; a FIN costs nothing. */
  #cost(): number {
    const last = this.#units.at(-1);
    return last === undefined ? 0 : Math.max(0, last - this.#confirmed) + this.#units.length * UNIT_COST_BYTES;
  }
}
