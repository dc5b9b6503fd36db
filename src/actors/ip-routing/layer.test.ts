import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { type Ip4, parseIp4 } from '../../wire/address.ts';
import { buildTcpFrame, buildUdpFrame } from '../../wire/build.ts';
import { put16 } from '../../wire/bytes.ts';
import { IcmpType, parseIcmp, UnreachableCode } from '../../wire/icmp.ts';
import { buildIcmp6, Icmp6Type, ParameterCode, parseIcmp6, Unreachable6Code } from '../../wire/icmp6.ts';
import { linkLocalOf } from '../../wire/ip-address.ts';
import { buildIp4, type Ip4View, parseIp4Packet } from '../../wire/ipv4.ts';
import { writeIp6 } from '../../wire/ipv6.ts';
import { Flag } from '../../wire/tcp.ts';
import type { Frame } from '../frame.ts';
import { buildIcmpPacket, ICMP_ERRORS_BURST } from '../icmp-error.ts';
import { IpRoutingLayer, type IpRoutingOptions } from './layer.ts';

const ip = (text: string): Ip4 => parseIp4(text) as Ip4;
const OWN = ip('10.2.0.20');
const OWN_2 = ip('10.3.0.20');
const PEER = ip('10.2.0.21');
const FAR = ip('192.0.2.1');
const LAN = { port: 'lower', interface: { address: OWN, prefixLength: 24, mac: 1, gateway: ip('10.2.0.1') } };
const LAN_2 = { port: 'lower2', interface: { address: OWN_2, prefixLength: 24, mac: 2, gateway: ip('10.3.0.1') } };
const ETHERNET = { destination: 1, source: 2 };
const ETHERNET_BYTES = 14;

function started(options: Partial<IpRoutingOptions> = {}): TestHost {
  const host = new TestHost();
  host.attach(new IpRoutingLayer(host, '2004', { lowers: [LAN], ...options }));
  host.start();
  return host;
}

function tcp(destination: Ip4, destinationPort: number, source = PEER): Uint8Array {
  const fields = { sourcePort: 5, destinationPort, seq: 1, flags: Flag.SYN, window: 1 };
  return buildTcpFrame({ ethernet: ETHERNET, ip: { source, destination }, tcp: fields }, new Uint8Array(0)).subarray(
    ETHERNET_BYTES,
  );
}

function udp(destination: Ip4, source = PEER): Uint8Array {
  const fields = { sourcePort: 5, destinationPort: 53 };
  return buildUdpFrame({ ethernet: ETHERNET, ip: { source, destination }, udp: fields }, new Uint8Array(4)).subarray(
    ETHERNET_BYTES,
  );
}

function errorAbout(packet: Uint8Array): Uint8Array {
  const fields = { type: IcmpType.UNREACHABLE, code: UnreachableCode.PORT };
  return buildIcmpPacket({ source: PEER, destination: OWN }, fields, packet.subarray(0, 28));
}

function codesSent(host: TestHost, port = 'lower'): number[] {
  return host.sentOn(port).map(({ bytes }: Frame) => {
    const header = parseIp4Packet(bytes, 0, bytes.length) as Ip4View;
    const icmp = parseIcmp(bytes, header.headerEnd, header.end);
    return icmp.ok && header.protocol === 1 ? icmp.code : -1;
  });
}

