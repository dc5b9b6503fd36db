import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { u32 } from '../../wire/bytes.ts';
import { createAead } from './clear.ts';
import {
  type Direction,
  firstSecret,
  hkdfExpandLabel,
  keyAndSalt,
  nextSecret,
  type Purpose,
  streamKeyAndSalt,
} from './key-schedule.ts';
import { openRecord, sealRecord } from './record-cipher.ts';
import { type Aead, type AeadProvider, isAesSuite, type PositionCipher, type SuiteId } from './suite.ts';

/** Names a key of this process's vault: 1, 2, 3… in the order of creation. What control frames and the journal carry. */
export type KeyId = number;

/**
 * The only place where key bytes live. Everybody else holds key ids.
 * An unknown key id, or one of the wrong kind, is a programming error and throws; nothing about a peer's bytes does.
 */
export interface Vault {
  /** Takes in the 32 bytes of the TLS exporter. The caller wipes its copy. */
  importBase(secret32: Uint8Array): KeyId;
  /** The key of epoch 0 for one direction, purpose and engine (0..65535), derived from a base. */
  deriveTraffic(base: KeyId, suite: SuiteId, direction: Direction, purpose: Purpose, engineIndex: number): KeyId;
  /** The key of the epoch after the one of `key`, which stays usable. */
  nextEpoch(key: KeyId): KeyId;
  /**
   * Seals under `key`: the whole record, header | ciphertext | tag. `header16` is the record's header, ready, its
   * length field included; nonce and associated data are taken from it. The caller never uses a number twice.
   */
  seal(key: KeyId, header16: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** The plaintext of a whole record, undefined when it does not authenticate under `key`. */
  open(key: KeyId, record: Uint8Array): Uint8Array | undefined;
  /** The key of an in-line cipher for the byte stream of one direction (AES suites only), derived from a base. */
  deriveStream(base: KeyId, suite: SuiteId, direction: Direction): KeyId;
  /**
   * `bytes` xor the keystream of `key` from `position` on: encrypts what is clear, decrypts what was encrypted; as long as `bytes`.
   * Nothing is authenticated. The caller never encrypts different bytes at one position.
   */
  applyStream(key: KeyId, position: number, bytes: Uint8Array): Uint8Array;
  /** Overwrites and drops a base or a key; keys derived from it stay. Forgetting twice is harmless. */
  forget(key: KeyId): void;
  /** 16 bytes of HMAC-SHA256 over `input` under a secret of this process (leg cookies). */
  cookie(input: Uint8Array): Uint8Array;
  /**
   * Initial sequence number, uint32, as RFC 6528: a 4 us clock plus a hash of the connection's addresses and ports
   * under a secret of this process. `time_us` is the present time in microseconds.
   */
  isn(tuple: Uint8Array, time_us: number): number;
}

/** What a vault is made from. */
export interface VaultOptions {
  readonly provider: AeadProvider;
  /** 32 secret bytes of this process, for cookies and sequence numbers. The vault takes a copy. */
  readonly secret: Uint8Array;
  /** Hears a copy of every secret the vault comes to hold. Only for the test that searches outputs for secrets. */
  readonly onSecret?: (bytes: Uint8Array) => void;
}

export const PROCESS_SECRET_BYTES = 32;
export const BASE_BYTES = 32;
export const COOKIE_BYTES = 16;

const ISN_TICK_US = 4;
const UINT32 = 0x1_0000_0000;
const LAST_ENGINE_INDEX = 0xffff;
const NO_CONTEXT = new Uint8Array(0);

interface TrafficKey {
  readonly suite: SuiteId;
  /** Kept for the next epoch; key and salt come from it. */
  readonly secret: Uint8Array;
  readonly salt: Uint8Array;
  readonly aead: Aead;
}

/** Makes the vault that holds keys. */
export function createVault(options: VaultOptions): Vault {
  return new KeyVault(options);
}

class KeyVault implements Vault {
  readonly #provider: AeadProvider;
  readonly #onSecret: (bytes: Uint8Array) => void;
  /** HMACs that have taken in their secret: each handshake goes on from a copy. */
  readonly #cookieHmac: ReturnType<typeof hmacOf>;
  readonly #isnHmac: ReturnType<typeof hmacOf>;
  readonly #bases = new Map<KeyId, Uint8Array>();
  readonly #traffic = new Map<KeyId, TrafficKey>();
  readonly #streams = new Map<KeyId, PositionCipher>();
  #lastId = 0;

