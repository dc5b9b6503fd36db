import { u16 } from '../../wire/bytes.ts';
import {
  RECORD_ASSOCIATED_BYTES,
  RECORD_HEADER_BYTES,
  RECORD_NONCE_BYTES,
  RECORD_OVERHEAD_BYTES,
  writeRecordAssociated,
  writeRecordNonce,
} from '../../wire/record.ts';
import type { Aead } from './suite.ts';

/**
 * One record under one key: header | ciphertext | tag (docs/PROTOCOL.md section 3). Nonce and associated data are
 * functions of the header, so a record opens alone, whatever was lost before it.
 */

const LENGTH_AT = 2;

/** Nonce (12 bytes) of the record whose header begins `record`. */
export function recordNonce(salt: Uint8Array, record: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(RECORD_NONCE_BYTES);
  writeRecordNonce(nonce, salt, record, 0);
  return nonce;
}

/** Associated data (13 bytes) of the record whose header begins `record`. */
export function recordAad(record: Uint8Array): Uint8Array {
  const aad = new Uint8Array(RECORD_ASSOCIATED_BYTES);
  writeRecordAssociated(aad, record, 0);
  return aad;
}

/** Seals `plaintext`; throws when the header's length field is not that of the record it makes. */
export function sealRecord(aead: Aead, salt: Uint8Array, header16: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const record = new Uint8Array(plaintext.length + RECORD_OVERHEAD_BYTES);
  if (header16.length !== RECORD_HEADER_BYTES || u16(header16, LENGTH_AT) !== record.length) {
    throw new RangeError(`a record header of ${RECORD_HEADER_BYTES} bytes that says ${record.length} was expected`);
  }
  record.set(header16, 0);
  aead.seal(recordNonce(salt, record), recordAad(record), plaintext, record, RECORD_HEADER_BYTES);
  return record;
}

/** The plaintext of `record`; undefined when it is no whole record or its tag is wrong. */
export function openRecord(aead: Aead, salt: Uint8Array, record: Uint8Array): Uint8Array | undefined {
  if (record.length < RECORD_OVERHEAD_BYTES || u16(record, LENGTH_AT) !== record.length) return undefined;
  const plaintext = new Uint8Array(record.length - RECORD_OVERHEAD_BYTES);
  const sealed = record.subarray(RECORD_HEADER_BYTES);
  return aead.open(recordNonce(salt, record), recordAad(record), sealed, plaintext, 0) ? plaintext : undefined;
}
