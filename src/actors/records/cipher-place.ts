import type { KeyId, Vault } from '../../engine/crypto/vault.ts';
import type { RecordCipher } from '../../engine/records/cipher.ts';
import type { RecordParameters } from '../services.ts';

/** Where the records of a session are sealed and opened: it hears which keys are about to be used, and when they are no longer. */
export interface CipherPlace extends RecordCipher {
  /** Before the first record under these keys. */
  install(parameters: RecordParameters): void;
  /** After the last: the keys are forgotten. */
  dismiss(parameters: RecordParameters): void;
}

/** In software, at once. */
export function cipherHere(vault: Vault): CipherPlace {
  return {
    seal: (key: KeyId, header: Uint8Array, plaintext: Uint8Array) => vault.seal(key, header, plaintext),
    open: (key: KeyId, record: Uint8Array) => vault.open(key, record),
    nextEpoch: (key) => vault.nextEpoch(key),
    forget: (key) => vault.forget(key),
    install: () => {},
    dismiss: (parameters) => forgetKeys(vault, parameters),
  };
}

/** Drops the keys that were handed over, used or not. */
export function forgetKeys(vault: Vault, { keys }: Pick<RecordParameters, 'keys'>): void {
  for (const key of Object.values(keys)) vault.forget(key);
}
