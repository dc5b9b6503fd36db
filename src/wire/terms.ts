/** Numbers that both ends of a session agree on, shared by several formats (docs/PROTOCOL.md). */

/** Version of the glassgate protocol, in REQUEST and OFFER. */
export const PROTOCOL_VERSION = 1;

/** Cipher suites of records. */
export const Suite = { AES_256_GCM: 1, AES_128_GCM: 2, CHACHA20_POLY1305: 3, CLEAR: 4 } as const;

/** Fragment orders. */
export const Order = { ENCRYPT_THEN_FRAGMENT: 0, FRAGMENT_THEN_ENCRYPT: 1 } as const;

/** Bits of the orders that an OFFER lists. */
export const OrderBit = { ENCRYPT_THEN_FRAGMENT: 1, FRAGMENT_THEN_ENCRYPT: 2 } as const;

/** Why a leg is refused or ended, a session stopped or disconnected. */
export const Reason = {
  NO_LISTENER: 1,
  REFUSED_BY_TCP: 2,
  TIMED_OUT: 3,
  TOO_MANY_SESSIONS: 4,
  VERSION: 5,
  RESET_BY_TCP: 6,
  OPERATOR: 7,
  PEER_NOT_ALLOWED: 8,
  LEG_TAMPERED: 9,
  NO_COMMON_SUITE: 10,
  MALFORMED: 11,
  IDLE: 12,
} as const;

const REASON_NAMES: readonly string[] = [
  'reason 0',
  'no listener',
  'refused by the local TCP',
  'timed out',
  'too many sessions',
  'version',
  'reset by the local TCP',
  'operator',
  'peer not allowed',
  'leg tampered with',
  'no common suite',
  'malformed',
  'idle',
];

/** The words for a reason number. */
export function reasonName(reason: number): string {
  return REASON_NAMES[reason] ?? `reason ${reason}`;
}

const MODE_UDP = 1;
const MODE_IMMEDIATE = 2;
const MODE_RESERVED = 0xfc;

/** How a session was set up: shape of F13 and when the handshake with the local TCP is completed. */
export interface Mode {
  /** F13 is UDP; otherwise TCP-shaped. */
  udp: boolean;
  /** Handshake `immediate`; otherwise `hold`. */
  immediate: boolean;
}

/** The byte that stands for a mode. */
export function modeByte(mode: Mode): number {
  return (mode.udp ? MODE_UDP : 0) | (mode.immediate ? MODE_IMMEDIATE : 0);
}

/** The mode that a byte stands for; undefined when a reserved bit is set. */
export function modeOf(byte: number): Mode | undefined {
  if ((byte & MODE_RESERVED) !== 0) return undefined;
  return { udp: (byte & MODE_UDP) !== 0, immediate: (byte & MODE_IMMEDIATE) !== 0 };
}

/** A random 8-byte value as 16 lower-case hexadecimal digits, so that it can be compared, kept in a map and journaled. */
export type Token = string;

/** Eight zeros: "not known". */
export const NO_TOKEN: Token = '0000000000000000';

/** Bytes of a token. */
export const TOKEN_BYTES = 8;

/** Bytes of a leg digest (SHA-256). */
export const LEG_DIGEST_BYTES = 32;
