import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCLI, type TestProject } from 'vitest/node';
import type { AnyStateMachine } from 'xstate';
import { allTransitionKeys } from '../../src/actors/machine-host.ts';
import { explained } from './explained-transitions.ts';
import { productMachines } from './product-machines.ts';
import { coverageLines, mergeCoverage } from './transition-coverage.ts';

/**
 * Runs once before all tests and once after them. Workers write the transitions their machines took into GLASSGATE_COVERAGE_DIR; the
 * tear-down prints them merged, and fails a whole `npm test` (GLASSGATE_COVERAGE=strict) that left one neither taken nor explained.
 * Who starts the tests with a folder of his own reads it himself, as the mutation run does.
 */
export default function setup(project: TestProject): (() => Promise<void>) | undefined {
  if (process.env.GLASSGATE_COVERAGE_DIR !== undefined || process.env.GLASSGATE_MUTATE !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'glassgate-coverage-'));
  process.env.GLASSGATE_COVERAGE_DIR = folder;
  return async () => {
    const strict = process.env.GLASSGATE_COVERAGE === 'strict' && isWholeRun(project);
    const machines = await productMachines();
    if (strict) addUnmade(folder, machines);
    report(folder, new Set(machines.map(({ id }) => id)), strict);
    rmSync(folder, { recursive: true });
  };
}

/** A run of some files only cannot take every transition, so it is not judged. */
function isWholeRun(project: TestProject): boolean {
  const named = parseCLI(['vitest', ...process.argv.slice(2)], { allowUnknownOptions: true }).filter.length > 0;
  const { testNamePattern, shard } = project.vitest.config;
  return !named && testNamePattern === undefined && shard === undefined;
}

/** A machine that no test ever made has no coverage of its own: all its transitions are untaken. */
function addUnmade(folder: string, machines: readonly AnyStateMachine[]): void {
  const all = machines.map((machine) => [machine.id, { all: allTransitionKeys(machine), taken: [] }]);
  writeFileSync(join(folder, 'machines.json'), JSON.stringify(Object.fromEntries(all)));
}

/** Machines that only tests have do not count. */
function report(folder: string, ids: ReadonlySet<string>, strict: boolean): void {
  const machines = mergeCoverage(folder, explained).filter(({ machine }) => ids.has(machine));
  if (machines.length === 0) return;
  console.log(['', ...coverageLines(machines, strict)].join('\n'));
  if (strict && machines.some((m) => m.unexplained.length > 0)) {
    console.error('Every transition must be taken by a test or explained in test/support/explained-transitions.ts.');
    process.exitCode = 1;
  }
}
