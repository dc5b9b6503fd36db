import { type CipherGCMTypes, createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import {
  type Aead,
  type AeadProvider,
  counterBlock,
  type PositionCipher,
  requireKeyLengths,
  STREAM_BLOCK_BYTES,
  type SuiteId,
  suiteById,
} from '../../engine/crypto/suite.ts';
import { RECORD_TAG_BYTES } from '../../wire/record.ts';

/** Node's own OpenSSL through node:crypto: the provider of a running gateway's slow path. */
export const opensslProvider: AeadProvider = {
  name: 'openssl',
  create(suite, key, salt) {
    requireKeyLengths(suite, key, salt);
    return opensslAead(suite, key);
  },
  createPositioned(key, salt) {
    return opensslPositioned(key, Uint8Array.from(salt));
  },
};

/** What is thrown away of the keystream of a position within a block. */
const SKIPPED = new Uint8Array(STREAM_BLOCK_BYTES);

function opensslPositioned(bytes: Uint8Array, salt: Uint8Array): PositionCipher {
  let key = createSecretKey(bytes);
  const name = `aes-${bytes.length * 8}-ctr`;
  return {
    apply(position, data) {
      const cipher = createCipheriv(name, key, counterBlock(salt, position));
      const skip = position % STREAM_BLOCK_BYTES;
      if (skip > 0) cipher.update(SKIPPED.subarray(0, skip));
      return cipher.update(data);
    },
    wipe() {
      key = createSecretKey(new Uint8Array(bytes.length));
    },
  };
}

const OPTIONS = { authTagLength: RECORD_TAG_BYTES };

function opensslAead(suite: SuiteId, bytes: Uint8Array): Aead {
  // A key object takes 7 us for a record of 1400 bytes, the bytes themselves 35. Node clears its copy when the object is collected.
  let key = createSecretKey(bytes);
  // The GCM overload of node's types fits ChaCha20-Poly1305 too: authTagLength is given, and both know setAAD and tags.
  const { name: ofSuite, keyBytes } = suiteById(suite);
  const name = ofSuite as CipherGCMTypes;
  return {
    seal(nonce12, aad13, plaintext, out, outOffset) {
      const cipher = createCipheriv(name, key, nonce12, OPTIONS);
      cipher.setAAD(aad13);
      out.set(cipher.update(plaintext), outOffset);
      cipher.final();
      out.set(cipher.getAuthTag(), outOffset + plaintext.length);
    },
    open(nonce12, aad13, sealed, out, outOffset) {
      if (sealed.length < RECORD_TAG_BYTES) return false;
      const tagAt = sealed.length - RECORD_TAG_BYTES;
      const decipher = createDecipheriv(name, key, nonce12, OPTIONS);
      decipher.setAAD(aad13);
      decipher.setAuthTag(sealed.subarray(tagAt));
      const plaintext = decipher.update(sealed.subarray(0, tagAt));
      try {
        decipher.final();
      } catch {
        plaintext.fill(0);
        return false;
      }
      out.set(plaintext, outOffset);
      return true;
    },
    wipe() {
      key = createSecretKey(new Uint8Array(keyBytes));
    },
  };
}
