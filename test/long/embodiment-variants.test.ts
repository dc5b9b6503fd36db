import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'vitest';
import { EMBODIMENT_LIMIT_MS, EMBODIMENT_NEEDS, embodimentRun } from '../support/embodiment-run.ts';
import { describeNamespaces } from '../support/netlab.ts';

const TOPOLOGIES = [
  'prior-art-2',
  'tcp-over-tcp',
  'e5-nat',
  'e6-nat',
  'e7-nat',
  'e8-both',
  'e10-sealed',
  'e2-nat',
  'e3-mirrored',
  'e3-folded',
  'e4-folded',
  'e4-nat',
  'e11-mirrored',
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describeNamespaces(
  'variants of the embodiments with kernel hosts',
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
