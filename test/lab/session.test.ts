import { describe, expect, it } from 'vitest';
import {
  CONFIRM_EVERY_MS,
  DEAD_AFTER_MS,
  KEEPALIVE_AFTER_MS,
  OLD_KEYS_MS,
} from '../../src/actors/records/record-session.ts';
import type { JournalRecord } from '../../src/actors/tap.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { hangUp, sessionsLeft } from '../../src/lab/run.ts';
import { ping, startTransfer, transfer } from '../../src/lab/traffic.ts';
import { TOPOLOGIES } from '../../src/topologies/topologies.ts';
import { bringUp, isTunnel, newLab, recordNumbers, SECOND_US, SHAPES, upLab } from './support.ts';

const MINUTE_US = 60 * SECOND_US;
const TUNNELS = ['e2', 'e3', 'e3-mirrored', 'e4'];
const CASES = TUNNELS.flatMap((topology) => SHAPES.map((shape) => ({ topology, shape })));

describe.each(CASES)('a session of $topology, F13 $shape', ({ topology, shape }) => {
  it.each(['gateway20', 'gateway30'] as const)(
    'is torn down in order by %s: nothing is left, nothing crosses',
    (gateway) => {
      const lab = upLab(topology, { shape });
      ping(lab);
      expect(hangUp(lab, gateway)).toBe(true);
      lab.run(MINUTE_US);
      expect(ping(lab).rtts_us).toEqual([]);
      // The client dials again and again until its own operator has enough.
      if (gateway === 'gateway20') hangUp(lab, 'gateway30');
      lab.run(3 * MINUTE_US);
      for (const each of ['gateway20', 'gateway30'] as const) expect(leftovers(lab, each)).toEqual([]);
    },
  );

  it('is set up again by the operator after a tear-down', () => {
    const lab = upLab(topology, { shape });
    expect(hangUp(lab, 'gateway30')).toBe(true);
    lab.tell('gateway30', lab.topLabel('gateway30'), 'connect', { peer: 'gateway20' });
    expect(lab.until(() => lab.isUp, MINUTE_US)).toBe(true);
    expect(ping(lab).rtts_us).toHaveLength(1);
  });

  it('ends on both sides when the path is cut, and comes back when it is whole', () => {
    const lab = upLab(topology, { shape });
    ping(lab);
    lab.cables.W3.isCut = true;
    const bothDown = () => carrying(lab) === 0;
    expect(lab.until(bothDown, (DEAD_AFTER_MS + 3 * KEEPALIVE_AFTER_MS) * 1000)).toBe(true);
    lab.cables.W3.isCut = false;
    expect(lab.until(() => lab.isUp, 3 * MINUTE_US)).toBe(true);
    expect(ping(lab, { count: 2 }).rtts_us.length).toBeGreaterThan(0);
    expect(transfer(lab, { bytes: 50_000, limit_us: MINUTE_US })).toMatchObject({ complete: true, intact: true });
  });

  it('lives through ten idle minutes and carries frames after them', () => {
    const lab = upLab(topology, { shape });
    ping(lab);
    const records = lab.capture(['W3'], ({ bytes }) => isTunnel(bytes));
    lab.run(10 * MINUTE_US);
    expect(lab.isUp).toBe(true);
    expect(
      records.flatMap(({ bytes }) => recordNumbers(bytes)).filter((number) => number.startsWith('64:')).length,
    ).toBeLessThan(40);
    expect(ping(lab).rtts_us).toHaveLength(1);
  });

  it('is renewed while bytes flow: new ids, nothing lost', () => {
    const lab = upLab(topology, { shape });
    ping(lab);
    const ids = new Set<string>();
    lab.tap('W3', ({ bytes }) => {
      if (isTunnel(bytes)) for (const number of recordNumbers(bytes)) ids.add(number.split(':')[1].slice(0, 8));
    });
    const running = startTransfer(lab, { bytes: 1_000_000 });
    lab.run(30_000);
    lab.tell('gateway30', lab.topLabel('gateway30'), 'renew', { peer: 'gateway20' });
    expect(lab.until(() => running.isOver, MINUTE_US)).toBe(true);
    running.end();
    expect(running.result()).toMatchObject({ complete: true, intact: true });
    ping(lab, { count: 2 });
    expect(ids.size).toBe(4);
    lab.run((OLD_KEYS_MS + CONFIRM_EVERY_MS) * 1000);
    expect(lab.isUp).toBe(true);
    expect(lab.drops('gateway20', 'gateway30')).not.toHaveProperty('bad-tag');
    expect(ping(lab).rtts_us).toHaveLength(1);
  });

  it('moves on to new epochs while bytes flow, at 2 % loss too', () => {
    const limits = { rekeyAfter_us: 3 * SECOND_US, rekeyLeastRecords: 8 };
    const lab = upLab(topology, { shape, limits });
    const epochs = new Set<string>();
    lab.tap('W3', ({ bytes }) => {
      if (isTunnel(bytes)) for (const number of recordNumbers(bytes)) epochs.add(number.split(':')[1].slice(8, 12));
    });
    lab.cables.W3.impair({ loss: 0.02, rate_bps: 600_000 });
    const moved = transfer(lab, { bytes: 1_200_000, limit_us: 10 * MINUTE_US });
    expect(moved).toMatchObject({ complete: true, intact: true });
    expect(epochs.size).toBeGreaterThanOrEqual(2);
    expect(lab.drops('gateway20', 'gateway30')).not.toHaveProperty('bad-tag');
  });

  it('is replaced when the client starts anew and forgets it', () => {
    const lab = upLab(topology, { shape });
    ping(lab);
    lab.cables.W3.isCut = true;
    lab.tell('gateway30', lab.topLabel('gateway30'), 'disconnect', { peer: 'gateway20' });
    lab.run(20 * SECOND_US);
    lab.cables.W3.isCut = false;
    lab.tell('gateway30', lab.topLabel('gateway30'), 'connect', { peer: 'gateway20' });
    expect(lab.until(() => lab.isUp && sessionsLeft(lab) === 2, 2 * MINUTE_US)).toBe(true);
    expect(ping(lab, { count: 2 }).rtts_us.length).toBeGreaterThan(0);
  });
});

