import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'vitest';
import { EMBODIMENT_LIMIT_MS, EMBODIMENT_NEEDS, embodimentRun } from './support/embodiment-run.ts';
import { describeNamespaces } from './support/netlab.ts';

/** Their variants are in `test/long`. */
const TOPOLOGIES = ['e1', 'e2', 'e3', 'e4', 'e5', 'e6', 'e7', 'e8', 'e9', 'e10', 'e11', 'e12', 'prior-art-1'];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describeNamespaces(
  'kernel hosts, a process for each other device',
  () => {
    it.each(TOPOLOGIES)(
      '%s: set-up, 50 MB both ways, loss, tear-down',
      async (topology) => {
        await embodimentRun(topology, folder);
      },
      EMBODIMENT_LIMIT_MS,
    );
  },
  EMBODIMENT_NEEDS,
);
