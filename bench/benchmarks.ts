import { connectionsBenchmarks } from './connections.ts';
import { journalBenchmarks } from './journal.ts';
import { layersBenchmarks } from './layers/index.ts';
import { machinesBenchmarks } from './machines.ts';
import { recordsBenchmarks } from './records.ts';
import { pathBenchmarks } from './slow-path.ts';
import type { Benchmark } from './support/benchmark.ts';

export const BENCHMARKS: readonly Benchmark[] = [
  ...layersBenchmarks,
  ...connectionsBenchmarks,
  ...pathBenchmarks,
  ...recordsBenchmarks,
  ...journalBenchmarks,
  ...machinesBenchmarks,
];

/** Benchmarks whose table or name has the text in it, whatever its case: `layers`, `mac`, `chacha20`. */
export function matching(filter: string): Benchmark[] {
  const wanted = filter.toLowerCase();
  return BENCHMARKS.filter(({ table, name }) => `${table} ${name}`.toLowerCase().includes(wanted));
}
