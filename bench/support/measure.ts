import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Benchmark, Running, TableName } from './benchmark.ts';

/** How long and how often to measure. */
export interface Effort {
  /** Rounds over all benchmarks, one sample of each in every round; the median is what counts. */
  readonly samples: number;
  /** Time that a sample shall take. */
  readonly sample_ms: number;
}

/** `--quick` only shows that everything works. */
export const QUICK: Effort = { samples: 1, sample_ms: 5 };
export const FULL: Effort = { samples: 5, sample_ms: 150 };

/** A sample does not do more, however quick an operation is. */
const MOST_OPERATIONS = 2_000_000;
/** A calibrating run counts when it took this share of a sample's time. */
const CALIBRATED_SHARE = 0.25;
const GROWTH = 4;
const MS_PER_S = 1000;

export interface Result {
  readonly table: TableName;
  readonly name: string;
  readonly unit: string;
  /** Operations per second of wall clock: median, least and most of the samples. */
  readonly perSecond: number;
  readonly least: number;
  readonly most: number;
  /** Bytes per second of the median sample. */
  readonly bytesPerSecond?: number;
}

setFlagsFromString('--expose-gc');
/** Collects garbage, so that no sample pays for that of another. */
const collectGarbage: () => void = runInNewContext('gc');

interface Subject {
  readonly benchmark: Benchmark;
  readonly running: Running;
  readonly operations: number;
  readonly samples: Sample[];
}

interface Sample {
  readonly perSecond: number;
  readonly bytesPerSecond?: number;
}

/**
 * Measures all benchmarks, interleaved: the samples of one are spread over the whole time, so that what else the machine does hits all
 * of them alike. `told` hears of each sample.
 */
export function measureAll(
  benchmarks: readonly Benchmark[],
  effort: Effort,
  told: (done: number, of: number) => void = () => {},
): Result[] {
  const subjects = benchmarks.map((benchmark) => calibrated(benchmark, effort));
  let done = 0;
  for (let round = 0; round < effort.samples; round++) {
    for (const { running, operations, samples } of subjects) {
      samples.push(sampleOf(running, operations));
      told(++done, effort.samples * subjects.length);
    }
  }
  for (const { running } of subjects) running.close?.();
  return subjects.map(resultOf);
}

/** Finds how many operations fill a sample; warms the code up on the way. */
function calibrated(benchmark: Benchmark, { sample_ms }: Effort): Subject {
  const running = benchmark.open();
  let operations = 1;
  for (;;) {
    const took_ms = (operations / sampleOf(running, operations).perSecond) * MS_PER_S;
    if (took_ms >= sample_ms * CALIBRATED_SHARE || operations >= MOST_OPERATIONS) {
      const wanted = Math.max(benchmark.least ?? 1, Math.round((operations * sample_ms) / took_ms));
      return { benchmark, running, operations: Math.min(MOST_OPERATIONS, wanted), samples: [] };
    }
    operations *= GROWTH;
  }
}

function sampleOf(running: Running, operations: number): Sample {
  const run = running.prepare(operations);
  collectGarbage();
  const start_ms = performance.now();
  const work = run();
  const took_s = Math.max(performance.now() - start_ms, Number.EPSILON) / MS_PER_S;
  return {
    perSecond: work.operations / took_s,
    ...(work.bytes !== undefined && { bytesPerSecond: work.bytes / took_s }),
  };
}

function resultOf({ benchmark, samples }: Subject): Result {
  const { table, name, unit } = benchmark;
  const sorted = [...samples].sort((one, other) => one.perSecond - other.perSecond);
  const median = sorted[sorted.length >> 1] as Sample;
  return {
    table,
    name,
    unit,
    ...median,
    least: sorted[0].perSecond,
    most: (sorted.at(-1) as Sample).perSecond,
  };
}