describe('IP routing', () => {
  it('hands segments to the TCP that owns the port, all others to the default one', () => {
    const host = started({
      uppers: [
        { port: 'tcp', protocol: 6 },
        { port: 'tcp1003', protocol: 6, localPorts: [1003] },
        { port: 'udp', protocol: 17 },
      ],
    });
    for (const port of [80, 1003, 81]) host.injectBytes('lower', tcp(OWN, port));
    host.injectBytes('lower', udp(OWN));
    expect(host.sentOn('tcp')).toHaveLength(2);
    expect(host.sentOn('tcp1003')).toHaveLength(1);
    expect(host.sentOn('udp')).toHaveLength(1);
  });

  it('hands segments of a host to the TCP that alone speaks with it, and errors about such segments too', () => {
    const host = started({
      uppers: [
        { port: 'tcp', protocol: 6, remotes: [FAR] },
        { port: 'tcpB', protocol: 6 },
      ],
    });
    host.injectBytes('lower', tcp(OWN, 80, FAR));
    host.injectBytes('lower', errorAbout(tcp(FAR, 443, OWN)));
    expect([host.sentOn('tcp').length, host.sentOn('tcpB').length]).toEqual([2, 0]);
    host.injectBytes('lower', tcp(OWN, 80));
    host.injectBytes('lower', errorAbout(tcp(PEER, 443, OWN)));
    expect([host.sentOn('tcp').length, host.sentOn('tcpB').length]).toEqual([2, 2]);
  });

  it('binds a user to an IP stack: it gets what comes from there and sends only there', () => {
    const host = started({
      lowers: [LAN, { port: 'lowerB' }],
      uppers: [
        { port: 'tcp', protocol: 6 },
        { port: 'tcpB', protocol: 6, lower: 'lowerB' },
      ],
    });
    host.injectBytes('lower', tcp(OWN, 80));
    host.injectBytes('lowerB', tcp(FAR, 80));
    host.injectBytes('lowerB', errorAbout(tcp(PEER, 443, FAR)));
    expect([host.sentOn('tcp').length, host.sentOn('tcpB').length]).toEqual([1, 2]);
    host.injectBytes('tcp', tcp(PEER, 80, OWN));
    host.injectBytes('tcpB', tcp(PEER, 80, FAR));
    expect([host.sentOn('lower').length, host.sentOn('lowerB').length]).toEqual([1, 1]);
  });

  it('hands an ICMP error to the owner of the packet that it quotes, other ICMP to its own port', () => {
    const host = started();
    host.injectBytes('lower', errorAbout(tcp(PEER, 80, OWN)));
    host.injectBytes('lower', errorAbout(udp(PEER, OWN)));
    host.injectBytes(
      'lower',
      buildIcmpPacket({ source: PEER, destination: OWN }, { type: 0, code: 0 }, new Uint8Array(4)),
    );
    expect(host.sentOn('tcp')).toHaveLength(1);
    expect(host.sentOn('icmp')).toHaveLength(2);
  });

  it('refuses closed UDP ports and unknown protocols by ICMP, at a limited rate', () => {
    const host = started();
    host.injectBytes('lower', udp(OWN));
    host.injectBytes('lower', buildIp4({ source: PEER, destination: OWN, protocol: 99 }, new Uint8Array(20)));
    host.injectBytes('lower', udp(OWN), 'bad');
    host.injectBytes('lower', udp(ip('10.2.0.255')));
    expect(codesSent(host)).toEqual([UnreachableCode.PORT, UnreachableCode.PROTOCOL]);
    expect(host.dropReasons()).toEqual(['no-listener', 'unknown-protocol', 'bad-checksum', 'no-listener']);
    for (let i = 0; i < ICMP_ERRORS_BURST; i++) host.injectBytes('lower', udp(OWN));
    expect(codesSent(host)).toHaveLength(ICMP_ERRORS_BURST);
  });

  it('chooses the IP stack by network, then by source address, then by default route', () => {
    const host = started({ lowers: [LAN, LAN_2] });
    host.injectBytes('tcp', tcp(PEER, 80, OWN));
    host.injectBytes('tcp', tcp(ip('10.3.0.9'), 80, OWN));
    host.injectBytes('tcp', tcp(FAR, 80, OWN_2));
    host.injectBytes('tcp', tcp(FAR, 80, OWN));
    expect(host.sentOn('lower')).toHaveLength(2);
    expect(host.sentOn('lower2')).toHaveLength(2);
  });

  it('knows when no IP stack leads there', () => {
    const noGateway = (lower: typeof LAN) => ({ ...lower, interface: { ...lower.interface, gateway: undefined } });
    const host = started({ lowers: [noGateway(LAN), noGateway(LAN_2)] as never });
    host.injectBytes('tcp', tcp(FAR, 80, OWN));
    expect(host.dropReasons()).toEqual(['no-route']);
  });

  it('delivers to itself what is for its own address', () => {
    const host = started();
    host.injectBytes('tcp', tcp(OWN, 80, OWN));
    expect(host.sentOn('tcp')).toHaveLength(1);
    expect(host.sentOn('lower')).toHaveLength(0);
  });

  it('drops while stopped, and what is malformed', () => {
    const host = started();
    host.injectBytes('lower', new Uint8Array(3));
    host.injectBytes('tcp', new Uint8Array(30));
    host.stop();
    host.injectBytes('lower', tcp(OWN, 80));
    host.injectBytes('tcp', tcp(PEER, 80, OWN));
    expect(host.dropReasons()).toEqual(['malformed', 'malformed', 'stopped', 'stopped']);
    host.start();
    host.injectBytes('lower', tcp(OWN, 80));
    expect(host.sentOn('tcp')).toHaveLength(1);
  });
});

