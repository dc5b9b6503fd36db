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
  const text = hints(folder, ['node', 'glassgate'], () => true);
  expect(text).toContain(`${folder}/enter t21 ping 10.9.0.2`);
  expect(text).not.toContain('apt install');
});

it('prints only commands whose programs are there, and names the packages of the others once', () => {
  leaveEntrance(folder, 4711);
  const withTcpdump = hints(folder, ['node', 'glassgate'], (program) => program === 'nft' || program === 'tcpdump');
  expect(withTcpdump).toMatch(/enter \S+ tcpdump -nei/);
  expect(withTcpdump).toContain('nft list counters');
  expect(withTcpdump).not.toMatch(/ ping 10|tshark|conntrack -L/);
  expect(withTcpdump).toContain('(more of it with: apt install iputils-ping conntrack)');
  const bare = hints(folder, ['node', 'glassgate'], () => false);
  expect(bare).toContain('/enter t21 bash');
  expect(bare).not.toMatch(/look at the wire|firewall counts/);
  expect(bare).toContain('(more of it with: apt install iputils-ping tcpdump nftables conntrack)');
});
