import type { ServerResponse } from 'node:http';
import type { PageMessages } from '../../page-model/messages.ts';

/** A browser that lets more than this wait gets nothing until it has read it; bytes. */
export const CLIENT_QUEUE_BYTES = 4_194_304;

/** One browser's event stream. A slow one loses records, is told how many, and never makes anybody wait. */
export class PageClient {
  readonly #response: ServerResponse;
  readonly #refresh: () => void;
  #lost = 0;
  #isFull = false;

  /** `refresh` sends the present state, after records were lost. */
  constructor(response: ServerResponse, refresh: () => void) {
    this.#response = response;
    this.#refresh = refresh;
    response.on('error', () => response.destroy());
    response.on('drain', () => this.#drained());
  }

  /** `records`: how many are lost when there is no room for the message. */
  send(event: keyof PageMessages, json: string, records = 0): void {
    if (this.#isFull) {
      this.#lost += records;
      return;
    }
    this.#response.write(`event: ${event}\ndata: ${json}\n\n`);
    this.#isFull = this.#response.writableLength > CLIENT_QUEUE_BYTES;
  }

  /** Tells of records that could not be sent to anybody. */
  lose(count: number): void {
    this.#lost += count;
    if (!this.#isFull) this.#tellLost();
  }

  end(): void {
    this.#response.end();
  }

  #drained(): void {
    const wasFull = this.#isFull;
    this.#isFull = false;
    if (!wasFull) return;
    this.#tellLost();
    this.#refresh();
  }

  #tellLost(): void {
    if (this.#lost > 0) this.send('gap', JSON.stringify({ lost: this.#lost }));
    this.#lost = 0;
  }
}
