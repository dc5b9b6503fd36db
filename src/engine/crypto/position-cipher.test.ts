import { createCipheriv } from 'node:crypto';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { opensslProvider } from '../../transport/openssl/aead.ts';
import { nobleProvider } from './noble.ts';
import type { PositionCipher } from './suite.ts';
import { createVault, PROCESS_SECRET_BYTES, type Vault } from './vault.ts';

const PROVIDERS = [nobleProvider, opensslProvider];

/** Of published vectors, those whose counter block's second half is a position that a byte stream can have. */
const VECTORS = [
  {
    name: 'RFC 3686 section 6, test vector 1 (AES-128)',
    key: 'ae6852f8121067cc4bf7a5765577f39e',
    salt: '0000003000000000',
    position: 16,
    plaintext: '53696e676c6520626c6f636b206d7367',
    ciphertext: 'e4095d4fb7a7b3792d6175a3261311b8',
  },
  {
    name: 'NIST AESAVS appendix D, variable text (AES-256)',
    key: '0'.repeat(64),
    salt: '8000000000000000',
    position: 0,
    plaintext: '0'.repeat(32),
    ciphertext: 'ddc6bf790c15760d8d9aeb6f9a75fd4e',
  },
];

describe.each(PROVIDERS)('cipher addressed by position, $name', (provider) => {
  it.each(VECTORS)('$name', ({ key, salt, position, plaintext, ciphertext }) => {
    const cipher = provider.createPositioned(hexToBytes(key), hexToBytes(salt));
    expect(bytesToHex(cipher.apply(position, hexToBytes(plaintext)))).toBe(ciphertext);
    expect(bytesToHex(cipher.apply(position, hexToBytes(ciphertext)))).toBe(plaintext);
  });

  it('is the counter mode that OpenSSL computes from the first byte on, wherever it is cut', () => {
    const [key, salt] = [new Uint8Array(32).fill(7), new Uint8Array(8).fill(9)];
    const iv = new Uint8Array(16);
    iv.set(salt);
    const whole = new Uint8Array(createCipheriv('aes-256-ctr', key, iv).update(new Uint8Array(400)));
    const cipher = provider.createPositioned(key, salt);
    fc.assert(
      fc.property(fc.nat(399), fc.nat(399), (from, length) => {
        const to = Math.min(from + length, 400);
        expect(bytesToHex(cipher.apply(from, new Uint8Array(to - from)))).toBe(bytesToHex(whole.slice(from, to)));
      }),
    );
  });

  it('has a position of 53 bits, far beyond the 32 of a TCP number', () => {
    const make = () => provider.createPositioned(new Uint8Array(32).fill(1), new Uint8Array(8));
    const far = 2 ** 45 + 5;
    const block = new Uint8Array(16);
    block.set([2, 0, 0, 0, 0, 0], 10);
    const expected = createCipheriv('aes-256-ctr', new Uint8Array(32).fill(1), block).update(new Uint8Array(25));
    expect(bytesToHex(make().apply(far, new Uint8Array(20)))).toBe(expected.subarray(5).toString('hex'));
    expect(bytesToHex(make().apply(far % 2 ** 32, new Uint8Array(20)))).not.toBe(expected.subarray(5).toString('hex'));
  });

  it('works no more as before once it is wiped', () => {
    const cipher: PositionCipher = provider.createPositioned(new Uint8Array(32).fill(1), new Uint8Array(8));
    const before = bytesToHex(cipher.apply(0, new Uint8Array(16)));
    cipher.wipe();
    expect(bytesToHex(cipher.apply(0, new Uint8Array(16)))).not.toBe(before);
  });
});

describe('stream keys of a vault', () => {
  const secrets: string[] = [];
  const vaultOf = (provider: (typeof PROVIDERS)[number]): Vault =>
    createVault({
      provider,
      secret: new Uint8Array(PROCESS_SECRET_BYTES),
      onSecret: (bytes) => secrets.push(bytesToHex(bytes)),
    });
  const base = new Uint8Array(32).fill(3);
  const data = new Uint8Array(100).fill(5);

  it('decrypt at the other end what was encrypted at the same position, whatever the provider', () => {
    const [near, far] = PROVIDERS.map((provider) => vaultOf(provider)) as [Vault, Vault];
    const nearKey = near.deriveStream(near.importBase(base), 1, 'c2s');
    const farKey = far.deriveStream(far.importBase(base), 1, 'c2s');
    expect(bytesToHex(far.applyStream(farKey, 77, near.applyStream(nearKey, 77, data)))).toBe(bytesToHex(data));
    expect(bytesToHex(far.applyStream(farKey, 78, near.applyStream(nearKey, 77, data)))).not.toBe(bytesToHex(data));
  });

  it('differ by direction and suite, are told as secrets, and are gone when forgotten', () => {
    const vault = vaultOf(nobleProvider);
    const id = vault.importBase(base);
    const keys = ([1, 2] as const).flatMap((suite) =>
      (['c2s', 's2c'] as const).map((direction) => vault.deriveStream(id, suite, direction)),
    );
    const streams = keys.map((key) => bytesToHex(vault.applyStream(key, 0, data)));
    expect(new Set(streams).size).toBe(4);
    expect(secrets.filter((secret) => secret.length === 32).length).toBeGreaterThanOrEqual(2);
    vault.forget(keys[0] as number);
    vault.forget(keys[0] as number);
    expect(() => vault.applyStream(keys[0] as number, 0, data)).toThrow('no stream key');
    expect(() => vault.deriveStream(id, 3, 'c2s')).toThrow('counter mode');
  });
});
