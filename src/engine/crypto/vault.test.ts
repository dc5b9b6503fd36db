import { bytesToHex } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { opensslProvider } from '../../transport/openssl/aead.ts';
import { nobleProvider } from './noble.ts';
import { type AeadProvider, SUITE_PREFERENCE, type SuiteId } from './suite.ts';
import { createVault, type Vault } from './vault.ts';

const SECRET = new Uint8Array(32).fill(0x11);
const BASE = new Uint8Array(32).fill(0x22);
const PLAINTEXT = new TextEncoder().encode('an Ethernet frame');

function newVault(provider: AeadProvider = opensslProvider, onSecret?: (bytes: Uint8Array) => void): Vault {
  return createVault({ provider, secret: SECRET, onSecret });
}

function headerFor(plaintext: Uint8Array, sequence = 1): Uint8Array {
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  view.setUint8(0, 0x40);
  view.setUint16(2, plaintext.length + 32);
  view.setUint32(4, 0xabcdef01);
  view.setUint32(12, sequence);
  return header;
}

function dataKey(vault: Vault, suite: SuiteId = 1): number {
  return vault.deriveTraffic(vault.importBase(BASE), suite, 'c2s', 'data', 0);
}

describe.each([nobleProvider, opensslProvider])('the vault with $name', (provider) => {
  it.each([...SUITE_PREFERENCE])('opens in one process what another sealed, suite %i', (suite) => {
    const [sender, receiver] = [newVault(provider), newVault(nobleProvider)];
    const header = headerFor(PLAINTEXT);
    const record = sender.seal(dataKey(sender, suite), header, PLAINTEXT);
    expect(record.length).toBe(PLAINTEXT.length + 32);
    expect(record.subarray(0, 16)).toEqual(header);
    expect(receiver.open(dataKey(receiver, suite), record)).toEqual(PLAINTEXT);
  });

  it('refuses every flipped bit of a record, its header included', () => {
    const vault = newVault(provider);
    const key = dataKey(vault);
    const record = vault.seal(key, headerFor(PLAINTEXT), PLAINTEXT);
    for (let bit = 0; bit < record.length * 8; bit += 1) {
      const bad = Uint8Array.from(record);
      bad[bit >> 3] ^= 1 << (bit & 7);
      expect(vault.open(key, bad)).toBeUndefined();
    }
    expect(vault.open(key, record)).toEqual(PLAINTEXT);
  });

  it('returns undefined for anything that is no record', () => {
    const vault = newVault(provider);
    const key = dataKey(vault);
    const record = vault.seal(key, headerFor(PLAINTEXT), PLAINTEXT);
    for (let length = 0; length < record.length; length += 1) {
      expect(vault.open(key, record.subarray(0, length))).toBeUndefined();
    }
    expect(vault.open(key, new Uint8Array(70_000))).toBeUndefined();
  });
});

