import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { put16, u16 } from './bytes.ts';
import { fold, foldSum, ip4HeaderChecksum, onesComplementSum, replace16 } from './checksum.ts';

/** RFC 1071 word for word: add 16-bit words, then fold. */
function reference(bytes: Uint8Array, from: number, to: number, initial: number): number {
  let sum = BigInt(initial);
  for (let i = from; i < to; i += 2) sum += BigInt(bytes[i] * 256 + (i + 1 < to ? bytes[i + 1] : 0));
  while (sum > 0xffffn) sum = (sum & 0xffffn) + (sum >> 16n);
  return Number(sum);
}

describe('the Internet checksum', () => {
  it('of the example of RFC 1071 section 3', () => {
    const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
    expect(onesComplementSum(bytes, 0, 8)).toBe(0xddf2);
    expect(fold(0xddf2)).toBe(0x220d);
  });

  it('equals the reference for any range, length and alignment', () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 1600, size: 'max' });
    const small = fc.integer({ min: 0, max: 7 });
    fc.assert(
      fc.property(bytes, small, small, small, fc.integer({ min: 0, max: 0xffff }), (b, lead, from, cut, initial) => {
        const view = new Uint8Array(b.length + lead).subarray(lead);
        view.set(b);
        const to = Math.max(from, b.length - cut);
        if (from > b.length) return;
        expect(onesComplementSum(view, from, to, initial)).toBe(reference(view, from, to, initial));
      }),
      { numRuns: 300 },
    );
  });

  it('does not overflow over the largest packet of all ones', () => {
    const bytes = new Uint8Array(65_536).fill(0xff);
    expect(onesComplementSum(bytes, 0, 65_536, 0xffff)).toBe(0xffff);
    expect(onesComplementSum(bytes, 1, 65_536, 0xffff)).toBe(reference(bytes, 1, 65_536, 0xffff));
    expect(foldSum(2 ** 50 + 1)).toBe(reference(new Uint8Array(0), 0, 0, 2 ** 50 + 1));
  });

  it('of an IPv4 header ignores what the field holds', () => {
    const header = Uint8Array.from([
      0x45, 0, 0, 0x3c, 0x8f, 0x89, 0x40, 0, 0x40, 6, 0xaa, 0xbb, 192, 168, 7, 1, 192, 168, 7, 2,
    ]);
    expect(ip4HeaderChecksum(header, 0, 20)).toBe(0x1bdf);
  });

  it('stays right when a word is replaced, at even and odd places', () => {
    const body = fc.uint8Array({ minLength: 20, maxLength: 40 });
    fc.assert(
      fc.property(body, fc.integer({ min: 2, max: 18 }), fc.integer({ min: 0, max: 0xffff }), (b, at, value) => {
        put16(b, 0, 0);
        put16(b, 0, fold(onesComplementSum(b, 0, b.length)));
        replace16(b, at, value, 0, 0);
        expect(u16(b, at)).toBe(value);
        expect(onesComplementSum(b, 0, b.length) % 0xffff).toBe(0);
      }),
    );
  });
});
