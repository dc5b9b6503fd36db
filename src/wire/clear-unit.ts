/** Frames and control messages in clear, in a byte stream that an in-line cipher encrypts as a whole (docs/PROTOCOL.md section 7). */
import { put16, put32, u16 } from './bytes.ts';

/** First byte of a unit that holds one Ethernet frame: version 4, type 4. */
export const UNIT_CLEAR_FRAME = 0x44;
/** First byte of a unit that holds a control message (kind and body as of a control record): version 4, type 5. */
export const UNIT_CLEAR_CONTROL = 0x45;
/** Type 1, flags 1 (0), length of the whole unit 2, connection id 4. */
export const CLEAR_HEADER_BYTES = 8;
/** Longest frame or message. */
export const CLEAR_MAX_BODY_BYTES = 65_000;

/** Whether a first byte begins a unit in clear. */
export function isClearUnitType(type: number): boolean {
  return type === UNIT_CLEAR_FRAME || type === UNIT_CLEAR_CONTROL;
}

/**
 * Length of the unit in clear that begins at `at`; undefined while its header is not all there, 0 when it cannot be one (a flag is set, or
 * the length is impossible).
 */
export function clearUnitLength(bytes: Uint8Array, at: number, end: number): number | undefined {
  if (end - at < CLEAR_HEADER_BYTES) return undefined;
  const length = u16(bytes, at + 2);
  const isPossible = length >= CLEAR_HEADER_BYTES && length <= CLEAR_HEADER_BYTES + CLEAR_MAX_BODY_BYTES;
  return isPossible && bytes[at + 1] === 0 ? length : 0;
}

/** A whole unit around `body` (at most {@link CLEAR_MAX_BODY_BYTES}). */
export function buildClearUnit(type: number, connectionId: number, body: Uint8Array): Uint8Array {
  const unit = new Uint8Array(CLEAR_HEADER_BYTES + body.length);
  unit[0] = type;
  put16(unit, 2, unit.length);
  put32(unit, 4, connectionId);
  unit.set(body, CLEAR_HEADER_BYTES);
  return unit;
}
