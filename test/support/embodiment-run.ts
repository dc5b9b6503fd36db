import { expect } from 'vitest';
import { runScenario, type ScenarioEvent } from './netlab.ts';

/** Bytes of each transfer at full speed. */
const BYTES = 50_000_000;
/** Bytes of each transfer over a way that loses. */
const LOSSY_BYTES = 1_000_000;
const LOSS = { lossRatio: 0.01, delay_ms: 10 };
/** Commands that such a run needs. */
export const EMBODIMENT_NEEDS = ['nft'];
export const EMBODIMENT_LIMIT_MS = 240_000;

/**
 * Runs a topology with kernel hosts and one process for each other device, and checks what holds in all of them: nothing passes before the
 * set-up and after the tear-down, every byte arrives in both directions, with loss as well, and no device met a defect of its own.
 */
export async function embodimentRun(topology: string, folder: string): Promise<Record<string, ScenarioEvent>> {
  const settings = { topology, folder, bytes: BYTES, lossyBytes: LOSSY_BYTES, loss: LOSS };
  const { events, exitCode, stderr } = await runScenario(
    'embodiment.ts',
    [JSON.stringify(settings)],
    EMBODIMENT_LIMIT_MS,
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const named = Object.fromEntries(events.map((event) => [event.event, event]));
  expect(named.before.passes).toBe(false);
  for (const way of ['there', 'back']) {
    expect(named[way]).toMatchObject({ bytes: BYTES, received: named[way].sent });
    expect(named[`lossy-${way}`]).toMatchObject({ bytes: LOSSY_BYTES, received: named[`lossy-${way}`].sent });
  }
  for (const lost of named.state.lost) expect(lost).toBeGreaterThan(0);
  expect(named.state).toMatchObject({ internalErrors: 0, firewall: { invalid: 0 } });
  expect(named.stopped.codes.filter((code: number) => code !== 0)).toEqual([]);
  expect(named.after.passes).toBe(false);
  const speeds = ['there', 'back', 'lossy-there', 'lossy-back'].map((way) => `${way} ${named[way].mbit_per_s}`);
  console.log(
    `${topology}: Mbit/s ${speeds.join(', ')}; ${named.after.time_ms} ms in all; drops ${named.state.drops.join(', ')}`,
  );
  return named;
}
