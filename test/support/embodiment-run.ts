import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeNamespaces, runScenario } from './netlab.ts';

/** Bytes of each transfer at full speed. */
const BYTES = 50_000_000;
/** Bytes of each transfer over a way that loses. */
const LOSSY_BYTES = 1_000_000;
const LOSS = { lossRatio: 0.01, delay_ms: 10 };
/** Commands and devices that such a run needs. */
const EMBODIMENT_NEEDS = ['nft', '/dev/net/tun'];
const EMBODIMENT_LIMIT_MS = 240_000;

/** One test for each topology: with kernel hosts, and a process for each other device. */
export function describeEmbodiments(title: string, topologies: readonly string[]): void {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  describeNamespaces(
    title,
    () => {
      it.each(topologies)(
        '%s: set-up, 50 MB both ways, loss, tear-down',
        async (topology) => {
          await embodimentRun(topology, folder);
        },
        EMBODIMENT_LIMIT_MS,
      );
    },
    EMBODIMENT_NEEDS,
  );
}

/**
 * Runs a topology with kernel hosts and one process for each other device, and checks what holds in all of them: nothing passes before the
 * set-up and after the tear-down, every byte arrives in both directions, with loss as well, and no device met a defect of its own.
 */
async function embodimentRun(topology: string, folder: string): Promise<void> {
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
}