describe.each(['e2', 'e4', 'e8'])('a session of %s', (topology) => {
  it('ends when its numbers are used up, and a new one carries on with the transfer', () => {
    const lab = upLab(topology, { limits: { stopRecords: 60 } });
    const up = notes(lab, 'session-up');
    expect(transfer(lab, { bytes: 150_000, limit_us: 10 * MINUTE_US })).toMatchObject({ complete: true, intact: true });
    expect(up.filter(({ device }) => device === 'gateway20').length).toBeGreaterThanOrEqual(1);
    expect(lab.drops('gateway20', 'gateway30')).not.toHaveProperty('bad-tag');
  });

  it.each(['gateway20', 'gateway30'] as const)(
    'ends at once on both sides when %s drains, and when it is then stopped nothing is left',
    (gateway) => {
      const lab = upLab(topology);
      ping(lab);
      lab.tell(gateway, lab.topLabel(gateway), 'drain');
      expect(lab.until(() => carrying(lab) === 0, 5 * SECOND_US)).toBe(true);
      lab.run(10 * SECOND_US);
      lab.devices[gateway].stop();
      expect(leftovers(lab, gateway).filter((left) => !left.includes('TIME-WAIT'))).toEqual([]);
      expect(ping(lab).rtts_us).toEqual([]);
    },
  );

  it.each(['gateway20', 'gateway30'] as const)(
    'ends on the other side within the dead-peer time when %s stops without a word',
    (gateway) => {
      const lab = upLab(topology);
      ping(lab);
      lab.devices[gateway].stop();
      const other = gateway === 'gateway20' ? 'gateway30' : 'gateway20';
      const limit_us = (DEAD_AFTER_MS + 2 * KEEPALIVE_AFTER_MS) * 1000;
      expect(lab.until(() => lab.status(other).peers[0].state !== 'UP', limit_us)).toBe(true);
      lab.run(10 * SECOND_US);
      expect(leftovers(lab, gateway).filter((left) => !left.includes('TIME-WAIT'))).toEqual([]);
    },
  );
});

