import { describe, expect, it } from 'vitest';
import {
  chooseSuite,
  isSuiteId,
  mayBeOffered,
  SUITE_CLEAR,
  SUITE_PREFERENCE,
  type SuiteId,
  suiteById,
  suiteByName,
} from './suite.ts';

describe('cipher suites', () => {
  it('are found by number and by name', () => {
    for (const id of SUITE_PREFERENCE) {
      expect(suiteById(id).id).toBe(id);
      expect(suiteByName(suiteById(id).name)).toBe(suiteById(id));
    }
    expect(SUITE_PREFERENCE.map((id) => suiteById(id).name)).toEqual([
      'aes-256-gcm',
      'aes-128-gcm',
      'chacha20-poly1305',
    ]);
    expect(suiteByName('des')).toBeUndefined();
    expect([0, 1, 2, 3, 4, 5, 1.5].map(isSuiteId)).toEqual([false, true, true, true, true, false, false]);
  });

  it('are chosen in the order of the offer, unknown numbers passed over', () => {
    expect(chooseSuite([200, 3, 1], [1, 2, 3])).toBe(3);
    expect(chooseSuite([3, 1], [1])).toBe(1);
    expect(chooseSuite([0, 4], [1, 2, 3])).toBeUndefined();
    expect(chooseSuite([], [1])).toBeUndefined();
  });

  it('leave nothing in clear unless both ends want just that', () => {
    expect(SUITE_PREFERENCE).not.toContain(SUITE_CLEAR);
    expect(chooseSuite([SUITE_CLEAR], SUITE_PREFERENCE)).toBeUndefined();
    expect(chooseSuite([...SUITE_PREFERENCE], [SUITE_CLEAR])).toBeUndefined();
    expect(chooseSuite([SUITE_CLEAR], [SUITE_CLEAR])).toBe(SUITE_CLEAR);
    const fine: readonly (readonly SuiteId[])[] = [[], [SUITE_CLEAR], SUITE_PREFERENCE];
    expect(fine.every(mayBeOffered)).toBe(true);
    expect(mayBeOffered([1, SUITE_CLEAR])).toBe(false);
  });
});
