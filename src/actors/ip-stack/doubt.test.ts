import { expect, it } from 'vitest';
import { TestHost } from '../../../test/support/test-host.ts';
import { type Ip4, type Mac, parseIp4 } from '../../wire/address.ts';
import { ArpOperation } from '../../wire/arp.ts';
import { buildArpFrame } from '../../wire/build.ts';
import { parseFrame } from '../../wire/frame.ts';
import { buildIp4, IpProtocol } from '../../wire/ipv4.ts';
import { IpStackLayer } from './layer.ts';
import { FIRST_PROBE_DELAY_US } from './neighbours.ts';

const ip = (text: string): Ip4 => parseIp4(text) as Ip4;
const OWN_MAC: Mac = 0x0200_0000_0001;
const PEER_MAC: Mac = 0x0200_0000_0002;
const OWN = ip('10.2.0.21');
const PEER = ip('10.2.0.20');

it('MUST-20: a neighbour is asked anew when whoever sent by way of it doubts that it is there', () => {
  const host = new TestHost();
  host.attach(new IpStackLayer(host, '2104', { interface: { address: OWN, prefixLength: 24, mac: OWN_MAC } }));
  host.start();
  const arp = { operation: ArpOperation.REPLY, senderMac: PEER_MAC, senderIp: PEER, targetMac: OWN_MAC, targetIp: OWN };
  host.injectBytes('lower', buildArpFrame({ ethernet: { destination: OWN_MAC, source: PEER_MAC }, arp }));
  const bytes = buildIp4({ source: OWN, destination: PEER, protocol: IpProtocol.TCP }, new Uint8Array(20));
  host.injectBytes('upper', bytes);
  host.injectBytes('lower', buildArpFrame({ ethernet: { destination: OWN_MAC, source: PEER_MAC }, arp }));
  host.injectBytes('upper', bytes);
  const asked = () => host.sentOn('lower').filter((frame) => parseFrame(frame.bytes).arp?.targetIp === PEER).length;
  const before = asked();
  host.injectBytes('upper', bytes);
  expect(asked()).toBe(before);
  host.inject('upper', { ...host.frame(bytes), doubt: true });
  host.advance(FIRST_PROBE_DELAY_US);
  expect(asked()).toBe(before + 1);
});
