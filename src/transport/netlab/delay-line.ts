/** Keeps things until their times; those of the same time stay in the order they came. Times are whatever its owner counts in. */
export class DelayLine<T> {
  /** Ascending by time. */
  readonly #waiting: { readonly item: T; readonly at: number }[] = [];

  /** When the first is due; undefined when nothing waits. */
  get next(): number | undefined {
    return this.#waiting[0]?.at;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** False when there is no room: the thing is lost. */
  push(item: T, at: number): boolean {
    if (this.#waiting.length >= LINE_ITEMS) return false;
    // Nearly always the last place: delays are mostly equal.
    let place = this.#waiting.length;
    while (place > 0 && (this.#waiting[place - 1]?.at ?? 0) > at) place -= 1;
    if (place === this.#waiting.length) this.#waiting.push({ item, at });
    else this.#waiting.splice(place, 0, { item, at });
    return true;
  }

  /** Takes out what is due. */
  due(now: number): T[] {
    const notYet = this.#waiting.findIndex(({ at }) => at > now);
    return this.#waiting.splice(0, notYet < 0 ? this.#waiting.length : notYet).map(({ item }) => item);
  }
}

/** As a full queue of a router: what comes then is lost. 1 s of 1500-byte frames at 200 Mbit/s. */
const LINE_ITEMS = 16_384;
