/** Bodies of leg packets (docs/PROTOCOL.md section 2). */
import type { Ip4 } from './address.ts';
import { put16, put32, u16, u32 } from './bytes.ts';
import type { Mode } from './terms.ts';
import { modeByte, modeOf, PROTOCOL_VERSION } from './terms.ts';

/** Bytes of a cookie in a UDP leg. */
export const COOKIE_UDP_BYTES = 16;
/** Bytes of a cookie in a TCP-shaped leg: the sequence number of the SYN+ACK. */
export const COOKIE_TCP_BYTES = 4;

/** Bytes of a REQUEST body besides the cookie. */
const REQUEST_FIXED_BYTES = 15;
const COOKIE_AT = 3;

export interface RequestBody extends Mode {
  protocolVersion: number;
  /** 4 or 16 bytes. */
  cookie: Uint8Array;
  /** Destination and source as the sender sees them; a NAT may have changed them on the way. */
  destination: Ip4;
  destinationPort: number;
  source: Ip4;
  sourcePort: number;
}

export type LegBodyReason =
  | 'request-truncated'
  | 'request-bad-version'
  | 'request-reserved-mode'
  | 'request-bad-cookie-length'
  | 'request-trailing-bytes'
  | 'open-bad-version'
  | 'leg-body-bad-length'
  | 'leg-body-reserved-flags';
export interface LegBodyMalformed {
  ok: false;
  reason: LegBodyReason;
}

/** Reads the body of a REQUEST; `cookie` is a view into `bytes`. */
export function parseRequest(
  bytes: Uint8Array,
  offset: number,
  end: number,
): (RequestBody & { ok: true }) | LegBodyMalformed {
  if (end - offset < COOKIE_AT) return { ok: false, reason: 'request-truncated' };
  const protocolVersion = bytes[offset];
  if (protocolVersion !== PROTOCOL_VERSION) return { ok: false, reason: 'request-bad-version' };
  const mode = modeOf(bytes[offset + 1]);
  if (mode === undefined) return { ok: false, reason: 'request-reserved-mode' };
  const cookieLength = bytes[offset + 2];
  if (cookieLength !== COOKIE_TCP_BYTES && cookieLength !== COOKIE_UDP_BYTES) {
    return { ok: false, reason: 'request-bad-cookie-length' };
  }
  const length = REQUEST_FIXED_BYTES + cookieLength;
  if (end - offset < length) return { ok: false, reason: 'request-truncated' };
  if (end - offset > length) return { ok: false, reason: 'request-trailing-bytes' };
  const at = offset + COOKIE_AT + cookieLength;
  return {
    ok: true,
    protocolVersion,
    udp: mode.udp,
    immediate: mode.immediate,
    cookie: bytes.subarray(offset + COOKIE_AT, at),
    destination: u32(bytes, at),
    destinationPort: u16(bytes, at + 4),
    source: u32(bytes, at + 6),
    sourcePort: u16(bytes, at + 10),
  };
}

/** The body of a REQUEST. */
export function buildRequest(body: RequestBody): Uint8Array {
  const bytes = new Uint8Array(REQUEST_FIXED_BYTES + body.cookie.length);
  bytes[0] = body.protocolVersion;
  bytes[1] = modeByte(body);
  bytes[2] = body.cookie.length;
  bytes.set(body.cookie, COOKIE_AT);
  const at = COOKIE_AT + body.cookie.length;
  put32(bytes, at, body.destination);
  put16(bytes, at + 4, body.destinationPort);
  put32(bytes, at + 6, body.source);
  put16(bytes, at + 10, body.sourcePort);
  return bytes;
}

/** Reads the body of a COMPLETE: one byte of flags, of which none is defined yet. */
export function parseComplete(
  bytes: Uint8Array,
  offset: number,
  end: number,
): { ok: true; flags: number } | LegBodyMalformed {
  if (end - offset !== 1) return { ok: false, reason: 'leg-body-bad-length' };
  if (bytes[offset] !== 0) return { ok: false, reason: 'leg-body-reserved-flags' };
  return { ok: true, flags: 0 };
}

/** The body of a COMPLETE. */
export function buildComplete(): Uint8Array {
  return Uint8Array.of(0);
}

/** Reads the body of a REFUSED or BYE: a reason number (see `reasonName`). */
export function parseReasonBody(
  bytes: Uint8Array,
  offset: number,
  end: number,
): { ok: true; reason: number } | LegBodyMalformed {
  if (end - offset !== 1) return { ok: false, reason: 'leg-body-bad-length' };
  return { ok: true, reason: bytes[offset] };
}

/** The body of a REFUSED or BYE. */
export function buildReasonBody(reason: number): Uint8Array {
  return Uint8Array.of(reason);
}

/** Reads the body of a UDP COOKIE: 16 bytes, a view into `bytes`. */
export function parseCookie(
  bytes: Uint8Array,
  offset: number,
  end: number,
): { ok: true; cookie: Uint8Array } | LegBodyMalformed {
  if (end - offset !== COOKIE_UDP_BYTES) return { ok: false, reason: 'leg-body-bad-length' };
  return { ok: true, cookie: bytes.subarray(offset, end) };
}

const DATA_FIN = 1;

export interface LegDataBody {
  /** The stream ends after these bytes. */
  fin: boolean;
  bytes: Uint8Array;
}

/** Reads the body of a DATA packet; `bytes` of the result is a view. */
export function parseLegData(
  bytes: Uint8Array,
  offset: number,
  end: number,
): (LegDataBody & { ok: true }) | LegBodyMalformed {
  if (end - offset < 1) return { ok: false, reason: 'leg-body-bad-length' };
  if ((bytes[offset] & ~DATA_FIN) !== 0) return { ok: false, reason: 'leg-body-reserved-flags' };
  return { ok: true, fin: bytes[offset] === DATA_FIN, bytes: bytes.subarray(offset + 1, end) };
}

/** The body of a DATA packet. */
export function buildLegData(body: LegDataBody): Uint8Array {
  const bytes = new Uint8Array(1 + body.bytes.length);
  bytes[0] = body.fin ? DATA_FIN : 0;
  bytes.set(body.bytes, 1);
  return bytes;
}

const OPEN_COOKIE_AT = 1;
const OPEN_DATA_AT = OPEN_COOKIE_AT + COOKIE_UDP_BYTES;

/** The first bytes of a stream, with the cookie that shows where they come from. */
export interface OpenBody extends LegDataBody {
  /** 16 bytes. */
  cookie: Uint8Array;
}

/** Reads the body of an OPEN; `cookie` and `bytes` of the result are views. */
export function parseOpen(
  bytes: Uint8Array,
  offset: number,
  end: number,
): (OpenBody & { ok: true }) | LegBodyMalformed {
  if (end - offset < OPEN_DATA_AT) return { ok: false, reason: 'leg-body-bad-length' };
  if (bytes[offset] !== PROTOCOL_VERSION) return { ok: false, reason: 'open-bad-version' };
  const data = parseLegData(bytes, offset + OPEN_DATA_AT, end);
  return data.ok ? { ...data, cookie: bytes.subarray(offset + OPEN_COOKIE_AT, offset + OPEN_DATA_AT) } : data;
}

/** The body of an OPEN. */
export function buildOpen(body: OpenBody): Uint8Array {
  const data = buildLegData(body);
  const bytes = new Uint8Array(OPEN_DATA_AT + data.length);
  bytes[0] = PROTOCOL_VERSION;
  bytes.set(body.cookie, OPEN_COOKIE_AT);
  bytes.set(data, OPEN_DATA_AT);
  return bytes;
}
