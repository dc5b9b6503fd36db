import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DOCS, madeFiles, measuredNow } from '../scripts/embodiments/files.ts';
import { comparePlan, pageNames } from '../scripts/embodiments/measure.ts';
import { goodputCells } from '../src/lab/compare.ts';
import { observe } from '../src/lab/observe.ts';

/** Where the numbers of a page are measured again. */
const SAMPLE = { rtts_ms: [20], losses: [0.01] };

describe('docs/EMBODIMENTS.md and the pages of the embodiments', () => {
  it('have the pictures, stacks and measured lines that the topologies give (npm run docs)', async () => {
    for (const [path, text] of await madeFiles(measuredNow())) {
      const file = join(DOCS, path);
      expect(existsSync(file), path).toBe(true);
      expect(readFileSync(file, 'utf8'), path).toBe(text);
    }
  });

  it.each(pageNames())('%s: the lab still measures what its page says (npm run docs -- --measure)', (name) => {
    const { cells, seen } = measuredNow();
    const [again] = goodputCells({ ...comparePlan(), ...SAMPLE, topologies: [name] });
    const written = cells.find(
      ({ topology, rtt_ms, loss }) => topology === name && rtt_ms === again.rtt_ms && loss === again.loss,
    );
    expect(again).toEqual(written);
    expect(observe(name)).toEqual(seen.find(({ topology }) => topology === name));
  });

  it.each(pageNames())('%s: its page says what it is good for, and what was decided', (name) => {
    const page = readFileSync(join(DOCS, `embodiments/${name}.md`), 'utf8');
    expect(page).toMatch(/^## .*good for/im);
    expect(page).toMatch(/^## .*decision/im);
  });
});
