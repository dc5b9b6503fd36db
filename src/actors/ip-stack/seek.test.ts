import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { ip4 } from '../../../test/support/lab.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { ArpOperation } from '../../wire/arp.ts';
import { buildArpFrame } from '../../wire/build.ts';
import type { FindAnswer } from '../services.ts';
import { IpStackLayer } from './layer.ts';
import { NEIGHBOUR_RETRY_US, NEIGHBOURS_HEARD_MAX } from './neighbours.ts';

const OWN = { address: ip4('10.2.0.30'), prefixLength: 24, mac: 0x0200_0000_0030 };
const PEER = ip4('10.2.0.31');
const PEER_MAC = 0x0200_0000_0031;

function started(): TestHost {
  const host = new TestHost();
  host.attach(new IpStackLayer(host, '3005', { interface: OWN }));
  host.start();
  host.outputs.length = 0;
  return host;
}

const find = (address: number) => ({ kind: 'find', address });
const told = (host: TestHost) => host.sentOn<FindAnswer>('neighbours');

function answer(): Uint8Array {
  return buildArpFrame({
    ethernet: { destination: OWN.mac, source: PEER_MAC },
    arp: {
      operation: ArpOperation.REPLY,
      senderMac: PEER_MAC,
      senderIp: PEER,
      targetMac: OWN.mac,
      targetIp: OWN.address,
    },
  });
}

describe('where a host of the network is', () => {
  it('is told when it has answered, once for several questions, and at once when it is known', () => {
    const host = started();
    host.inject('neighbours', find(PEER));
    host.inject('neighbours', find(PEER));
    expect(host.sentOn('lower')).toHaveLength(1);
    host.injectBytes('lower', answer());
    const found = { kind: 'found', address: PEER, mac: PEER_MAC };
    expect(told(host)).toEqual([found]);
    host.inject('neighbours', find(PEER));
    expect(told(host)).toEqual([found, found]);
  });

  it('is told also after the neighbour was not heard for long', () => {
    const host = started();
    host.inject('neighbours', find(PEER));
    host.injectBytes('lower', answer());
    host.advance(31_000_000);
    host.inject('neighbours', find(PEER));
    expect(told(host)).toHaveLength(2);
    host.advance(5_000_000);
    expect(host.sentOn('lower')).toHaveLength(2);
  });

  it('is not known of one that does not answer, of ourselves, of another network, of everybody', () => {
    const host = started();
    host.inject('neighbours', find(PEER));
    host.advance(3 * NEIGHBOUR_RETRY_US);
    for (const address of [OWN.address, ip4('192.0.2.1'), ip4('10.2.0.255')]) host.inject('neighbours', find(address));
    expect(told(host).map(({ kind, address }) => [kind, address])).toEqual([
      ['not-found', PEER],
      ['not-found', OWN.address],
      ['not-found', ip4('192.0.2.1')],
      ['not-found', ip4('10.2.0.255')],
    ]);
  });

  it('is not asked for beyond a bound, so that our own packets still find their way', () => {
    const host = new TestHost();
    host.attach(new IpStackLayer(host, '3005', { interface: { ...OWN, prefixLength: 16 } }));
    host.start();
    for (let last = 0; last < NEIGHBOURS_HEARD_MAX + 3; last++) host.inject('neighbours', find(ip4('10.2.1.0') + last));
    expect(told(host)).toHaveLength(3);
    expect(new Set(told(host).map(({ kind }) => kind))).toEqual(new Set(['not-found']));
  });
});

layerCompliance(
  'ip-stack that is asked for neighbours',
  (host) => new IpStackLayer(host, '3005', { interface: OWN }),
  [
    { port: 'neighbours', message: find(PEER) },
    { port: 'neighbours', message: find(PEER + 1) },
    { port: 'lower', frame: answer() },
    { port: 'neighbours', message: find(PEER) },
    { wait_us: 5 * NEIGHBOUR_RETRY_US },
  ],
  { framePorts: ['upper', 'lower'] },
);
