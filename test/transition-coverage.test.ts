import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { coverageLines, mergeCoverage } from './support/transition-coverage.ts';

const folder = mkdtempSync(join(tmpdir(), 'glassgate-merge-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('transition coverage', () => {
  it('adds up what all workers took and lists the rest', () => {
    const all = ['idle|start|busy|0', 'busy|stop|idle|0', 'busy|fail|idle|0', 'idle|stop|idle|0'];
    writeFileSync(join(folder, '1.json'), JSON.stringify({ phy: { all, taken: ['idle|start|busy|0'] } }));
    writeFileSync(
      join(folder, '2.json'),
      JSON.stringify({ phy: { all, taken: ['busy|stop|idle|0'] }, arp: { all: [], taken: [] } }),
    );
    const merged = mergeCoverage(folder, { 'phy: idle|stop|idle|0': 'the device never stops an idle line' });
    expect(merged).toEqual([
      { machine: 'arp', all: 0, taken: 0, unexplained: [] },
      { machine: 'phy', all: 4, taken: 2, unexplained: ['busy|fail|idle|0'] },
    ]);
    expect(coverageLines(merged, true)).toEqual([
      'Transition coverage:',
      '  arp: 0/0 transitions taken, 0 unexplained',
      '  phy: 2/4 transitions taken, 1 unexplained',
      '    not taken: phy: busy|fail|idle|0',
    ]);
    expect(coverageLines(merged.slice(1), false)).toEqual([
      'Transition coverage of these tests alone (it counts in a full run of npm test only):',
      '  phy: 2/4 transitions taken, 1 unexplained',
    ]);
  });
});
