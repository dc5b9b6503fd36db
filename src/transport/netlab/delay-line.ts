/** Gives things on at their times, those of the same time in the order they came. Times are `performance.now()` values. */
export class DelayLine<T> {
  /** Ascending by time. */
  readonly #waiting: { item: T; at_ms: number }[] = [];
  readonly #deliver: (items: T[]) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(deliver: (items: T[]) => void) {
    this.#deliver = deliver;
  }

  push(item: T, at_ms: number): void {
    // Nearly always the last place: delays are mostly equal.
    let place = this.#waiting.length;
    while (place > 0 && this.#waiting[place - 1].at_ms > at_ms) place -= 1;
    if (this.#waiting.length >= LINE_ITEMS) return;
    this.#waiting.splice(place, 0, { item, at_ms });
  }

  /** Delivers what is due, and sets a timer for the rest. */
  run(): void {
    const now_ms = performance.now();
    const notYet = this.#waiting.findIndex(({ at_ms }) => at_ms > now_ms);
    const due = this.#waiting.splice(0, notYet < 0 ? this.#waiting.length : notYet);
    if (due.length > 0) this.#deliver(due.map(({ item }) => item));
    clearTimeout(this.#timer);
    if (this.#waiting.length > 0) {
      this.#timer = setTimeout(() => this.run(), Math.max(0, this.#waiting[0].at_ms - performance.now()));
    }
  }
}

/** As a full queue of a router: what comes then is lost. 1 s of 1500-byte frames at 200 Mbit/s. */
const LINE_ITEMS = 16_384;
