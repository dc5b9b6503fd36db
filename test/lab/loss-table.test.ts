import { describe, expect, it } from 'vitest';
import { lossTable, lossTableText } from '../../src/lab/loss-table.ts';

/**
 * Goodput in Mbit/s of one transfer from terminal to server over 50 Mbit/s, on virtual time from one seed. Where a change to TCP moves it,
 * look at the numbers, then write it anew with `npx vitest run test/lab/loss-table.test.ts -u`.
 */
describe('loss table', () => {
  it('is what it was: embodiments 2 and 4 against TCP over TCP', { timeout: 240_000 }, async () => {
    const rows = lossTable({ seed: 1, bytes: 2_000_000, limit_us: 30_000_000 });
    await expect(`${lossTableText(rows)}\n`).toMatchFileSnapshot('loss-table.txt');
    for (const { goodput_bps, loss, rtt_ms } of rows) {
      const where = `RTT ${rtt_ms} ms, loss ${loss}`;
      expect(goodput_bps.e2, where).toBeGreaterThan(0.95 * goodput_bps['tcp-over-tcp']);
      expect(Math.abs(goodput_bps.e2 - goodput_bps.e4) / goodput_bps.e2, where).toBeLessThan(0.05);
      if (loss > 0 && loss <= 0.01 && rtt_ms >= 20)
        expect(goodput_bps.e2, where).toBeGreaterThan(1.1 * goodput_bps['tcp-over-tcp']);
    }
  });
});
