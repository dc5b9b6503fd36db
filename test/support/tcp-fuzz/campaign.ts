import { ALL_FEATURES, type Features } from './knobs.ts';
import { fuzzRun, type RunOptions } from './run.ts';

export interface Campaign {
  readonly hostile: boolean;
  readonly firstSeed: number;
  /** Steps of chance in each run. */
  readonly steps: number;
  /** Runs follow one another until so many segments were taken. */
  readonly segments: number;
}

export interface CampaignResult {
  readonly segments: number;
  readonly lies: number;
  readonly runs: number;
  readonly states: ReadonlyMap<string, number>;
  readonly faults: readonly string[];
}

const MAX_FAULTS = 5;
const TRACED_LINES = 40;

/** Runs with seeds that follow one another. */
export function fuzzCampaign(campaign: Campaign): CampaignResult {
  const { hostile, firstSeed, steps } = campaign;
  const faults: string[] = [];
  const states = new Map<string, number>();
  let segments = 0;
  let lies = 0;
  let runs = 0;
  for (; segments < campaign.segments && faults.length < MAX_FAULTS; runs++) {
    const options = { seed: firstSeed + runs, hostile, steps };
    const result = fuzzRun(options);
    segments += result.segments;
    lies += result.lies;
    for (const [state, count] of result.states) states.set(state, (states.get(state) ?? 0) + count);
    if (result.fault !== undefined) faults.push(report(options, result.step, result.fault));
  }
  return { segments, lies, runs, states, faults };
}

/** Seed, what failed, how to see it again, and what of the disturbances it needs. */
function report(options: RunOptions, step: number, fault: string): string {
  const mode = options.hostile ? 'hostile' : 'honest';
  const again = `GLASSGATE_FUZZ=${mode}:${options.seed}:${options.steps} npm run test:long -- test/long/tcp-fuzz.test.ts`;
  const needed = neededFeatures(options);
  return `seed ${options.seed} (${mode}), step ${step}: ${fault}\n  needs ${needed}\n  ${again}`;
}

/** Switches off one disturbance after the other, as long as the run still fails. */
function neededFeatures(options: RunOptions): string {
  const features: Features = { ...ALL_FEATURES };
  for (const name of Object.keys(features) as (keyof Features)[]) {
    features[name] = false;
    if (fuzzRun({ ...options, features }).fault === undefined) features[name] = true;
  }
  const kept = Object.entries(features).flatMap(([name, on]) => (on ? [name] : []));
  return kept.length === 0 ? 'no disturbance at all' : kept.join(', ');
}

/** The last lines of a run that is done again. */
export function traceOf(mode: string, seed: number, steps: number): string {
  const lines: string[] = [];
  const result = fuzzRun({ seed, hostile: mode === 'hostile', steps, trace: (line) => lines.push(line) });
  const fault = result.fault ?? 'no fault';
  return [...lines.slice(0, 3), '...', ...lines.slice(-TRACED_LINES), `step ${result.step}: ${fault}`].join('\n');
}
