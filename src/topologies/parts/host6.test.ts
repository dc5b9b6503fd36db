import { describe, expect, it } from 'vitest';
import { ip4, labMac, TestLab } from '../../../test/support/lab.ts';
import type { Device } from '../../actors/device.ts';
import { PatternCheck } from '../../actors/test-application/pattern.ts';
import type { World } from '../../actors/world.ts';
import { memoryJournal } from '../../journal/memory.ts';
import { verifyJournal } from '../../journal/replay.ts';
import type { Impairments } from '../../transport/cable.ts';
import { checksumVerdict, parseFrame } from '../../wire/frame.ts';
import { Icmp6Type } from '../../wire/icmp6.ts';
import { linkLocalOf } from '../../wire/ip-address.ts';
import { host } from './host.ts';

const BYTES = 300_000;
const SEED = 11;
const SECOND_US = 1_000_000;
const LEFT = '2001:db8::21';
const RIGHT = '2001:db8::31';
const own = (numeral: number, ip6: string) => ({
  address: ip4(`10.2.0.${numeral}`),
  prefixLength: 24,
  mac: labMac(numeral),
  ip6: { addresses: [{ address: ip6, prefix: 64 }] },
});

function hosts(world: World, check = new PatternCheck(SEED), right = RIGHT): [Device, Device] {
  const services = [
    { port: 80, bytes: BYTES, seed: SEED },
    { port: 81, bytes: 0, seed: 0 },
  ];
  const options = { services, onData: check.watch };
  return [
    host(world, 'left', { numeral: '21', interface: own(21, LEFT), ...options }),
    host(world, 'right', { numeral: '31', interface: own(31, right), ...options }),
  ];
}

/** Two hosts on one cable, their addresses asked for. */
function joined(impairments: Partial<Impairments> = {}, rightAddress = RIGHT) {
  const lab = new TestLab();
  lab.begin('two hosts');
  const check = new PatternCheck(SEED);
  const [left, right] = hosts(lab.world, check, rightAddress);
  const cable = lab.cable('W1', [left, '2113'], [right, '3113'], impairments);
  for (const device of [left, right]) device.start();
  lab.run(2 * SECOND_US);
  const ask = (name: 'fetch' | 'push', destination: string, port: number) => {
    const data = {
      connection: `${name} ${destination}`,
      destination,
      port,
      ...(name === 'push' && { bytes: BYTES, seed: SEED }),
    };
    left.input({ kind: 'event', layer: '2101', name, data });
  };
  return { lab, left, right, check, cable, ask };
}

describe('two hosts over IPv6', () => {
  it.each([
    ['a clean cable', { delay_us: 5_000 }],
    ['a bad one', { delay_us: 5_000, loss: 0.01, reorder: 0.02, duplicate: 0.02, corrupt: 0.01 }],
  ])('fetch and push over %s without a wrong byte or a false checksum', (_, impairments) => {
    const { lab, left, check, cable, ask } = joined(impairments);
    const verdicts = new Set<string>();
    const isClean = !('corrupt' in impairments);
    cable.tap((_direction, _time_us, bytes) => isClean && verdicts.add(checksumVerdict(bytes, parseFrame(bytes))));
    ask('fetch', RIGHT, 80);
    ask('push', RIGHT, 81);
    ask('push', linkLocalOf(labMac(31)), 81);
    lab.run(300 * SECOND_US);
    const notes = lab.notes(left, 'transfer');
    expect(notes).toHaveLength(3);
    for (const note of notes) expect(note).toMatchObject({ bytes: BYTES, reason: 'normal' });
    expect([...check.good.values()]).toEqual([BYTES, BYTES, BYTES]);
    expect(check.broken.size).toBe(0);
    if (isClean) expect([...verdicts]).toEqual(['good']);
  });

  it('ping each other, and nobody who is not there', () => {
    const { lab, left } = joined({ delay_us: 1_000 });
    for (const [seq, destination] of [RIGHT, linkLocalOf(labMac(31)), '2001:db8::99', '2001:db8:9::9'].entries()) {
      left.input({ kind: 'event', layer: '2103P', name: 'ping', data: { destination, id: 1, seq } });
    }
    lab.run(6 * SECOND_US);
    expect(lab.notes(left, 'pong')).toMatchObject([
      { seq: 0, rtt_us: 4_000 },
      { seq: 1, rtt_us: 4_000 },
    ]);
    expect(lab.notes(left, 'ping-lost')).toMatchObject([{ seq: 3 }, { seq: 2 }]);
  });

  it('do not both use one address', () => {
    const { lab, left, right } = joined({ delay_us: 1_000 }, LEFT);
    expect(lab.notes(left, 'address-duplicate')).toEqual([{ address: LEFT }]);
    expect(lab.notes(right, 'address-duplicate')).toEqual([{ address: LEFT }]);
  });

  it('leave a journal with readable addresses that replays without payload', () => {
    const { lab, left, right, cable, ask } = joined({ delay_us: 2_000, loss: 0.01 });
    const discovery = new Set<number>();
    cable.tap((_direction, _time_us, bytes) => discovery.add(parseFrame(bytes).icmp6?.type ?? 0));
    ask('push', RIGHT, 81);
    left.input({ kind: 'event', layer: '2103P', name: 'ping', data: { destination: RIGHT, id: 1, seq: 1 } });
    lab.run(120 * SECOND_US);
    for (const device of [left, right]) device.stop();
    expect([...discovery]).toEqual(
      expect.arrayContaining([
        Icmp6Type.NEIGHBOUR_SOLICITATION,
        Icmp6Type.NEIGHBOUR_ADVERTISEMENT,
        Icmp6Type.ECHO_REPLY,
      ]),
    );
    const journal = memoryJournal('inputs');
    for (const record of lab.records) journal.record(record);
    expect(verifyJournal(journal, (_config, world) => hosts(world))).toMatchObject({ equal: true, gaps: 0 });
    const text = JSON.stringify(lab.records.filter(({ kind }) => kind === 'transition' || kind === 'note'));
    expect(text).toContain(`neighbour-${RIGHT}`);
    expect(text).toContain(`"destination":"${RIGHT}"`);
  });
});
