import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeNamespaces, runScenario } from '../support/netlab.ts';

const PROCESSES = 4;
const SITES_PER_PROCESS = 50;
const TOTAL = PROCESSES * SITES_PER_PROCESS;
/** Sites that neither ping nor are pinged. */
const OTHERS = TOTAL - 2;
const LIMIT_MS = 400_000;
/** Resident memory of the relay; about 1 MiB was measured. */
const RELAY_KIB_PER_SESSION_MAX = 2_048;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describeNamespaces(`a relay with ${TOTAL} sessions, ${PROCESSES} processes at their other ends`, () => {
  it(
    'learns, floods, forgets a session that died and takes it back',
    async () => {
      const settings = { processes: PROCESSES, sitesPerProcess: SITES_PER_PROCESS, folder };
      const { events, exitCode, stderr } = await runScenario('relay-sessions.ts', [JSON.stringify(settings)], LIMIT_MS);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const told = Object.fromEntries(events.map((event) => [event.event, event]));
      const { up } = told;
      console.log(
        `${up.peers} sessions up in ${up.time_ms} ms; memory per session: relay ${Math.round(up.relayKibPerSession)} KiB, site ${Math.round(up.siteKibPerSession)} KiB`,
      );
      expect(up.peers).toBe(TOTAL);
      expect(up.relayKibPerSession).toBeLessThan(RELAY_KIB_PER_SESSION_MAX);
      // A broadcast reaches every site but the one it came from.
      expect(told.broadcast).toMatchObject({ answered: 0, self: 0, reached: OTHERS });
      expect(told.broadcast.far).toBeGreaterThan(0);
      // What is learned goes to one site.
      expect(told.learning).toMatchObject({ first: 1, answered: 5, self: 5, far: 5, reached: 0 });
      // A dead session's hosts are not known any more: frames to them are flooded.
      expect(told.death.peers).toBe(TOTAL - 1);
      expect(told['unknown-unicast']).toMatchObject({ answered: 0, self: 0, reached: OTHERS });
      expect(told.return).toMatchObject({ peers: TOTAL, answered: 1 });
      expect(told.again).toMatchObject({ peers: TOTAL, answered: 1 });
      expect(told.end.internalErrors).toBe(0);
      expect(told.stopped.code).toBe(0);
    },
    LIMIT_MS,
  );
});
