/** Random bytes for values that may be seen (tokens, ports, jitter). Recorded, so that a replay draws the same. */
export interface RandomSource {
  bytes(length: number): Uint8Array;
}

/** Deterministic source for lab and tests (sfc32). Not for secrets. */
export class SeededRandom implements RandomSource {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `stream` makes independent sources of one seed. */
  constructor(seed: number, stream = '') {
    this.#a = seed >>> 0;
    this.#b = hash32(stream);
    this.#c = Math.floor(seed / 2 ** 32) >>> 0;
    for (let round = 0; round < 16; round++) this.uint32();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter++) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }

  /** In [0, 1). */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) bytes[at] = this.uint32() >>> 24;
    return bytes;
  }

  save(): readonly number[] {
    return [this.#a, this.#b, this.#c, this.#counter];
  }

  restore(saved: readonly number[]): void {
    [this.#a, this.#b, this.#c, this.#counter] = saved as [number, number, number, number];
  }
}

/** FNV-1a, 32 bits. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
