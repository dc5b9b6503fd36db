import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIp4 } from './address.ts';
import { fromHex, toHex } from './bytes.ts';
import {
  formatIp,
  inNetwork6,
  ipBytes,
  ipFault,
  isIp6,
  isLinkLocal6,
  isMulticast6,
  isSingleHost,
  parseCidr6,
  parseIp,
  parseIp6,
  putIp6,
  readIp6,
} from './ip-address.ts';

/** 16 bytes with many zero groups, so that all places of `::` come up. */
const sparse = fc
  .array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat({ max: 0xffff })), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])));

/** What the URL parser of the platform makes of it: RFC 5952 but for mapped addresses. */
const canonicalElsewhere = (text: string) => new URL(`http://[${text}]/`).hostname.slice(1, -1);

describe('IPv6 addresses', () => {
  it('are read from all forms of RFC 4291 into the one form of RFC 5952', () => {
    for (const [text, canonical] of [
      ['2001:0DB8:0000:0000:0008:0800:200C:417A', '2001:db8::8:800:200c:417a'],
      ['FF01:0:0:0:0:0:0:101', 'ff01::101'],
      ['0:0:0:0:0:0:0:1', '::1'],
      ['0:0:0:0:0:0:0:0', '::'],
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
      ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
      ['::FFFF:c000:201', '::ffff:192.0.2.1'],
      ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
      ['1::', '1::'],
      ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ] as const) {
      expect(parseIp6(text)).toBe(canonical);
    }
  });

  it('other text is refused', () => {
    const bad = [
      '',
      ':',
      ':::',
      '1',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1::2::3',
      '12345::',
      'g::',
      '::1.2.3',
      '1:',
    ];
    const worse = [
      '1.2.3.4::',
      '1:2:3:4:5:6:7:1.2.3.4',
      '::1.2.3.4:5',
      'fe80::1%eth0',
      '[::1]',
      ' ::1',
      '1:2:3:4::5:6:7:8',
    ];
    for (const text of [...bad, ...worse]) expect(parseIp6(text), text).toBeUndefined();
  });

  it('go through bytes and text unchanged, and look as elsewhere', () => {
    fc.assert(
      fc.property(sparse, (bytes) => {
        const address = readIp6(bytes, 0);
        expect(parseIp6(address)).toBe(address);
        expect(toHex(ipBytes(address))).toBe(toHex(bytes));
        const again = new Uint8Array(20);
        putIp6(again, 3, address);
        expect(toHex(again, 3, 19)).toBe(toHex(bytes));
        if (!address.includes('.')) expect(canonicalElsewhere(address)).toBe(address);
        const long = toHex(bytes).replace(/(.{4})(?!$)/g, '$1:');
        expect(parseIp6(long.toUpperCase())).toBe(address);
      }),
      { numRuns: 1000 },
    );
  });

  it('take and refuse the same texts as the platform does', () => {
    const part = fc.constantFrom(':', '::', '0', '1', 'ffff', '10000', '1.2.3.4', '01.2.3.4', 'F', '.', '%1');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 17 }), (parts) => {
        const text = parts.join('');
        expect(parseIp6(text) !== undefined).toBe(isIPv6(text) && !text.includes('%'));
      }),
      { numRuns: 3000 },
    );
  });

  it('are told from IPv4 by their type, and a zone id is refused by name', () => {
    expect(parseIp('192.0.2.1')).toBe(parseIp4('192.0.2.1'));
    expect(parseIp('2001:DB8::1')).toBe('2001:db8::1');
    expect([isIp6('::'), isIp6(1)]).toEqual([true, false]);
    expect([formatIp(0xc000_0201), formatIp('2001:db8::1')]).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(toHex(ipBytes(0xc000_0201))).toBe('c0000201');
    expect(ipFault('fe80::1%eth0')).toContain('leave "%eth0" out');
    expect(ipFault('host')).toContain('neither');
    expect([ipFault('::1'), ipFault('10.0.0.1')]).toEqual([undefined, undefined]);
  });

  it('lie in networks by any prefix length', () => {
    expect(parseCidr6('2001:DB8::5/64')).toEqual({ address: '2001:db8::5', prefix: 64 });
    for (const text of ['2001:db8::5', '::/129', '::/01', '::/', '1/64', '::/1/1', '::/-1'])
      expect(parseCidr6(text), text).toBeUndefined();
    const bitsOf = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    fc.assert(
      fc.property(sparse, fc.nat({ max: 128 }), fc.nat({ max: 127 }), (bytes, prefix, flipped) => {
        const other = bytes.slice();
        other[flipped >> 3] ^= 0x80 >> (flipped & 7);
        const isSame = bitsOf(bytes).slice(0, prefix) === bitsOf(other).slice(0, prefix);
        expect(inNetwork6(readIp6(other, 0), { address: readIp6(bytes, 0), prefix })).toBe(isSame);
      }),
    );
  });

  it('show their kind', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          sparse,
          sparse.map((bytes) => Uint8Array.of(0xfe, 0x80, ...bytes.subarray(2))),
        ),
        (bytes) => {
          const address = readIp6(bytes, 0);
          expect(isMulticast6(address)).toBe(bytes[0] === 0xff);
          expect(isLinkLocal6(address)).toBe(bytes[0] === 0xfe && bytes[1] >> 6 === 2);
        },
      ),
    );
    for (const text of ['ff::1', 'ff:1::', 'ff0::1', 'ff0:1::', 'ff:1:2:3:4:5:6:7'])
      expect(isMulticast6(text), text).toBe(false);
    for (const text of ['fe8::1', 'fe8:1::', 'feb::']) expect(isLinkLocal6(text), text).toBe(false);
    expect(['::', '::1', 'ff02::1', '2001:db8::1', 'fe80::1'].map(isSingleHost)).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    expect([0, 0xe000_0001, 0xffff_ffff, 0x0a00_0001].map(isSingleHost)).toEqual([false, false, false, true]);
    expect(readIp6(fromHex('00ff0000000000000000000000000001')!, 0)).toBe('ff::1');
  });
});
