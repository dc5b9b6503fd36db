import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameData, frameFromData } from '../actors/frame-data.ts';
import type { JournalData } from '../actors/tap.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { hashText, RunningHash } from './hash.ts';
import { decodeData, encodeData } from './schema.ts';

const bytes = fc.uint8Array({ maxLength: 40 });
const key = fc.oneof(fc.string(), fc.constantFrom('$b', '$n', '$o', 'bytes'));
const data = fc.letrec<{ data: JournalData }>((tie) => ({
  data: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double().filter((value) => !Object.is(value, -0)),
    fc.string(),
    bytes,
    fc.array(tie('data'), { maxLength: 4 }),
    fc
      .dictionary(key, tie('data'), { maxKeys: 4, noNullPrototype: true })
      .filter((members) => !Object.hasOwn(members, '__proto__')),
  ),
})).data;

describe('data as text', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(data, (value) => {
        expect(decodeData(encodeData(value))).toEqual(value);
      }),
    );
  });

  it('has one text: encoding what was decoded gives the same', () => {
    fc.assert(
      fc.property(data, (value) => {
        const text = encodeData(value);
        expect(encodeData(decodeData(text) as JournalData)).toBe(text);
      }),
    );
  });

  it('is JSON, compact, in the order of insertion, without undefined members', () => {
    expect(encodeData({ z: 1, a: undefined, b: [true, null, 'x"y'], c: Uint8Array.of(1, 2, 255) })).toBe(
      '{"z":1,"b":[true,null,"x\\"y"],"c":{"$b":"AQL/"}}',
    );
    expect(encodeData([Number.POSITIVE_INFINITY, Number.NaN])).toBe('[{"$n":"Infinity"},{"$n":"NaN"}]');
    expect(encodeData({ $b: 'mine' })).toBe('{"$o":{"$b":"mine"}}');
  });

  it('is undefined for what is no text of ours', () => {
    expect(decodeData('{"a":')).toBeUndefined();
    expect(decodeData('')).toBeUndefined();
  });
});

describe('base64', () => {
  it('is that of Node for every length, long ones too', () => {
    for (const length of [...Array(70).keys(), 12_287, 12_288, 12_289, 30_001]) {
      const value = Uint8Array.from({ length }, (_, at) => (at * 37 + length) & 0xff);
      expect(toBase64(value)).toBe(Buffer.from(value).toString('base64'));
      expect(fromBase64(toBase64(value))).toEqual(value);
    }
  });

  it('refuses other text', () => {
    expect(fromBase64('%%%')).toBeUndefined();
  });
});

describe('hashes', () => {
  it('differ for texts that differ in one character, and for another order', () => {
    const texts = Array.from({ length: 1000 }, (_, at) => `record ${at}`);
    expect(new Set(texts.map(hashText)).size).toBe(texts.length);
    const inOrder = new RunningHash();
    const swapped = new RunningHash();
    for (const each of [1, 2, 3]) inOrder.add(each);
    for (const each of [2, 1, 3]) swapped.add(each);
    expect(inOrder.text).toMatch(/^[0-9a-f]{16}$/);
    expect(inOrder.text).not.toBe(swapped.text);
  });
});

describe('what is kept of a frame', () => {
  it('is the same for the frame that a replay makes of it', () => {
    const etherTypes = fc.constantFrom([8, 0], [8, 6], [0x86, 0xdd], [0x81, 0], [0x88, 0xb5], [0x12, 0x34]);
    const frame = fc.tuple(
      fc.uint8Array({ minLength: 12, maxLength: 12 }),
      etherTypes,
      fc.uint8Array({ maxLength: 120 }),
      fc.constantFrom(0x45, 0x46, 0x60),
      fc.constantFrom(1, 6, 17, 47),
    );
    fc.assert(
      fc.property(frame, ([addresses, type, rest, version, protocol]) => {
        const body = rest.slice();
        if (body.length > 9) [body[0], body[9]] = [version, protocol];
        if (body.length > 20) [body[2], body[3], body[6], body[7]] = [0, body.length, 0, 0];
        const whole = Uint8Array.from([...addresses, ...type, ...body]);
        const kept = frameData(whole);
        const again = frameFromData(kept) as Uint8Array;
        expect(again.length).toBe(whole.length);
        expect(frameData(again)).toEqual(kept);
      }),
      { numRuns: 2000 },
    );
  });
});
