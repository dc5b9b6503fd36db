import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { type Campaign, fuzzCampaign, traceOf } from '../support/tcp-fuzz/campaign.ts';

const MODES = [
  { hostile: false, segments: 7_000_000 },
  { hostile: true, segments: 3_000_000 },
];
const FIRST_SEED = 100_000;
const STEPS = 1_500;
/** What may stay on the heap between a tenth of the runs and the last one: noise of the collector, far below a byte per segment. */
const HEAP_GROWTH_BYTES = 8_000_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** GLASSGATE_FUZZ=mode:seed:steps does one run again and prints it. */
const again = process.env.GLASSGATE_FUZZ?.split(':');

function everything(): void {
  it.each(MODES)('break no rule, hostile: $hostile, $segments segments', ({ hostile, segments }) => {
    const campaign: Campaign = { hostile, firstSeed: FIRST_SEED, steps: STEPS, segments: segments / 10 };
    const started_ms = performance.now();
    const first = fuzzCampaign(campaign);
    const before = heapBytes();
    const rest = fuzzCampaign({
      ...campaign,
      firstSeed: FIRST_SEED + first.runs,
      segments: segments - first.segments,
    });
    const grown = heapBytes() - before;
    const seconds = (performance.now() - started_ms) / 1_000;
    const total = first.segments + rest.segments;
    const last = FIRST_SEED + first.runs + rest.runs - 1;
    console.log(
      `${hostile ? 'hostile' : 'honest'}: ${total} segments (${first.lies + rest.lies} lies) in ${seconds.toFixed(0)} s, ${Math.round(total / seconds)}/s, ` +
        `seeds ${FIRST_SEED} to ${last}, heap ${grown} bytes; met ${JSON.stringify(Object.fromEntries(rest.states))}`,
    );
    expect([...first.faults, ...rest.faults]).toEqual([]);
    expect(total).toBeGreaterThanOrEqual(segments);
    expect(grown).toBeLessThan(HEAP_GROWTH_BYTES);
  });
}

function oneRunAgain([mode, seed, steps]: readonly string[]): void {
  it('goes without a fault', () => {
    const trace = traceOf(mode, Number(seed), Number(steps));
    console.log(trace);
    expect(trace).toMatch(/no fault$/);
  });
}

describe('random and mutated segments against random states', () => {
  if (again === undefined) everything();
  else oneRunAgain(again);
});
