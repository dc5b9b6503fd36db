import { expect, it } from 'vitest';
import { transfer } from '../../src/lab/traffic.ts';
import { SECOND_US, upLab } from './support.ts';

it('a wait of a quarter of a microsecond (reordering time, RFC 8985) does not make virtual time stand still', () => {
  const lab = upLab('tcp-over-tcp', { seed: 1, path: { delay_us: 50_000, rate_bps: 50_000_000 } });
  lab.cables.W3.impair({ loss: 0.01 });
  expect(transfer(lab, { bytes: 2_000_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
});
