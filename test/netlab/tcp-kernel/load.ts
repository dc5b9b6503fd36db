import { deepEqual, equal } from 'node:assert/strict';
import type { Cases } from './cases.ts';
import { addressFor, type Family, type Lab, type Role } from './lab.ts';
import { arrived, bothClosed, endOf, inBothRoles, MB, move, NAMES, otherRole, pause, ROLES } from './steps.ts';

const PARALLEL = 50;
const GB = 1_000 * MB;
const LONG_MS = 600_000;

/** Connect, a request, an answer, close: whoever serves closes first. */
export async function shortConnections(
  lab: Lab,
  opener: Role,
  count: number,
  family: Family = 4,
): Promise<Record<string, unknown>> {
  // TIME-WAIT keeps each for a minute where it was closed first.
  await lab.configure({}, { tcp: { maxConnections: 2 * count } });
  const [client, server] = [endOf(lab, opener), endOf(lab, otherRole(opener))];
  const port = lab.freePort();
  server.order({ order: 'listen', port, service: 'reply' });
  await server.heard('listening', { port });
  const before = await lab.kernelCounters();
  const address = addressFor(opener, family);
  client.order({ order: 'many', count, parallel: PARALLEL, address, port });
  const told = await client.heard('many', {}, LONG_MS);
  const after = await lab.kernelCounters();
  deepEqual([told.good, told.failures], [count, {}]);
  const gained = (key: string): number => (after[key] ?? 0) - (before[key] ?? 0);
  for (const key of ['TcpInErrs', 'TcpEstabResets', 'TcpExtTCPChallengeACK']) equal(gained(key), 0, key);
  // Where our process had to wait for its turn the kernel repeats, and what we answer may find its end gone.
  const [resets, repeated] = [gained('TcpOutRsts'), gained('TcpRetransSegs')];
  equal(resets <= repeated, true, `${resets} resets by the kernel, which repeated ${repeated} segments`);
  await pause(100);
  const { machines } = await lab.ours.stats();
  // The kernel may take a port again, which makes room in our TIME-WAIT.
  if (opener === 'ours') equal(machines, 0, 'connections of ours that are left');
  else equal(machines > count / 2 && machines <= count, true, `${machines} connections of ours in TIME-WAIT`);
  return { time_ms: told.time_ms, per_s: Math.round((count * 1_000) / told.time_ms), resets, repeated };
}

export const LOAD_QUICK: Cases = inBothRoles(
  (opener) => `${opener} opens 500 short connections`,
  (lab, opener) => shortConnections(lab, opener, 500),
);

export const LOAD_LONG: Cases = {
  ...inBothRoles(
    (opener) => `${opener} opens 10 000 short connections`,
    (lab, opener) => shortConnections(lab, opener, 10_000),
  ),
  ...inBothRoles(
    (sender) => `${sender} sends 1 GB`,
    async (lab, sender) => {
      const pair = await lab.open(sender);
      const moved = await move(lab, pair, sender, GB, LONG_MS);
      await bothClosed(lab, pair);
      return { ...moved };
    },
  ),
  ...inBothRoles(
    (opener) => `${opener} opens, 1 GB each way at once`,
    async (lab, opener) => {
      const pair = await lab.open(opener);
      for (const role of ROLES)
        endOf(lab, role).order({ order: 'send', id: pair[role], bytes: GB, seed: 3, close: true });
      const moved = await Promise.all(ROLES.map((role) => arrived(lab, pair, role, GB, LONG_MS)));
      await bothClosed(lab, pair);
      return Object.fromEntries(ROLES.map((role, at) => [NAMES[role], moved[at]]));
    },
  ),
};
