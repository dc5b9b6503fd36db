import { REPLY_BYTES } from './orders.ts';
import type { Tell } from './talk.ts';

/** Many short connections, so many at a time; tells `many` when all are over. */
export class ManyConnections {
  readonly #count: number;
  readonly #connect: (id: string) => void;
  readonly #tell: Tell;
  readonly #start_ms = performance.now();
  readonly #failures: Record<string, number> = {};
  readonly #receivedBy = new Map<string, number>();
  #opened = 0;
  #good = 0;
  #over = 0;

  constructor(count: number, parallel: number, connect: (id: string) => void, tell: Tell) {
    this.#count = count;
    this.#connect = connect;
    this.#tell = tell;
    for (let at = 0; at < Math.min(parallel, count); at += 1) this.#next();
  }

  /** The other side has said all it has to say. */
  received(id: string, bytes: number): void {
    this.#receivedBy.set(id, bytes);
  }

  closed(id: string, reason: string): void {
    const isWhole = this.#receivedBy.get(id) === REPLY_BYTES;
    this.#receivedBy.delete(id);
    if (reason === 'normal' && isWhole) this.#good += 1;
    else {
      const what = isWhole ? reason : `${reason}, incomplete`;
      this.#failures[what] = (this.#failures[what] ?? 0) + 1;
    }
    this.#over += 1;
    if (this.#opened < this.#count) this.#next();
    if (this.#over < this.#count) return;
    const time_ms = Math.round(performance.now() - this.#start_ms);
    this.#tell('many', { count: this.#count, good: this.#good, failures: this.#failures, time_ms });
  }

  #next(): void {
    this.#opened += 1;
    this.#connect(`many-${this.#opened}`);
  }
}
