/** Plain reads and writes of big-endian integers in a `Uint8Array`. Callers check bounds once, before they read. */

/** The empty byte string. */
export const EMPTY: Uint8Array = new Uint8Array(0);

const TWO_16 = 0x1_0000;
const TWO_32 = 0x1_0000_0000;

/** The unsigned 16-bit integer at offset `o`. */
export function u16(b: Uint8Array, o: number): number {
  return (b[o] << 8) | b[o + 1];
}

/** The unsigned 32-bit integer at offset `o`. */
export function u32(b: Uint8Array, o: number): number {
  return ((b[o] << 24) | (b[o + 1] << 16) | (b[o + 2] << 8) | b[o + 3]) >>> 0;
}

/** The unsigned 48-bit integer at offset `o`. */
export function u48(b: Uint8Array, o: number): number {
  return u16(b, o) * TWO_32 + u32(b, o + 2);
}

/** The unsigned 64-bit integer at offset `o`; above 2^53-1 the result is not exact (see `Number.isSafeInteger`). */
export function u64(b: Uint8Array, o: number): number {
  return u32(b, o) * TWO_32 + u32(b, o + 4);
}

/** Writes the low 16 bits of `value`. */
export function put16(b: Uint8Array, o: number, value: number): void {
  b[o] = value >>> 8;
  b[o + 1] = value;
}

/** Writes the low 32 bits of `value`. */
export function put32(b: Uint8Array, o: number, value: number): void {
  b[o] = value >>> 24;
  b[o + 1] = value >>> 16;
  b[o + 2] = value >>> 8;
  b[o + 3] = value;
}

/** Writes a non-negative integer below 2^48. */
export function put48(b: Uint8Array, o: number, value: number): void {
  put16(b, o, (value / TWO_32) % TWO_16);
  put32(b, o + 2, value % TWO_32);
}

/** Writes a non-negative safe integer into 8 bytes. */
export function put64(b: Uint8Array, o: number, value: number): void {
  put32(b, o, value / TWO_32);
  put32(b, o + 4, value % TWO_32);
}

/** All parts one after the other, in a new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Whether both hold the same bytes. Not constant in time: not for secrets. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const HEX_OF_BYTE: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Lower-case hexadecimal digits of `bytes[from..to)`. */
export function toHex(bytes: Uint8Array, from = 0, to = bytes.length): string {
  let text = '';
  for (let i = from; i < to; i++) text += HEX_OF_BYTE[bytes[i]];
  return text;
}

/** The bytes that hexadecimal text stands for (white space is ignored); undefined for other text. */
export function fromHex(text: string): Uint8Array | undefined {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) return undefined;
  const out = new Uint8Array(digits.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return out;
}
