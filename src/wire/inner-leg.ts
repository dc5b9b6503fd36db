/** Units of the inner leg (docs/PROTOCOL.md, "The inner leg"); the frame around them is in `inner-frame.ts`. */
import { put16, put48, u16, u48 } from './bytes.ts';

/** Bytes in front of each unit's body. */
export const INNER_UNIT_BYTES = 16;
/** Largest position in a stream; nobody is granted more. */
export const INNER_MAX_POSITION = 2 ** 48 - 1;
/** What every receiver takes in one DATA unit at least. */
export const INNER_MIN_DATA_BYTES = 256;
/** "No token": in CONN-REQ, and in a RESET that answers a token nobody knows. */
export const NO_INNER_TOKEN = 0;

export const InnerKind = {
  'conn-req': 1,
  'conn-done': 2,
  refused: 3,
  trying: 4,
  data: 5,
  credit: 6,
  check: 7,
  fin: 8,
  reset: 9,
} as const;

const FLAG_URGENT = 1;
/** Bytes of each kind's body; that of DATA is of any length. */
const BODY_BYTES = {
  'conn-req': 8,
  'conn-done': 8,
  refused: 2,
  trying: 0,
  credit: 6,
  check: 0,
  fin: 0,
  reset: 7,
} as const;
const KIND_NAMES = ['', ...Object.keys(InnerKind)] as readonly ('' | keyof typeof InnerKind)[];

/** Why a CONN-REQ is refused: what the far TCP, or the way to it, has said. */
export const InnerRefusal = {
  /** It answered by RST. */
  REFUSED: 1,
  /** An ICMP error came; its code goes along. */
  UNREACHABLE: 2,
  TIMED_OUT: 3,
  /** The counterpart has no room for another session. */
  TOO_MANY: 4,
  /** The counterpart does not end the TCP of this destination: go by it. */
  NOT_TERMINATED: 5,
} as const;

/** Why a session is over before both streams have ended. */
export const InnerReset = {
  /** A host's TCP has sent RST, or its host is silent. */
  BY_HOST: 1,
  /** Bytes are missing: a frame was lost on this leg. */
  GAP: 2,
  /** Checks went unanswered. */
  SILENT: 3,
  /** The token is nobody's. */
  UNKNOWN: 4,
  /** The driver stops. */
  STOPPED: 5,
  /** More was sent than granted, or what makes no sense here. */
  MALFORMED: 6,
} as const;

/** First words of both ends. */
interface InnerOpening {
  /** Names the session in all that comes back to the sender of this. */
  readonly ownToken: number;
  /** Position up to which bytes may be sent to the sender of this. */
  readonly granted: number;
  /** Most bytes of one DATA unit to the sender of this. */
  readonly mostBytes: number;
}

/** What a unit says. `token` is the one that its receiver chose; positions are those of bytes in the stream of one direction, from 0. */
export type InnerMessage =
  | ({ readonly kind: 'conn-req' } & InnerOpening)
  | ({ readonly kind: 'conn-done'; readonly token: number } & InnerOpening)
  /** `code`: of the ICMP error, with UNREACHABLE. */
  | { readonly kind: 'refused'; readonly token: number; readonly reason: number; readonly code: number }
  /** A repeated CONN-REQ has arrived; the far TCP has still to answer. */
  | { readonly kind: 'trying'; readonly token: number }
  | {
      readonly kind: 'data';
      readonly token: number;
      /** Of the first byte. */
      readonly position: number;
      /** A view where it was read; at least one byte. */
      readonly bytes: Uint8Array;
      readonly urgent: boolean;
    }
  /** `received`: the next position that is awaited; everything before has arrived. A FIN takes up one. */
  | { readonly kind: 'credit'; readonly token: number; readonly granted: number; readonly received: number }
  /** `sent`: the next position that its sender will use. Answered by CREDIT. */
  | { readonly kind: 'check'; readonly token: number; readonly sent: number }
  /** The stream has so many bytes, and no more will come. */
  | { readonly kind: 'fin'; readonly token: number; readonly position: number }
  /** `unknown`: the token of the unit that this answers, where it was nobody's; `token` is none then. */
  | { readonly kind: 'reset'; readonly token: number; readonly reason: number; readonly unknown: number };

export type InnerReason =
  | 'inner-truncated'
  | 'inner-unknown-kind'
  | 'inner-bad-length'
  | 'inner-reserved-flags'
  | 'inner-bad-token'
  | 'inner-bad-value';
export interface InnerMalformed {
  readonly ok: false;
  readonly reason: InnerReason;
}
export interface InnerUnitView {
  readonly ok: true;
  readonly message: InnerMessage;
  /** Behind the unit; another one may follow. */
  readonly end: number;
}

/** Bytes of the unit that says this: F23's `seq` goes on by as many. */
export function innerUnitLength(message: InnerMessage): number {
  return INNER_UNIT_BYTES + bodyLength(message);
}

/** Bytes of a unit that a journal keeps: all but the bytes of a stream. */
export function innerHeadLength(message: InnerMessage): number {
  return message.kind === 'data' ? INNER_UNIT_BYTES : innerUnitLength(message);
}

