import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { ip4 } from '../../../test/support/lab.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { buildTcpFrame, buildUdpFrame } from '../../wire/build.ts';
import { u16 } from '../../wire/bytes.ts';
import { transportChecksumGood } from '../../wire/checksum.ts';
import { IcmpType, type IcmpView, icmpChecksumGood, icmpQuote, parseIcmp, UnreachableCode } from '../../wire/icmp.ts';
import { type Ip4View, ip4ChecksumGood, parseIp4Packet } from '../../wire/ipv4.ts';
import { Flag, type TcpFields } from '../../wire/tcp.ts';
import type { Frame } from '../frame.ts';
import { buildIcmpPacket } from '../icmp-error.ts';
import { FirewallLayer, type FirewallOptions } from './layer.ts';

const INSIDE = ip4('10.3.0.30');
const NEIGHBOUR = ip4('10.3.0.31');
const OUTSIDE = ip4('192.0.2.20');
const ROUTER_OUTSIDE = ip4('192.0.2.99');
const NAT = ip4('192.0.2.33');
const LAN = { name: 'lan', interface: { address: ip4('10.3.0.1'), prefixLength: 24, mac: 1 } };
const WAN = { name: 'wan', interface: { address: NAT, prefixLength: 24, mac: 2 } };
const OPTIONS: FirewallOptions = {
  sides: [LAN, WAN],
  rules: [{ from: 'lan', allow: true }],
  masquerade: { side: 'wan' },
};
const { SYN, ACK } = Flag;
const ETHERNET = { destination: 1, source: 2 };
const PORT = 5000;
const HTTPS = 443;

function started(masquerade: Partial<FirewallOptions['masquerade']> = {}): TestHost {
  const host = new TestHost();
  host.attach(new FirewallLayer(host, '3301', { ...OPTIONS, masquerade: { side: 'wan', ...masquerade } }));
  host.start();
  return host;
}

function tcp(source: number, destination: number, ports: readonly [number, number], fields: Partial<TcpFields> = {}) {
  const [sourcePort, destinationPort] = ports;
  const segment = { sourcePort, destinationPort, seq: 0, flags: ACK, window: 1000, ...fields };
  return buildTcpFrame({ ethernet: ETHERNET, ip: { source, destination }, tcp: segment }, Uint8Array.of(7)).subarray(
    14,
  );
}

function syn(source = INSIDE): Uint8Array {
  return tcp(source, OUTSIDE, [PORT, HTTPS], { flags: SYN, seq: 100 });
}

/** The one frame that left at a side. */
function only(host: TestHost, side: string): Uint8Array {
  const sent = host.sentOn(side);
  expect(sent).toHaveLength(1);
  return (sent[0] as Frame).bytes;
}

function ipOf(bytes: Uint8Array): Ip4View {
  const ip = parseIp4Packet(bytes, 0, bytes.length) as Ip4View;
  expect(ip4ChecksumGood(bytes, ip)).toBe(true);
  return ip;
}

/** Addresses and ports of a segment or datagram whose checksums are right. */
function ends(bytes: Uint8Array): readonly number[] {
  const { source, destination, headerEnd, end } = ipOf(bytes);
  expect(transportChecksumGood(bytes, 0, headerEnd, end - headerEnd)).toBe(true);
  return [source, u16(bytes, headerEnd), destination, u16(bytes, headerEnd + 2)];
}

/** An ICMP error about `packet` as far as its first `quoted` bytes go. */
function errorAbout(packet: Uint8Array, from: number, to: number, quoted = 28): Uint8Array {
  const error = { type: IcmpType.UNREACHABLE, code: UnreachableCode.FRAGMENTATION_NEEDED, mtu: 1400 };
  return buildIcmpPacket({ source: from, destination: to }, error, packet.slice(0, quoted));
}

/** The error as its receiver gets it, with the packet that it quotes. */
function quoteOf(bytes: Uint8Array): { ip: Ip4View; icmp: IcmpView; quoted: Uint8Array } {
  const ip = ipOf(bytes);
  const icmp = parseIcmp(bytes, ip.headerEnd, ip.end) as IcmpView;
  expect(icmpChecksumGood(bytes, icmp)).toBe(true);
  return { ip, icmp, quoted: bytes.slice(icmp.headerEnd, icmp.end) };
}

