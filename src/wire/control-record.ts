/** Plaintexts of control records (docs/PROTOCOL.md section 3). */

import { put64, toHex, u64 } from './bytes.ts';
import { writeToken } from './leg.ts';
import type { Token } from './terms.ts';
import { Order, TOKEN_BYTES } from './terms.ts';

export type ControlMessage =
  | { kind: 'bye'; reason: number }
  | { kind: 'keepalive' }
  | { kind: 'keepalive-answer' }
  /** Records received and missing since the last report. */
  | { kind: 'loss-report'; received: number; missing: number }
  /** Fragment order to use from now on: a value of `Order`. */
  | { kind: 'order'; order: number }
  | { kind: 'path-challenge'; challenge: Token }
  | { kind: 'path-response'; challenge: Token };

export type ControlReason =
  | 'control-empty'
  | 'control-unknown-kind'
  | 'control-bad-length'
  | 'control-unknown-order'
  | 'control-number-too-large';

const KINDS: readonly ControlMessage['kind'][] = [
  'bye',
  'keepalive',
  'keepalive-answer',
  'loss-report',
  'order',
  'path-challenge',
  'path-response',
];
const BODY_BYTES: readonly number[] = [1, 0, 0, 16, 1, TOKEN_BYTES, TOKEN_BYTES];

/** Reads the plaintext of a control record. */
export function parseControlRecord(
  bytes: Uint8Array,
  offset = 0,
  end = bytes.length,
): { ok: true; message: ControlMessage } | { ok: false; reason: ControlReason } {
  if (end <= offset) return { ok: false, reason: 'control-empty' };
  const index = bytes[offset] - 1;
  const kind = KINDS[index];
  if (kind === undefined) return { ok: false, reason: 'control-unknown-kind' };
  if (end - offset - 1 !== BODY_BYTES[index]) return { ok: false, reason: 'control-bad-length' };
  const message = readMessage(kind, bytes, offset + 1);
  return typeof message === 'string' ? { ok: false, reason: message } : { ok: true, message };
}

function readMessage(kind: ControlMessage['kind'], bytes: Uint8Array, at: number): ControlMessage | ControlReason {
  switch (kind) {
    case 'bye':
      return { kind, reason: bytes[at] };
    case 'loss-report':
      return readLossReport(bytes, at);
    case 'order':
      return bytes[at] > Order.FRAGMENT_THEN_ENCRYPT ? 'control-unknown-order' : { kind, order: bytes[at] };
    case 'path-challenge':
    case 'path-response':
      return { kind, challenge: toHex(bytes, at, at + TOKEN_BYTES) };
    default:
      return { kind };
  }
}

function readLossReport(bytes: Uint8Array, at: number): ControlMessage | ControlReason {
  const received = u64(bytes, at);
  const missing = u64(bytes, at + 8);
  if (!Number.isSafeInteger(received) || !Number.isSafeInteger(missing)) return 'control-number-too-large';
  return { kind: 'loss-report', received, missing };
}

/** The plaintext of a control record. */
export function buildControlRecord(message: ControlMessage): Uint8Array {
  const index = KINDS.indexOf(message.kind);
  const bytes = new Uint8Array(1 + BODY_BYTES[index]);
  bytes[0] = index + 1;
  switch (message.kind) {
    case 'bye':
      bytes[1] = message.reason;
      break;
    case 'loss-report':
      put64(bytes, 1, message.received);
      put64(bytes, 9, message.missing);
      break;
    case 'order':
      bytes[1] = message.order;
      break;
    case 'path-challenge':
    case 'path-response':
      writeToken(bytes, 1, message.challenge);
      break;
    default:
      break;
  }
  return bytes;
}
