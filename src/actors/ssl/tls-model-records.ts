import { sha256 } from '@noble/hashes/sha2.js';
import { concat, u16 } from '../../wire/bytes.ts';
import { SeededRandom } from '../random.ts';

/** TLS record layer of the `model` provider: true framing (RFC 8446 section 5), a scrambling that hides nothing from anybody. */

export const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

export const HEADER_BYTES = 5;
export const TAG_BYTES = 16;
/** RFC 8446 section 5.1 and 5.2. */
export const PLAINTEXT_BYTES = 16_384;
const CIPHERTEXT_BYTES = PLAINTEXT_BYTES + 256;
/** Legacy versions: the first ClientHello says 1.0, all else 1.2. */
export const LEGACY_FIRST = 0x0301;
export const LEGACY = 0x0303;

export interface TlsRecord {
  readonly type: number;
  readonly body: Uint8Array;
}

/** The first record of `bytes` with its length, `incomplete`, or `malformed` when no TLS record begins so. */
export function cutRecord(bytes: Uint8Array): { record: TlsRecord; length: number } | 'incomplete' | 'malformed' {
  if (bytes.length === 0) return 'incomplete';
  const type = bytes[0];
  if (type < CONTENT.changeCipherSpec || type > CONTENT.applicationData) return 'malformed';
  if (bytes.length > 1 && bytes[1] !== LEGACY >> 8) return 'malformed';
  if (bytes.length < HEADER_BYTES) return 'incomplete';
  const bodyLength = u16(bytes, 3);
  if (bodyLength === 0 || bodyLength > CIPHERTEXT_BYTES) return 'malformed';
  const length = HEADER_BYTES + bodyLength;
  if (bytes.length < length) return 'incomplete';
  return { record: { type, body: bytes.subarray(HEADER_BYTES, length) }, length };
}

export function plainRecord(type: number, body: Uint8Array, version: number = LEGACY): Uint8Array {
  const header = [type, version >> 8, version & 0xff, body.length >> 8, body.length & 0xff];
  return concat(Uint8Array.from(header), body);
}

/** Says which of a session's two streams a record is in, and where. */
export interface RecordPlace {
  readonly secret: Uint8Array;
  readonly sender: 'client' | 'server';
  readonly number: number;
}

/** An 0x17 record: content | content type | tag, 22 bytes longer than `content`. */
export function sealModelRecord(place: RecordPlace, type: number, content: Uint8Array): Uint8Array {
  const inner = scramble(place, concat(content, Uint8Array.of(type)));
  return plainRecord(CONTENT.applicationData, concat(inner, tagOf(place, inner)));
}

/** Undefined when the tag is wrong: damaged, out of order, or of another session. */
export function openModelRecord(place: RecordPlace, body: Uint8Array): TlsRecord | undefined {
  if (body.length <= TAG_BYTES) return undefined;
  const inner = body.subarray(0, body.length - TAG_BYTES);
  const tag = tagOf(place, inner);
  if (!tag.every((byte, at) => byte === body[inner.length + at])) return undefined;
  const clear = scramble(place, inner);
  return { type: clear[clear.length - 1], body: clear.subarray(0, -1) };
}

export function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function scramble(place: RecordPlace, bytes: Uint8Array): Uint8Array {
  const seed = new DataView(sha256(concat(place.secret, placeBytes(place))).buffer);
  const stream = new SeededRandom(seed.getUint32(0), String(seed.getUint32(4)));
  const mask = stream.bytes(bytes.length);
  return mask.map((byte, at) => byte ^ bytes[at]);
}

function tagOf(place: RecordPlace, scrambled: Uint8Array): Uint8Array {
  return sha256(concat(textBytes('tag'), place.secret, placeBytes(place), scrambled)).subarray(0, TAG_BYTES);
}

function placeBytes(place: RecordPlace): Uint8Array {
  return textBytes(`${place.sender} ${place.number}`);
}
