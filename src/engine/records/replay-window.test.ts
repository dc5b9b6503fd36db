import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REPLAY_WINDOW_NUMBERS, ReplayWindow, type WindowVerdict } from './replay-window.ts';

/** What the window must be: a set of everything seen, and the highest of them. */
class Model {
  readonly seen = new Set<number>();
  highest = 0;

  check(seq: number): WindowVerdict {
    if (seq === 0) return 'zero';
    if (seq <= this.highest - REPLAY_WINDOW_NUMBERS) return 'old';
    return this.seen.has(seq) ? 'seen' : 'fresh';
  }

  mark(seq: number): void {
    if (this.check(seq) !== 'fresh') return;
    this.seen.add(seq);
    this.highest = Math.max(this.highest, seq);
  }
}

/** Steps relative to the highest number: near it, at the edge of the window, and far jumps. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -80, max: 80 }) },
  { weight: 3, arbitrary: fc.integer({ min: -REPLAY_WINDOW_NUMBERS - 40, max: -REPLAY_WINDOW_NUMBERS + 40 }) },
  { weight: 2, arbitrary: fc.integer({ min: -REPLAY_WINDOW_NUMBERS, max: REPLAY_WINDOW_NUMBERS + 100 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 40 }) },
);

describe('replay window', () => {
  it('judges as a set of everything seen does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 46 }), fc.array(step, { maxLength: 200 }), (start, steps) => {
        const [window, model] = [new ReplayWindow(), new Model()];
        const meet = (number: number): void => {
          expect(window.check(number)).toBe(model.check(number));
          window.mark(number);
          model.mark(number);
          expect(window.check(number)).toBe(model.check(number));
          expect(window.highest).toBe(model.highest);
        };
        meet(start);
        for (const by of steps) meet(Math.min(Math.max(0, model.highest + by), 2 ** 48 - 1));
      }),
    );
  });

  it('judges every number around the window after a jump of any size', () => {
    for (const jump of [1, 31, 32, 33, 8159, 8160, 8191, 8192, 8193, 8224, 8225, 16_448, 2 ** 33]) {
      const [window, model] = [new ReplayWindow(), new Model()];
      for (let seq = 1; seq <= 9000; seq += 3) {
        window.mark(seq);
        model.mark(seq);
      }
      window.mark(9000 + jump);
      model.mark(9000 + jump);
      const top = 9000 + jump;
      const wrong: number[] = [];
      for (let seq = Math.max(0, top - 17_000); seq <= top + 40; seq += 1) {
        if (window.check(seq) !== model.check(seq)) wrong.push(seq);
      }
      expect(wrong).toEqual([]);
    }
  });

  it('takes the last number of the window and refuses the one before it', () => {
    const window = new ReplayWindow();
    window.mark(10_000);
    expect(window.check(10_000 - REPLAY_WINDOW_NUMBERS + 1)).toBe('fresh');
    expect(window.check(10_000 - REPLAY_WINDOW_NUMBERS)).toBe('old');
    expect(window.check(0)).toBe('zero');
    expect(window.check(2 ** 48 - 1)).toBe('fresh');
  });

  it('marks nothing that is zero, old or seen', () => {
    const window = new ReplayWindow();
    window.mark(20_000);
    const before = window.save();
    for (const seq of [0, 1, 20_000 - REPLAY_WINDOW_NUMBERS, 20_000]) window.mark(seq);
    expect(window.save()).toEqual(before);
  });

  it('restored from plain data, judges as before', () => {
    const window = new ReplayWindow();
    for (const seq of [5, 70_000, 70_005, 69_000, 2 ** 47]) window.mark(seq);
    for (let seq = 2 ** 47; seq < 2 ** 47 + 500; seq += 7) window.mark(seq);
    const copy = new ReplayWindow();
    copy.restore(JSON.parse(JSON.stringify(window.save())));
    for (let seq = 2 ** 47 - 9000; seq < 2 ** 47 + 600; seq += 1) expect(copy.check(seq)).toBe(window.check(seq));
    expect(copy.highest).toBe(window.highest);
    expect(copy.save()).toEqual(window.save());
  });

  it('does not restore what is no saved window', () => {
    const saved = new ReplayWindow().save();
    expect(() => new ReplayWindow().restore({ ...saved, words: [] })).toThrow();
    expect(() => new ReplayWindow().restore({ ...saved, version: 2 as 1 })).toThrow();
  });
});
