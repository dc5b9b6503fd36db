import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What one worker saw: for each machine id, all transitions it has and those that were taken, keyed `from|event|to|index`. */
type WorkerCoverage = Record<string, { all: string[]; taken: string[] }>;

/** Transition coverage of one machine, merged over all workers. */
export interface MachineCoverage {
  readonly machine: string;
  readonly all: number;
  readonly taken: number;
  /** Untaken and without an explanation. */
  readonly unexplained: readonly string[];
}

/** A worker's file in the coverage folder: it names the test file that the transitions were taken by. */
export function coverageFileName(testPath: string, unique: string): string {
  return `${encodeURIComponent(relative(process.cwd(), testPath))} ${unique}.json`;
}

/** The test files that took each transition (`machine: from|event|index`), from what the workers left in `folder`. */
export function takenBy(folder: string): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>();
  for (const name of readdirSync(folder)) {
    const testFile = decodeURIComponent(name.slice(0, name.indexOf(' ')));
    const seen = JSON.parse(readFileSync(join(folder, name), 'utf8')) as WorkerCoverage;
    for (const [machine, keys] of Object.entries(seen)) {
      for (const key of keys.taken)
        files.set(`${machine}: ${key}`, [...(files.get(`${machine}: ${key}`) ?? []), testFile]);
    }
  }
  return files;
}

/** Merges every `*.json` file that the test workers left in `folder`; sorted by machine id. */
export function mergeCoverage(folder: string, explained: Readonly<Record<string, string>>): MachineCoverage[] {
  const all = new Map<string, Set<string>>();
  const taken = new Map<string, Set<string>>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    const seen = JSON.parse(readFileSync(join(folder, file), 'utf8')) as WorkerCoverage;
    for (const [machine, keys] of Object.entries(seen)) {
      addAll(all, machine, keys.all);
      addAll(taken, machine, keys.taken);
    }
  }
  return [...all.keys()].sort().map((machine) => summary(machine, all.get(machine)!, taken.get(machine)!, explained));
}

function addAll(into: Map<string, Set<string>>, machine: string, keys: readonly string[]): void {
  const set = into.get(machine) ?? new Set();
  for (const key of keys) set.add(key);
  into.set(machine, set);
}

function summary(
  machine: string,
  all: ReadonlySet<string>,
  taken: ReadonlySet<string>,
  explained: Readonly<Record<string, string>>,
): MachineCoverage {
  const untaken = [...all].filter((key) => !taken.has(key));
  const unexplained = untaken.filter((key) => !explained[`${machine}: ${key}`]);
  return { machine, all: all.size, taken: all.size - untaken.length, unexplained };
}

/** The lines the test run prints: a ratio for each machine and, where they count, its unexplained transitions below it. */
export function coverageLines(machines: readonly MachineCoverage[], counts: boolean): string[] {
  return [
    counts
      ? 'Transition coverage:'
      : 'Transition coverage of these tests alone (it counts in a full run of npm test only):',
    ...machines.flatMap((m) => [
      `  ${m.machine}: ${m.taken}/${m.all} transitions taken, ${m.unexplained.length} unexplained`,
      ...(counts ? m.unexplained.map((key) => `    not taken: ${m.machine}: ${key}`) : []),
    ]),
  ];
}
