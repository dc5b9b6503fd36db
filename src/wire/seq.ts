/** Arithmetic of TCP sequence numbers, modulo 2^32 (RFC 9293 section 3.4). */

/** `seq + n` as an unsigned 32-bit number; `n` may be negative. */
export function seqAdd(seq: number, n: number): number {
  return (seq + n) >>> 0;
}

/** How far `a` is ahead of `b`: a signed 32-bit number. */
export function seqDiff(a: number, b: number): number {
  return (a - b) | 0;
}

/** `a < b` */
export function seqLt(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** `a <= b` */
export function seqLe(a: number, b: number): boolean {
  return ((a - b) | 0) <= 0;
}

/** `a > b` */
export function seqGt(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** `a >= b` */
export function seqGe(a: number, b: number): boolean {
  return ((a - b) | 0) >= 0;
}

/** Whether `seq` lies in the `size` numbers that begin with `left`. */
export function seqIn(seq: number, left: number, size: number): boolean {
  return (seq - left) >>> 0 < size;
}

/** The later of two numbers. */
export function seqMax(a: number, b: number): number {
  return seqLt(a, b) ? b : a;
}

/** The earlier of two numbers. */
export function seqMin(a: number, b: number): number {
  return seqLt(a, b) ? a : b;
}
