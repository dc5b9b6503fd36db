import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hints, leaveEntrance } from './hints.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('names the launcher in a clone, and the command where glassgate is installed', () => {
  expect(hints(folder, ['node', '/home/x/glassgate/src/cli/main.ts'])).toContain(
    ' /home/x/glassgate/bin/glassgate.js status',
  );
  expect(hints(folder, ['node', '/home/x/glassgate/bin/glassgate.js'])).toContain(
    ' /home/x/glassgate/bin/glassgate.js status',
  );
  expect(hints(folder, ['node', '/usr/lib/node_modules/glassgate/bin/glassgate.js'])).toContain(' glassgate status');
});

it('speaks of the hosts only where they can be entered', () => {
  expect(hints(folder, ['node', 'glassgate'])).not.toContain('/enter t21');
  leaveEntrance(folder, 4711);
  expect(statSync(join(folder, 'enter')).mode & 0o777).toBe(0o755);
  expect(hints(folder, ['node', 'glassgate'])).toContain(`${folder}/enter t21 ping 10.9.0.2`);
});
