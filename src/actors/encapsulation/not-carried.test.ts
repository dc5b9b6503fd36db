import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { AS_GATEWAY, Processing, S31, T21, T22 } from '../../../test/support/encapsulation.ts';
import { BROADCAST_MAC } from '../../wire/address.ts';
import { ArpOperation } from '../../wire/arp.ts';
import { buildArpFrame, buildIcmpFrame, buildTcpFrame, buildUdpFrame } from '../../wire/build.ts';
import { IcmpType } from '../../wire/icmp.ts';
import { Flag } from '../../wire/tcp.ts';
import type { Identity } from '../services.ts';
import { ARP_ASKERS_MAX, ARP_QUESTIONS_MAX } from './arp-proxy.ts';
import { EncapsulationLayer } from './layer.ts';

function asks(from: Identity, targetIp: number, operation: number = ArpOperation.REQUEST): Uint8Array {
  return buildArpFrame({
    ethernet: { destination: BROADCAST_MAC, source: from.mac },
    arp: { operation, senderMac: from.mac, senderIp: from.address, targetMac: 0, targetIp },
  });
}

const found = { kind: 'found', address: S31.address, mac: S31.mac };

describe('encapsulation processing, ARP', () => {
  it('asks on intranet 3 and answers with the true address of whom it finds there', () => {
    const p = new Processing();
    p.host.injectBytes('application', asks(T21, S31.address));
    expect(p.sought).toEqual([S31.address]);
    expect(p.frames).toEqual([]);
    p.host.inject('neighbours', found);
    expect(p.frames).toMatchObject([
      {
        ethernet: { source: S31.mac, destination: T21.mac },
        arp: {
          operation: ArpOperation.REPLY,
          senderIp: S31.address,
          senderMac: S31.mac,
          targetIp: T21.address,
          targetMac: T21.mac,
        },
      },
    ]);
  });

  it('asks once for several, and tells each', () => {
    const p = new Processing();
    for (const terminal of [T21, T22, T21]) p.host.injectBytes('application', asks(terminal, S31.address));
    expect(p.sought).toEqual([S31.address]);
    p.host.inject('neighbours', found);
    expect(p.frames.map(({ ethernet }) => ethernet.destination)).toEqual([T21.mac, T22.mac]);
  });

  it('says nothing for a host that is not there', () => {
    const p = new Processing();
    p.host.injectBytes('application', asks(T21, S31.address));
    p.host.inject('neighbours', { kind: 'not-found', address: S31.address });
    p.host.inject('neighbours', found);
    expect(p.frames).toEqual([]);
    p.host.injectBytes('application', asks(T21, S31.address));
    expect(p.sought).toHaveLength(2);
  });

  it('keeps so many questions and askers, and no more', () => {
    const p = new Processing();
    for (let n = 0; n <= ARP_QUESTIONS_MAX; n++) p.host.injectBytes('application', asks(T21, S31.address + n));
    expect(p.sought).toHaveLength(ARP_QUESTIONS_MAX);
    const asker = (n: number) => ({ address: T22.address + n, mac: T22.mac + n });
    for (let n = 0; n < ARP_ASKERS_MAX; n++) p.host.injectBytes('application', asks(asker(n), S31.address));
    expect(p.host.dropReasons()).toEqual(['queue-full', 'queue-full']);
  });
});

describe('encapsulation processing, what it does not carry', () => {
  const ethernet = { source: T21.mac, destination: S31.mac };
  const ip = { source: T21.address, destination: S31.address };
  const tcp = { sourcePort: 5, destinationPort: 80, seq: 1, flags: Flag.SYN, window: 1 };
  const echo = { type: IcmpType.ECHO_REQUEST, code: 0, identifier: 1, sequence: 1 };

  it.each([
    ['a TCP segment that no driver has ended', buildTcpFrame({ ethernet, ip, tcp }, new Uint8Array(0))],
    ['UDP', buildUdpFrame({ ethernet, ip, udp: { sourcePort: 1, destinationPort: 2 } }, new Uint8Array(3))],
    ['a ping', buildIcmpFrame({ ethernet, ip, icmp: echo }, new Uint8Array(8))],
    ['an announcement', asks(T21, T21.address)],
    ['an ARP answer', asks(T21, S31.address, ArpOperation.REPLY)],
  ])('%s is dropped and counted', (_, frame) => {
    const p = new Processing();
    p.host.injectBytes('application', frame);
    expect(p.host.dropReasons()).toEqual(['not-carried']);
    expect([p.frames, p.sought, p.asked('connect')]).toEqual([[], [], []]);
  });

  it('broken frames, those of no single sender, and all while it is stopped', () => {
    const p = new Processing();
    p.host.injectBytes('application', Uint8Array.of(1, 2));
    p.host.injectBytes('application', asks({ ...T21, mac: BROADCAST_MAC }, S31.address));
    p.host.stop();
    p.host.injectBytes('application', asks(T21, S31.address));
    expect(p.host.dropReasons()).toEqual(['malformed', 'bad-source', 'stopped']);
  });
});

layerCompliance(
  'encapsulation that is asked by ARP',
  (host) => new EncapsulationLayer(host, '3001B', AS_GATEWAY),
  [
    { port: 'application', frame: asks(T21, S31.address) },
    { port: 'application', frame: asks(T22, S31.address) },
    { port: 'neighbours', message: found },
    { port: 'application', frame: asks(T22, T21.address) },
  ],
  { framePorts: ['application'] },
);
