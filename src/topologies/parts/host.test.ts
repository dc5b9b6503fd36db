import { describe, expect, it } from 'vitest';
import { ip4, labMac, TestLab } from '../../../test/support/lab.ts';
import { PatternCheck } from '../../actors/test-application/pattern.ts';
import type { Impairments } from '../../transport/cable.ts';
import { parseFrame } from '../../wire/frame.ts';
import { Flag } from '../../wire/tcp.ts';
import { firewall } from './firewall.ts';
import { host } from './host.ts';
import { hub } from './hub.ts';

const BYTES = 400_000;
const SEED = 11;
const WAN = { address: ip4('10.2.0.1'), prefixLength: 24, mac: labMac(0x331) };
const LAN = { address: ip4('10.3.0.1'), prefixLength: 24, mac: labMac(0x332) };
const OUT = { address: ip4('10.2.0.20'), prefixLength: 24, mac: labMac(0x20), gateway: WAN.address };
const IN = { address: ip4('10.3.0.30'), prefixLength: 24, mac: labMac(0x30), gateway: LAN.address };
const TEN_MINUTES_US = 600_000_000;

/** A host behind firewall 33, one before it; TCP may be opened from the inside only. */
function network(impairments: Partial<Impairments>, seed = 1, wanMtu = 1500) {
  const lab = new TestLab({ seed });
  const check = new PatternCheck(SEED);
  const services = [
    { port: 80, bytes: BYTES, seed: SEED },
    { port: 81, bytes: 0, seed: 0 },
  ];
  const outside = host(lab.world, 'outside', { numeral: '21', interface: OUT, services, onData: check.watch });
  const inside = host(lab.world, 'inside', { numeral: '31', interface: IN, services, onData: check.watch });
  const hub22 = hub(lab.world, 'hub 22', { bridge: '224', ports: ['221', '223'] });
  const firewall33 = firewall(lab.world, 'firewall 33', {
    numeral: '33',
    sides: [
      { name: 'lan', interface: LAN },
      { name: 'wan', interface: WAN, mtu: wanMtu },
    ],
    rules: [{ from: 'lan', allow: true }],
  });
  lab.cable('W1', [outside, '2113'], [hub22, '221']);
  const w3 = lab.cable('W3', [hub22, '223'], [firewall33, '332'], impairments);
  lab.cable('W6', [firewall33, '331'], [inside, '3113']);
  for (const device of [hub22, firewall33, outside, inside]) device.start();
  const order = (device: typeof inside, name: 'fetch' | 'push', to: number, port: number) => {
    const data = { connection: name, destination: to, port, ...(name === 'push' && { bytes: BYTES, seed: SEED }) };
    device.input({ kind: 'event', layer: device === inside ? '3101' : '2101', name, data });
  };
  return { lab, check, outside, inside, firewall33, hub22, w3, order };
}

describe('hosts on both sides of a firewall', () => {
  it.each([
    ['a clean path', { delay_us: 10_000 }],
    ['a lossy path', { delay_us: 5_000, loss: 0.02 }],
    [
      'every impairment',
      { delay_us: 5_000, rate_bps: 50_000_000, loss: 0.01, reorder: 0.02, duplicate: 0.02, corrupt: 0.01 },
    ],
  ])('fetch and push over %s without a wrong byte', (_, impairments) => {
    const { lab, check, inside, outside, firewall33, order } = network(impairments);
    order(inside, 'fetch', OUT.address, 80);
    order(inside, 'push', OUT.address, 81);
    lab.run(TEN_MINUTES_US);
    expect(lab.notes(inside, 'transfer')).toHaveLength(2);
    for (const note of lab.notes(inside, 'transfer')) expect(note).toMatchObject({ bytes: BYTES, reason: 'normal' });
    expect([...check.good.values()]).toEqual([BYTES, BYTES]);
    expect(check.broken.size).toBe(0);
    const invalid = lab.drops(firewall33).filter((drop) => drop.includes('state-invalid'));
    if (!('reorder' in impairments) && !('corrupt' in impairments)) expect(invalid).toEqual([]);
    for (const device of [inside, outside])
      expect(device.save().timers.filter(([layer]) => /0[12]$/.test(layer))).toEqual([]);
  });

  it('opens nothing from the outside, and says nothing about it', () => {
    const { lab, outside, inside, firewall33, order, w3 } = network({});
    const seen: string[] = [];
    w3.tap((direction, _time_us, bytes) => {
      const { tcp, icmp } = parseFrame(bytes);
      if (tcp !== undefined || icmp !== undefined)
        seen.push(`${direction} ${tcp?.flags === Flag.SYN ? 'SYN' : 'other'}`);
    });
    order(outside, 'fetch', IN.address, 80);
    lab.run(TEN_MINUTES_US);
    expect(lab.notes(outside, 'transfer')).toMatchObject([{ bytes: 0, reason: 'timed-out' }]);
    expect(new Set(seen)).toEqual(new Set(['ab SYN']));
    expect(lab.drops(firewall33)).toContain('3301 filtered');
    expect(lab.notes(inside, 'transfer')).toEqual([]);
  });

  it('ping through it from the inside only', () => {
    const { lab, outside, inside } = network({ delay_us: 2_500 });
    const ping = (device: typeof inside, layer: string, destination: number) =>
      device.input({ kind: 'event', layer, name: 'ping', data: { destination, id: 1, seq: 1 } });
    ping(inside, '3103P', OUT.address);
    ping(outside, '2103P', IN.address);
    lab.run(TEN_MINUTES_US);
    expect(lab.notes(inside, 'pong')).toHaveLength(1);
    expect(lab.notes(outside, 'ping-lost')).toHaveLength(1);
  });

  it('tell a connecting application that nobody is there, or nobody listens', () => {
    const { lab, inside, order } = network({});
    order(inside, 'fetch', OUT.address, 99);
    lab.run(1_000_000);
    expect(lab.notes(inside, 'transfer')).toMatchObject([{ reason: 'refused' }]);
    order(inside, 'push', ip4('10.3.0.99'), 99);
    lab.run(TEN_MINUTES_US);
    expect(lab.notes(inside, 'transfer')).toHaveLength(2);
  });

  it('find out how long packets may be on the way', () => {
    const { lab, check, inside, w3, order } = network({ delay_us: 1_000 }, 1, 1400);
    const lengths = new Set<number>();
    w3.tap((direction, _time_us, bytes) => direction === 'ba' && lengths.add(bytes.length));
    order(inside, 'push', OUT.address, 81);
    lab.run(TEN_MINUTES_US);
    expect(lab.notes(inside, 'transfer')).toMatchObject([{ bytes: BYTES, reason: 'normal' }]);
    expect([...check.good.values()]).toEqual([BYTES]);
    expect(Math.max(...lengths)).toBe(14 + 1400);
  });

  it('do the same again with the same seed', () => {
    const run = (seed: number) => {
      const { lab, inside, order } = network({ delay_us: 3_000, loss: 0.02 }, seed);
      order(inside, 'fetch', OUT.address, 80);
      lab.run(TEN_MINUTES_US);
      return JSON.stringify([lab.notes(inside, 'transfer'), lab.records.length]);
    };
    expect(run(3)).toBe(run(3));
    expect(run(3)).not.toBe(run(4));
  });
});
