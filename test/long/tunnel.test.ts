import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeNamespaces, runScenario, type ScenarioEvent } from '../support/netlab.ts';

const PACKETS = 200_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const PACKETS_LIMIT_MS = 30 * MINUTE_MS;
const IDLE_MS = 10 * MINUTE_MS;
/** GLASSGATE_LONG_BYTES shortens the longest one. */
const ONE_WAY_BYTES = Number(process.env.GLASSGATE_LONG_BYTES ?? 20_000_000_000);
const ONE_WAY_LIMIT_MS = 4 * HOUR_MS;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function scenario(plan: object, timeout_ms: number): Promise<Record<string, ScenarioEvent>> {
  const settings = { f13: 'tcp', handshake: 'hold', folder, level: 'control', ...plan };
  const { events, exitCode, stderr } = await runScenario('tunnel-long.ts', [JSON.stringify(settings)], timeout_ms);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const named = Object.fromEntries(events.map((event) => [event.event, event]));
  console.log(JSON.stringify({ plan, ...named.round, ...named.end }));
  expect(named.end).toMatchObject({ states: ['up', 'up'], internalErrors: 0, firewall: { invalid: 0, blocked: 0 } });
  return named;
}

describeNamespaces('a tunnel through connection tracking, for long', () => {
  it.each([
    [2, 0],
    [2, 0.05],
    [4, 0],
    [4, 0.05],
  ])(
    'embodiment %i, loss %d: 200 000 tunnel packets, none INVALID',
    async (embodiment, lossRatio) => {
      const impairment = lossRatio === 0 ? undefined : { lossRatio };
      const { end } = await scenario({ embodiment, packets: PACKETS, impairment }, PACKETS_LIMIT_MS);
      expect(end.firewall.forwarded).toBeGreaterThanOrEqual(PACKETS);
    },
    PACKETS_LIMIT_MS,
  );

  it(
    `${ONE_WAY_BYTES / 1e9} GB of UDP one way, none INVALID`,
    async () => {
      const { 'one-way': sent } = await scenario({ embodiment: 2, bytes: ONE_WAY_BYTES }, ONE_WAY_LIMIT_MS);
      expect(sent.passed).toBeGreaterThanOrEqual(ONE_WAY_BYTES);
    },
    ONE_WAY_LIMIT_MS,
  );

  it(
    'ten minutes idle make no tunnel-in-tunnel record',
    async () => {
      const { idle } = await scenario({ embodiment: 2, idle_ms: IDLE_MS }, IDLE_MS + 5 * MINUTE_MS);
      expect(idle.packets).toBeGreaterThan(0);
      expect(idle.tunnelInTunnel).toEqual([]);
    },
    IDLE_MS + 5 * MINUTE_MS,
  );
}, ['nft', 'iperf3', 'dumpcap', 'tshark']);
