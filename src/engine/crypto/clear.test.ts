import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { opensslProvider } from '../../transport/openssl/aead.ts';
import { RECORD_TAG_BYTES } from '../../wire/record.ts';
import { createAead } from './clear.ts';
import { nobleProvider } from './noble.ts';
import { type AeadProvider, SUITE_CLEAR } from './suite.ts';

const KEY = new Uint8Array(32).map((_, index) => index * 7);
const SALT = Uint8Array.of(1, 2, 3, 4);
const NONCE = new Uint8Array(12).fill(9);
const AAD = new Uint8Array(13).fill(3);

function sealed(provider: AeadProvider, plaintext: Uint8Array, key = KEY): Uint8Array {
  const out = new Uint8Array(plaintext.length + RECORD_TAG_BYTES);
  createAead(provider, SUITE_CLEAR, key, SALT).seal(NONCE, AAD, plaintext, out, 0);
  return out;
}

describe('the clear suite', () => {
  it('leaves the plaintext as it is, and every provider makes the same tag', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (plaintext) => {
        const out = sealed(opensslProvider, plaintext);
        expect(out.subarray(0, plaintext.length)).toEqual(plaintext);
        expect(sealed(nobleProvider, plaintext)).toEqual(out);
        const back = new Uint8Array(plaintext.length);
        expect(createAead(nobleProvider, SUITE_CLEAR, KEY, SALT).open(NONCE, AAD, out, back, 0)).toBe(true);
        expect(back).toEqual(plaintext);
      }),
    );
  });

  it('opens nothing that was changed, cut, or sealed under another key, number or header', () => {
    const plaintext = new Uint8Array(40).fill(5);
    const aead = createAead(opensslProvider, SUITE_CLEAR, KEY, SALT);
    const good = sealed(opensslProvider, plaintext);
    const opens = (bytes: Uint8Array, nonce = NONCE, aad = AAD) => aead.open(nonce, aad, bytes, new Uint8Array(60), 0);
    expect(opens(good)).toBe(true);
    for (let bit = 0; bit < good.length * 8; bit += 37) {
      const bad = good.slice();
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(opens(bad)).toBe(false);
    }
    expect(opens(good.subarray(0, RECORD_TAG_BYTES - 1))).toBe(false);
    expect(opens(good.subarray(0, -1))).toBe(false);
    expect(opens(good, new Uint8Array(12))).toBe(false);
    expect(opens(good, NONCE, new Uint8Array(13))).toBe(false);
    expect(opens(sealed(opensslProvider, plaintext, new Uint8Array(32)))).toBe(false);
  });

  it('forgets its key', () => {
    const key = KEY.slice();
    const aead = createAead(nobleProvider, SUITE_CLEAR, key, SALT);
    const good = sealed(nobleProvider, new Uint8Array(4));
    aead.wipe();
    expect(aead.open(NONCE, AAD, good, new Uint8Array(4), 0)).toBe(false);
  });
});
