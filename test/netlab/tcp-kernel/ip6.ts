import { equal } from 'node:assert/strict';
import type { Cases } from './cases.ts';
import { impaired, narrow } from './impaired.ts';
import { addressFor } from './lab.ts';
import { shortConnections } from './load.ts';
import { arrived, bothClosed, endOf, inBothRoles, MB, ROLES } from './steps.ts';

const SEED = 20_240_602;
const LINE = { rate_bps: 100_000_000, queueBytes: 250_000, delay_ms: 5, seed: SEED };
const WAIT_MS = 30_000;
const CONNECTIONS = 200;

export const IP6: Cases = {
  ...inBothRoles(
    (opener) => `${opener} opens over IPv6, both send 2 MB at once`,
    async (lab, opener) => {
      const pair = await lab.open(opener, {}, 6);
      for (const role of ROLES)
        endOf(lab, role).order({ order: 'send', id: pair[role], bytes: 2 * MB, seed: 3, close: true });
      for (const role of ROLES) await arrived(lab, pair, role, 2 * MB);
      await bothClosed(lab, pair);
      return undefined;
    },
  ),
  ...inBothRoles(
    (sender) => `${sender} sends 1 MB over IPv6 and a line with loss, duplicates and corruption (seed ${SEED})`,
    (lab, sender) =>
      impaired(lab, sender, { ...LINE, lossRatio: 0.01, duplicateRatio: 0.01, corruptRatio: 0.005 }, MB, WAIT_MS, 6),
  ),
  ...inBothRoles(
    (sender) => `${sender} sends over IPv6 and a way that shrinks, a router tells of it`,
    (lab, sender) => narrow(lab, sender, 6),
  ),
  ...inBothRoles(
    (role) => `${role} is refused over IPv6 where nobody listens`,
    async (lab, role) => {
      const id = `refused6-${role}`;
      const address = addressFor(role, 6);
      endOf(lab, role).order({ order: 'connect', id, address, port: lab.freePort(), service: 'sink' });
      equal((await endOf(lab, role).heard('closed', { id })).reason, 'refused');
      return undefined;
    },
  ),
  ...inBothRoles(
    (opener) => `${opener} opens ${CONNECTIONS} short connections over IPv6`,
    (lab, opener) => shortConnections(lab, opener, CONNECTIONS, 6),
  ),
};
