import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeNamespaces, runScenario, type ScenarioEvent } from '../support/netlab.ts';

const TUNNELS = [2, 4, 'tcp-over-tcp'] as const;
const ROUNDS = 3;
const BYTES = 10_000_000;
const IMPAIRMENT = { lossRatio: 0.01, delay_ms: 10, seed: 1 };
const CONGESTION = 'cubic';
const LIMIT_MS = 600_000;
/** Characters. */
const CELL_WIDTH = 14;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Goodputs of a tunnel's transfers in the order of the rounds, Mbit/s. */
function goodputs(transfers: readonly ScenarioEvent[], tunnel: (typeof TUNNELS)[number]): number[] {
  return transfers.filter(({ embodiment }) => embodiment === tunnel).map(({ goodput_bps }) => goodput_bps / 1e6);
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}

function table(transfers: readonly ScenarioEvent[]): string {
  const base = median(goodputs(transfers, 'tcp-over-tcp'));
  const rounds = Array.from({ length: ROUNDS }, (_, at) => `round ${at + 1}`);
  const rows = TUNNELS.map((tunnel) => {
    const values = goodputs(transfers, tunnel);
    const middle = median(values);
    return [
      tunnel === 'tcp-over-tcp' ? tunnel : `embodiment ${tunnel}`,
      ...[...values, middle, middle / base].map((value) => value.toFixed(2)),
    ];
  });
  return [['Mbit/s', ...rounds, 'median', 'to TCP in TCP'], ...rows]
    .map((cells) => cells.map((cell) => cell.padStart(CELL_WIDTH)).join(''))
    .join('\n');
}

describeNamespaces('loss between the gateways, kernel hosts', () => {
  it(
    'tunnels that end TCP at the driver are not slower than TCP over TCP; every byte arrives',
    async () => {
      const plan = { tunnels: TUNNELS, rounds: ROUNDS, bytes: BYTES, congestion: CONGESTION, impairment: IMPAIRMENT };
      const argument = JSON.stringify({ ...plan, folder });
      const { events, exitCode, stderr } = await runScenario('loss-with-kernel-hosts.ts', [argument], LIMIT_MS);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const transfers = events.filter(({ event }) => event === 'transfer');
      const congestion = [...new Set(transfers.map((each) => each.congestion))];
      console.log(`congestion control ${congestion}; ${JSON.stringify(plan)}\n${table(transfers)}`);
      expect(congestion).toEqual([CONGESTION]);
      expect(transfers).toHaveLength(TUNNELS.length * ROUNDS);
      for (const { bytes, sent, received, internalErrors } of transfers)
        expect({ bytes, received, internalErrors }).toEqual({ bytes: BYTES, received: sent, internalErrors: 0 });
      const base = median(goodputs(transfers, 'tcp-over-tcp'));
      expect(median(goodputs(transfers, 2))).toBeGreaterThan(base);
      expect(median(goodputs(transfers, 4))).toBeGreaterThan(base);
    },
    LIMIT_MS,
  );
}, ['nft', 'ss']);
