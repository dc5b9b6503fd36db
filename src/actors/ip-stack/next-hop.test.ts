import { describe, expect, it } from 'vitest';
import { TestHost } from '../../../test/support/test-host.ts';
import { type Ip4, parseIp4 } from '../../wire/address.ts';
import { ArpOperation } from '../../wire/arp.ts';
import { buildArpFrame } from '../../wire/build.ts';
import { IpStackLayer } from './layer.ts';

const ip = (text: string): Ip4 => parseIp4(text) as Ip4;
const OWN = { address: ip('10.2.0.21'), prefixLength: 24, mac: 0x0200_0000_0001, gateway: ip('10.2.0.1') };
const ROUTER_MAC = 0x0200_0000_0002;
const PEER_MAC = 0x0200_0000_0003;

function asked(heard: readonly [Ip4, number][], destination: Ip4, gateway?: Ip4 | null) {
  const host = new TestHost();
  const own = gateway === null ? { ...OWN, gateway: undefined } : { ...OWN, ...(gateway && { gateway }) };
  host.attach(new IpStackLayer(host, '2005', { interface: own }));
  host.start();
  for (const [senderIp, senderMac] of heard) {
    const arp = { operation: ArpOperation.REQUEST, senderMac, senderIp, targetMac: 0, targetIp: OWN.address };
    host.injectBytes('lower', buildArpFrame({ ethernet: { destination: OWN.mac, source: senderMac }, arp }));
  }
  host.inject('neighbours', { kind: 'next-hop', name: 'one', destination });
  return host.sentOn('neighbours');
}

describe('the next hop, told to who writes F11 himself', () => {
  const heard: readonly [Ip4, number][] = [
    [OWN.gateway, ROUTER_MAC],
    [ip('10.2.0.20'), PEER_MAC],
  ];

  it.each([
    ['a host of the own network', ip('10.2.0.20'), undefined, PEER_MAC],
    ['everybody else, by way of the gateway', ip('192.0.2.1'), undefined, ROUTER_MAC],
    ['nobody knows yet', ip('10.2.0.77'), undefined, undefined],
    ['a network without a way', ip('192.0.2.1'), null, undefined],
    ['a gateway that is ourselves', ip('192.0.2.1'), OWN.address, undefined],
  ])('%s', (_, destination, gateway, nextHop) => {
    expect(asked(heard, destination, gateway)).toEqual([{ kind: 'next-hop', name: 'one', own: OWN.mac, nextHop }]);
  });
});
