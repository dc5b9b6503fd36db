import type { KeyId, Vault } from '../engine/crypto/vault.ts';

const TAG_BYTES = 16;
const COOKIE_BYTES = 16;

/**
 * A vault without keys: ids in the same order as the real one's, records of the right length with zeros for ciphertext. Verdicts come from the
 * journal; what is computed here is only asked for by a replay that has already diverged.
 */
export class ReplayVault implements Vault {
  #lastId: KeyId = 0;

  /** The next id is the one after `id`. */
  continueFrom(id: KeyId): void {
    this.#lastId = id;
  }

  importBase(): KeyId {
    return ++this.#lastId;
  }

  deriveTraffic(): KeyId {
    return ++this.#lastId;
  }

  deriveStream(): KeyId {
    return ++this.#lastId;
  }

  applyStream(_key: KeyId, _position: number, bytes: Uint8Array): Uint8Array {
    return bytes;
  }

  nextEpoch(): KeyId {
    return ++this.#lastId;
  }

  seal(_key: KeyId, header16: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const record = new Uint8Array(header16.length + plaintext.length + TAG_BYTES);
    record.set(header16);
    return record;
  }

  open(): undefined {
    return undefined;
  }

  forget(): void {}

  cookie(): Uint8Array {
    return new Uint8Array(COOKIE_BYTES);
  }

  isn(): number {
    return 0;
  }
}
