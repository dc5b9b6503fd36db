/** Pieces of a record that was cut after encryption (docs/PROTOCOL.md section 4). */
import { put16, put32, put48, u16, u32, u48 } from './bytes.ts';
import { RECORD_MAX_BYTES, RECORD_OVERHEAD_BYTES } from './record.ts';

/** First byte of a piece: version 4, type 3. */
export const UNIT_PIECE = 0x43;

export const PIECE_HEADER_BYTES = 20;
/** A piece carries at least one byte. */
export const PIECE_MIN_BYTES = 21;

export interface PieceFields {
  connectionId: number;
  epoch: number;
  sequence: number;
  /** Of these bytes in the record. */
  recordOffset: number;
  /** Of the whole record. */
  recordLength: number;
}

export interface PieceView extends PieceFields {
  ok: true;
  offset: number;
  /** Of the piece, header included. */
  length: number;
  bytesOffset: number;
  end: number;
}

export type PieceReason =
  | 'piece-truncated'
  | 'piece-bad-type'
  | 'piece-reserved-flags'
  | 'piece-bad-length'
  | 'piece-bad-record-length'
  | 'piece-out-of-range'
  | 'piece-sequence-zero';
export interface PieceMalformed {
  ok: false;
  reason: PieceReason;
}

/** Reads the piece that begins at `offset`; bytes behind its length may be other units. */
export function parsePiece(bytes: Uint8Array, offset: number, end: number): PieceView | PieceMalformed {
  if (end - offset < PIECE_MIN_BYTES) return { ok: false, reason: 'piece-truncated' };
  if (bytes[offset] !== UNIT_PIECE) return { ok: false, reason: 'piece-bad-type' };
  if (bytes[offset + 1] !== 0) return { ok: false, reason: 'piece-reserved-flags' };
  const length = u16(bytes, offset + 2);
  if (length < PIECE_MIN_BYTES) return { ok: false, reason: 'piece-bad-length' };
  if (length > end - offset) return { ok: false, reason: 'piece-truncated' };
  const sequence = u48(bytes, offset + 10);
  if (sequence === 0) return { ok: false, reason: 'piece-sequence-zero' };
  const recordOffset = u16(bytes, offset + 16);
  const recordLength = u16(bytes, offset + 18);
  if (recordLength < RECORD_OVERHEAD_BYTES || recordLength > RECORD_MAX_BYTES) {
    return { ok: false, reason: 'piece-bad-record-length' };
  }
  if (recordOffset + length - PIECE_HEADER_BYTES > recordLength) return { ok: false, reason: 'piece-out-of-range' };
  return {
    ok: true,
    offset,
    length,
    connectionId: u32(bytes, offset + 4),
    epoch: u16(bytes, offset + 8),
    sequence,
    recordOffset,
    recordLength,
    bytesOffset: offset + PIECE_HEADER_BYTES,
    end: offset + length,
  };
}

/** Writes the 20-byte header of a piece with `byteCount` bytes of the record; returns the offset behind it. */
export function writePieceHeader(bytes: Uint8Array, offset: number, fields: PieceFields, byteCount: number): number {
  bytes[offset] = UNIT_PIECE;
  bytes[offset + 1] = 0;
  put16(bytes, offset + 2, PIECE_HEADER_BYTES + byteCount);
  put32(bytes, offset + 4, fields.connectionId);
  put16(bytes, offset + 8, fields.epoch);
  put48(bytes, offset + 10, fields.sequence);
  put16(bytes, offset + 16, fields.recordOffset);
  put16(bytes, offset + 18, fields.recordLength);
  return offset + PIECE_HEADER_BYTES;
}

/** A whole piece. */
export function buildPiece(fields: PieceFields, part: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PIECE_HEADER_BYTES + part.length);
  bytes.set(part, writePieceHeader(bytes, 0, fields, part.length));
  return bytes;
}
