/** Messages inside TLS that agree on a session (docs/PROTOCOL.md section 5). */

import { put16, put32, u16, u32 } from './bytes.ts';
import type { Mode } from './terms.ts';
import { LEG_DIGEST_BYTES, modeByte, modeOf, Order, OrderBit, PROTOCOL_VERSION, Suite } from './terms.ts';

const KIND_OFFER = 1;
const KIND_GO = 2;
const KIND_STOP = 3;
const HEAD_BYTES = 3;
const OFFER_FIXED_BYTES = 10 + LEG_DIGEST_BYTES;
const GO_BYTES = 8 + LEG_DIGEST_BYTES;
const STOP_BYTES = 1;
/** Bit of an OFFER's flags beside those of the mode. */
const FLAG_INLINE = 4;
/** Suites that an OFFER may list. */
export const OFFER_MAX_SUITES = 16;
const ORDERS_KNOWN = OrderBit.ENCRYPT_THEN_FRAGMENT | OrderBit.FRAGMENT_THEN_ENCRYPT;

/** What the client offers. */
export interface Offer extends Mode {
  kind: 'offer';
  protocolVersion: number;
  /** The client's receive id. */
  connectionId: number;
  /** In bytes. */
  pathMtu: number;
  /** Most wanted first. Numbers that are unknown here may be among them. */
  suites: number[];
  /** `OrderBit`s. */
  orders: number;
  /** An in-line cipher below IP takes the place of sealed records. */
  inline?: true;
  /** 32 bytes. */
  legDigest: Uint8Array;
}

/** What the server chose. */
export interface Go {
  kind: 'go';
  /** The server's receive id. */
  connectionId: number;
  pathMtu: number;
  suite: number;
  order: number;
  legDigest: Uint8Array;
}

/** The session ends in order. */
export interface Stop {
  kind: 'stop';
  reason: number;
}

export type NegotiationMessage = Offer | Go | Stop;

export type NegotiationReason =
  | 'negotiation-unknown-kind'
  | 'negotiation-bad-length'
  | 'offer-bad-version'
  | 'offer-reserved-flags'
  | 'offer-bad-suites'
  | 'offer-bad-orders'
  | 'go-unknown-suite'
  | 'go-unknown-order';

/** `incomplete`: TLS has not yet brought all of the message; read again from `offset` with more bytes. `end` is behind the message. */
export type NegotiationRead =
  | { ok: true; message: NegotiationMessage; end: number }
  | { ok: false; reason: 'incomplete' }
  | { ok: false; reason: NegotiationReason };

/** Reads the message that begins at `offset`; `legDigest` is a copy. */
export function parseNegotiation(bytes: Uint8Array, offset: number, end: number): NegotiationRead {
  if (end <= offset) return { ok: false, reason: 'incomplete' };
  const kind = bytes[offset];
  if (kind < KIND_OFFER || kind > KIND_STOP) return { ok: false, reason: 'negotiation-unknown-kind' };
  if (end - offset < HEAD_BYTES) return { ok: false, reason: 'incomplete' };
  const length = u16(bytes, offset + 1);
  if (!isPossibleLength(kind, length)) return { ok: false, reason: 'negotiation-bad-length' };
  if (end - offset - HEAD_BYTES < length) return { ok: false, reason: 'incomplete' };
  const body = offset + HEAD_BYTES;
  const message = readBody(kind, bytes, body, body + length);
  if (typeof message === 'string') return { ok: false, reason: message };
  return { ok: true, message, end: body + length };
}

/** Checked before the body is waited for: a peer cannot make us buffer more than a message can be long. */
function isPossibleLength(kind: number, length: number): boolean {
  if (kind === KIND_GO) return length === GO_BYTES;
  if (kind === KIND_STOP) return length === STOP_BYTES;
  return length > OFFER_FIXED_BYTES && length <= OFFER_FIXED_BYTES + OFFER_MAX_SUITES;
}

