import { describe, expect, it } from 'vitest';
import { goodputCells } from '../../src/lab/compare.ts';
import { goodputText } from '../../src/lab/compare-text.ts';

/**
 * Goodput in Mbit/s of one transfer from terminal to server over 50 Mbit/s, on virtual time from one seed. Where a change to TCP moves it,
 * look at the numbers, then write it anew with `npx vitest run test/lab/loss-table.test.ts -u`.
 */
describe('loss table', () => {
  it('is what it was: embodiments 2 and 4 against TCP over TCP', { timeout: 240_000 }, async () => {
    const topologies = ['e2', 'e4', 'tcp-over-tcp'];
    const cells = [...goodputCells({ topologies, seed: 1, bytes: 2_000_000, limit_us: 30_000_000 })];
    await expect(`${goodputText(cells)}\n`).toMatchFileSnapshot('loss-table.txt');
    const [e2, e4, trueTcp] = topologies.map((name) => cells.filter(({ topology }) => topology === name));
    for (const [at, { goodput_bps, loss, rtt_ms }] of e2.entries()) {
      const where = `RTT ${rtt_ms} ms, loss ${loss}`;
      expect(goodput_bps, where).toBeGreaterThan(0.95 * trueTcp[at].goodput_bps);
      expect(Math.abs(goodput_bps - e4[at].goodput_bps) / goodput_bps, where).toBeLessThan(0.05);
      if (loss > 0 && loss <= 0.01 && rtt_ms >= 20)
        expect(goodput_bps, where).toBeGreaterThan(1.1 * trueTcp[at].goodput_bps);
    }
    expect(cells.every(({ intact }) => intact)).toBe(true);
  });
});
