import { createHash } from 'node:crypto';
import { pattern } from '../../../src/actors/test-application/pattern.ts';
import { REPLY_BYTES, REQUEST_BYTES, type Service, type Told } from './orders.ts';

/** One side's way to a connection, whoever's TCP it is. */
export interface Pipe {
  /** Takes the bytes whole; false: no more until {@link Talk.drained}. */
  write(bytes: Uint8Array): boolean;
  /** Calls {@link Talk.drained} in a while. */
  again(after_ms: number): void;
  close(): void;
  /** Reads on, or stops reading. */
  read(on: boolean): void;
}

export type Tell = (event: Told['event'], fields: Record<string, unknown>) => void;

const PIECE_BYTES = 64 * 1024;

interface Sending {
  readonly bytes: number;
  readonly seed: number;
  readonly close: boolean;
  readonly piece: number;
  readonly every_ms: number;
  readonly start_ms: number;
  readonly hash: ReturnType<typeof createHash>;
  done: number;
}

/** What one end does with a connection: sends, receives and hashes, serves. */
export class Talk {
  readonly id: string;
  received_bytes = 0;
  readonly #pipe: Pipe;
  readonly #service: Service;
  readonly #tell: Tell;
  readonly #hash = createHash('sha256');
  readonly #start_ms = performance.now();
  #sending: Sending | undefined;
  #full = false;
  #hasEnded = false;
  #isOver = false;

  constructor(id: string, service: Service, pipe: Pipe, tell: Tell) {
    this.id = id;
    this.#service = service;
    this.#pipe = pipe;
    this.#tell = tell;
  }

  /** The connection stands. */
  open(): void {
    if (this.#service === 'ask') this.#pipe.write(pattern(1, 0, REQUEST_BYTES));
  }

  received(bytes: Uint8Array): void {
    this.received_bytes += bytes.length;
    this.#hash.update(bytes);
    if (this.#service === 'echo' && !this.#pipe.write(bytes)) this.#pipe.read(false);
    if (this.#service !== 'reply' || this.received_bytes !== REQUEST_BYTES) return;
    this.#pipe.write(pattern(2, 0, REPLY_BYTES));
    this.#pipe.close();
  }

  /** FIN of the other side. */
  ended(): void {
    this.#hasEnded = true;
    const [bytes, sha256] = [this.received_bytes, this.#hash.digest('hex')];
    const time_ms = performance.now() - this.#start_ms;
    this.#tell('received', { id: this.id, bytes, sha256, time_ms });
    if (this.#service !== 'manual' && this.#service !== 'reply' && this.#sending === undefined) this.#pipe.close();
  }

  drained(): void {
    this.#full = false;
    if (this.#service === 'echo') this.#pipe.read(true);
    this.#sendMore();
  }

  send(order: { bytes: number; seed: number; close?: boolean; piece?: number; every_ms?: number }): void {
    const { bytes, seed, close = false, piece = PIECE_BYTES, every_ms = 0 } = order;
    const hash = createHash('sha256');
    this.#sending = { bytes, seed, close, piece, every_ms, hash, done: 0, start_ms: performance.now() };
    this.#sendMore();
  }

  /** Nothing goes or comes any more. */
  closed(): void {
    this.#isOver = true;
  }

  #sendMore(): void {
    const sending = this.#sending;
    if (sending === undefined || this.#isOver) return;
    while (sending.done < sending.bytes && !this.#full) {
      const bytes = pattern(sending.seed, sending.done, Math.min(sending.piece, sending.bytes - sending.done));
      sending.hash.update(bytes);
      sending.done += bytes.length;
      this.#full = !this.#pipe.write(bytes);
      if (sending.every_ms > 0 && sending.done < sending.bytes) {
        this.#full = true;
        this.#pipe.again(sending.every_ms);
        return;
      }
    }
    if (sending.done === sending.bytes) this.#allSent(sending);
  }

  #allSent({ bytes, hash, start_ms, close }: Sending): void {
    this.#sending = undefined;
    const sha256 = hash.digest('hex');
    this.#tell('sent', { id: this.id, bytes, sha256, time_ms: performance.now() - start_ms });
    if (close || (this.#hasEnded && this.#service === 'sink')) this.#pipe.close();
  }
}