function readBody(kind: number, bytes: Uint8Array, at: number, end: number): NegotiationMessage | NegotiationReason {
  if (kind === KIND_OFFER) return readOffer(bytes, at, end);
  if (kind === KIND_GO) return readGo(bytes, at);
  return { kind: 'stop', reason: bytes[at] };
}

function readOffer(bytes: Uint8Array, at: number, end: number): Offer | NegotiationReason {
  if (bytes[at] !== PROTOCOL_VERSION) return 'offer-bad-version';
  const mode = modeOf(bytes[at + 7] & ~FLAG_INLINE);
  if (mode === undefined) return 'offer-reserved-flags';
  const count = bytes[at + 8];
  if (OFFER_FIXED_BYTES + count !== end - at) return 'offer-bad-suites';
  const ordersAt = at + 9 + count;
  const orders = bytes[ordersAt];
  if (orders === 0 || (orders & ~ORDERS_KNOWN) !== 0) return 'offer-bad-orders';
  return {
    kind: 'offer',
    protocolVersion: bytes[at],
    connectionId: u32(bytes, at + 1),
    pathMtu: u16(bytes, at + 5),
    udp: mode.udp,
    immediate: mode.immediate,
    suites: [...bytes.subarray(at + 9, ordersAt)],
    orders,
    ...((bytes[at + 7] & FLAG_INLINE) !== 0 && { inline: true as const }),
    legDigest: bytes.slice(ordersAt + 1, ordersAt + 1 + LEG_DIGEST_BYTES),
  };
}

function readGo(bytes: Uint8Array, at: number): Go | NegotiationReason {
  const suite = bytes[at + 6];
  if (suite < Suite.AES_256_GCM || suite > Suite.CLEAR) return 'go-unknown-suite';
  const order = bytes[at + 7];
  if (order > Order.FRAGMENT_THEN_ENCRYPT) return 'go-unknown-order';
  return {
    kind: 'go',
    connectionId: u32(bytes, at),
    pathMtu: u16(bytes, at + 4),
    suite,
    order,
    legDigest: bytes.slice(at + 8, at + 8 + LEG_DIGEST_BYTES),
  };
}

/** The bytes of a message. */
export function buildNegotiation(message: NegotiationMessage): Uint8Array {
  if (message.kind === 'offer') return buildOffer(message);
  if (message.kind === 'go') return buildGo(message);
  const bytes = startMessage(KIND_STOP, STOP_BYTES);
  bytes[HEAD_BYTES] = message.reason;
  return bytes;
}

function startMessage(kind: number, length: number): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + length);
  bytes[0] = kind;
  put16(bytes, 1, length);
  return bytes;
}

function buildOffer(offer: Offer): Uint8Array {
  const bytes = startMessage(KIND_OFFER, OFFER_FIXED_BYTES + offer.suites.length);
  const at = HEAD_BYTES;
  bytes[at] = offer.protocolVersion;
  put32(bytes, at + 1, offer.connectionId);
  put16(bytes, at + 5, offer.pathMtu);
  bytes[at + 7] = modeByte(offer) | (offer.inline ? FLAG_INLINE : 0);
  bytes[at + 8] = offer.suites.length;
  bytes.set(offer.suites, at + 9);
  const ordersAt = at + 9 + offer.suites.length;
  bytes[ordersAt] = offer.orders;
  bytes.set(offer.legDigest, ordersAt + 1);
  return bytes;
}

function buildGo(go: Go): Uint8Array {
  const bytes = startMessage(KIND_GO, GO_BYTES);
  const at = HEAD_BYTES;
  put32(bytes, at, go.connectionId);
  put16(bytes, at + 4, go.pathMtu);
  bytes[at + 6] = go.suite;
  bytes[at + 7] = go.order;
  bytes.set(go.legDigest, at + 8);
  return bytes;
}
