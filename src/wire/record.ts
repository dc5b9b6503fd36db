/** The record format F14 (docs/PROTOCOL.md section 3), without any cipher. */
import { put16, put32, put48, u16, u32, u48 } from './bytes.ts';

/** First byte of a data record: version 4, type 0. */
export const UNIT_DATA = 0x40;
/** First byte of a control record: version 4, type 1. */
export const UNIT_CONTROL = 0x41;

export const RECORD_HEADER_BYTES = 16;
export const RECORD_TAG_BYTES = 16;
/** What a record adds to its plaintext. */
export const RECORD_OVERHEAD_BYTES = 32;
export const RECORD_MAX_PLAINTEXT_BYTES = 65_000;
export const RECORD_MAX_BYTES = RECORD_MAX_PLAINTEXT_BYTES + RECORD_OVERHEAD_BYTES;

/** Bit of the flags: the plaintext is one part of a frame cut before encryption. */
export const RECORD_FLAG_SEGMENT = 1;
/** Flags that must be 0. */
export const RECORD_FLAGS_RESERVED = 0xfe;

export const RECORD_NONCE_BYTES = 12;
export const RECORD_SALT_BYTES = 4;
export const RECORD_ASSOCIATED_BYTES = 13;

export interface RecordFields {
  type: number;
  flags?: number;
  connectionId: number;
  epoch: number;
  /** From 1, below 2^48. */
  sequence: number;
}

export interface RecordView {
  ok: true;
  offset: number;
  type: number;
  flags: number;
  segment: boolean;
  /** Of the whole record. */
  length: number;
  plaintextLength: number;
  connectionId: number;
  epoch: number;
  sequence: number;
  ciphertextOffset: number;
  tagOffset: number;
  end: number;
}

export type RecordReason =
  | 'record-truncated'
  | 'record-bad-type'
  | 'record-reserved-flags'
  | 'record-bad-length'
  | 'record-sequence-zero';
export interface RecordMalformed {
  ok: false;
  reason: RecordReason;
}

/** Reads the record that begins at `offset`; bytes behind its length may be other units. */
export function parseRecord(bytes: Uint8Array, offset: number, end: number): RecordView | RecordMalformed {
  if (end - offset < RECORD_OVERHEAD_BYTES) return { ok: false, reason: 'record-truncated' };
  const type = bytes[offset];
  if (type !== UNIT_DATA && type !== UNIT_CONTROL) return { ok: false, reason: 'record-bad-type' };
  const flags = bytes[offset + 1];
  if ((flags & RECORD_FLAGS_RESERVED) !== 0) return { ok: false, reason: 'record-reserved-flags' };
  const length = u16(bytes, offset + 2);
  if (length < RECORD_OVERHEAD_BYTES || length > RECORD_MAX_BYTES) return { ok: false, reason: 'record-bad-length' };
  if (length > end - offset) return { ok: false, reason: 'record-truncated' };
  const sequence = u48(bytes, offset + 10);
  if (sequence === 0) return { ok: false, reason: 'record-sequence-zero' };
  return {
    ok: true,
    offset,
    type,
    flags,
    segment: (flags & RECORD_FLAG_SEGMENT) !== 0,
    length,
    plaintextLength: length - RECORD_OVERHEAD_BYTES,
    connectionId: u32(bytes, offset + 4),
    epoch: u16(bytes, offset + 8),
    sequence,
    ciphertextOffset: offset + RECORD_HEADER_BYTES,
    tagOffset: offset + length - RECORD_TAG_BYTES,
    end: offset + length,
  };
}

/** Writes the 16-byte header of a record with `plaintextLength` bytes of plaintext; returns the offset of the ciphertext. */
export function writeRecordHeader(
  bytes: Uint8Array,
  offset: number,
  fields: RecordFields,
  plaintextLength: number,
): number {
  bytes[offset] = fields.type;
  bytes[offset + 1] = fields.flags ?? 0;
  put16(bytes, offset + 2, plaintextLength + RECORD_OVERHEAD_BYTES);
  put32(bytes, offset + 4, fields.connectionId);
  put16(bytes, offset + 8, fields.epoch);
  put48(bytes, offset + 10, fields.sequence);
  return offset + RECORD_HEADER_BYTES;
}

/** Fills the 12-byte `nonce`: salt, then epoch and sequence as they stand in the record header at `offset`. */
export function writeRecordNonce(nonce: Uint8Array, salt: Uint8Array, bytes: Uint8Array, offset: number): void {
  for (let i = 0; i < RECORD_SALT_BYTES; i++) nonce[i] = salt[i];
  for (let i = 0; i < 8; i++) nonce[RECORD_SALT_BYTES + i] = bytes[offset + 8 + i];
}

/** Fills the 13-byte associated data of the record whose header stands at `offset`. */
export function writeRecordAssociated(associated: Uint8Array, bytes: Uint8Array, offset: number): void {
  for (let i = 0; i < 4; i++) associated[i] = bytes[offset + 4 + i];
  associated[4] = bytes[offset];
  associated[5] = bytes[offset + 1];
  for (let i = 6; i < 11; i++) associated[i] = 0;
  put16(associated, 11, u16(bytes, offset + 2) - RECORD_OVERHEAD_BYTES);
}

/** Bytes before the frame's bytes in the plaintext of a record with SEGMENT. */
export const SEGMENT_HEADER_BYTES = 8;

export interface SegmentFields {
  frameId: number;
  /** Of these bytes in the frame. */
  frameOffset: number;
  /** Of the whole frame. */
  frameLength: number;
}

export interface SegmentView extends SegmentFields {
  ok: true;
  bytesOffset: number;
  end: number;
}

export type SegmentReason = 'segment-truncated' | 'segment-out-of-range';
export interface SegmentMalformed {
  ok: false;
  reason: SegmentReason;
}

/** Reads the plaintext of a record with SEGMENT. */
export function parseSegment(bytes: Uint8Array, offset: number, end: number): SegmentView | SegmentMalformed {
  const bytesOffset = offset + SEGMENT_HEADER_BYTES;
  if (end <= bytesOffset) return { ok: false, reason: 'segment-truncated' };
  const frameOffset = u16(bytes, offset + 4);
  const frameLength = u16(bytes, offset + 6);
  if (frameOffset + end - bytesOffset > frameLength) return { ok: false, reason: 'segment-out-of-range' };
  return { ok: true, frameId: u32(bytes, offset), frameOffset, frameLength, bytesOffset, end };
}

/** Writes the 8 bytes before a segment's bytes; returns the offset behind them. */
export function writeSegmentHeader(bytes: Uint8Array, offset: number, fields: SegmentFields): number {
  put32(bytes, offset, fields.frameId);
  put16(bytes, offset + 4, fields.frameOffset);
  put16(bytes, offset + 6, fields.frameLength);
  return offset + SEGMENT_HEADER_BYTES;
}
