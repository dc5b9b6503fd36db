/** Packets of the driver-to-driver leg (docs/PROTOCOL.md section 2). */

import { EMPTY, fromHex, put16, put32, toHex, u16, u32 } from './bytes.ts';
import type { Token } from './terms.ts';
import { NO_TOKEN, TOKEN_BYTES } from './terms.ts';

/** First byte of a leg packet: version 4, type 2. */
export const UNIT_LEG = 0x42;

export const LegKind = {
  HELLO: 1,
  COOKIE: 2,
  REQUEST: 3,
  COMPLETE: 4,
  REFUSED: 5,
  DATA: 6,
  ACKNOWLEDGE: 7,
  BYE: 8,
  PING: 9,
  /** UDP layers alone: the cookie comes back with the first bytes of the stream. */
  OPEN: 10,
} as const;

export const LEG_HEADER_BYTES = 28;
/** A HELLO over UDP is padded to this, so that the answer is never longer. */
export const LEG_HELLO_UDP_BYTES = 64;
/** Most bytes of stream in one DATA packet. */
export const LEG_DATA_MAX_BYTES = 1200;

export interface LegFields {
  kind: number;
  /** Default: none. */
  senderToken?: Token;
  /** Default: none. */
  receiverToken?: Token;
  sequence: number;
  acknowledgement: number;
}

export interface LegView {
  ok: true;
  offset: number;
  kind: number;
  length: number;
  senderToken: Token;
  receiverToken: Token;
  sequence: number;
  acknowledgement: number;
  bodyOffset: number;
  end: number;
}

export type LegReason = 'leg-truncated' | 'leg-bad-type' | 'leg-unknown-kind' | 'leg-bad-length';
export interface LegMalformed {
  ok: false;
  reason: LegReason;
}

/** Reads the leg packet that begins at `offset`; bytes behind its length may be other units. */
export function parseLeg(bytes: Uint8Array, offset: number, end: number): LegView | LegMalformed {
  if (end - offset < LEG_HEADER_BYTES) return { ok: false, reason: 'leg-truncated' };
  if (bytes[offset] !== UNIT_LEG) return { ok: false, reason: 'leg-bad-type' };
  const kind = bytes[offset + 1];
  if (kind < LegKind.HELLO || kind > LegKind.OPEN) return { ok: false, reason: 'leg-unknown-kind' };
  const length = u16(bytes, offset + 2);
  if (length < LEG_HEADER_BYTES) return { ok: false, reason: 'leg-bad-length' };
  if (length > end - offset) return { ok: false, reason: 'leg-truncated' };
  return {
    ok: true,
    offset,
    kind,
    length,
    senderToken: toHex(bytes, offset + 4, offset + 12),
    receiverToken: toHex(bytes, offset + 12, offset + 20),
    sequence: u32(bytes, offset + 20),
    acknowledgement: u32(bytes, offset + 24),
    bodyOffset: offset + LEG_HEADER_BYTES,
    end: offset + length,
  };
}

/** Writes the 28-byte header of a leg packet with `bodyLength` bytes of body; returns the offset behind it. */
export function writeLegHeader(bytes: Uint8Array, offset: number, fields: LegFields, bodyLength: number): number {
  bytes[offset] = UNIT_LEG;
  bytes[offset + 1] = fields.kind;
  put16(bytes, offset + 2, LEG_HEADER_BYTES + bodyLength);
  writeToken(bytes, offset + 4, fields.senderToken ?? NO_TOKEN);
  writeToken(bytes, offset + 12, fields.receiverToken ?? NO_TOKEN);
  put32(bytes, offset + 20, fields.sequence);
  put32(bytes, offset + 24, fields.acknowledgement);
  return offset + LEG_HEADER_BYTES;
}

/** A whole leg packet. */
export function buildLeg(fields: LegFields, body: Uint8Array = EMPTY): Uint8Array {
  const bytes = new Uint8Array(LEG_HEADER_BYTES + body.length);
  bytes.set(body, writeLegHeader(bytes, 0, fields, body.length));
  return bytes;
}

/** A HELLO for F13 UDP: zeros up to 64 bytes. The COOKIE brings the token back, so a stranger's is known for what it is. */
export function buildUdpHello(senderToken: Token): Uint8Array {
  const zeros = new Uint8Array(LEG_HELLO_UDP_BYTES - LEG_HEADER_BYTES);
  return buildLeg({ kind: LegKind.HELLO, senderToken, sequence: 0, acknowledgement: 0 }, zeros);
}

/** Writes the 8 bytes of a token. */
export function writeToken(bytes: Uint8Array, offset: number, token: Token): void {
  bytes.set((fromHex(token) ?? EMPTY).subarray(0, TOKEN_BYTES), offset);
}

const KIND_NAMES = [
  '',
  'HELLO',
  'COOKIE',
  'REQUEST',
  'COMPLETE',
  'REFUSED',
  'DATA',
  'ACKNOWLEDGE',
  'BYE',
  'PING',
  'OPEN',
];

/** The name of a kind, as in docs/PROTOCOL.md. */
export function legKindName(kind: number): string {
  return KIND_NAMES[kind] || `kind ${kind}`;
}
