import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../wire/bytes.ts';
import { buildClearUnit, UNIT_CLEAR_FRAME } from '../wire/clear-unit.ts';
import { StreamSplitter } from './stream-splitter.ts';

function tlsRecord(length: number): Uint8Array {
  const bytes = new Uint8Array(5 + length).fill(7);
  bytes.set([0x17, 3, 3, length >> 8, length & 0xff]);
  return bytes;
}

function dataRecord(plaintext: number): Uint8Array {
  const bytes = new Uint8Array(32 + plaintext).fill(9);
  bytes.set([0x40, 0, (32 + plaintext) >> 8, (32 + plaintext) & 0xff]);
  return bytes;
}

function clearUnit(length: number): Uint8Array {
  return buildClearUnit(UNIT_CLEAR_FRAME, 7, new Uint8Array(length).fill(8));
}

const part = fc.oneof(
  fc.integer({ min: 0, max: 2000 }).map(clearUnit),
  fc.integer({ min: 0, max: 2000 }).map(tlsRecord),
  fc.integer({ min: 0, max: 2000 }).map(dataRecord),
);

describe('stream splitter', () => {
  it('gives back the parts however the stream was cut', () => {
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 12 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 700 })),
        (parts, cuts) => {
          const splitter = new StreamSplitter();
          const stream = concat(...parts);
          const out: Uint8Array[] = [];
          for (let at = 0; at < stream.length; ) {
            const size = cuts.next().value as number;
            const restored = new StreamSplitter();
            restored.restore(structuredClone(splitter.save()));
            const chunk = stream.slice(at, at + size);
            const got = splitter.push(chunk);
            expect(restored.push(chunk)).toEqual(got);
            out.push(...got.map((each) => each.bytes));
            at += size;
          }
          expect(out.map((bytes) => [...bytes])).toEqual(parts.map((bytes) => [...bytes]));
          expect(splitter.save().rest).toHaveLength(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('tells TLS records from units', () => {
    const parts = new StreamSplitter().push(concat(tlsRecord(3), dataRecord(4), clearUnit(5)));
    expect(parts.map((each) => each.kind)).toEqual(['tls', 'unit', 'unit']);
  });

  it.each([
    ['an unknown first byte', new Uint8Array([0x99, 0, 0, 9, 9])],
    ['a TLS record beyond the limit', new Uint8Array([0x16, 3, 1, 0x50, 0])],
    ['a unit with reserved flags', new Uint8Array([0x40, 0xfe, 0, 40])],
    ['a unit in clear with a flag', new Uint8Array([0x44, 1, 0, 40, 0, 0, 0, 1])],
    ['a unit in clear below its minimum', new Uint8Array([0x45, 0, 0, 7, 0, 0, 0, 1])],
    ['a unit in clear beyond the limit', new Uint8Array([0x44, 0, 0xff, 0xff, 0, 0, 0, 1])],
    ['a unit below its minimum', new Uint8Array([0x40, 0, 0, 8])],
  ])('is broken for good by %s', (_what, bytes) => {
    const splitter = new StreamSplitter();
    expect(splitter.push(bytes)).toEqual([]);
    expect(splitter.broken).toBe(true);
    expect(splitter.push(tlsRecord(1))).toEqual([]);
  });
});
