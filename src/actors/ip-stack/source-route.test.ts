import { describe, expect, it } from 'vitest';
import { passHops } from '../../../test/support/ip-hop.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { parseIp4 } from '../../wire/address.ts';
import { buildEthernet, EtherType } from '../../wire/ethernet.ts';
import { IcmpType, parseIcmp, UnreachableCode } from '../../wire/icmp.ts';
import type { SourceRoute } from '../../wire/ip-options.ts';
import { buildIp4, IpProtocol } from '../../wire/ipv4.ts';
import { IpStackLayer } from './layer.ts';

const ip = (text: string): number => parseIp4(text) ?? 0;
const [OWN, PEER, GATEWAY, FAR] = ['10.2.0.21', '10.2.0.20', '10.2.0.1', '10.3.0.31'].map(ip) as [
  number,
  number,
  number,
  number,
];
const MAC = 0x0200_0000_0001;

function started(forwarding = false): TestHost {
  const host = new TestHost();
  const own = { address: OWN, prefixLength: 24, mac: MAC, gateway: GATEWAY };
  host.attach(new IpStackLayer(host, '2104', { interface: own, forwarding }));
  host.start();
  host.outputs.length = 0;
  return host;
}

const packet = (source: number, destination: number, route: SourceRoute): Uint8Array =>
  buildIp4({ source, destination, protocol: IpProtocol.UDP, route }, new Uint8Array(8));
const onLink = (bytes: Uint8Array): Uint8Array =>
  buildEthernet({ destination: MAC, source: 0x0200_0000_0002, etherType: EtherType.IP4 }, bytes);

describe('IP stack, source routes', () => {
  it.each([false, true])('forwards nothing that names it as a hop (forwarding: %s)', (forwarding) => {
    const host = started(forwarding);
    host.injectBytes('lower', onLink(packet(PEER, FAR, { strict: false, hops: [OWN] })));
    expect([...host.sentOn('upper'), ...host.sentOn('lower')]).toEqual([]);
    expect(host.dropReasons()).toEqual(['source-route']);
  });

  it('hands up what has come to the end of its route', () => {
    const host = started();
    host.injectBytes('lower', onLink(passHops(packet(PEER, OWN, { strict: false, hops: [GATEWAY] })).packet));
    expect(host.sentOn('upper')).toHaveLength(1);
  });

  it('sends to the first hop, on a strict route only where it is a neighbour', () => {
    const host = started();
    host.injectBytes('upper', packet(OWN, FAR, { strict: true, hops: [PEER] }));
    host.injectBytes('upper', packet(OWN, PEER, { strict: false, hops: [FAR] }));
    expect(host.dropReasons()).toEqual([]);
    host.injectBytes('upper', packet(OWN, PEER, { strict: true, hops: [FAR] }));
    expect(host.dropReasons()).toEqual(['no-route']);
    const [error] = host.sentOn('upper');
    const code = UnreachableCode.SOURCE_ROUTE_FAILED;
    expect(parseIcmp(error.bytes, 20, error.bytes.length)).toMatchObject({ type: IcmpType.UNREACHABLE, code });
  });
});
