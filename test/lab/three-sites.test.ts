import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hangUp } from '../../src/lab/run.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { SECOND_US, SHAPES, upLab } from './support.ts';

const FILE = join(import.meta.dirname, '../../src/topologies/three-sites.ts');
const HOSTS = ['terminal21', 'server31', 'host41'] as const;
const PAIRS = HOSTS.flatMap((from) => HOSTS.filter((to) => to !== from).map((to) => ({ from, to })));

describe.each(SHAPES)('three sites on one relay, F13 %s', (shape) => {
  it('every host reaches every other, and every byte arrives, also when frames are lost', () => {
    const lab = upLab('three-sites', { shape });
    for (const way of PAIRS) expect(ping(lab, { ...way, count: 2 }).rtts_us, JSON.stringify(way)).toHaveLength(2);
    lab.impair({ loss: 0.01 });
    for (const way of PAIRS)
      expect(transfer(lab, { ...way, bytes: 100_000, limit_us: 60 * SECOND_US }), JSON.stringify(way)).toMatchObject({
        complete: true,
        intact: true,
      });
  });

  it('what two sites say to each other does not go to the third', () => {
    const lab = upLab('three-sites', { shape });
    for (const way of PAIRS) ping(lab, way);
    const third = lab.capture(['W10']);
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true });
    expect(third.filter(({ bytes }) => bytes.length > 500)).toEqual([]);
  });

  it('the host leaves, the LANs stay, nothing of its session is left', () => {
    const lab = upLab('three-sites', { shape });
    for (const way of PAIRS) ping(lab, way);
    lab.tell('host41', lab.topLabel('host41'), 'disconnect', { peer: 'relay10' });
    lab.run(5 * SECOND_US);
    expect(lab.status('host41').sessions).toEqual([]);
    expect(ping(lab, { from: 'terminal21', to: 'host41' }).rtts_us).toEqual([]);
    expect(ping(lab, { from: 'terminal21', to: 'server31' }).rtts_us).toHaveLength(1);
    expect(hangUp(lab)).toBe(true);
  });
});

it('three sites took a topology file and no layer code', () => {
  const imports = [...readFileSync(FILE, 'utf8').matchAll(/^import (type )?.* from '(.+)';$/gm)];
  expect(imports.length).toBeGreaterThan(5);
  for (const [, isType, path] of imports)
    expect(isType !== undefined || path.startsWith('./') || path.startsWith('../wire/'), path).toBe(true);
});
