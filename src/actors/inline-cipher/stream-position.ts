import { seqAdd, seqDiff } from '../../wire/seq.ts';

const UINT32 = 2 ** 32;

export interface SavedPosition {
  readonly key: number;
  readonly from: number;
  readonly reference: number;
}

/**
 * Where in the byte stream of one direction a TCP number stands. Positions count from the point where the cipher was switched on, as
 * safe integers: a number has 32 bits and comes round every 4 GiB. What lies within 2 GiB of the reference is told rightly; a TCP window
 * is at most 1 GiB.
 */
export class StreamPosition {
  /** Key id of the direction. */
  readonly key: number;
  /** TCP number of position 0. */
  readonly from: number;
  #reference: number;

  constructor(key: number, from: number, reference = 0) {
    this.key = key;
    this.from = from;
    this.#reference = reference;
  }

  /** Position of a TCP number; negative before the cipher was switched on. */
  of(sequence: number): number {
    return this.#reference + seqDiff(sequence, seqAdd(this.from, this.#reference % UINT32));
  }

  /** A number that this host's own TCP put into a header: what comes later is near it. Nobody else moves the reference. */
  reached(sequence: number): void {
    this.#reference = Math.max(this.#reference, this.of(sequence));
  }

  save(): SavedPosition {
    return { key: this.key, from: this.from, reference: this.#reference };
  }
}