const IP6 = { addresses: [{ address: '2001:db8::20', prefix: 64 }], gateway: 'fe80::fe' };
const LAN6 = { ...LAN, interface: { ...LAN.interface, ip6: IP6 } };
const LAN6_2 = {
  ...LAN_2,
  interface: { ...LAN_2.interface, ip6: { addresses: [{ address: '2001:db8:1::20', prefix: 64 }] } },
};

/** The first 8 bytes of some transport behind an IPv6 header. */
function packet6(protocol: number, destination: string, source = '2001:db8::21', ports = [5, 80]): Uint8Array {
  const bytes = new Uint8Array(60);
  const at = writeIp6(bytes, 0, { source, destination, nextHeader: protocol }, 20);
  for (const [i, port] of ports.entries()) put16(bytes, at + 2 * i, port);
  return bytes;
}

describe('IP routing over IPv6', () => {
  const OWN6 = '2001:db8::20';

  it('delivers by protocol and port, and ICMPv6 errors to the owner of what they quote', () => {
    const uppers = [
      { port: 'tcp', protocol: 6 },
      { port: 'tcp2', protocol: 6, localPorts: [81] },
    ];
    const host = started({ lowers: [LAN6], uppers });
    host.injectBytes('lower', packet6(6, OWN6));
    host.injectBytes('lower', packet6(6, OWN6, undefined, [5, 81]));
    const ends = { source: '2001:db8::21', destination: OWN6 };
    const quoted = packet6(6, '2001:db8::21', OWN6, [81, 5]);
    host.injectBytes('lower', buildIcmp6(ends, { type: Icmp6Type.UNREACHABLE, code: 4 }, quoted));
    host.injectBytes('lower', buildIcmp6(ends, { type: Icmp6Type.ECHO_REPLY, code: 0 }, new Uint8Array(4)));
    expect(['tcp', 'tcp2', 'icmp'].map((port) => host.sentOn(port).length)).toEqual([1, 2, 1]);
  });

  it('refuses what nobody takes, as RFC 4443 has it', () => {
    const host = started({ lowers: [LAN6] });
    host.injectBytes('lower', packet6(17, OWN6));
    host.injectBytes('lower', packet6(99, OWN6));
    host.injectBytes('lower', packet6(17, 'ff02::1'));
    host.injectBytes('lower', packet6(17, OWN6), 'bad');
    expect(host.dropReasons()).toEqual(['no-listener', 'unknown-protocol', 'no-listener', 'bad-checksum']);
    const errors = host.sentOn<Frame>('lower').map(({ bytes }) => parseIcmp6(bytes, 40, bytes.length));
    expect(errors).toMatchObject([
      { type: Icmp6Type.UNREACHABLE, code: Unreachable6Code.PORT },
      { type: Icmp6Type.PARAMETER_PROBLEM, code: ParameterCode.NEXT_HEADER, word: 6 },
    ]);
  });

  it('chooses the IP stack by network, then by source address, then by default route', () => {
    const host = started({ lowers: [LAN6, LAN6_2] });
    host.injectBytes('tcp', packet6(6, '2001:db8:1::9', OWN6));
    expect(host.sentOn('lower2')).toHaveLength(1);
    host.injectBytes('tcp', packet6(6, 'fe80::9', linkLocalOf(LAN6_2.interface.mac)));
    expect(host.sentOn('lower2')).toHaveLength(2);
    host.injectBytes('tcp', packet6(6, '2001:db8:9::9', '2001:db8:1::20'));
    expect(host.sentOn('lower')).toHaveLength(1);
    host.injectBytes('tcp', packet6(6, '2001:db8:1::20', OWN6));
    expect(host.sentOn('tcp')).toHaveLength(1);
    host.injectBytes('tcp', packet6(6, OWN6).subarray(0, 50));
    expect(host.dropReasons()).toEqual(['malformed']);
  });
});

layerCompliance(
  'ip-routing',
  (host) => new IpRoutingLayer(host, '2004', { lowers: [LAN, LAN_2] }),
  [
    { port: 'lower', frame: tcp(OWN, 80) },
    { port: 'lower', frame: udp(OWN) },
    { port: 'tcp', frame: tcp(FAR, 80, OWN_2) },
    { port: 'lower2', frame: errorAbout(tcp(PEER, 80, OWN)) },
    { port: 'lower', frame: udp(OWN), checksum: 'bad' },
  ],
  { accounts: true },
);
