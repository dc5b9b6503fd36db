import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeNamespaces, runScenario, type ScenarioEvent } from '../support/netlab.ts';
import { median, type UnderLossResult, underLoss, underLossTable } from '../support/under-loss.ts';

const TOPOLOGIES = ['prior-art-1', 'e1', 'e2', 'e4', 'e5', 'e7', 'e11'];
const LOSSES = [0, 0.001, 0.01, 0.03];
const ROUNDS = 3;
const ROUND_TRIP_MS = 20;
/** Of one transfer. */
const BYTES = 2_000_000;
const CONNECTIONS = [1, 4];
const CONGESTION = 'cubic';
const LIMIT_MS = 3_600_000;
/** Set to keep what was measured: `docs/embodiments/under-loss.json`. */
const OUT = process.env.GLASSGATE_UNDER_LOSS_JSON;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function measured(topology: string, round: number): Promise<ScenarioEvent[]> {
  const plan = {
    topology,
    round,
    losses: LOSSES,
    connections: CONNECTIONS,
    delay_ms: ROUND_TRIP_MS / 2,
    bytes: BYTES,
    congestion: CONGESTION,
    folder,
  };
  const { events, exitCode, stderr } = await runScenario('embodiments-under-loss.ts', [JSON.stringify(plan)], LIMIT_MS);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(events.at(-1)).toMatchObject({ event: 'end', internalErrors: 0 });
  return events.filter(({ event }) => event === 'transfer');
}

describeNamespaces('prior art 1 and embodiments under loss, kernel hosts, interleaved', () => {
  it(
    `${LOSSES.map((loss) => `${loss * 100} %`).join(', ')} loss at ${ROUND_TRIP_MS} ms: every byte arrives`,
    async () => {
      const transfers: ScenarioEvent[] = [];
      for (let round = 1; round <= ROUNDS; round += 1)
        for (const topology of TOPOLOGIES) transfers.push(...(await measured(topology, round)));
      expect(transfers).toHaveLength(TOPOLOGIES.length * LOSSES.length * CONNECTIONS.length * ROUNDS);
      for (const { sent, received } of transfers) expect(received).toEqual(sent);
      const points = underLoss(transfers as never, TOPOLOGIES, CONNECTIONS, LOSSES);
      const about = { bytes: BYTES, roundTrip_ms: ROUND_TRIP_MS, rounds: ROUNDS, congestion: CONGESTION };
      console.log(`${JSON.stringify(about)}\n${underLossTable(points, LOSSES)}`);
      if (OUT !== undefined)
        writeFileSync(OUT, `${JSON.stringify({ about, points } satisfies UnderLossResult, undefined, 2)}\n`);
      // Where nothing is lost nobody is far behind; how they differ under loss is what is measured, and nothing is claimed.
      const clean = points.filter(({ lossRatio }) => lossRatio === 0).map(({ median_bps }) => median_bps);
      expect(Math.min(...clean)).toBeGreaterThan(median(clean) / 10);
    },
    LIMIT_MS,
  );
}, ['nft']);
