/** Quick hashes that find accidents and edits; no protection against somebody who recomputes them. */

const PRIME_A = 0x01000193;
const PRIME_B = 0x85ebca6b;
const BASIS_A = 0x811c9dc5;
const BASIS_B = 0x9e3779b9;

/** FNV-1a over UTF-16 code units with a final mix, 32 bits. */
export function hashText(text: string): number {
  let hash = BASIS_A;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME_A);
  hash = Math.imul(hash ^ (hash >>> 16), PRIME_B);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** 64-bit hash over a sequence of record hashes, as two 32-bit lanes. */
export class RunningHash {
  #a = BASIS_A;
  #b = BASIS_B;

  add(hash: number): void {
    this.#a = Math.imul(this.#a ^ hash, PRIME_A);
    const mixed = Math.imul(this.#b ^ ((hash << 16) | (hash >>> 16)), PRIME_B);
    this.#b = ((mixed << 13) | (mixed >>> 19)) ^ this.#a;
  }

  /** 16 hex digits. */
  get text(): string {
    return hex32(this.#a) + hex32(this.#b);
  }
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