describe('NAT router, what is seen outside', () => {
  it('shows its own address and keeps a port that is free', () => {
    const host = started();
    host.injectBytes('lan', syn());
    expect(ends(only(host, 'wan'))).toEqual([NAT, PORT, OUTSIDE, HTTPS]);
  });

  it('lends another port when that one is taken at the same destination, and tells the answers apart', () => {
    const host = started();
    host.injectBytes('lan', syn());
    host.injectBytes('lan', syn(NEIGHBOUR));
    const [, second] = host.sentOn('wan').map(({ bytes }) => ends(bytes));
    expect(second.slice(2)).toEqual([OUTSIDE, HTTPS]);
    expect(second[0]).toBe(NAT);
    expect(second[1]).not.toBe(PORT);
    host.injectBytes('wan', tcp(OUTSIDE, NAT, [HTTPS, second[1]], { flags: SYN | ACK, ack: 101 }));
    host.injectBytes('wan', tcp(OUTSIDE, NAT, [HTTPS, PORT], { flags: SYN | ACK, ack: 101 }));
    const answers = host.sentOn('lan').map(({ bytes }) => ends(bytes));
    expect(answers).toEqual([
      [OUTSIDE, HTTPS, NEIGHBOUR, PORT],
      [OUTSIDE, HTTPS, INSIDE, PORT],
    ]);
  });

  it('lends another port always where it is told so, the same for all packets of a connection', () => {
    const host = started({ keepsPorts: false });
    host.injectBytes('lan', syn());
    host.injectBytes('lan', syn());
    const [first, again] = host.sentOn('wan').map(({ bytes }) => ends(bytes));
    expect(first[1]).not.toBe(PORT);
    expect(again).toEqual(first);
  });

  it('translates UDP, with a checksum and without', () => {
    const host = started({ keepsPorts: false });
    const udp = { sourcePort: PORT, destinationPort: 53 };
    const frame = { ethernet: ETHERNET, ip: { source: INSIDE, destination: OUTSIDE }, udp };
    const bytes = buildUdpFrame(frame, Uint8Array.of(1, 2, 3)).slice(14);
    host.injectBytes('lan', bytes);
    const seen = ends(only(host, 'wan'));
    expect(seen).toEqual([NAT, expect.any(Number), OUTSIDE, 53]);
    bytes.fill(0, 26, 28);
    host.injectBytes('lan', bytes);
    const unsummed = (host.sentOn('wan')[1] as Frame).bytes;
    expect([...unsummed.slice(26, 28)]).toEqual([0, 0]);
    expect(ipOf(unsummed).source).toBe(NAT);
  });

  it('translates the identifier of an echo and of its answer', () => {
    const host = started({ keepsPorts: false });
    const echo = (source: number, destination: number, type: number, identifier: number) =>
      buildIcmpPacket({ source, destination }, { type, code: 0, identifier, sequence: 1 }, new Uint8Array(8));
    host.injectBytes('lan', echo(INSIDE, OUTSIDE, IcmpType.ECHO_REQUEST, 77));
    const asked = quoteOf(only(host, 'wan'));
    expect(asked.ip).toMatchObject({ source: NAT, destination: OUTSIDE });
    expect(asked.icmp.identifier).not.toBe(77);
    host.injectBytes('wan', echo(OUTSIDE, NAT, IcmpType.ECHO_REPLY, asked.icmp.identifier));
    const answer = quoteOf(only(host, 'lan'));
    expect(answer.ip).toMatchObject({ source: OUTSIDE, destination: INSIDE });
    expect(answer.icmp).toMatchObject({ type: IcmpType.ECHO_REPLY, identifier: 77 });
  });

  it('lets nobody in who was not asked', () => {
    const host = started();
    host.injectBytes('lan', syn());
    host.outputs.length = 0;
    host.injectBytes('wan', tcp(OUTSIDE, NAT, [HTTPS, PORT + 1], { flags: SYN }));
    host.injectBytes('wan', tcp(OUTSIDE, NAT, [HTTPS, PORT + 1]));
    host.injectBytes('wan', tcp(ROUTER_OUTSIDE, NAT, [HTTPS, PORT], { flags: SYN | ACK, ack: 101 }));
    host.injectBytes('wan', tcp(OUTSIDE, INSIDE, [HTTPS, PORT], { flags: SYN | ACK, ack: 101 }));
    expect(host.sentOn('lan')).toEqual([]);
    expect(host.dropReasons()).toEqual(['not-our-address', 'state-invalid', 'state-invalid', 'state-invalid']);
  });

  it('shows what stays inside as it is', () => {
    const dmz = { name: 'dmz', interface: { address: ip4('10.4.0.1'), prefixLength: 24, mac: 3 } };
    const host = new TestHost();
    host.attach(new FirewallLayer(host, '3301', { ...OPTIONS, sides: [LAN, WAN, dmz] }));
    host.start();
    host.injectBytes('lan', tcp(INSIDE, ip4('10.4.0.5'), [PORT, HTTPS], { flags: SYN }));
    expect(ends(only(host, 'dmz')).slice(0, 2)).toEqual([INSIDE, PORT]);
  });
});

