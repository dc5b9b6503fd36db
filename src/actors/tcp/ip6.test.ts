import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { pattern, segment } from '../../../test/support/tcp-pair.ts';
import { type Output, TestHost } from '../../../test/support/test-host.ts';
import { parseIp4 } from '../../wire/address.ts';
import { concat, EMPTY, toHex } from '../../wire/bytes.ts';
import { transportChecksumGood } from '../../wire/checksum.ts';
import { buildIcmp6, Icmp6Type, ParameterCode, Unreachable6Code } from '../../wire/icmp6.ts';
import { readIp6 } from '../../wire/ip-address.ts';
import { ExtensionHeader, IP6_HEADER_BYTES } from '../../wire/ipv6.ts';
import { Flag } from '../../wire/tcp.ts';
import type { Frame } from '../frame.ts';
import type { TcpIndication } from '../services.ts';
import { TcpLayer } from './layer.ts';
import { packetFromSegment, reversed, type Segment, segmentFromPacket, type TcpTuple, tupleBytes } from './segment.ts';

const OWN = '2001:db8::1';
const OWN_LOCAL = 'fe80::1';
const OWN4 = parseIp4('10.2.0.1') as number;
const PEER = '2001:db8::2';
const PEER_LOCAL = 'fe80::2';
const ROUTER = '2001:db8::ff';
/** As the peer sees it. */
const SERVED: TcpTuple = { local: PEER, localPort: 7_000, remote: OWN, remotePort: 443 };

function started(mtu = 1500): { host: TestHost; layer: TcpLayer } {
  const host = new TestHost();
  const options = { address: OWN4, otherAddresses: [OWN, OWN_LOCAL], mtu };
  const layer = host.attach(new TcpLayer(host, '2003', options));
  host.start();
  return { host, layer };
}

const connect = (connection: string, destination: number | string, sourcePort?: number) => ({
  kind: 'connect',
  connection,
  destination,
  destinationPort: 80,
  ...(sourcePort !== undefined && { sourcePort }),
});

function sentPackets(outputs: readonly Output[]): { segment: Segment; tuple: TcpTuple; bytes: Uint8Array }[] {
  return outputs.flatMap((each) => {
    if (each.kind !== 'send' || each.port !== 'lower') return [];
    const { bytes } = each.message as Frame;
    const read = segmentFromPacket(bytes);
    return read.ok ? [{ segment: read.segment, tuple: reversed(read.tuple), bytes }] : [];
  });
}

const last = (outputs: readonly Output[]) => sentPackets(outputs).at(-1) as ReturnType<typeof sentPackets>[number];

/** Puts extension headers between the fixed header and TCP. */
function extended(packet: Uint8Array, first: number, headers: Uint8Array): Uint8Array {
  const bytes = concat(packet.subarray(0, IP6_HEADER_BYTES), headers, packet.subarray(IP6_HEADER_BYTES));
  bytes[6] = first;
  bytes[5] += headers.length;
  return bytes;
}

function established(mss = 1440) {
  const { host, layer } = started();
  host.inject('upper', connect('mine', PEER, 5_000));
  const syn = last(host.outputs);
  const back = reversed(syn.tuple);
  const { seq } = syn.segment;
  host.injectBytes('lower', packetFromSegment(segment(Flag.SYN | Flag.ACK, 900, seq + 1, { mss }), back));
  return { host, layer, seq: seq + 1, back, syn };
}

describe('TCP segments over IPv6', () => {
  const uint16 = fc.integer({ min: 0, max: 0xffff });
  const address = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => readIp6(bytes, 0));
  const tuple = fc.record({ local: address, localPort: uint16, remote: address, remotePort: uint16 });

  it('go through a packet unchanged, with a right checksum (MUST-2, MUST-3)', () => {
    fc.assert(
      fc.property(tuple, fc.uint8Array({ maxLength: 100 }), (ends, payload) => {
        const made = { ...segment(Flag.ACK, 5, 6, { mss: 1220 }), payload };
        const packet = packetFromSegment(made, ends);
        expect(transportChecksumGood(packet, 0, IP6_HEADER_BYTES, packet.length - IP6_HEADER_BYTES)).toBe(true);
        const read = segmentFromPacket(packet);
        expect(read.ok && reversed(read.tuple)).toEqual(ends);
        expect(read.ok && read.segment).toEqual(made);
      }),
    );
  });

  it('are read behind extension headers, not out of fragments', () => {
    const packet = packetFromSegment(segment(Flag.ACK, 5, 6), SERVED);
    const options = Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0);
    expect(segmentFromPacket(extended(packet, ExtensionHeader.DESTINATION, options))).toMatchObject({ ok: true });
    const atomic = Uint8Array.of(6, 0, 0, 0, 1, 2, 3, 4);
    expect(segmentFromPacket(extended(packet, ExtensionHeader.FRAGMENT, atomic))).toMatchObject({ ok: true });
    const part = Uint8Array.of(6, 0, 0, 1, 1, 2, 3, 4);
    expect(segmentFromPacket(extended(packet, ExtensionHeader.FRAGMENT, part))).toEqual({
      ok: false,
      reason: 'fragment',
    });
    expect(segmentFromPacket(packet.subarray(0, 30))).toEqual({ ok: false, reason: 'not-ip' });
    expect(segmentFromPacket(EMPTY)).toEqual({ ok: false, reason: 'not-ip' });
  });

  it('give all addresses and ports to the initial sequence number (RFC 6528)', () => {
    fc.assert(
      fc.property(tuple, tuple, (a, b) => {
        expect(tupleBytes(a)).toHaveLength(36);
        const isSame = JSON.stringify(a) === JSON.stringify(b);
        expect(toHex(tupleBytes(a)) === toHex(tupleBytes(b))).toBe(isSame);
      }),
    );
  });
});

