import { concat, EMPTY } from '../../wire/bytes.ts';
import { RECORD_TAG_BYTES } from '../../wire/record.ts';
import { type Aead, type AeadProvider, type CipherId, SUITE_CLEAR, type SuiteId } from './suite.ts';

/** What the clear suite's tag is made with: AES-256-GCM over nothing, the frame being associated data (GMAC). */
const MAC_SUITE: CipherId = 1;

/** The AEAD of any suite, the clear one included. */
export function createAead(provider: AeadProvider, suite: SuiteId, key: Uint8Array, salt: Uint8Array): Aead {
  return suite === SUITE_CLEAR ? clearAead(provider.create(MAC_SUITE, key, salt)) : provider.create(suite, key, salt);
}

/** Leaves the plaintext readable. The tag still covers it: nobody else's frames come out of the tunnel. */
function clearAead(mac: Aead): Aead {
  return {
    seal(nonce12, aad13, plaintext, out, outOffset) {
      out.set(plaintext, outOffset);
      mac.seal(nonce12, concat(aad13, plaintext), EMPTY, out, outOffset + plaintext.length);
    },
    open(nonce12, aad13, sealed, out, outOffset) {
      if (sealed.length < RECORD_TAG_BYTES) return false;
      const tagAt = sealed.length - RECORD_TAG_BYTES;
      const plaintext = sealed.subarray(0, tagAt);
      if (!mac.open(nonce12, concat(aad13, plaintext), sealed.subarray(tagAt), EMPTY, 0)) return false;
      out.set(plaintext, outOffset);
      return true;
    },
    wipe: () => mac.wipe(),
  };
}
