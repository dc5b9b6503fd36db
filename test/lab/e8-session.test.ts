import { describe, expect, it } from 'vitest';
import { OLD_KEYS_MS } from '../../src/actors/records/record-session.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { ping, startTransfer, transfer } from '../../src/lab/traffic.ts';
import { u16 } from '../../src/wire/bytes.ts';
import { parseHairpin } from '../../src/wire/hairpin.ts';
import { controls, isControl, SECOND_US, upLab } from './support.ts';

const MINUTE_US = 60 * SECOND_US;
const EPOCH_AT = 8;

/** What records lost on the way between SSL and its cipher would leave behind. */
function expectNothingLost(lab: Lab): void {
  for (const reason of ['bad-tag', 'cipher-lost', 'cipher-refused', 'cipher-unasked'])
    expect(lab.drops()).not.toHaveProperty(reason);
}

describe.each(['e8', 'e8-mirrored', 'e8-both'])('a session of %s', (topology) => {
  it('is torn down in order and set up again: the engine forgets its keys and gets new ones', () => {
    const lab = upLab(topology);
    ping(lab);
    const engines = lab.capture(['M20', 'M30'], ({ bytes }) => isControl(bytes));
    lab.tell('gateway30', '3001A', 'disconnect', { peer: 'gateway20' });
    lab.run(20 * SECOND_US);
    expect(ping(lab).rtts_us).toEqual([]);
    const stopped = ['M20', 'M30'].flatMap((place) => controls(engines, place, 'stopped'));
    expect(stopped.length).toBe(topology === 'e8-both' ? 2 : 1);
    lab.tell('gateway30', '3001A', 'connect', { peer: 'gateway20' });
    expect(lab.until(() => lab.isUp, MINUTE_US)).toBe(true);
    expect(ping(lab).rtts_us).toHaveLength(1);
    expect(['M20', 'M30'].flatMap((place) => controls(engines, place, 'started')).length).toBe(stopped.length);
  });

  it('is renewed while bytes flow: both sets of keys are with the engine for a while, nothing is lost', () => {
    const lab = upLab(topology);
    ping(lab);
    const engines = lab.capture(['M20', 'M30'], ({ bytes }) => isControl(bytes));
    const running = startTransfer(lab, { bytes: 1_000_000 });
    lab.run(30_000);
    lab.tell('gateway30', '3001A', 'renew', { peer: 'gateway20' });
    expect(lab.until(() => running.isOver, MINUTE_US)).toBe(true);
    running.end();
    expect(running.result()).toMatchObject({ complete: true, intact: true, retransmissions: 0 });
    lab.run((OLD_KEYS_MS + 1_000) * 1_000);
    expect(ping(lab).rtts_us).toHaveLength(1);
    const of = (kind: 'start' | 'stop') => ['M20', 'M30'].flatMap((place) => controls(engines, place, kind)).length;
    expect([of('start'), of('stop')]).toEqual(topology === 'e8-both' ? [2, 2] : [1, 1]);
    expectNothingLost(lab);
  });

  it('moves on to new epochs at 2 % loss: the engine finds their keys itself', () => {
    const lab = upLab(topology, { limits: { rekeyAfter_us: 3 * SECOND_US, rekeyLeastRecords: 8 } });
    const epochs = new Set<number>();
    for (const place of ['M20', 'M30'])
      lab.tap(place, ({ bytes }) => {
        const hairpin = isControl(bytes) ? parseHairpin(bytes) : undefined;
        if (hairpin?.ok) epochs.add(u16(hairpin.record, EPOCH_AT));
      });
    lab.cables.W3.impair({ loss: 0.02, rate_bps: 600_000 });
    const moved = transfer(lab, { bytes: 1_200_000, limit_us: 10 * MINUTE_US });
    expect(moved).toMatchObject({ complete: true, intact: true });
    expect(epochs.size).toBeGreaterThanOrEqual(2);
    expectNothingLost(lab);
  });
});
