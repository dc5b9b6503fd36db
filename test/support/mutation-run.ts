import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { SeededRandom } from '../../src/actors/random.ts';
import { productTransitions } from './product-machines.ts';
import { takenBy } from './transition-coverage.ts';

/**
 * Mutation run over the machines' transitions: a first run of all tests tells which test file takes which transition; then each
 * transition is taken out of its machine in turn, and the files that took it must have a test that fails.
 */

/** A transition and the test files that take it, the quickest first. */
export interface Mutant {
  /** `machine: from|event|index`. */
  readonly key: string;
  readonly files: readonly string[];
}

/** `killed`: a test failed; `survived`: none did; `untaken`: no test takes the transition at all. */
export type Fate = 'killed' | 'survived' | 'untaken';

/** Files that are tried together before the slower ones are. */
const FIRST_FILES = 3;
/** A mutant that makes a test file hang has been found. */
const MUTANT_LIMIT_MS = 600_000;
const BASELINE_LIMIT_MS = 1_800_000;
const OUTPUT_LIMIT_BYTES = 256 * 1024 * 1024;
const EXIT_TESTS_FAILED = 1;

/**
 * Tests of a machine alone say what it does, not that anybody would miss it. The others start processes, in which nothing watches the
 * machines.
 */
const EXCLUDED = [
  'src/machines/**',
  'test/bench.test.ts',
  'test/launcher.test.ts',
  'test/package.test.ts',
  'test/tunnel-*.test.ts',
  'src/transport/netlab/**',
];

/** Runs all tests once with coverage; `filters` limits them to paths that contain one of these. @throws when a test fails */
export async function findMutants(filters: readonly string[] = []): Promise<Mutant[]> {
  const folder = mkdtempSync(join(tmpdir(), 'glassgate-mutation-'));
  try {
    const report = join(folder, 'report');
    const coverage = mkdtempSync(join(folder, 'coverage-'));
    const excluded = EXCLUDED.flatMap((path) => ['--exclude', path]);
    const args = [...filters, ...excluded, '--reporter=json', `--outputFile=${report}`];
    const code = await vitest(args, { GLASSGATE_COVERAGE_DIR: coverage }, BASELINE_LIMIT_MS);
    const result = JSON.parse(readFileSync(report, 'utf8')) as JsonReport;
    const failed = result.testResults.filter(({ status }) => status !== 'passed').map(({ name }) => name);
    if (code !== 0 && failed.length > 0)
      console.log(`tests that fail without a mutation are left out: ${failed.join(', ')}`);
    const files = takenBy(coverage);
    const cost = costs(result, failed);
    return (await productTransitions()).map((key) => ({ key, files: byCost(files.get(key) ?? [], cost) }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** So many of the mutants, picked by the seed; all of them where there are no more. */
export function sample(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  const random = new SeededRandom(seed, 'mutation');
  const left = [...mutants];
  const picked: Mutant[] = [];
  while (picked.length < count && left.length > 0) picked.push(...left.splice(random.below(left.length), 1));
  return picked;
}

/** Tries all mutants, as many at a time as there are cores; `told` hears of each. */
export async function judgeAll(
  mutants: readonly Mutant[],
  told: (mutant: Mutant, fate: Fate) => void,
): Promise<ReadonlyMap<string, Fate>> {
  const fates = new Map<string, Fate>();
  const waiting = [...mutants];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const fate = await judge(next);
      fates.set(next.key, fate);
      told(next, fate);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return fates;
}

async function judge({ key, files }: Mutant): Promise<Fate> {
  if (files.length === 0) return 'untaken';
  for (const part of [files.slice(0, FIRST_FILES), files.slice(FIRST_FILES)]) {
    if (part.length > 0 && (await isKilledBy(key, part))) return 'killed';
  }
  return 'survived';
}

async function isKilledBy(key: string, files: readonly string[]): Promise<boolean> {
  const transition = key.slice(key.indexOf(': ') + 2);
  const args = [...files, '--bail=1', '--maxWorkers=1', '--reporter=dot'];
  const code = await vitest(args, { GLASSGATE_MUTATE: transition }, MUTANT_LIMIT_MS);
  if (code !== 0 && code !== EXIT_TESTS_FAILED && code !== undefined)
    throw new Error(`vitest ended with ${code} for ${key}`);
  return code !== 0;
}

/** Runs vitest's unit tests; its exit code, undefined when it took longer than the limit. */
function vitest(args: readonly string[], env: Record<string, string>, limit_ms: number): Promise<number | undefined> {
  const script = join(process.cwd(), 'node_modules/vitest/vitest.mjs');
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|GLASSGATE_)|^(NODE_ENV|MODE|TEST|PROD|DEV)$/.test(name),
  );
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [script, 'run', ...args],
      { env: { ...Object.fromEntries(inherited), ...env }, timeout: limit_ms, maxBuffer: OUTPUT_LIMIT_BYTES },
      (error) => resolve(error === null ? 0 : error.killed === true ? undefined : Number(error.code)),
    );
  });
}

interface JsonReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly startTime: number;
    readonly endTime: number;
  }[];
}

/** Milliseconds that each test file took; files that fail without a mutation are not in it. */
function costs({ testResults }: JsonReport, failed: readonly string[]): ReadonlyMap<string, number> {
  const sound = testResults.filter(({ name }) => !failed.includes(name));
  return new Map(sound.map(({ name, startTime, endTime }) => [relative(process.cwd(), name), endTime - startTime]));
}

function byCost(files: readonly string[], cost: ReadonlyMap<string, number>): string[] {
  const usable = [...new Set(files)].filter((file) => cost.has(file));
  return usable.sort((one, other) => (cost.get(one) ?? 0) - (cost.get(other) ?? 0));
}
