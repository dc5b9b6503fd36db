import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { opensslProvider } from '../../transport/openssl/aead.ts';
import { RECORD_TAG_BYTES } from '../../wire/record.ts';
import { nobleProvider } from './noble.ts';
import { recordNonce, sealRecord } from './record-cipher.ts';
import { type Aead, type AeadProvider, type CipherId, SUITE_PREFERENCE, suiteById } from './suite.ts';

interface Vector {
  readonly name: string;
  readonly suite: CipherId;
  readonly key: string;
  readonly nonce: string;
  readonly aad: string;
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly tag: string;
}

const GCM_KEY = 'feffe9928665731c6d6a8f9467308308';
const GCM_NONCE = 'cafebabefacedbaddecaf888';
const GCM_AAD = 'feedfacedeadbeeffeedfacedeadbeefabaddad2';
const GCM_PLAINTEXT =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
  '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255';

/** McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B; RFC 8439 section 2.8.2. */
const VECTORS: readonly Vector[] = [
  {
    name: 'GCM test case 1',
    suite: 2,
    key: '0'.repeat(32),
    nonce: '0'.repeat(24),
    aad: '',
    plaintext: '',
    ciphertext: '',
    tag: '58e2fccefa7e3061367f1d57a4e7455a',
  },
  {
    name: 'GCM test case 2',
    suite: 2,
    key: '0'.repeat(32),
    nonce: '0'.repeat(24),
    aad: '',
    plaintext: '0'.repeat(32),
    ciphertext: '0388dace60b6a392f328c2b971b2fe78',
    tag: 'ab6e47d42cec13bdf53a67b21257bddf',
  },
  {
    name: 'GCM test case 3',
    suite: 2,
    key: GCM_KEY,
    nonce: GCM_NONCE,
    aad: '',
    plaintext: GCM_PLAINTEXT,
    ciphertext:
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e' +
      '21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985',
    tag: '4d5c2af327cd64a62cf35abd2ba6fab4',
  },
  {
    name: 'GCM test case 4',
    suite: 2,
    key: GCM_KEY,
    nonce: GCM_NONCE,
    aad: GCM_AAD,
    plaintext: GCM_PLAINTEXT.slice(0, 120),
    ciphertext:
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e' +
      '21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091',
    tag: '5bc94fbc3221a5db94fae95ae7121a47',
  },
  {
    name: 'GCM test case 13',
    suite: 1,
    key: '0'.repeat(64),
    nonce: '0'.repeat(24),
    aad: '',
    plaintext: '',
    ciphertext: '',
    tag: '530f8afbc74536b9a963b4f1c4cb738b',
  },
  {
    name: 'GCM test case 14',
    suite: 1,
    key: '0'.repeat(64),
    nonce: '0'.repeat(24),
    aad: '',
    plaintext: '0'.repeat(32),
    ciphertext: 'cea7403d4d606b6e074ec5d3baf39d18',
    tag: 'd0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    name: 'GCM test case 16',
    suite: 1,
    key: GCM_KEY + GCM_KEY,
    nonce: GCM_NONCE,
    aad: GCM_AAD,
    plaintext: GCM_PLAINTEXT.slice(0, 120),
    ciphertext:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
      '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    tag: '76fc6ece0f4e1768cddf8853bb2d551b',
  },
  {
    name: 'RFC 8439 section 2.8.2',
    suite: 3,
    key: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
    nonce: '070000004041424344454647',
    aad: '50515253c0c1c2c3c4c5c6c7',
    plaintext: bytesToHex(
      new TextEncoder().encode(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
      ),
    ),
    ciphertext:
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6' +
      '3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36' +
      '92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc' +
      '3ff4def08e4b7a9de576d26586cec64b6116',
    tag: '1ae10b594f09e26a7e902ecbd0600691',
  },
];

const SALT = Uint8Array.of(1, 2, 3, 4);
const NONCE = hexToBytes(GCM_NONCE);
const AAD = hexToBytes(GCM_AAD).subarray(0, 13);

function aeadOf(provider: AeadProvider, suite: CipherId): Aead {
  const key = new Uint8Array(suiteById(suite).keyBytes).map((_, index) => index * 7);
  return provider.create(suite, key, SALT);
}

function sealed(aead: Aead, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const out = new Uint8Array(plaintext.length + RECORD_TAG_BYTES);
  aead.seal(nonce, aad, plaintext, out, 0);
  return out;
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] ^= 1 << (bit & 7);
  return copy;
}

