import type { Segment } from '../../../src/actors/tcp/segment.ts';
import type { FuzzEnd } from './end.ts';

/** A segment on its way, and when it arrives. */
export interface Flying {
  readonly at_us: number;
  readonly to: FuzzEnd;
  readonly segment: Segment;
}

/** Segments on their way, in the order in which they arrive. */
export class Flight {
  /** The next one last. */
  readonly #list: Flying[] = [];

  /** When the next one arrives; infinite when there is none. */
  get due_us(): number {
    return this.#list.at(-1)?.at_us ?? Number.POSITIVE_INFINITY;
  }

  add(flying: Flying): void {
    const list = this.#list;
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].at_us > flying.at_us) low = middle + 1;
      else high = middle;
    }
    list.splice(low, 0, flying);
  }

  /** The next one; there must be one. */
  take(): Flying {
    return this.#list.pop() as Flying;
  }

  clear(): void {
    this.#list.length = 0;
  }
}