  constructor({ provider, secret, onSecret }: VaultOptions) {
    requireLength(secret, PROCESS_SECRET_BYTES, 'a process secret');
    this.#provider = provider;
    this.#onSecret = onSecret ?? (() => {});
    // Two secrets from one, so that a cookie on the wire says nothing about a sequence number.
    const cookieSecret = hkdfExpandLabel(secret, 'gg cookie', NO_CONTEXT, PROCESS_SECRET_BYTES);
    const isnSecret = hkdfExpandLabel(secret, 'gg isn', NO_CONTEXT, PROCESS_SECRET_BYTES);
    for (const each of [secret, cookieSecret, isnSecret]) this.#report(each);
    this.#cookieHmac = hmacOf(cookieSecret);
    this.#isnHmac = hmacOf(isnSecret);
  }

  importBase(secret32: Uint8Array): KeyId {
    requireLength(secret32, BASE_BYTES, 'a base secret');
    const id = this.#newId();
    this.#bases.set(id, Uint8Array.from(secret32));
    this.#report(secret32);
    return id;
  }

  deriveTraffic(base: KeyId, suite: SuiteId, direction: Direction, purpose: Purpose, engineIndex: number): KeyId {
    if (!Number.isInteger(engineIndex) || engineIndex < 0 || engineIndex > LAST_ENGINE_INDEX) {
      throw new RangeError(`no engine index: ${engineIndex}`);
    }
    const secret = firstSecret(known(this.#bases, base, 'base'), direction, purpose, engineIndex);
    return this.#addTraffic(suite, secret);
  }

  nextEpoch(key: KeyId): KeyId {
    const { suite, secret } = known(this.#traffic, key, 'traffic key');
    return this.#addTraffic(suite, nextSecret(secret));
  }

  seal(key: KeyId, header16: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const { aead, salt } = known(this.#traffic, key, 'traffic key');
    return sealRecord(aead, salt, header16, plaintext);
  }

  open(key: KeyId, record: Uint8Array): Uint8Array | undefined {
    const { aead, salt } = known(this.#traffic, key, 'traffic key');
    return openRecord(aead, salt, record);
  }

  deriveStream(base: KeyId, suite: SuiteId, direction: Direction): KeyId {
    if (!isAesSuite(suite)) throw new RangeError(`suite ${suite} has no counter mode`);
    const { key, salt } = streamKeyAndSalt(known(this.#bases, base, 'base'), suite, direction);
    const id = this.#newId();
    this.#streams.set(id, this.#provider.createPositioned(key, salt));
    this.#report(key);
    key.fill(0);
    return id;
  }

  applyStream(key: KeyId, position: number, bytes: Uint8Array): Uint8Array {
    return known(this.#streams, key, 'stream key').apply(position, bytes);
  }

  forget(key: KeyId): void {
    this.#bases.get(key)?.fill(0);
    this.#bases.delete(key);
    this.#streams.get(key)?.wipe();
    this.#streams.delete(key);
    const traffic = this.#traffic.get(key);
    if (traffic === undefined) return;
    traffic.secret.fill(0);
    traffic.salt.fill(0);
    traffic.aead.wipe();
    this.#traffic.delete(key);
  }

  cookie(input: Uint8Array): Uint8Array {
    return this.#cookieHmac.clone().update(input).digest().slice(0, COOKIE_BYTES);
  }

  isn(tuple: Uint8Array, time_us: number): number {
    const hash = this.#isnHmac.clone().update(tuple).digest();
    return (Math.floor(time_us / ISN_TICK_US) + u32(hash, 0)) % UINT32;
  }

  #addTraffic(suite: SuiteId, secret: Uint8Array): KeyId {
    const { key, salt } = keyAndSalt(secret, suite);
    const id = this.#newId();
    this.#traffic.set(id, { suite, secret, salt, aead: createAead(this.#provider, suite, key, salt) });
    this.#report(secret);
    this.#report(key);
    key.fill(0);
    return id;
  }

  #newId(): KeyId {
    this.#lastId += 1;
    return this.#lastId;
  }

  #report(secret: Uint8Array): void {
    this.#onSecret(Uint8Array.from(secret));
  }
}

const hmacOf = (secret: Uint8Array) => hmac.create(sha256, secret);

function known<T>(table: ReadonlyMap<KeyId, T>, id: KeyId, what: string): T {
  const entry = table.get(id);
  if (entry === undefined) throw new Error(`the vault has no ${what} ${id}`);
  return entry;
}

function requireLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) throw new RangeError(`${what} has ${length} bytes, got ${bytes.length}`);
}
