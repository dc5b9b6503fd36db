/** Whether a view keeps no more alive than twice its own bytes: limits count bytes, and know nothing of the buffer behind them. */
export function isLean(bytes: Uint8Array): boolean {
  return bytes.length * 2 >= bytes.buffer.byteLength;
}

/** The bytes themselves, or a copy where they are a small part of a large buffer: to be kept for a while. */
export function lean(bytes: Uint8Array): Uint8Array {
  return isLean(bytes) ? bytes : bytes.slice();
}
