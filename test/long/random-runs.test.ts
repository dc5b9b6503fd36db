import { describe, expect, it } from 'vitest';
import { randomRun } from '../lab/random-run.ts';

const FIRST_SEED = 1_000;
const RUNS = 1_000;
/** Seeds of one test, so that a failure names few. */
const BATCH = 50;

describe('1 000 random runs end without a stuck session, an unbounded queue or a difference in delivered bytes', () => {
  it.each(Array.from({ length: RUNS / BATCH }, (_, index) => FIRST_SEED + index * BATCH))(
    'seeds from %d on',
    (first) => {
      const failed: string[] = [];
      for (let seed = first; seed < first + BATCH; seed++) {
        const faults = randomRun(seed);
        if (faults.length > 0) failed.push(`seed ${seed}: ${faults.join('; ')}`);
      }
      expect(failed).toEqual([]);
    },
  );
});
