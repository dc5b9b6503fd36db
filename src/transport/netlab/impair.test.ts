import { expect, it } from 'vitest';
import { DelayLine } from './delay-line.ts';
import { parseConntrackLine } from './firewall.ts';
import { fateSource } from './impair.ts';

const FRAMES = 10_000;

function fates(options: Parameters<typeof fateSource>[0], direction = 0): number[][] {
  const next = fateSource(options, direction);
  return Array.from({ length: FRAMES }, () => next());
}

it('gives the same fates for the same seed, others for another seed or direction', () => {
  const options = { lossRatio: 0.1, duplicateRatio: 0.1, reorderRatio: 0.1, delay_ms: 5, seed: 3 };
  expect(fates(options)).toEqual(fates(options));
  expect(fates(options)).not.toEqual(fates({ ...options, seed: 4 }));
  expect(fates(options)).not.toEqual(fates(options, 1));
});

it('keeps the ratios', () => {
  const all = fates({ lossRatio: 0.05, duplicateRatio: 0.2, reorderRatio: 0.1, reorderDelay_ms: 3, delay_ms: 5 });
  const share = (test: (fate: number[]) => boolean): number => all.filter(test).length / FRAMES;
  expect(share((fate) => fate.length === 0)).toBeCloseTo(0.05, 1);
  expect(share((fate) => fate.length === 2)).toBeCloseTo(0.19, 1);
  expect(share((fate) => fate[0] === 8)).toBeCloseTo(0.095, 1);
  expect(all.every((fate) => fate.every((delay) => delay === 5 || delay === 8))).toBe(true);
});

it('changes the fate of no other frame when only the loss ratio changes', () => {
  const [some, more] = [
    fates({ lossRatio: 0.05, duplicateRatio: 0.2 }),
    fates({ lossRatio: 0.1, duplicateRatio: 0.2 }),
  ];
  for (const [i, fate] of more.entries()) if (fate.length > 0) expect(fate).toEqual(some[i]);
});

it('delivers in the order of times, equal times in the order of arrival', async () => {
  const got: string[] = [];
  await new Promise<void>((resolve) => {
    const line = new DelayLine<string>((items) => {
      got.push(...items);
      if (got.length === 4) resolve();
    });
    const now = performance.now();
    line.push('late', now + 40);
    line.push('soon', now + 20);
    line.push('soon too', now + 20);
    line.push('now', now);
    line.run();
    expect(got).toEqual(['now']);
  });
  expect(got).toEqual(['now', 'soon', 'soon too', 'late']);
});

it('reads a line of the connection tracking table', () => {
  const line =
    'tcp      6 431999 ESTABLISHED src=192.0.2.20 dst=198.51.100.30 sport=4000 dport=4500 src=198.51.100.30 dst=192.0.2.20 sport=4500 dport=4000 [ASSURED] mark=0 use=1';
  expect(parseConntrackLine(line)).toMatchObject({
    protocol: 'tcp',
    state: 'ESTABLISHED',
    source: '192.0.2.20',
    destination: '198.51.100.30',
    sourcePort: 4000,
    destinationPort: 4500,
  });
});