function bodyLength(message: InnerMessage): number {
  return message.kind === 'data' ? message.bytes.length : BODY_BYTES[message.kind];
}

/** Writes a unit at `offset`; returns the offset behind it. */
export function writeInnerUnit(bytes: Uint8Array, offset: number, message: InnerMessage): number {
  const end = offset + innerUnitLength(message);
  bytes[offset] = InnerKind[message.kind];
  bytes[offset + 1] = message.kind === 'data' && message.urgent ? FLAG_URGENT : 0;
  put16(bytes, offset + 2, end - offset);
  put48(bytes, offset + 4, message.kind === 'conn-req' ? NO_INNER_TOKEN : message.token);
  put48(bytes, offset + 10, positionOf(message));
  writeBody(bytes, offset + INNER_UNIT_BYTES, message);
  return end;
}

function positionOf(message: InnerMessage): number {
  switch (message.kind) {
    case 'conn-req':
    case 'conn-done':
    case 'credit':
      return message.granted;
    case 'data':
    case 'fin':
      return message.position;
    case 'check':
      return message.sent;
    default:
      return 0;
  }
}

function writeBody(bytes: Uint8Array, at: number, message: InnerMessage): void {
  switch (message.kind) {
    case 'conn-req':
    case 'conn-done':
      put48(bytes, at, message.ownToken);
      put16(bytes, at + 6, message.mostBytes);
      return;
    case 'refused':
      bytes[at] = message.reason;
      bytes[at + 1] = message.code;
      return;
    case 'data':
      bytes.set(message.bytes, at);
      return;
    case 'credit':
      put48(bytes, at, message.received);
      return;
    case 'reset':
      bytes[at] = message.reason;
      put48(bytes, at + 1, message.unknown);
  }
}

/** Reads the unit at `offset`; bytes behind its length may be other units (an interface may have put frames together). */
export function parseInnerUnit(bytes: Uint8Array, offset: number, end: number): InnerUnitView | InnerMalformed {
  if (end - offset < INNER_UNIT_BYTES) return fault('inner-truncated');
  const kind = KIND_NAMES[bytes[offset]];
  if (!kind) return fault('inner-unknown-kind');
  const length = u16(bytes, offset + 2);
  if (length < INNER_UNIT_BYTES) return fault('inner-bad-length');
  if (length > end - offset) return fault('inner-truncated');
  if ((bytes[offset + 1] & ~(kind === 'data' ? FLAG_URGENT : 0)) !== 0) return fault('inner-reserved-flags');
  const message = readMessage(kind, bytes, offset, offset + length);
  return typeof message === 'string' ? fault(message) : { ok: true, message, end: offset + length };
}

function fault(reason: InnerReason): InnerMalformed {
  return { ok: false, reason };
}

function readMessage(
  kind: InnerMessage['kind'],
  bytes: Uint8Array,
  offset: number,
  end: number,
): InnerMessage | InnerReason {
  const at = offset + INNER_UNIT_BYTES;
  if (kind === 'data' ? end === at : end - at !== BODY_BYTES[kind]) return 'inner-bad-length';
  const token = u48(bytes, offset + 4);
  const position = u48(bytes, offset + 10);
  const message = read(kind, token, position, bytes, offset, end);
  if (!hasGoodToken(message, token)) return 'inner-bad-token';
  return positionOf(message) === position && hasGoodValues(message) ? message : 'inner-bad-value';
}

function read(
  kind: InnerMessage['kind'],
  token: number,
  position: number,
  bytes: Uint8Array,
  offset: number,
  end: number,
): InnerMessage {
  const at = offset + INNER_UNIT_BYTES;
  switch (kind) {
    case 'data':
      return { kind, token, position, bytes: bytes.subarray(at, end), urgent: bytes[offset + 1] === FLAG_URGENT };
    case 'conn-req':
      return { kind, granted: position, ownToken: u48(bytes, at), mostBytes: u16(bytes, at + 6) };
    case 'conn-done':
      return { kind, token, granted: position, ownToken: u48(bytes, at), mostBytes: u16(bytes, at + 6) };
    case 'refused':
      return { kind, token, reason: bytes[at], code: bytes[at + 1] };
    case 'credit':
      return { kind, token, granted: position, received: u48(bytes, at) };
    case 'check':
      return { kind, token, sent: position };
    case 'fin':
      return { kind, token, position };
    case 'trying':
      return { kind, token };
    case 'reset':
      return { kind, token, reason: bytes[at], unknown: u48(bytes, at + 1) };
  }
}

function hasGoodToken(message: InnerMessage, token: number): boolean {
  if (message.kind === 'conn-req') return token === NO_INNER_TOKEN;
  if (message.kind !== 'reset') return token !== NO_INNER_TOKEN;
  return (token === NO_INNER_TOKEN) !== (message.unknown === NO_INNER_TOKEN);
}

function hasGoodValues(message: InnerMessage): boolean {
  if (message.kind === 'data') return message.position + message.bytes.length <= INNER_MAX_POSITION;
  if (message.kind !== 'conn-req' && message.kind !== 'conn-done') return true;
  return message.ownToken !== NO_INNER_TOKEN && message.mostBytes >= INNER_MIN_DATA_BYTES;
}
