import type { KeyId } from '../crypto/vault.ts';

/** Says that a record went to a cipher elsewhere: what comes of it is told later. */
export const HANDED_OUT = 'handed-out';

/**
 * Where the records of a channel are sealed and opened, and the keys it does that with. A vault is one that answers at once; a cipher
 * elsewhere takes each record along and answers later, in order.
 */
export interface RecordCipher {
  /** The whole record, header | ciphertext | tag; `header16` is its header, ready. */
  seal(key: KeyId, header16: Uint8Array, plaintext: Uint8Array): Uint8Array | typeof HANDED_OUT;
  /** The plaintext; undefined when the record does not authenticate. */
  open(key: KeyId, record: Uint8Array): Uint8Array | undefined | typeof HANDED_OUT;
  nextEpoch(key: KeyId): KeyId;
  forget(key: KeyId): void;
}
