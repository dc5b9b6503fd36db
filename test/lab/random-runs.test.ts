import { describe, expect, it } from 'vitest';
import { randomRun } from './random-run.ts';

const RUNS = 40;

describe('random runs', () => {
  it.each(Array.from({ length: RUNS }, (_, index) => index + 1))(
    'seed %d: no stuck session, no unbounded queue, no wrong byte',
    (seed) => {
      expect(randomRun(seed), `seed ${seed}`).toEqual([]);
    },
  );
});
