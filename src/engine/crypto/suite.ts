import { put64 } from '../../wire/bytes.ts';
import { RECORD_SALT_BYTES } from '../../wire/record.ts';

/**
 * The record cipher suites and the contract of an AEAD provider (docs/PROTOCOL.md section 3).
 */

/** Number of a suite that a provider has. */
export type CipherId = 1 | 2 | 3;

/** SSL off ([0115]): frames in clear, authenticated all the same. Never chosen unless both ends offer it, and nothing else. */
export const SUITE_CLEAR = 4;

/** Number of a suite as it stands in OFFER, GO and START. */
export type SuiteId = CipherId | typeof SUITE_CLEAR;

/** What a suite is: its number on the wire, its name in configs and the length of its key. */
export interface Suite {
  readonly id: SuiteId;
  readonly name: SuiteName;
  readonly keyBytes: 16 | 32;
}

/** Name of a suite in configs, logs and tables. */
export type SuiteName = 'aes-256-gcm' | 'aes-128-gcm' | 'chacha20-poly1305' | 'clear';

const SUITES: readonly Suite[] = [
  { id: 1, name: 'aes-256-gcm', keyBytes: 32 },
  { id: 2, name: 'aes-128-gcm', keyBytes: 16 },
  { id: 3, name: 'chacha20-poly1305', keyBytes: 32 },
  { id: SUITE_CLEAR, name: 'clear', keyBytes: 32 },
];

/** All suites that hide something, the most wanted first: the order of an OFFER when the config says nothing. */
export const SUITE_PREFERENCE: readonly CipherId[] = [1, 2, 3];

/** Tells whether a number read from a wire or a config names a suite. */
export function isSuiteId(value: number): value is SuiteId {
  return SUITES.some((suite) => suite.id === value);
}

/** The suite with this number. */
export function suiteById(id: SuiteId): Suite {
  return SUITES[id - 1] as Suite;
}

/** The suite with this name, undefined when no suite has it. */
export function suiteByName(name: string): Suite | undefined {
  return SUITES.find((suite) => suite.name === name);
}

/** Whether suites may stand in one OFFER: {@link SUITE_CLEAR} stands alone, so that nobody can be talked into it. */
export function mayBeOffered(suites: readonly SuiteId[]): boolean {
  return !suites.includes(SUITE_CLEAR) || suites.length === 1;
}

/** The first suite of `offered` (the client's order) that is in `allowed`; undefined when there is none. */
export function chooseSuite(offered: readonly number[], allowed: readonly SuiteId[]): SuiteId | undefined {
  return offered.filter(isSuiteId).find((id) => allowed.includes(id));
}

/** One key, ready to seal and open. Holds key material: it lives inside the vault only. */
export interface Aead {
  /**
   * Writes ciphertext and tag (plaintext.length + 16 bytes) to `out` at `outOffset`.
   * The caller sees to it that no nonce (12 bytes) is used twice under one key.
   */
  seal(nonce12: Uint8Array, aad13: Uint8Array, plaintext: Uint8Array, out: Uint8Array, outOffset: number): void;
  /**
   * Writes the plaintext (sealed.length - 16 bytes) to `out` at `outOffset` and returns true;
   * returns false and leaves `out` as it was when the tag is wrong or `sealed` is shorter than a tag.
   */
  open(nonce12: Uint8Array, aad13: Uint8Array, sealed: Uint8Array, out: Uint8Array, outOffset: number): boolean;
  /** Overwrites the key; the AEAD is not used afterwards. */
  wipe(): void;
}

/**
 * One key of a stream cipher that is addressed by position: encrypting and decrypting are the same, and the length stays. Holds key
 * material: it lives inside the vault only.
 */
export interface PositionCipher {
  /** `bytes` xor the keystream from `position` (bytes from the beginning of the stream, a safe integer) on; a fresh array. */
  apply(position: number, bytes: Uint8Array): Uint8Array;
  /** Overwrites the key; the cipher is not used afterwards. */
  wipe(): void;
}

/** A source of AEADs, and of ciphers that are addressed by position. */
export interface AeadProvider {
  readonly name: string;
  /**
   * Makes the AEAD of one key. `salt` (4 bytes) is the head of every nonce it will see: providers whose cipher
   * keeps the fixed part of the nonce itself need it, the others ignore it.
   */
  create(suite: CipherId, key: Uint8Array, salt: Uint8Array): Aead;
  /** AES in counter mode (NIST SP 800-38A section 6.5) under a key of 16 or 32 bytes; counter blocks as {@link counterBlock}. */
  createPositioned(key: Uint8Array, salt: Uint8Array): PositionCipher;
}

/** Bytes of an AES block, and so of its keystream's unit. */
export const STREAM_BLOCK_BYTES = 16;
/** First half of every counter block of a position cipher. */
export const STREAM_SALT_BYTES = 8;

/** The counter block of the keystream block that holds `position`: salt (8 bytes), then the block's number (64 bit). */
export function counterBlock(salt: Uint8Array, position: number): Uint8Array {
  const block = new Uint8Array(STREAM_BLOCK_BYTES);
  block.set(salt);
  put64(block, STREAM_SALT_BYTES, Math.floor(position / STREAM_BLOCK_BYTES));
  return block;
}

/** The suites whose block cipher can also run in counter mode. */
export function isAesSuite(suite: SuiteId): boolean {
  return suiteById(suite).name.startsWith('aes-');
}

/** Throws when the key or the salt has not the length of its suite: a programming error, never a peer's doing. */
export function requireKeyLengths(suite: SuiteId, key: Uint8Array, salt: Uint8Array): void {
  const { name, keyBytes } = suiteById(suite);
  if (key.length !== keyBytes) throw new RangeError(`${name} needs a key of ${keyBytes} bytes, got ${key.length}`);
  if (salt.length !== RECORD_SALT_BYTES)
    throw new RangeError(`a salt has ${RECORD_SALT_BYTES} bytes, got ${salt.length}`);
}