describe('NAT router, ICMP errors', () => {
  it.each([28, 41])('translates one from outside, with the %i bytes that it quotes', (length) => {
    const host = started({ keepsPorts: false });
    const sent = syn();
    host.injectBytes('lan', sent);
    host.injectBytes('wan', errorAbout(only(host, 'wan'), ROUTER_OUTSIDE, NAT, length));
    const { ip, icmp, quoted } = quoteOf(only(host, 'lan'));
    expect(ip).toMatchObject({ source: ROUTER_OUTSIDE, destination: INSIDE });
    expect(icmp.mtu).toBe(1400);
    const expected = sent.slice(0, length);
    expected.set(quoted.subarray(8, 12), 8);
    expect(quoted).toEqual(expected);
  });

  it('translates one from inside about an answer', () => {
    const host = started({ keepsPorts: false });
    host.injectBytes('lan', syn());
    const lent = ends(only(host, 'wan'))[1];
    const answer = tcp(OUTSIDE, NAT, [HTTPS, lent], { flags: SYN | ACK, ack: 101 });
    host.injectBytes('wan', answer);
    const seenInside = only(host, 'lan');
    host.outputs.length = 0;
    host.injectBytes('lan', errorAbout(seenInside, INSIDE, OUTSIDE));
    const bytes = only(host, 'wan');
    const { ip, icmp, quoted } = quoteOf(bytes);
    expect(ip).toMatchObject({ source: NAT, destination: OUTSIDE });
    expect(icmpQuote(bytes, icmp)).toMatchObject({
      source: OUTSIDE,
      sourcePort: HTTPS,
      destination: NAT,
      destinationPort: lent,
    });
    expect(ip4ChecksumGood(quoted, { ...(ipOf(answer) as Ip4View) })).toBe(true);
  });

  it('translates one that its own IP stack made about what it sent on', () => {
    const host = started();
    host.injectBytes('lan', syn());
    host.injectBytes('wan', errorAbout(only(host, 'wan'), NAT, NAT));
    const { ip, quoted } = quoteOf(only(host, 'lan'));
    expect(ip).toMatchObject({ source: NAT, destination: INSIDE });
    expect(quoted.subarray(12)).toEqual(syn().subarray(12, 28));
  });

  it('translates one about an echo', () => {
    const host = started({ keepsPorts: false });
    const echo = { type: IcmpType.ECHO_REQUEST, code: 0, identifier: 77, sequence: 1 };
    const request = buildIcmpPacket({ source: INSIDE, destination: OUTSIDE }, echo, new Uint8Array(8));
    host.injectBytes('lan', request);
    host.injectBytes('wan', errorAbout(only(host, 'wan'), ROUTER_OUTSIDE, NAT, 36));
    const { quoted } = quoteOf(only(host, 'lan'));
    expect(quoteOf(quoted)).toMatchObject({ icmp: { identifier: 77 }, ip: { source: INSIDE, destination: OUTSIDE } });
  });

  it('drops one about a connection that it does not know, and one that quotes too little', () => {
    const host = started();
    host.injectBytes('wan', errorAbout(tcp(NAT, OUTSIDE, [PORT, HTTPS]), ROUTER_OUTSIDE, NAT));
    host.injectBytes('wan', errorAbout(tcp(NAT, OUTSIDE, [PORT, HTTPS]), ROUTER_OUTSIDE, NAT, 20));
    expect(host.dropReasons()).toEqual(['state-invalid', 'state-invalid']);
  });
});

describe('NAT router, time', () => {
  it('forgets what it lent with the connection', () => {
    const host = started();
    host.injectBytes('lan', syn());
    host.advance(121_000_000);
    host.injectBytes('lan', syn(NEIGHBOUR));
    expect(ends((host.sentOn('wan')[1] as Frame).bytes)[1]).toBe(PORT);
  });
});

layerCompliance(
  'NAT router',
  (host) => new FirewallLayer(host, '3301', { ...OPTIONS, masquerade: { side: 'wan', keepsPorts: false } }),
  [
    { port: 'lan', frame: syn() },
    { port: 'lan', frame: syn(NEIGHBOUR) },
    (outputs) => {
      const bytes = outputs.flatMap((output) => (output.kind === 'send' ? [(output.message as Frame).bytes] : []))[0];
      return { port: 'wan', frame: tcp(OUTSIDE, NAT, [HTTPS, ends(bytes)[1]], { flags: SYN | ACK, ack: 101 }) };
    },
    (outputs) => {
      const bytes = outputs.flatMap((output) => (output.kind === 'send' ? [(output.message as Frame).bytes] : []))[0];
      return { port: 'wan', frame: errorAbout(bytes, ROUTER_OUTSIDE, NAT) };
    },
    { wait_us: 200_000_000 },
  ],
  { framePorts: ['lan', 'wan'] },
);
