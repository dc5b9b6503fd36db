/** A set of whole numbers as ranges that do not touch, in order. Each is [first, behind the last]. */
export class Ranges {
  readonly #ranges: [number, number][] = [];

  get count(): number {
    return this.#ranges.length;
  }

  add(from: number, to: number): void {
    if (to <= from) return;
    const ranges = this.#ranges;
    const first = this.#firstEndingAtOrBehind(from);
    let left = from;
    let right = to;
    let last = first;
    for (; last < ranges.length && ranges[last][0] <= right; last++) {
      left = Math.min(left, ranges[last][0]);
      right = Math.max(right, ranges[last][1]);
    }
    ranges.splice(first, last - first, [left, right]);
  }

  /** Whether all of [from, to) is in the set. */
  covers(from: number, to: number): boolean {
    if (to <= from) return true;
    const range = this.#ranges[this.#firstEndingAtOrBehind(from)];
    return range !== undefined && range[0] <= from && range[1] >= to;
  }

  #firstEndingAtOrBehind(position: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ranges[middle][1] >= position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
