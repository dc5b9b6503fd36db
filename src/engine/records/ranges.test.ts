import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { overlaps, type Range, withRange } from './ranges.ts';

const range = fc
  .tuple(fc.nat(60), fc.integer({ min: 1, max: 12 }))
  .map(([from, length]): Range => [from, from + length]);

function numbersIn(ranges: readonly Range[]): Set<number> {
  return new Set(ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index)));
}

describe('ranges', () => {
  it('hold what a set of numbers would hold, sorted and apart', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), range, (added, probe) => {
        const ranges = added.reduce<Range[]>(withRange, []);
        const expected = numbersIn(added);
        expect(numbersIn(ranges)).toEqual(expected);
        for (let index = 1; index < ranges.length; index += 1)
          expect(ranges[index][0]).toBeGreaterThan(ranges[index - 1][1]);
        const common = [...numbersIn([probe])].filter((number) => expected.has(number));
        expect([...numbersIn(overlaps(ranges, probe))].sort((a, b) => a - b)).toEqual(common);
      }),
    );
  });
});
