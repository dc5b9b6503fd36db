/** The name itself is the first. */
export const FIRST_VARIANT = 2;

/** Which numbers from 2 on are in use as variants of one name; the lowest free one is found without looking at all of them. */
export class Variants {
  /** None from here on is in use. */
  #end = FIRST_VARIANT;
  /** Those before it that are not in use, the lowest last. */
  readonly #free: number[] = [];

  get lowest(): number {
    return this.#free.at(-1) ?? this.#end;
  }

  /** None is in use. */
  get isEmpty(): boolean {
    return this.#free.length === this.#end - FIRST_VARIANT;
  }

  take(variant: number): void {
    for (; this.#end <= variant; this.#end++) this.#free.unshift(this.#end);
    this.#free.splice(this.#placeOf(variant), 1);
  }

  release(variant: number): void {
    this.#free.splice(this.#placeOf(variant), 0, variant);
  }

  /** Where the number stands among the free ones, or would stand. */
  #placeOf(variant: number): number {
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#free[middle] > variant) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
