import type { Writable } from 'node:stream';
import type { PageMessages } from '../../page-model/messages.ts';

/** A reader that lets more than this wait gets nothing until it has read it; bytes. */
export const CLIENT_QUEUE_BYTES = 4_194_304;

/** How one message is written: an event of an event stream, or a line of a control socket. `json` is its content. */
export type Framing = (name: keyof PageMessages, json: string) => string;

export const EVENT_STREAM: Framing = (name, json) => `event: ${name}\ndata: ${json}\n\n`;
export const LINES: Framing = (name, json) => `{"page":"${name}","content":${json}}\n`;

/** One reader of a stream of messages. A slow one loses records, is told how many, and never makes anybody wait. */
export class PageClient {
  readonly #stream: Writable;
  readonly #framing: Framing;
  readonly #refresh: () => void;
  #lost = 0;
  #isFull = false;

  /** `refresh` sends the present state, after records were lost. */
  constructor(stream: Writable, framing: Framing, refresh: () => void) {
    this.#stream = stream;
    this.#framing = framing;
    this.#refresh = refresh;
    stream.on('error', () => stream.destroy());
    stream.on('drain', () => this.#drained());
  }

  /** `records`: how many are lost when there is no room for the message. */
  send(name: keyof PageMessages, json: string, records = 0): void {
    if (this.#isFull) {
      this.#lost += records;
      return;
    }
    if (!this.#stream.writable) return;
    this.#stream.write(this.#framing(name, json));
    this.#isFull = this.#stream.writableLength > CLIENT_QUEUE_BYTES;
  }

  /** Tells of records that could not be sent to anybody. */
  lose(count: number): void {
    this.#lost += count;
    if (!this.#isFull) this.#tellLost();
  }

  end(): void {
    this.#stream.end();
  }

  #drained(): void {
    const wasFull = this.#isFull;
    this.#isFull = false;
    if (!wasFull) return;
    this.#tellLost();
    this.#refresh();
  }

  #tellLost(): void {
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) this.send('gap', JSON.stringify({ lost }));
  }
}
