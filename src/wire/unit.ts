/** Units: what a tunnel frame carries behind F13 (docs/PROTOCOL.md). */
import { u16 } from './bytes.ts';
import { LEG_HEADER_BYTES, UNIT_LEG } from './leg.ts';
import { PIECE_HEADER_BYTES, PIECE_MIN_BYTES, UNIT_PIECE } from './piece.ts';
import {
  RECORD_FLAGS_RESERVED,
  RECORD_HEADER_BYTES,
  RECORD_MAX_BYTES,
  RECORD_OVERHEAD_BYTES,
  UNIT_CONTROL,
  UNIT_DATA,
} from './record.ts';

export { UNIT_LEG } from './leg.ts';
export { UNIT_PIECE } from './piece.ts';
export { UNIT_CONTROL, UNIT_DATA } from './record.ts';

/** Bytes that every unit begins with: type, flags or kind, length. */
export const UNIT_PREFIX_BYTES = 4;

/** Where a unit lies. */
export interface Unit {
  type: number;
  offset: number;
  length: number;
}

export type UnitReason =
  | 'unit-unknown-type'
  | 'unit-too-short'
  | 'unit-too-long'
  | 'unit-truncated'
  | 'unit-reserved-flags';

export interface UnitsRead {
  units: Unit[];
  /** Where reading stopped: `end` when everything was read, else the first byte that is not part of a whole unit. */
  stoppedAt: number;
  /** Why the rest is dropped; absent when there is no rest. */
  malformed?: UnitReason;
}

/** Splits `bytes[offset..end)` into units by their own lengths. */
export function splitUnits(bytes: Uint8Array, offset: number, end: number): UnitsRead {
  const units: Unit[] = [];
  let at = offset;
  while (at < end) {
    const malformed = unitFault(bytes, at, end);
    if (malformed !== undefined) return { units, stoppedAt: at, malformed };
    const length = u16(bytes, at + 2);
    units.push({ type: bytes[at], offset: at, length });
    at += length;
  }
  return { units, stoppedAt: at };
}

/** Why no whole unit begins at `at`; undefined when one does. Its length is then `u16(bytes, at + 2)`. */
export function unitFault(bytes: Uint8Array, at: number, end: number): UnitReason | undefined {
  const type = bytes[at];
  if (!isUnitType(type)) return 'unit-unknown-type';
  if (end - at < UNIT_PREFIX_BYTES) return 'unit-truncated';
  if ((bytes[at + 1] & reservedFlags(type)) !== 0) return 'unit-reserved-flags';
  const length = u16(bytes, at + 2);
  if (length < minimumLength(type)) return 'unit-too-short';
  if (isRecordType(type) && length > RECORD_MAX_BYTES) return 'unit-too-long';
  return length > end - at ? 'unit-truncated' : undefined;
}

/** Whether a first byte names a unit of this protocol version. */
export function isUnitType(type: number): boolean {
  return type >= UNIT_DATA && type <= UNIT_PIECE;
}

function isRecordType(type: number): boolean {
  return type === UNIT_DATA || type === UNIT_CONTROL;
}

function reservedFlags(type: number): number {
  if (type === UNIT_LEG) return 0;
  return type === UNIT_PIECE ? 0xff : RECORD_FLAGS_RESERVED;
}

function minimumLength(type: number): number {
  if (type === UNIT_LEG) return LEG_HEADER_BYTES;
  return type === UNIT_PIECE ? PIECE_MIN_BYTES : RECORD_OVERHEAD_BYTES;
}

/** How many bytes of a unit are not opaque: the header of records and pieces, all of a leg packet. */
export function unitHeadLength(unit: Unit): number {
  if (unit.type === UNIT_LEG) return unit.length;
  return unit.type === UNIT_PIECE ? PIECE_HEADER_BYTES : RECORD_HEADER_BYTES;
}
