import { describe, expect, it } from 'vitest';
import { KEPT_EPOCHS, KeyLine } from './key-line.ts';

/** A vault that says what was asked of it; the key of epoch n is 100 + n. */
function line() {
  const forgotten: number[] = [];
  const vault = { nextEpoch: (key: number) => key + 1, forget: (key: number) => void forgotten.push(key) };
  return { keys: new KeyLine(vault, 100), forgotten, vault };
}

describe('a line of keys', () => {
  it('has the key of the newest epoch, of the next and of the one before, and of no other', () => {
    const { keys, forgotten } = line();
    const known = () => [0, 1, 2, 3, 4].map((epoch) => keys.keyOf(epoch));
    expect(known()).toEqual([100, 101, undefined, undefined, undefined]);
    keys.used(1);
    expect(known()).toEqual([100, 101, 102, undefined, undefined]);
    keys.used(2);
    expect(known()).toEqual([undefined, 101, 102, 103, undefined]);
    expect(forgotten).toEqual([100]);
    keys.used(1);
    expect(known()).toEqual([undefined, 101, 102, 103, undefined]);
    expect(keys.save().keys).toHaveLength(KEPT_EPOCHS);
  });

  it('does not move on because somebody only claims the next epoch', () => {
    const { keys } = line();
    for (let at = 0; at < 5; at++) expect(keys.keyOf(1)).toBe(101);
    expect(keys.keyOf(2)).toBeUndefined();
    expect(keys.save()).toEqual({
      newest: 0,
      keys: [
        [0, 100],
        [1, 101],
      ],
    });
  });

  it('forgets all, and goes on from what was saved', () => {
    const { keys, forgotten, vault } = line();
    keys.keyOf(1);
    keys.used(1);
    const saved = structuredClone(keys.save());
    const other = new KeyLine(vault, 7);
    other.restore(saved);
    expect([other.keyOf(0), other.keyOf(1), other.keyOf(2), other.keyOf(3)]).toEqual([100, 101, 102, undefined]);
    keys.forget();
    expect(forgotten).toEqual([100, 101]);
    expect(keys.save().keys).toEqual([]);
  });
});