describe.each([nobleProvider, opensslProvider])('AEAD provider $name', (provider) => {
  test.each(VECTORS)('$name', (vector) => {
    const aead = provider.create(vector.suite, hexToBytes(vector.key), SALT);
    const [nonce, aad, plaintext] = [vector.nonce, vector.aad, vector.plaintext].map(hexToBytes);
    const out = sealed(aead, nonce, aad, plaintext);
    expect(bytesToHex(out)).toBe(vector.ciphertext + vector.tag);
    const back = new Uint8Array(plaintext.length);
    expect(aead.open(nonce, aad, out, back, 0)).toBe(true);
    expect(bytesToHex(back)).toBe(vector.plaintext);
  });

  describe.each([...SUITE_PREFERENCE])('suite %i', (suite) => {
    const aead = aeadOf(provider, suite);
    const plaintext = new TextEncoder().encode('a frame');
    const good = sealed(aead, NONCE, AAD, plaintext);

    function opens(nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array): boolean {
      const out = new Uint8Array(plaintext.length).fill(0x5a);
      const opened = aead.open(nonce, aad, bytes, out, 0);
      if (!opened) expect(out.every((byte) => byte === 0x5a)).toBe(true);
      return opened;
    }

    it('opens what it sealed, at an offset too', () => {
      const out = new Uint8Array(3 + good.length);
      aead.seal(NONCE, AAD, plaintext, out, 3);
      expect(bytesToHex(out)).toBe(`000000${bytesToHex(good)}`);
      const back = new Uint8Array(5 + plaintext.length);
      expect(aead.open(NONCE, AAD, out.subarray(3), back, 5)).toBe(true);
      expect(back.subarray(5)).toEqual(plaintext);
      expect(back.subarray(0, 5)).toEqual(new Uint8Array(5));
    });

    it('refuses every flipped bit of ciphertext, tag, nonce and associated data and leaves out alone', () => {
      expect(opens(NONCE, AAD, good)).toBe(true);
      for (let bit = 0; bit < good.length * 8; bit += 1) expect(opens(NONCE, AAD, flipped(good, bit))).toBe(false);
      for (let bit = 0; bit < NONCE.length * 8; bit += 1) expect(opens(flipped(NONCE, bit), AAD, good)).toBe(false);
      for (let bit = 0; bit < AAD.length * 8; bit += 1) expect(opens(NONCE, flipped(AAD, bit), good)).toBe(false);
    });

    it('refuses what is cut short, by any number of bytes', () => {
      for (let length = 0; length < good.length; length += 1) {
        expect(opens(NONCE, AAD, good.subarray(0, length))).toBe(false);
      }
    });

    it('opens nothing any more once wiped', () => {
      const wiped = aeadOf(provider, suite);
      wiped.wipe();
      expect(wiped.open(NONCE, AAD, good, new Uint8Array(plaintext.length), 0)).toBe(false);
    });

    it('refuses a key or salt of another length', () => {
      const { keyBytes } = suiteById(suite);
      expect(() => provider.create(suite, new Uint8Array(keyBytes - 1), SALT)).toThrow(RangeError);
      expect(() => provider.create(suite, new Uint8Array(keyBytes), new Uint8Array(5))).toThrow(RangeError);
    });
  });
});

describe.each([...SUITE_PREFERENCE])('providers agree on suite %i', (suite) => {
  const providers = [nobleProvider, opensslProvider];
  const RECORDS = 1_000;

  it(`in ${RECORDS} consecutive records, none of which shares a nonce`, () => {
    const [noble, openssl] = providers.map((provider) => aeadOf(provider, suite));
    const nonces = new Set<string>();
    for (let sequence = 1; sequence <= RECORDS; sequence += 1) {
      const plaintext = new Uint8Array(sequence % 67).fill(sequence);
      const header = new Uint8Array(16);
      new DataView(header.buffer).setUint32(0, 0x40_00_00_00 + plaintext.length + 32);
      new DataView(header.buffer).setUint32(12, sequence);
      const record = sealRecord(noble, SALT, header, plaintext);
      expect(Buffer.compare(record, sealRecord(openssl, SALT, header, plaintext))).toBe(0);
      nonces.add(bytesToHex(recordNonce(SALT, record)));
    }
    expect(nonces.size).toBe(RECORDS);
  });

  it('for any plaintext, each opening what the other sealed', () => {
    const [noble, openssl] = providers.map((provider) => aeadOf(provider, suite));
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ minLength: 12, maxLength: 12 }),
        (plain, nonce) => {
          const back = new Uint8Array(plain.length);
          expect(openssl.open(nonce, AAD, sealed(noble, nonce, AAD, plain), back, 0)).toBe(true);
          expect(Buffer.compare(back, plain)).toBe(0);
          expect(noble.open(nonce, AAD, sealed(openssl, nonce, AAD, plain), back, 0)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });
});
