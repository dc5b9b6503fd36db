import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { allTransitionKeys, watchTransitions } from '../../src/actors/machine-host.ts';
import { removeTransition } from './mutation.ts';
import { coverageFileName } from './transition-coverage.ts';

/**
 * Runs before each test file (vitest `setupFiles`): watches which transitions the file's tests take and leaves them as JSON in
 * GLASSGATE_COVERAGE_DIR for test/support/global-setup.ts to merge. GLASSGATE_MUTATE=<transition key> takes that transition out of its
 * machine instead, so that a mutation run (test/long/mutation.test.ts) sees whether a test misses it.
 */
const folder = process.env.GLASSGATE_COVERAGE_DIR;
const mutated = process.env.GLASSGATE_MUTATE;
const seen = new Map<string, { readonly all: string[]; readonly taken: Set<string> }>();

if (mutated !== undefined) {
  watchTransitions({ machine: (machine) => removeTransition(machine, mutated), taken: () => {} });
} else if (folder !== undefined) {
  watchTransitions({
    machine: (machine) => {
      if (!seen.has(machine.id)) seen.set(machine.id, { all: allTransitionKeys(machine), taken: new Set() });
    },
    taken: (machine, key) => seen.get(machine.id)?.taken.add(key),
  });
}

afterAll(() => {
  if (folder === undefined || seen.size === 0) return;
  const coverage = Object.fromEntries([...seen].map(([id, { all, taken }]) => [id, { all, taken: [...taken] }]));
  const name = coverageFileName(expect.getState().testPath ?? '', randomUUID());
  writeFileSync(join(folder, name), JSON.stringify(coverage));
});
