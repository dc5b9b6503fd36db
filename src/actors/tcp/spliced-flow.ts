import type { TcpConnection } from './connection.ts';
import { isLean, lean } from './lean.ts';

/** Small pieces are gathered in blocks of this size, so that many of them cost no more than their bytes. */
const BLOCK_BYTES = 4096;

/** Plain data of one direction. */
export type SavedFlow = Readonly<{ full: boolean; waiting: number; urgent: number }>;

/**
 * One direction of a splice: bytes that one connection delivers are written to the other at once, but they count as consumed only while
 * that one's queue is below its mark. Above it nothing is consumed, so the window towards the writer shuts.
 */
export class SplicedFlow {
  readonly #from: TcpConnection;
  readonly #to: TcpConnection;
  /** The queue of the far end is over its mark. */
  #full = false;
  /** Bytes written to it and not yet reported as consumed. */
  #waiting = 0;
  /** Of the bytes that come next, so many are urgent. */
  #urgent = 0;
  #block: Uint8Array | undefined;
  #used = 0;

  constructor(from: TcpConnection, to: TcpConnection) {
    this.#from = from;
    this.#to = to;
  }

  /** Delivered by the one host's TCP, not yet acknowledged by the other's. */
  get held(): number {
    return this.#from.stats.bytesIn - this.#to.stats.bytesOut;
  }

  data(delivered: Uint8Array): void {
    const bytes = this.#kept(delivered);
    const urgent = Math.min(this.#urgent, bytes.length);
    this.#urgent -= urgent;
    if (urgent > 0) this.#to.write(bytes.subarray(0, urgent), true);
    if (urgent < bytes.length) this.#to.write(urgent === 0 ? bytes : bytes.subarray(urgent));
    if (this.#full) this.#waiting += bytes.length;
    else this.#from.consumed(bytes.length);
  }

  /** So many of the bytes that come next are urgent. */
  urgent(bytes: number): void {
    this.#urgent = Math.max(this.#urgent, bytes);
  }

  full(): void {
    this.#full = true;
  }

  writable(): void {
    this.#full = false;
    const bytes = this.#waiting;
    this.#waiting = 0;
    if (bytes > 0) this.#from.consumed(bytes);
  }

  save(): SavedFlow {
    return { full: this.#full, waiting: this.#waiting, urgent: this.#urgent };
  }

  restore(saved: SavedFlow): void {
    this.#full = saved.full;
    this.#waiting = saved.waiting;
    this.#urgent = saved.urgent;
  }

  /** As {@link lean}; small parts share a block. */
  #kept(bytes: Uint8Array): Uint8Array {
    if (isLean(bytes) || bytes.length >= BLOCK_BYTES) return lean(bytes);
    if (this.#block === undefined || this.#used + bytes.length > BLOCK_BYTES) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += bytes.length;
    this.#block.set(bytes, from);
    return this.#block.subarray(from, this.#used);
  }
}
