import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatCidr,
  formatIp4,
  formatMac,
  inNetwork,
  isControlMac,
  isMulticast,
  networkBroadcast,
  parseCidr,
  parseIp4,
  parseMac,
} from './address.ts';
import { concat, EMPTY, equal, fromHex, put16, put32, put48, put64, toHex, u16, u32, u48, u64 } from './bytes.ts';
import { seqAdd, seqDiff, seqGe, seqGt, seqIn, seqLe, seqLt, seqMax, seqMin } from './seq.ts';

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const uint48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });

describe('integers in bytes', () => {
  it('are big-endian', () => {
    const b = Uint8Array.of(0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa);
    expect(u16(b, 1)).toBe(0xfefd);
    expect(u32(b, 1)).toBe(0xfefdfcfb);
    expect(u48(b, 0)).toBe(0xfffefdfcfbfa);
  });

  it('read back as written, and leave neighbours alone', () => {
    fc.assert(
      fc.property(uint48, fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (value, large) => {
        const b = new Uint8Array(12).fill(0xaa);
        put48(b, 2, value);
        expect(u48(b, 2)).toBe(value);
        put32(b, 2, value);
        expect(u32(b, 2)).toBe(value % 2 ** 32);
        put16(b, 2, value);
        expect(u16(b, 2)).toBe(value % 2 ** 16);
        put64(b, 2, large);
        expect(u64(b, 2)).toBe(large);
        expect([b[0], b[1], b[10], b[11]]).toEqual([0xaa, 0xaa, 0xaa, 0xaa]);
      }),
    );
  });
});

describe('byte strings', () => {
  it('go through hexadecimal and back', () => {
    fc.assert(fc.property(fc.uint8Array(), (b) => equal(fromHex(toHex(b)) ?? EMPTY, b)));
    expect(fromHex('0g')).toBeUndefined();
    expect(fromHex('012')).toBeUndefined();
    expect(toHex(Uint8Array.of(1, 0xab, 255), 1, 3)).toBe('abff');
  });

  it('are joined and compared', () => {
    expect(concat(Uint8Array.of(1), EMPTY, Uint8Array.of(2, 3))).toEqual(Uint8Array.of(1, 2, 3));
    expect(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equal(Uint8Array.of(1), Uint8Array.of(1, 3))).toBe(false);
  });
});

describe('addresses', () => {
  it('go through text and back', () => {
    fc.assert(fc.property(uint48, (mac) => parseMac(formatMac(mac)) === mac));
    fc.assert(fc.property(uint32, (ip) => parseIp4(formatIp4(ip)) === ip));
    expect(formatMac(0x02000000000a)).toBe('02:00:00:00:00:0a');
    expect(formatIp4(0xc0a80701)).toBe('192.168.7.1');
  });

  it.each(['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.x', '1..2.3', '-1.2.3.4'])(
    'does not take %j for an IPv4 address',
    (text) => {
      expect(parseIp4(text)).toBeUndefined();
      expect(parseCidr(`${text}/24`)).toBeUndefined();
    },
  );

  it.each(['', '02:00:00:00:00', '02:00:00:00:00:0g', '020000000000', '02:00:00:00:00:00:00'])(
    'does not take %j for a MAC address',
    (text) => {
      expect(parseMac(text)).toBeUndefined();
    },
  );

  it('know their network', () => {
    const cidr = parseCidr('192.168.7.1/24')!;
    expect(formatCidr(cidr)).toBe('192.168.7.1/24');
    expect(inNetwork(parseIp4('192.168.7.200')!, cidr)).toBe(true);
    expect(inNetwork(parseIp4('192.168.8.1')!, cidr)).toBe(false);
    expect(formatIp4(networkBroadcast(cidr))).toBe('192.168.7.255');
    expect(inNetwork(1, { address: 0xffffffff, prefix: 0 })).toBe(true);
    expect(inNetwork(0xfffffffe, { address: 0xffffffff, prefix: 32 })).toBe(false);
    expect(parseCidr('1.2.3.4/33')).toBeUndefined();
    expect(parseCidr('1.2.3.4')).toBeUndefined();
  });

  it('tell groups and control addresses', () => {
    expect(isMulticast(parseMac('01:00:5e:00:00:01')!)).toBe(true);
    expect(isMulticast(parseMac('ff:ff:ff:ff:ff:ff')!)).toBe(true);
    expect(isMulticast(parseMac('02:00:00:00:00:01')!)).toBe(false);
    expect(isControlMac(parseMac('00:00:4c:00:00:00')!)).toBe(true);
    expect(isControlMac(parseMac('00:00:4c:00:00:ff')!)).toBe(true);
    expect(isControlMac(parseMac('00:00:4c:00:01:00')!)).toBe(false);
    expect(isControlMac(parseMac('00:00:4b:ff:ff:ff')!)).toBe(false);
  });
});

describe('sequence numbers', () => {
  it('wrap around', () => {
    expect(seqAdd(0xffff_fffe, 3)).toBe(1);
    expect(seqAdd(1, -3)).toBe(0xffff_fffe);
    expect(seqDiff(1, 0xffff_fffe)).toBe(3);
    expect(seqLt(0xffff_fffe, 1)).toBe(true);
    expect(seqMax(0xffff_fffe, 1)).toBe(1);
    expect(seqMin(0xffff_fffe, 1)).toBe(0xffff_fffe);
    expect(seqIn(0, 0xffff_fff0, 17)).toBe(true);
    expect(seqIn(1, 0xffff_fff0, 17)).toBe(false);
    expect(seqIn(5, 5, 0)).toBe(false);
  });

  it('are ordered by the nearer way', () => {
    fc.assert(
      fc.property(uint32, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (a, ahead) => {
        const b = seqAdd(a, ahead);
        expect([seqLt(a, b), seqLe(a, b), seqGt(b, a), seqGe(b, a)]).toEqual([true, true, true, true]);
        expect([seqLt(b, a), seqLe(b, a), seqGt(a, b), seqGe(a, b)]).toEqual([false, false, false, false]);
        expect(seqLe(a, a) && seqGe(a, a) && !seqLt(a, a) && !seqGt(a, a)).toBe(true);
        expect(seqDiff(b, a)).toBe(ahead);
      }),
    );
  });
});
