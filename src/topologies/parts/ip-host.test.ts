import { describe, expect, it } from 'vitest';
import { ip4, labMac, TestLab } from '../../../test/support/lab.ts';
import { Device } from '../../actors/device.ts';
import { parseFrame } from '../../wire/frame.ts';
import { hub } from './hub.ts';
import { ipHost } from './ip-host.ts';

const TERMINAL = { address: ip4('10.2.0.21'), prefixLength: 24, mac: labMac(0x21) };
const SERVER = { address: ip4('10.2.0.31'), prefixLength: 24, mac: labMac(0x31) };

function twoHosts(delay_us = 1_000) {
  const lab = new TestLab();
  const terminal = new Device(
    lab.world,
    'terminal 21',
    (device) => ipHost(device, '21', { interface: TERMINAL }).layers,
  );
  const server = new Device(lab.world, 'server 31', (device) => ipHost(device, '31', { interface: SERVER }).layers);
  const hub22 = hub(lab.world, 'hub 22', { bridge: '224', ports: ['221', '222', '223'] });
  const w1 = lab.cable('W1', [terminal, '2113'], [hub22, '221'], { delay_us });
  lab.cable('W6', [server, '3113'], [hub22, '222'], { delay_us });
  const seen: string[] = [];
  w1.tap((direction, _time_us, bytes) => seen.push(`${direction} ${kindOf(bytes)}`));
  for (const device of [hub22, server, terminal]) device.start();
  lab.run(10_000);
  return { lab, terminal, server, hub22, seen };
}

function kindOf(bytes: Uint8Array): string {
  const { arp, icmp } = parseFrame(bytes);
  return arp !== undefined ? `arp ${arp.operation}` : `icmp ${icmp?.type}`;
}

describe('two hosts on a hub', () => {
  it('find each other by ARP and ping, on virtual time', () => {
    const { lab, terminal, server, seen } = twoHosts();
    for (const seq of [1, 2]) {
      terminal.input({
        kind: 'event',
        layer: '2103P',
        name: 'ping',
        data: { destination: SERVER.address, id: 1, seq },
      });
      lab.run(100_000);
    }
    expect(lab.notes(terminal, 'pong')).toEqual([
      { destination: SERVER.address, id: 1, seq: 1, rtt_us: 8_000 },
      { destination: SERVER.address, id: 1, seq: 2, rtt_us: 4_000 },
    ]);
    expect(seen).toEqual([
      'ab arp 1',
      'ba arp 1',
      'ab arp 1',
      'ba arp 2',
      'ab icmp 8',
      'ba icmp 0',
      'ab icmp 8',
      'ba icmp 0',
    ]);
    const announcements = ['2104 not-our-address', '3104 not-our-address'];
    expect([...lab.drops(terminal), ...lab.drops(server)].sort()).toEqual(announcements);
  });

  it('tell that a host is not there', () => {
    const { lab, terminal } = twoHosts();
    terminal.input({
      kind: 'event',
      layer: '2103P',
      name: 'ping',
      data: { destination: ip4('10.2.0.99'), id: 1, seq: 1 },
    });
    lab.run(4_000_000);
    expect(lab.notes(terminal, 'ping-lost')).toHaveLength(1);
    expect(lab.drops(terminal)).toContain('2104 neighbour-timeout');
  });

  it('stop: nothing is scheduled any more', () => {
    const { lab, terminal, server, hub22 } = twoHosts();
    terminal.input({
      kind: 'event',
      layer: '2103P',
      name: 'ping',
      data: { destination: SERVER.address, id: 1, seq: 1 },
    });
    lab.run(100_000);
    for (const device of [terminal, server, hub22]) device.stop();
    expect([terminal, server, hub22].flatMap((device) => device.save().timers)).toEqual([]);
  });
});
