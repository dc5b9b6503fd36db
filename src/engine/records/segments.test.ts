import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameAssembler, SEGMENT_FRAMES, SEGMENT_TIMEOUT_US, segmentPlaintexts } from './segments.ts';

const bytes = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 7 + seed) & 0xff);

describe('parts of frames', () => {
  it('give back every frame in any order of parts, and a lost part costs its own frame only', () => {
    const frames = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        frames,
        fc.integer({ min: 300, max: 1500 }),
        fc.infiniteStream(fc.nat()),
        fc.nat(),
        (lengths, size, order, lost) => {
          const parts = lengths.flatMap((length, id) =>
            segmentPlaintexts(bytes(length, id), id, size).map((plaintext) => ({ id, plaintext })),
          );
          const shuffled = parts
            .map((part) => ({ part, key: order.next().value as number }))
            .sort((a, b) => a.key - b.key);
          const dropped = shuffled[lost % shuffled.length]?.part;
          const assembler = new FrameAssembler();
          const got = new Map<number, Uint8Array>();
          for (const { part } of shuffled) {
            if (part === dropped) continue;
            const twin = new FrameAssembler();
            twin.restore(structuredClone(assembler.save()));
            const result = assembler.add(part.plaintext, 0);
            expect(twin.add(part.plaintext, 0)).toEqual(result);
            if ('frame' in result) got.set(part.id, result.frame);
          }
          lengths.forEach((length, id) => {
            expect(got.get(id)).toEqual(id === dropped?.id ? undefined : bytes(length, id));
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('refuses another length, an overlap and broken headers', () => {
    const assembler = new FrameAssembler();
    const [first] = segmentPlaintexts(bytes(100, 1), 5, 48) as [Uint8Array];
    const [other] = segmentPlaintexts(bytes(101, 1), 5, 48) as [Uint8Array];
    expect(assembler.add(first, 0)).toEqual({ pending: true });
    expect(assembler.add(first, 0)).toEqual({ reason: 'overlap' });
    expect(assembler.add(other, 0)).toEqual({ reason: 'other-length' });
    expect(assembler.add(new Uint8Array(8), 0)).toEqual({ reason: 'segment-truncated' });
    expect(assembler.add(new Uint8Array(20), 0)).toEqual({ reason: 'segment-out-of-range' });
  });

  it('keeps a bounded number of frames for a bounded time', () => {
    const assembler = new FrameAssembler();
    for (let id = 0; id < 1000; id++) assembler.add(segmentPlaintexts(bytes(3000, id), id, 1400)[0] as Uint8Array, 0);
    expect(assembler.save().slots.length).toBe(SEGMENT_FRAMES);
    assembler.add(segmentPlaintexts(bytes(100, 1), 5000, 58)[0] as Uint8Array, SEGMENT_TIMEOUT_US);
    expect(assembler.save().slots.length).toBe(1);
  });

  it('needs room for at least one byte', () => {
    expect(() => segmentPlaintexts(bytes(9, 1), 1, 8)).toThrow('no room');
  });
});
