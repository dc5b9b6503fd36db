import { describe, expect, it } from 'vitest';
import { explained } from '../support/explained-transitions.ts';
import { findMutants, judgeAll, sample } from '../support/mutation-run.ts';

/**
 * Environment: GLASSGATE_MUTATION_SAMPLE transitions to try (default 40) and GLASSGATE_MUTATION_SEED that picks them;
 * GLASSGATE_MUTATION_ALL=1 tries all; GLASSGATE_MUTATION_MACHINES=tcp,leg limits the run to some machines.
 */
const { GLASSGATE_MUTATION_ALL, GLASSGATE_MUTATION_SAMPLE, GLASSGATE_MUTATION_SEED, GLASSGATE_MUTATION_MACHINES } =
  process.env;
const SAMPLE = GLASSGATE_MUTATION_ALL === '1' ? Number.POSITIVE_INFINITY : Number(GLASSGATE_MUTATION_SAMPLE ?? 40);
const SEED = Number(GLASSGATE_MUTATION_SEED ?? 1);
const MACHINES = GLASSGATE_MUTATION_MACHINES?.split(',');

const isWanted = (key: string): boolean => MACHINES?.includes(key.slice(0, key.indexOf(':'))) ?? true;

describe('every transition of every machine', () => {
  it('is missed by a test when it is taken out of its machine', async () => {
    const wanted = (await findMutants()).filter(({ key }) => isWanted(key) && explained[key] === undefined);
    const tried = sample(wanted, SAMPLE, SEED);
    console.log(`mutation run: ${tried.length} of ${wanted.length} transitions, seed ${SEED}`);
    let done = 0;
    const fates = await judgeAll(tried, ({ key }, fate) => console.log(`${++done}/${tried.length} ${fate}: ${key}`));
    expect(fates.size).toBeGreaterThan(0);
    expect([...fates].filter(([, fate]) => fate !== 'killed').map(([key, fate]) => `${fate}: ${key}`)).toEqual([]);
  });
});
