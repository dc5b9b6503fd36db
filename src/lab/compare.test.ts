import { describe, expect, it } from 'vitest';
import { cellCount, goodputCells } from './compare.ts';
import { goodputText, observationText } from './compare-text.ts';
import { observe } from './observe.ts';

const PLAN = { topologies: ['e2', 'tcp-over-tcp'], seed: 1, bytes: 300_000, limit_us: 30_000_000, rtts_ms: [20] };

describe('lab compare', () => {
  it('measures every topology at every loss, and the same plan gives the same', () => {
    const plan = { ...PLAN, losses: [0, 0.05] };
    const cells = [...goodputCells(plan)];
    expect(cells.map(({ topology, loss }) => `${topology} ${loss}`)).toEqual([
      'e2 0',
      'e2 0.05',
      'tcp-over-tcp 0',
      'tcp-over-tcp 0.05',
    ]);
    expect(cells).toHaveLength(cellCount(plan));
    for (const { goodput_bps, intact } of cells) expect([goodput_bps > 0, intact]).toEqual([true, true]);
    expect(cells[1].goodput_bps).toBeLessThan(cells[0].goodput_bps / 2);
    expect([...goodputCells(plan)]).toEqual(cells);
    const lines = goodputText(cells).split('\n');
    expect(lines.map((line) => line.split(/\s{2,}/)[0])).toEqual(['RTT ms', 'loss %', 'e2', 'tcp-over-tcp']);
  });

  it('tells where the cipher ran, how often a frame crossed the MAC layer, and which TCPs sent again', () => {
    const e3 = observe('e3');
    expect(e3.ciphers.map(({ gateway, layer, kind }) => [gateway, layer, kind])).toEqual([
      ['gateway20', '2014', 'engine'],
      ['gateway30', '3002', 'ssl'],
    ]);
    expect(e3.ciphers.every(({ sealed, opened }) => sealed === 10 && opened === 10)).toBe(true);
    expect(e3.crossings).toEqual([
      { device: 'gateway20', perFrame: 0 },
      { device: 'gateway30', perFrame: 2 },
    ]);
    expect(e3.retransmitted.map(({ tcp }) => tcp)).toContain('2102');
    const outer = observe('tcp-over-tcp');
    expect(outer.retransmitted.map(({ tcp }) => tcp)).toContain('2003');
    expect(outer.retransmitted.map(({ tcp }) => tcp)).not.toContain('2102');
    expect(observationText([e3])).toContain('engine 2014 in gateway20, ssl 3002 in gateway30');
  });
});