describe('a TCP layer with addresses of both families', () => {
  it('SHLD-5 MUST-67: sends from the address that fits the destination, and offers the MSS of its family', () => {
    const { host } = started();
    const ends = [PEER, PEER_LOCAL, 0x0a02_0002].map((destination, i) => {
      host.inject('upper', connect(`c${i}`, destination));
      const { tuple, segment: syn } = last(host.outputs);
      return [tuple.local, tuple.remote, syn.options.mss];
    });
    expect(ends).toEqual([
      [OWN, PEER, 1440],
      [OWN_LOCAL, PEER_LOCAL, 1440],
      [OWN4, 0x0a02_0002, 1460],
    ]);
  });

  it.each([1_280, 1_400, 9_000])('MUST-67: offers 60 bytes less than an MTU of %i over IPv6', (mtu) => {
    const { host } = started(mtu);
    host.inject('upper', connect('mine', PEER));
    expect(last(host.outputs).segment.options.mss).toBe(mtu - 60);
  });

  it('has no connection where it has no address of that family', () => {
    const host = new TestHost();
    host.attach(new TcpLayer(host, '2003', { address: OWN4, mtu: 1500 }));
    host.start();
    host.inject('upper', connect('mine', PEER));
    expect(host.sentOn<TcpIndication>('upper')).toEqual([
      { kind: 'closed', connection: 'mine', reason: 'unreachable' },
    ]);
  });

  it('accepts over both, and keeps apart what differs in its own address alone', () => {
    const { host } = started();
    host.inject('upper', { kind: 'listen', port: 443 });
    const tuples = [SERVED, { ...SERVED, remote: OWN_LOCAL }, { ...SERVED, local: 0x0a02_0002, remote: OWN4 }];
    for (const tuple of tuples) {
      host.injectBytes('lower', packetFromSegment(segment(Flag.SYN, 100), tuple));
      const { segment: answer, tuple: ends } = last(host.outputs);
      expect(reversed(ends)).toEqual(tuple);
      host.injectBytes('lower', packetFromSegment(segment(Flag.ACK, 101, answer.seq + 1), tuple));
    }
    expect(host.sentOn<TcpIndication>('upper')).toMatchObject(
      tuples.map(({ local }) => ({ kind: 'accepted', localPort: 443, remote: local, remotePort: 7_000 })),
    );
  });

  it('MUST-15: sends 1220 bytes to a peer that names no MSS', () => {
    const { host, back, seq } = established(0);
    expect(back.remote).toBe(OWN);
    const other = started().host;
    other.inject('upper', { kind: 'listen', port: 443 });
    other.injectBytes('lower', packetFromSegment(segment(Flag.SYN, 100), SERVED));
    const { segment: answer } = last(other.outputs);
    other.injectBytes('lower', packetFromSegment(segment(Flag.ACK, 101, answer.seq + 1), SERVED));
    other.inject('upper', { kind: 'write', connection: 'accepted-1', bytes: pattern(5_000) });
    expect(Math.max(...sentPackets(other.outputs).map(({ bytes }) => bytes.length))).toBe(1220 + 60);
    expect(seq).toBeGreaterThan(0);
    expect(host.dropReasons()).toEqual([]);
  });

  it('MUST-57, MUST-63: takes nothing from or to addresses that are no single host, or not its own', () => {
    const { host } = started();
    host.inject('upper', { kind: 'listen', port: 443 });
    host.outputs.length = 0;
    for (const local of ['::', '::1', 'ff02::1']) {
      host.injectBytes('lower', packetFromSegment(segment(Flag.SYN, 100), { ...SERVED, local }));
    }
    for (const remote of ['ff02::1', '2001:db8::77']) {
      host.injectBytes('lower', packetFromSegment(segment(Flag.SYN, 100), { ...SERVED, remote }));
    }
    expect(host.dropReasons()).toEqual([...Array(3).fill('malformed'), ...Array(2).fill('not-our-address')]);
    expect(sentPackets(host.outputs)).toEqual([]);
  });
});

