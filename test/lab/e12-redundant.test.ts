import { describe, expect, it } from 'vitest';
import { ECHO_HOLD_US } from '../../src/actors/sites/stations.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { toHex } from '../../src/wire/bytes.ts';
import { arpRequest, holdsRecords, sends, serverOf, TERMINAL, userFrame } from './several.ts';
import { SECOND_US, SHAPES, upLab } from './support.ts';

const SERVER = serverOf(3);

describe.each(SHAPES)('two relays to one far site, F13 %s', (shape) => {
  it('a frame goes through both, and arrives once; none comes back', () => {
    const lab = upLab('e12-redundant', { shape });
    ping(lab);
    lab.run(SECOND_US);
    const wire = lab.capture(['W2'], ({ way, bytes }) => way === 'ba' && holdsRecords(bytes));
    const seen = lab.capture(['W1', 'W6']);
    sends(lab, TERMINAL, userFrame(TERMINAL, SERVER));
    sends(lab, TERMINAL, arpRequest(TERMINAL, 0x0a09_00fe));
    lab.run(5 * SECOND_US);
    expect(wire).toHaveLength(4);
    const sent = [userFrame(TERMINAL, SERVER), arpRequest(TERMINAL, 0x0a09_00fe)].map((bytes) => toHex(bytes));
    expect(seen.filter(({ place }) => place === 'W6').map(({ bytes }) => toHex(bytes))).toEqual(sent);
    expect(seen.filter(({ place }) => place === 'W1').map(({ bytes }) => toHex(bytes))).toEqual(sent);
    expect(lab.drops('gateway30')['loop-guard']).toBeGreaterThanOrEqual(2);
  });

  it('when one relay is cut off, frames go by the other after a while, within one transfer', () => {
    const lab = upLab('e12-redundant', { shape });
    ping(lab);
    for (const [cut, whole] of [
      ['W8', 'W18'],
      ['W18', 'W8'],
    ] as const) {
      lab.cables[cut].isCut = true;
      const sent = transfer(lab, { bytes: 200_000, limit_us: 60 * SECOND_US });
      expect(sent).toMatchObject({ complete: true, intact: true });
      expect(sent.time_us).toBeLessThan(10 * ECHO_HOLD_US);
      lab.cables[cut].isCut = false;
      expect(
        lab.until(() => lab.isUp, 120 * SECOND_US),
        `${whole} alone`,
      ).toBe(true);
    }
  });
});
