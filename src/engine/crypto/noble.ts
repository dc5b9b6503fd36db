import { ctr, gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { RECORD_TAG_BYTES } from '../../wire/record.ts';
import { type Aead, type AeadProvider, counterBlock, requireKeyLengths, STREAM_BLOCK_BYTES } from './suite.ts';

/** The portable provider: plain JavaScript, the same everywhere, and the oracle the fast ones are compared with. */
export const nobleProvider: AeadProvider = {
  name: 'noble',
  create(suite, key, salt) {
    requireKeyLengths(suite, key, salt);
    return nobleAead(suite === 3 ? chacha20poly1305 : gcm, Uint8Array.from(key));
  },
  createPositioned(key, salt) {
    const [ownKey, ownSalt] = [Uint8Array.from(key), Uint8Array.from(salt)];
    return {
      apply(position, bytes) {
        const skip = position % STREAM_BLOCK_BYTES;
        const padded = new Uint8Array(skip + bytes.length);
        padded.set(bytes, skip);
        return ctr(ownKey, counterBlock(ownSalt, position)).encrypt(padded).subarray(skip);
      },
      wipe() {
        ownKey.fill(0);
      },
    };
  },
};

type NobleCipher = typeof gcm | typeof chacha20poly1305;

function nobleAead(cipher: NobleCipher, key: Uint8Array): Aead {
  return {
    seal(nonce12, aad13, plaintext, out, outOffset) {
      out.set(cipher(key, nonce12, aad13).encrypt(plaintext), outOffset);
    },
    open(nonce12, aad13, sealed, out, outOffset) {
      if (sealed.length < RECORD_TAG_BYTES) return false;
      const plaintext = decrypted(cipher, key, nonce12, aad13, sealed);
      if (plaintext === undefined) return false;
      out.set(plaintext, outOffset);
      return true;
    },
    wipe() {
      key.fill(0);
    },
  };
}

/** noble tells a wrong tag by an exception; lengths were checked before, so no other reason is left. */
function decrypted(
  cipher: NobleCipher,
  key: Uint8Array,
  nonce12: Uint8Array,
  aad13: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  try {
    return cipher(key, nonce12, aad13).decrypt(sealed);
  } catch {
    return undefined;
  }
}
