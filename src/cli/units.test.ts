import { describe, expect, it } from 'vitest';
import { byteCount, duration_us, rate_bps, ratio, wholeNumber } from './units.ts';

describe('units of options', () => {
  it('read what is usual', () => {
    expect([ratio('1%'), ratio('0.1%'), ratio('0.03'), ratio('0')]).toEqual([0.01, 0.001, 0.03, 0]);
    expect([duration_us('20ms'), duration_us('1.5s'), duration_us('500us')]).toEqual([20_000, 1_500_000, 500]);
    expect([rate_bps('100M'), rate_bps('1Gbit'), rate_bps('9600')]).toEqual([1e8, 1e9, 9600]);
    expect([byteCount('10M'), byteCount('1.5kB'), byteCount('7')]).toEqual([1e7, 1500, 7]);
    expect(wholeNumber('7')).toBe(7);
  });

  it.each([
    [ratio, ['101%', '2', '-1%', 'x', '1ms']],
    [duration_us, ['20', '1h', '-1ms', 'ms']],
    [rate_bps, ['fast', '1x', '-5M', '1%']],
    [byteCount, ['1ms', '', 'M']],
    [wholeNumber, ['-1', '1.5', '1e3', '']],
  ])('%o refuses what it cannot read', (read, texts) => {
    for (const text of texts) expect(() => read(text), text).toThrow(/^Give /);
  });
});
