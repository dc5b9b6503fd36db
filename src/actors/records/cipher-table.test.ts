import { describe, expect, it } from 'vitest';
import { cipherKeys, prepared } from '../../../test/support/cipher-keys.ts';
import { nobleProvider } from '../../engine/crypto/noble.ts';
import { createVault } from '../../engine/crypto/vault.ts';
import { CipherTable } from './cipher-table.ts';

function end(role: 'client' | 'server') {
  const vault = createVault({ provider: nobleProvider, secret: new Uint8Array(32).fill(3) });
  const table = new CipherTable(vault);
  table.install(7, cipherKeys(vault, role));
  return { vault, table };
}

describe('a table of ciphers', () => {
  it.each([
    ['data', false],
    ['control', true],
  ])('opens what the other end sealed, %s records', (_type, control) => {
    const [one, other] = [end('client').table, end('server').table];
    const record = one.seal(7, prepared({ control })) as Uint8Array;
    expect(record.length).toBe(prepared().length + 16);
    expect(other.open(7, record)).toEqual(prepared({ control }));
    expect(one.open(7, record)).toBeUndefined();
    record[20] ^= 1;
    expect(other.open(7, record)).toBeUndefined();
  });

  it('seals no number twice, nor one below the last, whoever asks', () => {
    const { table } = end('client');
    const sealed = [1, 2, 2, 1, 5, 4, 6].map((sequence) => table.seal(7, prepared({ sequence })) !== undefined);
    expect(sealed).toEqual([true, true, false, false, true, false, true]);
    expect(table.seal(7, prepared({ sequence: 1, control: true }))).toBeDefined();
    expect(table.seal(7, prepared({ sequence: 1, epoch: 1 }))).toBeDefined();
    expect(table.seal(7, prepared({ sequence: 9, epoch: 0 }))).toBeUndefined();
    expect(table.seal(7, prepared({ sequence: 9, epoch: 3 }))).toBeUndefined();
  });

  it('follows the epochs of both directions, and keeps the one before for what comes late', () => {
    const [one, other] = [end('client').table, end('server').table];
    const late = one.seal(7, prepared({ sequence: 1 })) as Uint8Array;
    for (const epoch of [1, 2]) {
      const record = one.seal(7, prepared({ epoch })) as Uint8Array;
      if (epoch === 2) expect(other.open(7, late)).toEqual(prepared({ sequence: 1 }));
      expect(other.open(7, record)).toEqual(prepared({ epoch }));
    }
    expect(other.open(7, late)).toBeUndefined();
  });

  it('does nothing for what is no record or for a session that it does not have', () => {
    const { table } = end('client');
    const bytes = prepared();
    expect(table.seal(8, bytes)).toBeUndefined();
    expect(table.seal(7, bytes.subarray(0, 40))).toBeUndefined();
    for (let length = 0; length < 20; length++) {
      expect(table.seal(7, bytes.subarray(0, length))).toBeUndefined();
      expect(table.open(7, bytes.subarray(0, length))).toBeUndefined();
    }
    for (const type of [0, 0x42, 0x43, 0xff]) {
      const other = bytes.slice();
      other[0] = type;
      expect([table.seal(7, other), table.open(7, other)]).toEqual([undefined, undefined]);
    }
  });

  it('forgets the keys of a session that is removed or installed anew, and goes on from what was saved', () => {
    const { table, vault } = end('client');
    table.seal(7, prepared({ sequence: 3 }));
    const copy = new CipherTable(vault);
    copy.restore(structuredClone(table.save()));
    expect(copy.save()).toEqual(table.save());
    expect(copy.seal(7, prepared({ sequence: 3 }))).toBeUndefined();
    expect(copy.seal(7, prepared({ sequence: 4 }))).toEqual(table.seal(7, prepared({ sequence: 4 })));
    const [, key] = table.save()[0][1].sendData.keys.keys[0];
    table.remove(7);
    expect(table.ids).toEqual([]);
    expect(() => vault.nextEpoch(key)).toThrow('no traffic key');
    expect(table.seal(7, prepared({ sequence: 9 }))).toBeUndefined();
  });
});
