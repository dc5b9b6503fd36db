import { describe, expect, it } from 'vitest';
import { goodputSvg } from './goodput-chart.ts';

const points = (...values: number[]) => values.map((goodput_bps, at) => ({ loss: at / 100, goodput_bps }));

describe('goodput chart', () => {
  const svg = goodputSvg({
    title: 'loss & goodput',
    series: [
      { name: 'fast <1>', points: points(40e6, 20e6, 2e6) },
      { name: 'slow', points: points(4e6, 0.2e6, 0) },
    ],
  });
  const line = (at: number) =>
    [...svg.matchAll(/polyline points="([^"]+)"/g)][at][1].split(' ').map((point) => point.split(',').map(Number));

  it('puts losses from left to right and more goodput higher, nothing outside of the picture', () => {
    for (const [fast, slow] of line(0).map((point, at) => [point, line(1)[at]])) {
      expect(fast[0]).toBe(slow[0]);
      expect(fast[1]).toBeLessThan(slow[1]);
    }
    const [xs, ys] = [0, 1].map((axis) => [...line(0), ...line(1)].map((point) => point[axis]));
    expect([...xs.slice(0, 3)].sort((a, b) => a - b)).toEqual(xs.slice(0, 3));
    expect(Math.min(...xs, ...ys)).toBeGreaterThan(0);
    expect(Math.max(...xs)).toBeLessThan(860);
    expect(Math.max(...ys)).toBeLessThan(460);
  });

  it('draws equal lines once, under all their names', () => {
    const twins = goodputSvg({
      title: 'twins',
      series: ['one', 'two', 'three'].map((name) => ({ name, points: points(3e6, name === 'three' ? 1e6 : 2e6) })),
    });
    expect([...twins.matchAll(/<polyline/g)]).toHaveLength(2);
    expect(twins).toContain('>one = two</text>');
  });

  it('is well-formed text whatever the names are', () => {
    expect(svg).toContain('fast &lt;1&gt;');
    expect(svg).toContain('loss &amp; goodput');
    expect(svg).toContain('1 %');
  });
});
