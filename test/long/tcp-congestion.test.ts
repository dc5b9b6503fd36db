import { expect, it } from 'vitest';
import type { CongestionPlan } from '../netlab/tcp-kernel/congestion-run.ts';
import { describeNamespaces, runScenario, type ScenarioEvent } from '../support/netlab.ts';

const LIMIT_MS = 900_000;
/** A bottleneck of 100 Mbit/s, 20 ms of round trip, a queue of one such round trip. */
const PATH = { rate_bps: 100_000_000, queueBytes: 250_000, delay_ms: 10 } as const;
const LOSS_RATIO = 0.01;
const SEED = 1;
/** Of our median goodput to the kernel's on the same path, alone. */
const ALONE_MIN = 0.9;
/** Of our mean goodput to the kernel's while they share the path. */
const SHARED_MAX = 1.25;

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function mbit(values: readonly number[]): string {
  return values.map((bps) => (bps / 1e6).toFixed(2)).join(' ');
}

async function run(plan: CongestionPlan): Promise<ScenarioEvent[]> {
  const { events, exitCode, stderr } = await runScenario(
    'tcp-kernel/congestion-run.ts',
    [JSON.stringify(plan)],
    LIMIT_MS,
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  for (const event of events) console.log(JSON.stringify(event));
  return events;
}

/** Each sends by itself, one after the other and each as often; the ratio of the medians. */
async function alone(congestion: CongestionPlan['congestion']): Promise<number> {
  const line = { ...PATH, lossRatio: LOSS_RATIO, seed: SEED };
  const events = await run({ kind: 'alone', congestion, line, runs: 7, warmup_s: 2, measured_s: 15 });
  const of = (sender: string): number[] => events.filter((each) => each.sender === sender).map(({ bps }) => bps);
  const [ours, kernels] = [of('ours'), of('twin')];
  expect([ours.length, kernels.length]).toEqual([7, 7]);
  const ratio = median(ours) / median(kernels);
  console.log(
    `${congestion} at ${100 * LOSS_RATIO} % loss, 20 ms, 100 Mbit/s: ours ${mbit(ours)}, the kernel ${mbit(kernels)}; ` +
      `medians ${mbit([median(ours), median(kernels)])}, ratio ${ratio.toFixed(2)} (at least ${ALONE_MIN})`,
  );
  return ratio;
}

describeNamespaces('our congestion control beside the kernel’s', () => {
  it('our CUBIC alone at 1 % loss reaches 90 % of the kernel’s', { timeout: LIMIT_MS }, async () => {
    expect(await alone('cubic')).toBeGreaterThanOrEqual(ALONE_MIN);
  });

  it('our BBR alone at 1 % loss reaches 90 % of the kernel’s', { timeout: LIMIT_MS }, async () => {
    expect(await alone('bbr')).toBeGreaterThanOrEqual(ALONE_MIN);
  });

  it('our CUBIC takes at most 1.25 times what the kernel’s takes of a shared bottleneck', {
    timeout: LIMIT_MS,
  }, async () => {
    const line = { ...PATH, seed: SEED };
    const events = await run({ kind: 'shared', congestion: 'cubic', line, runs: 3, warmup_s: 5, measured_s: 60 });
    expect(events).toHaveLength(3);
    const ratios = events.map(({ ours, twin }) => ours / twin);
    console.log(
      `cubic, shared bottleneck, 60 s: ours ${mbit(events.map(({ ours }) => ours))}, the kernel ` +
        `${mbit(events.map(({ twin }) => twin))}; ratios ${ratios.map((each) => each.toFixed(2)).join(' ')}, ` +
        `median ${median(ratios).toFixed(2)} (at most ${SHARED_MAX})`,
    );
    expect(median(ratios)).toBeLessThanOrEqual(SHARED_MAX);
  });
}, ['ethtool', 'ss']);
