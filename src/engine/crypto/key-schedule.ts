import { expand } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { concat, put16, put32 } from '../../wire/bytes.ts';
import { RECORD_SALT_BYTES } from '../../wire/record.ts';
import { STREAM_SALT_BYTES, type SuiteId, suiteById } from './suite.ts';

/**
 * The key schedule of docs/PROTOCOL.md section 3 "Keys": from the 32 bytes of the TLS exporter to the keys of an epoch.
 * All functions return fresh arrays that the caller owns and wipes.
 */

export const EXPORTER_LABEL = 'EXPORTER-glassgate-data';
export const SECRET_BYTES = 32;
export const PROTOCOL_VERSION = 1;

/** Who sends under a key: the TLS client ("c2s") or the TLS server ("s2c"). */
export type Direction = 'c2s' | 's2c';

/** Data records and control records have their own secrets and their own numbers. */
export type Purpose = 'data' | 'control';

const NO_CONTEXT = new Uint8Array(0);

/** HKDF-Expand-Label of RFC 8446 section 7.1 with SHA-256 and the prefix "tls13 ". `length` in bytes. */
export function hkdfExpandLabel(secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array {
  const fullLabel = utf8ToBytes(`tls13 ${label}`);
  const hkdfLabel = concat(
    uint16(length),
    Uint8Array.of(fullLabel.length),
    fullLabel,
    Uint8Array.of(context.length),
    context,
  );
  return expand(sha256, secret, hkdfLabel, length);
}

/** The secret of epoch 0 for one direction, purpose and engine (index 0..65535). */
export function firstSecret(base: Uint8Array, direction: Direction, purpose: Purpose, engineIndex: number): Uint8Array {
  const label = purpose === 'data' ? `gg ${direction}` : `gg ${direction} ctl`;
  return hkdfExpandLabel(base, label, uint16(engineIndex), SECRET_BYTES);
}

/** The secret of the epoch after the one of `secret`. */
export function nextSecret(secret: Uint8Array): Uint8Array {
  return hkdfExpandLabel(secret, 'gg upd', NO_CONTEXT, SECRET_BYTES);
}

/** Key and salt of the epoch that `secret` belongs to. */
export function keyAndSalt(secret: Uint8Array, suite: SuiteId): { key: Uint8Array; salt: Uint8Array } {
  return {
    key: hkdfExpandLabel(secret, 'gg key', NO_CONTEXT, suiteById(suite).keyBytes),
    salt: hkdfExpandLabel(secret, 'gg salt', NO_CONTEXT, RECORD_SALT_BYTES),
  };
}

/** Key and salt of the in-line cipher for the byte stream of one direction. */
export function streamKeyAndSalt(
  base: Uint8Array,
  suite: SuiteId,
  direction: Direction,
): { key: Uint8Array; salt: Uint8Array } {
  const secret = hkdfExpandLabel(base, `gg ${direction} stream`, NO_CONTEXT, SECRET_BYTES);
  const key = hkdfExpandLabel(secret, 'gg key', NO_CONTEXT, suiteById(suite).keyBytes);
  const salt = hkdfExpandLabel(secret, 'gg salt', NO_CONTEXT, STREAM_SALT_BYTES);
  secret.fill(0);
  return { key, salt };
}

/** Everything two ends agreed on in clear; the exporter's context binds it. */
export interface AgreedSetup {
  /** Receive connection id of the TLS client. */
  readonly clientConnectionId: number;
  /** Receive connection id of the TLS server. */
  readonly serverConnectionId: number;
  /** Suites of the OFFER, in its order. */
  readonly suitesOffered: readonly number[];
  readonly suiteChosen: SuiteId;
  readonly f13: 'tcp' | 'udp';
  /** Bit 0: encrypt-then-fragment, bit 1: fragment-then-encrypt, as in OFFER. */
  readonly ordersOffered: number;
  /** 0 encrypt-then-fragment, 1 fragment-then-encrypt, as in GO. */
  readonly orderChosen: 0 | 1;
  readonly handshake: 'hold' | 'immediate';
  /** An in-line cipher below IP takes the place of sealed records. */
  readonly inline?: boolean;
  /** SHA-256 over HELLO | REQUEST | COMPLETE with NAT-able and random fields zeroed, 32 bytes. */
  readonly legDigest: Uint8Array;
}

/** The 32 bytes of context for the TLS exporter: the same at both ends, or the two have different keys. */
export function exporterContext(setup: AgreedSetup): Uint8Array {
  if (setup.legDigest.length !== 32) throw new RangeError(`a leg digest has 32 bytes, got ${setup.legDigest.length}`);
  return sha256(
    concat(
      Uint8Array.of(PROTOCOL_VERSION),
      uint32(setup.clientConnectionId),
      uint32(setup.serverConnectionId),
      Uint8Array.of(setup.suitesOffered.length, ...setup.suitesOffered),
      Uint8Array.of(setup.suiteChosen, setup.f13 === 'udp' ? 1 : 0, setup.ordersOffered, setup.orderChosen),
      Uint8Array.of((setup.handshake === 'immediate' ? 1 : 0) | (setup.inline === true ? 2 : 0)),
      setup.legDigest,
    ),
  );
}

function uint16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  put16(bytes, 0, value);
  return bytes;
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  put32(bytes, 0, value);
  return bytes;
}
