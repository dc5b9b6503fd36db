import { EMPTY } from '../../wire/bytes.ts';

/** Dropped chunks at the front of the list before it is packed. */
const PACK_CHUNKS = 256;

/** Of every empty queue: there may be very many. */
const NO_CHUNKS: Uint8Array[] = [];
const NO_STARTS: number[] = [];

/**
 * Bytes that were written and not yet acknowledged, as the chunks in which they came: appending and taking cost nothing per byte.
 * Positions count from the first byte that is still held.
 */
export class SendQueue {
  #chunks = NO_CHUNKS;
  /** Absolute position at which each chunk begins; as many as chunks. */
  #starts = NO_STARTS;
  #head = 0;
  #front = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#front;
  }

  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const last = this.#chunks.length - 1;
    if (last >= this.#head && isNext(this.#chunks[last], bytes)) this.#chunks[last] = joined(this.#chunks[last], bytes);
    else {
      this.#push(bytes);
    }
    this.#end += bytes.length;
  }

  /** Forgets the first `count` bytes, at most all. */
  drop(count: number): void {
    this.#front = Math.min(this.#front + count, this.#end);
    while (this.#head < this.#chunks.length && this.#endOf(this.#head) <= this.#front) {
      this.#chunks[this.#head++] = EMPTY;
    }
    const hasManyGone = this.#head >= PACK_CHUNKS && this.#head * 2 >= this.#chunks.length;
    if (hasManyGone || this.length === 0) this.#pack();
  }

  /**
   * `count` bytes from `position` on, all within the queue; a view where one chunk holds them. With `headroom` in an array of their own,
   * with so many more bytes of their own in front of it in its buffer.
   */
  slice(position: number, count: number, headroom = 0): Uint8Array {
    if (count === 0) return EMPTY;
    const from = this.#front + position;
    const at = this.#chunkOf(from);
    const skip = from - this.#starts[at];
    const first = this.#chunks[at];
    if (headroom === 0 && first.length - skip >= count) return first.subarray(skip, skip + count);
    return this.#copyInto(new Uint8Array(headroom + count).subarray(headroom), from, at);
  }

  clear(): void {
    this.drop(this.length);
  }

  save(): Uint8Array {
    return this.slice(0, this.length).slice();
  }

  restore(saved: Uint8Array): void {
    this.clear();
    this.append(saved);
  }

  /** Fills `out` with what begins at an absolute position, in the chunk of that index. */
  #copyInto(out: Uint8Array, from: number, chunk: number): Uint8Array {
    let at = chunk;
    let skip = from - this.#starts[at];
    for (let filled = 0; filled < out.length; skip = 0) {
      const part = this.#chunks[at++].subarray(skip, skip + out.length - filled);
      out.set(part, filled);
      filled += part.length;
    }
    return out;
  }

  #endOf(chunk: number): number {
    return chunk + 1 < this.#starts.length ? this.#starts[chunk + 1] : this.#end;
  }

  /** Index of the chunk that holds an absolute position: the last that begins at or before it. */
  #chunkOf(position: number): number {
    let low = this.#head;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle] <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #push(bytes: Uint8Array): void {
    if (this.#chunks === NO_CHUNKS) {
      this.#chunks = [];
      this.#starts = [];
    }
    this.#chunks.push(bytes);
    this.#starts.push(this.#end);
  }

  /** Copies what is left: an array that was emptied in place would keep its room. */
  #pack(): void {
    if (this.length === 0) {
      this.#chunks = NO_CHUNKS;
      this.#starts = NO_STARTS;
      this.#head = 0;
      return;
    }
    this.#chunks = this.#chunks.slice(this.#head);
    this.#starts = this.#starts.slice(this.#head);
    this.#head = 0;
  }
}

/** Whether `bytes` stand right behind `before` in the same buffer: then they need no chunk of their own. */
function isNext(before: Uint8Array, bytes: Uint8Array): boolean {
  return before.buffer === bytes.buffer && before.byteOffset + before.length === bytes.byteOffset;
}

function joined(before: Uint8Array, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(before.buffer, before.byteOffset, before.length + bytes.length);
}