describe('ICMPv6 errors about a connection', () => {
  const error = (quoted: Uint8Array, type: number, code: number, word = 0) =>
    buildIcmp6({ source: ROUTER, destination: OWN }, { type, code, word }, quoted.subarray(0, 1232));

  it('too big (RFC 8201) makes its segments smaller, but never below 1280 bytes', () => {
    const { host, layer, seq } = established();
    host.inject('upper', { kind: 'write', connection: 'mine', bytes: pattern(1_440) });
    const big = last(host.outputs);
    expect(big.bytes.length).toBe(1500);
    host.injectBytes('lower', error(big.bytes, Icmp6Type.PACKET_TOO_BIG, 0, 1279));
    expect(layer.connection('mine')?.path.mss).toBe(1440);
    host.injectBytes('lower', error(big.bytes, Icmp6Type.PACKET_TOO_BIG, 0, 1300));
    expect(layer.connection('mine')?.path.mss).toBe(1240);
    host.advance(500_000);
    const resent = sentPackets(host.outputs).filter(({ segment: each }) => each.seq === seq);
    expect(resent.at(-1)?.bytes.length).toBe(1300);
  });

  it('MUST-54, MUST-56: hard ones end a connection that opens, soft ones do not', () => {
    const hard = [
      [Icmp6Type.UNREACHABLE, Unreachable6Code.PORT],
      [Icmp6Type.UNREACHABLE, Unreachable6Code.PROHIBITED],
      [Icmp6Type.PARAMETER_PROBLEM, ParameterCode.NEXT_HEADER],
    ] as const;
    const soft = [
      [Icmp6Type.UNREACHABLE, Unreachable6Code.NO_ROUTE],
      [Icmp6Type.UNREACHABLE, Unreachable6Code.ADDRESS],
      [Icmp6Type.TIME_EXCEEDED, 0],
      [Icmp6Type.PARAMETER_PROBLEM, ParameterCode.HEADER],
    ] as const;
    for (const [type, code] of [...hard, ...soft]) {
      const { host, layer } = started();
      host.inject('upper', connect('mine', PEER));
      const { bytes } = last(host.outputs);
      host.injectBytes('lower', error(bytes, type, code));
      const isHard = hard.some((each) => each[0] === type && each[1] === code);
      expect(layer.connection('mine')?.state, `${type}/${code}`).toBe(isHard ? undefined : 'SYN-SENT');
      const closed = { kind: 'closed', connection: 'mine', reason: 'unreachable' };
      const troubled = { kind: 'troubled', connection: 'mine', cause: 'icmp' };
      expect(host.sentOn('upper')).toEqual([isHard ? closed : troubled]);
    }
  });

  it('about numbers that are not under way, or no connection, are dropped', () => {
    const { host } = established();
    const stray = packetFromSegment(segment(Flag.ACK, 77), reversed(SERVED));
    host.injectBytes('lower', error(stray, Icmp6Type.UNREACHABLE, Unreachable6Code.PORT));
    const old = packetFromSegment(segment(Flag.ACK, 77), {
      local: OWN,
      localPort: 5_000,
      remote: PEER,
      remotePort: 80,
    });
    host.injectBytes('lower', error(old, Icmp6Type.UNREACHABLE, Unreachable6Code.PORT));
    expect(host.dropReasons()).toEqual(['no-connection', 'out-of-window']);
  });
});

const from = (made: Segment, tuple = SERVED) => ({ port: 'lower', frame: packetFromSegment(made, tuple) });

layerCompliance(
  'tcp over IPv6',
  (host) => new TcpLayer(host, '2003', { address: OWN4, otherAddresses: [OWN, OWN_LOCAL], mtu: 1500 }),
  [
    { port: 'upper', message: { kind: 'listen', port: 443 } },
    from(segment(Flag.SYN, 100, 0, { mss: 1_400, sackPermitted: true, windowScale: 7 })),
    (outputs) => from(segment(Flag.ACK, 101, last(outputs).segment.seq + 1)),
    (outputs) => from(segment(Flag.ACK, 101, last(outputs).segment.seq + 1, {}, pattern(500))),
    { port: 'upper', message: { kind: 'write', connection: 'accepted-1', bytes: pattern(9_000) } },
    { wait_us: 300_000 },
    { port: 'upper', message: connect('out', PEER_LOCAL, 6_000) },
    { wait_us: 1_500_000 },
    { port: 'upper', message: { kind: 'abort', connection: 'out' } },
    from(segment(Flag.SYN, 5), { ...SERVED, localPort: 1, remotePort: 1 }),
    { port: 'upper', message: { kind: 'abort', connection: 'accepted-1' } },
  ],
  { framePorts: ['lower'] },
);
