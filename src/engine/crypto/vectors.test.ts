import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { opensslProvider } from '../../transport/openssl/aead.ts';
import {
  type AgreedSetup,
  type Direction,
  exporterContext,
  firstSecret,
  keyAndSalt,
  nextSecret,
  type Purpose,
} from './key-schedule.ts';
import { nobleProvider } from './noble.ts';
import { type SuiteId, suiteById } from './suite.ts';
import { createVault, type KeyId, type Vault } from './vault.ts';

/**
 * vectors.json lets another implementation check itself. Here it is compared with ours, and with a second
 * implementation written from docs/PROTOCOL.md section 3 by node:crypto alone.
 */
interface VectorFile {
  readonly base: string;
  readonly context: { readonly setup: Omit<AgreedSetup, 'legDigest'> & { legDigest: string }; readonly hash: string };
  readonly epochs: readonly EpochVector[];
  readonly records: readonly RecordVector[];
}
interface KeyName {
  readonly suite: SuiteId;
  readonly direction: Direction;
  readonly purpose: Purpose;
  readonly engineIndex: number;
  readonly epoch: number;
}
type EpochVector = KeyName & { readonly secret: string; readonly key: string; readonly salt: string };
type RecordVector = KeyName & {
  readonly header: string;
  readonly nonce: string;
  readonly aad: string;
  readonly plaintext: string;
  readonly record: string;
};

const FILE: VectorFile = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8'));
const BASE = Buffer.from(FILE.base, 'hex');

/** HKDF-Expand-Label for at most 32 bytes: the first block of HKDF-Expand is enough. */
function expandLabel(secret: Buffer, label: string, context: Buffer, length: number): Buffer {
  const info = Buffer.concat([
    Buffer.from([0, length, label.length + 6]),
    Buffer.from(`tls13 ${label}`),
    Buffer.from([context.length]),
    context,
    Buffer.from([1]),
  ]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, length);
}

function independentEpoch(name: KeyName): { secret: Buffer; key: Buffer; salt: Buffer } {
  const none = Buffer.alloc(0);
  const engine = Buffer.alloc(2);
  engine.writeUInt16BE(name.engineIndex);
  const label = `gg ${name.direction}${name.purpose === 'control' ? ' ctl' : ''}`;
  let secret = expandLabel(BASE, label, engine, 32);
  for (let epoch = 0; epoch < name.epoch; epoch += 1) secret = expandLabel(secret, 'gg upd', none, 32);
  const keyBytes = name.suite === 2 ? 16 : 32;
  return { secret, key: expandLabel(secret, 'gg key', none, keyBytes), salt: expandLabel(secret, 'gg salt', none, 4) };
}

function independentRecord(vector: RecordVector): { nonce: Buffer; aad: Buffer; record: Buffer } {
  const header = Buffer.from(vector.header, 'hex');
  const plaintext = Buffer.from(vector.plaintext, 'hex');
  const { key, salt } = independentEpoch(vector);
  const nonce = Buffer.concat([salt, header.subarray(8)]);
  const aad = Buffer.concat([header.subarray(4, 8), header.subarray(0, 2), Buffer.alloc(7)]);
  aad.writeUInt16BE(plaintext.length, 11);
  const cipher = createCipheriv(suiteById(vector.suite).name as 'aes-256-gcm', key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad);
  const record = Buffer.concat([header, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { nonce, aad, record };
}

function independentContext(): string {
  const { setup } = FILE.context;
  const fixed = Buffer.alloc(9);
  fixed[0] = 1;
  fixed.writeUInt32BE(setup.clientConnectionId, 1);
  fixed.writeUInt32BE(setup.serverConnectionId, 5);
  const rest = [
    setup.suitesOffered.length,
    ...setup.suitesOffered,
    setup.suiteChosen,
    setup.f13 === 'udp' ? 1 : 0,
    setup.ordersOffered,
    setup.orderChosen,
    setup.handshake === 'immediate' ? 1 : 0,
  ];
  const digest = Buffer.from(setup.legDigest, 'hex');
  return createHash('sha256')
    .update(Buffer.concat([fixed, Buffer.from(rest), digest]))
    .digest('hex');
}

function vaultKey(vault: Vault, name: KeyName): KeyId {
  const base = vault.importBase(BASE);
  let key = vault.deriveTraffic(base, name.suite, name.direction, name.purpose, name.engineIndex);
  for (let epoch = 0; epoch < name.epoch; epoch += 1) key = vault.nextEpoch(key);
  return key;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('known answers (vectors.json)', () => {
  it('cover every suite, direction, purpose and the epochs 0, 1 and 2', () => {
    const seen = (pick: (name: KeyName) => unknown) => new Set(FILE.records.map(pick));
    expect(seen((name) => name.suite)).toEqual(new Set([1, 2, 3]));
    expect(seen((name) => name.direction)).toEqual(new Set(['c2s', 's2c']));
    expect(seen((name) => name.purpose)).toEqual(new Set(['data', 'control']));
    expect(seen((name) => name.epoch)).toEqual(new Set([0, 1, 2]));
    expect(FILE.epochs.length).toBeGreaterThanOrEqual(FILE.records.length);
  });

  it('exporter context', () => {
    const setup = { ...FILE.context.setup, legDigest: Buffer.from(FILE.context.setup.legDigest, 'hex') };
    expect(hex(exporterContext(setup))).toBe(FILE.context.hash);
    expect(independentContext()).toBe(FILE.context.hash);
  });

  it.each(FILE.epochs)('suite $suite $direction $purpose, engine $engineIndex, epoch $epoch', (vector) => {
    let secret = firstSecret(BASE, vector.direction, vector.purpose, vector.engineIndex);
    for (let epoch = 0; epoch < vector.epoch; epoch += 1) secret = nextSecret(secret);
    const { key, salt } = keyAndSalt(secret, vector.suite);
    const expected = { secret: vector.secret, key: vector.key, salt: vector.salt };
    expect({ secret: hex(secret), key: hex(key), salt: hex(salt) }).toEqual(expected);
    const independent = independentEpoch(vector);
    expect([independent.secret, independent.key, independent.salt].map(hex)).toEqual(Object.values(expected));
  });

  describe.each([nobleProvider, opensslProvider])('records by $name', (provider) => {
    it.each(FILE.records)('suite $suite $direction $purpose epoch $epoch: $header', (vector) => {
      const vault = createVault({ provider, secret: new Uint8Array(32) });
      const key = vaultKey(vault, vector);
      const header = Buffer.from(vector.header, 'hex');
      const plaintext = Buffer.from(vector.plaintext, 'hex');
      expect(hex(vault.seal(key, header, plaintext))).toBe(vector.record);
      expect(hex(vault.open(key, Buffer.from(vector.record, 'hex')) ?? new Uint8Array(0))).toBe(vector.plaintext);
      const { nonce, aad, record } = independentRecord(vector);
      expect([nonce, aad, record].map(hex)).toEqual([vector.nonce, vector.aad, vector.record]);
    });
  });
});