describe('vault keys', () => {
  it('are numbered from 1 in the order of creation', () => {
    const vault = newVault();
    const base = vault.importBase(BASE);
    const key = vault.deriveTraffic(base, 1, 'c2s', 'data', 0);
    expect([base, key, vault.nextEpoch(key), vault.importBase(BASE)]).toEqual([1, 2, 3, 4]);
  });

  it('open only records of the same direction, purpose, engine, epoch and suite', () => {
    const vault = newVault();
    const base = vault.importBase(BASE);
    const key = vault.deriveTraffic(base, 1, 'c2s', 'data', 0);
    const others = [
      vault.deriveTraffic(base, 1, 's2c', 'data', 0),
      vault.deriveTraffic(base, 1, 'c2s', 'control', 0),
      vault.deriveTraffic(base, 1, 'c2s', 'data', 1),
      vault.deriveTraffic(base, 3, 'c2s', 'data', 0),
      vault.nextEpoch(key),
      vault.deriveTraffic(vault.importBase(SECRET), 1, 'c2s', 'data', 0),
    ];
    const record = vault.seal(key, headerFor(PLAINTEXT), PLAINTEXT);
    expect(others.map((other) => vault.open(other, record))).toEqual(others.map(() => undefined));
    expect(vault.open(vault.deriveTraffic(base, 1, 'c2s', 'data', 0), record)).toEqual(PLAINTEXT);
  });

  it('stay usable after their base or the epoch before is forgotten', () => {
    const vault = newVault();
    const base = vault.importBase(BASE);
    const first = vault.deriveTraffic(base, 1, 'c2s', 'data', 0);
    const second = vault.nextEpoch(first);
    vault.forget(base);
    vault.forget(first);
    const record = vault.seal(second, headerFor(PLAINTEXT), PLAINTEXT);
    expect(vault.open(second, record)).toEqual(PLAINTEXT);
    expect(vault.nextEpoch(second)).toBe(4);
    expect(BASE).toEqual(new Uint8Array(32).fill(0x22));
  });

  it('throw when unknown, forgotten or of the wrong kind: a programming error', () => {
    const vault = newVault();
    const base = vault.importBase(BASE);
    const key = vault.deriveTraffic(base, 1, 'c2s', 'data', 0);
    expect(() => vault.open(99, new Uint8Array(40))).toThrow('no traffic key 99');
    expect(() => vault.seal(base, headerFor(PLAINTEXT), PLAINTEXT)).toThrow('no traffic key');
    expect(() => vault.deriveTraffic(key, 1, 'c2s', 'data', 0)).toThrow('no base');
    expect(() => vault.deriveTraffic(base, 1, 'c2s', 'data', 65_536)).toThrow(RangeError);
    vault.forget(key);
    vault.forget(key);
    expect(() => vault.nextEpoch(key)).toThrow('no traffic key');
  });

  it('refuse to seal under a header that says another length', () => {
    const vault = newVault();
    const key = dataKey(vault);
    expect(() => vault.seal(key, headerFor(new Uint8Array(3)), PLAINTEXT)).toThrow(RangeError);
    expect(() => vault.seal(key, headerFor(PLAINTEXT).subarray(0, 15), PLAINTEXT)).toThrow(RangeError);
  });

  it('do not depend on the arrays they came from, and are overwritten when forgotten', () => {
    const base = Uint8Array.from(BASE);
    const keys: Uint8Array[] = [];
    let wiped = 0;
    const spying: AeadProvider = {
      ...opensslProvider,
      name: 'spying',
      create(suite, key, salt) {
        keys.push(key);
        const aead = opensslProvider.create(suite, key, salt);
        return {
          ...aead,
          wipe: () => {
            wiped += 1;
          },
        };
      },
    };
    const vault = newVault(spying);
    const id = vault.importBase(base);
    base.fill(0);
    const key = vault.deriveTraffic(id, 1, 'c2s', 'data', 0);
    const other = newVault();
    const record = other.seal(dataKey(other), headerFor(PLAINTEXT), PLAINTEXT);
    expect(vault.open(key, record)).toEqual(PLAINTEXT);
    expect(keys.map((bytes) => bytesToHex(bytes))).toEqual(['00'.repeat(32)]);
    expect(wiped).toBe(0);
    vault.forget(key);
    expect(wiped).toBe(1);
  });

  it('are told to onSecret, each as a copy: process secrets, base, traffic secret and key', () => {
    const secrets: Uint8Array[] = [];
    const vault = newVault(opensslProvider, (bytes) => secrets.push(bytes));
    expect(secrets.length).toBe(3);
    const key = dataKey(vault);
    expect(secrets.length).toBe(3 + 1 + 2);
    expect(secrets).toContainEqual(BASE);
    for (const secret of secrets) secret.fill(0);
    const record = vault.seal(key, headerFor(PLAINTEXT), PLAINTEXT);
    const other = newVault();
    expect(other.open(dataKey(other), record)).toEqual(PLAINTEXT);
  });
});

describe('vault cookies and initial sequence numbers', () => {
  const tuple = Uint8Array.of(10, 0, 0, 1, 10, 0, 0, 2, 1, 187, 200, 0);

  it('make cookies of 16 bytes that depend on the input and on the process', () => {
    const vault = newVault();
    const other = createVault({ provider: nobleProvider, secret: new Uint8Array(32).fill(3) });
    expect(vault.cookie(tuple).length).toBe(16);
    expect(vault.cookie(tuple)).toEqual(newVault(nobleProvider).cookie(tuple));
    expect(vault.cookie(tuple)).not.toEqual(vault.cookie(tuple.subarray(1)));
    expect(vault.cookie(tuple)).not.toEqual(other.cookie(tuple));
  });

  it('MUST-8 SHLD-1 MUST-9: count sequence numbers every 4 us from a place that depends on tuple and process (RFC 6528)', () => {
    const vault = newVault();
    const at = (time_us: number) => vault.isn(tuple, time_us);
    const distance = (from: number, to: number) => (to - from + 2 ** 32) % 2 ** 32;
    expect(distance(at(0), at(3))).toBe(0);
    expect(distance(at(0), at(4))).toBe(1);
    expect(distance(at(0), at(4_000_000))).toBe(1_000_000);
    expect(distance(at(0), at(4 * 2 ** 32 + 4))).toBe(1);
    expect(at(0)).not.toBe(vault.isn(tuple.subarray(1), 0));
    expect(at(0)).not.toBe(createVault({ provider: nobleProvider, secret: BASE }).isn(tuple, 0));
    for (const time_us of [0, 1e15, Number.MAX_SAFE_INTEGER]) {
      expect(Number.isInteger(at(time_us)) && at(time_us) >= 0 && at(time_us) < 2 ** 32).toBe(true);
    }
  });

  it('wants a process secret and a base of 32 bytes', () => {
    expect(() => createVault({ provider: nobleProvider, secret: new Uint8Array(31) })).toThrow(RangeError);
    expect(() => newVault().importBase(new Uint8Array(33))).toThrow(RangeError);
  });
});