describe('refusals', () => {
  it.each(SHAPES)(
    'a listener that is not there: the client is told in bounded time and tries again, F13 %s',
    (shape) => {
      const lab = newLab('e4', { shape, listens: false });
      const closed = notes(lab, 'session-closed');
      lab.start();
      lab.run(2 * MINUTE_US);
      expect(lab.isUp).toBe(false);
      expect(closed.filter(({ device }) => device === 'gateway30').length).toBeGreaterThanOrEqual(2);
      expect(sessionsLeft(lab)).toBeLessThanOrEqual(2);
    },
  );

  it.each([
    ['untrusted', { issuer: 'stranger' }, 'untrusted'],
    ['expired', { validity: 'expired' }, 'expired'],
    ['not yet valid', { validity: 'not-yet-valid' }, 'not-yet-valid'],
    ['revoked', { revoked: true }, 'revoked'],
    ['missing', { certificate: false }, 'no-certificate'],
    ["another peer's", { name: 'gateway40' }, 'wrong-peer'],
    ['TLS 1.2', { protocol: 'TLSv1.2' }, 'protocol-version'],
  ] as const)(
    "a client's certificate that is %s is refused by the server with its reason, and nothing crosses",
    (_what, identity, reason) => {
      const lab = newLab('e2', {}, { identities: { gateway30: identity } });
      const failed = notes(lab, 'ssl-failed');
      lab.start();
      lab.run(30 * SECOND_US);
      expect(lab.isUp).toBe(false);
      expect(
        failed.filter(({ device }) => device === 'gateway20').map(({ data }) => (data as { reason: string }).reason),
      ).toContain(reason);
      expect(ping(lab).rtts_us).toEqual([]);
    },
  );

  it("a server's certificate that is another peer's is refused by the client", () => {
    const lab = newLab('e4', {}, { identities: { gateway20: { name: 'gateway40' } } });
    const failed = notes(lab, 'ssl-failed');
    lab.start();
    lab.run(30 * SECOND_US);
    expect(
      failed.some(({ device, data }) => device === 'gateway30' && (data as { reason: string }).reason === 'wrong-peer'),
    ).toBe(true);
    expect(lab.isUp).toBe(false);
  });
});

describe.each(TOPOLOGIES.map(({ name }) => name))('%s', (topology) => {
  it.each(SHAPES)('has no wrong checksum on any cable, F13 %s', (shape) => {
    const lab = newLab(topology, { shape }, { verifies: true });
    bringUp(lab);
    ping(lab);
    expect(transfer(lab, { bytes: 200_000, limit_us: MINUTE_US })).toMatchObject({ complete: true, intact: true });
    hangUp(lab, 'gateway20');
    expect(lab.drops()).not.toHaveProperty('bad-checksum');
    expect(lab.drops('firewall33')).not.toHaveProperty('state-invalid');
  });
});

function carrying(lab: Lab): number {
  return (['gateway20', 'gateway30'] as const).filter((gateway) => lab.status(gateway).peers[0].state === 'UP').length;
}

/** Machines of sessions, legs and connections that a gateway still has. */
function leftovers(lab: Lab, gateway: string): string[] {
  const lasting = new Set([
    'peer',
    'ip-stack',
    'ip-routing',
    'driver',
    'virtual-nic',
    'mac',
    'phy',
    'bridge',
    'bridge-port',
    'engine',
    'neighbour',
  ]);
  return lab.devices[gateway].layers.flatMap((layer) =>
    layer
      .machines()
      .filter(({ machine }) => !lasting.has(machine.id))
      .map(({ machine, state }) => `${layer.label} ${machine.id} ${state}`),
  );
}

function notes(lab: Lab, name: string): JournalRecord[] {
  const found: JournalRecord[] = [];
  lab.watch((record) => {
    if (record.kind === 'note' && record.name === name) found.push(record);
  });
  return found;
}
