import { describe, expect, it } from 'vitest';
import { ip4 } from '../../test/support/lab.ts';
import { buildTcpFrame, buildUdpFrame } from '../wire/build.ts';
import { IcmpType, icmpQuote, parseIcmp } from '../wire/icmp.ts';
import { buildIp4, type Ip4View, parseIp4Packet } from '../wire/ipv4.ts';
import { buildIcmpPacket, icmpErrorAbout, tcpIcmpError } from './icmp-error.ts';
import { TokenBucket } from './token-bucket.ts';

const HERE = ip4('10.2.0.1');
const THERE = ip4('10.2.0.9');
const UNREACHABLE = { type: IcmpType.UNREACHABLE, code: 3 };

function errorAbout(packet: Uint8Array): Uint8Array | undefined {
  return icmpErrorAbout(packet, parseIp4Packet(packet, 0, packet.length) as Ip4View, HERE, UNREACHABLE);
}

const plain = (fields: Partial<Parameters<typeof buildIp4>[0]>) =>
  buildIp4({ source: THERE, destination: HERE, protocol: 99, ...fields }, new Uint8Array(40).fill(7));

describe('ICMP error', () => {
  it('goes to the source and quotes the header and 8 bytes', () => {
    const packet = plain({});
    const bytes = errorAbout(packet) as Uint8Array;
    expect(parseIp4Packet(bytes, 0, bytes.length)).toMatchObject({ source: HERE, destination: THERE });
    expect(bytes.subarray(28)).toEqual(packet.subarray(0, 28));
  });

  it('quotes the ports of UDP, and no checksum, which a replay would not know', () => {
    const ethernet = { destination: 1, source: 2 };
    const ip = { source: THERE, destination: HERE };
    const packet = buildUdpFrame(
      { ethernet, ip, udp: { sourcePort: 5, destinationPort: 6 } },
      new Uint8Array(9),
    ).subarray(14);
    const bytes = errorAbout(packet) as Uint8Array;
    const icmp = parseIcmp(bytes, 20, bytes.length);
    expect(icmp.ok && icmpQuote(bytes, icmp)).toMatchObject({ sourcePort: 5, destinationPort: 6 });
    expect([...bytes.subarray(54)]).toEqual([0, 0]);
  });

  it('quotes the header of an echo without its checksum, for the same reason', () => {
    const echo = { type: IcmpType.ECHO_REQUEST, code: 0, identifier: 7, sequence: 8 };
    const packet = buildIcmpPacket({ source: THERE, destination: HERE }, echo, new Uint8Array(9).fill(5));
    const bytes = errorAbout(packet) as Uint8Array;
    expect([...bytes.subarray(48)]).toEqual([8, 0, 0, 0, 0, 7, 0, 8]);
  });

  it.each([
    ['an ICMP error', buildIcmpPacket({ source: THERE, destination: HERE }, UNREACHABLE, new Uint8Array(8))],
    ['an empty ICMP packet', buildIp4({ source: THERE, destination: HERE, protocol: 1 }, new Uint8Array(0))],
    ['a later fragment', plain({ fragmentOffset: 8 })],
    ['no source', plain({ source: 0 })],
    ['a group as source', plain({ source: ip4('224.0.0.1') })],
    ['a group as destination', plain({ destination: ip4('239.1.1.1') })],
    ['broadcast', plain({ destination: ip4('255.255.255.255') })],
  ])('is not sent about %s', (_, packet) => {
    expect(errorAbout(packet)).toBeUndefined();
  });

  it('is sent about an echo request', () => {
    const echo = { type: IcmpType.ECHO_REQUEST, code: 0 };
    expect(errorAbout(buildIcmpPacket({ source: THERE, destination: HERE }, echo, new Uint8Array(8)))).toBeDefined();
  });
});

describe('ICMP error about a TCP segment', () => {
  const tcp = { sourcePort: 5000, destinationPort: 443, seq: 1, flags: 16, window: 1 };
  const ip = { source: HERE, destination: THERE };
  const segment = buildTcpFrame({ ethernet: { destination: 1, source: 2 }, ip, tcp }, new Uint8Array(0)).subarray(14);
  const told = (fields: Parameters<typeof buildIcmpPacket>[1], quoted = segment) =>
    tcpIcmpError(buildIcmpPacket({ source: ip4('10.9.9.9'), destination: HERE }, fields, quoted.subarray(0, 28)));

  it('names the connection and what is wrong', () => {
    const tuple = { local: HERE, localPort: 5000, remote: THERE, remotePort: 443, seq: 1 };
    expect(told({ type: 3, code: 3 })).toEqual({ ...tuple, kind: 'hard', mtu: 0 });
    expect(told({ type: 3, code: 1 })).toMatchObject({ kind: 'soft' });
    expect(told({ type: 11, code: 3 })).toMatchObject({ kind: 'soft' });
    expect(told({ type: 12, code: 0 })).toMatchObject({ kind: 'soft' });
    expect(told({ type: 4, code: 0 })).toMatchObject({ kind: 'quench' });
    expect(told({ type: 3, code: 4, mtu: 1400 })).toMatchObject({ kind: 'too-big', mtu: 1400 });
  });

  it('is nothing else', () => {
    expect(told({ type: 8, code: 0 })).toBeUndefined();
    expect(told({ type: 3, code: 3 }, plain({}))).toBeUndefined();
    expect(tcpIcmpError(segment)).toBeUndefined();
    expect(tcpIcmpError(new Uint8Array(3))).toBeUndefined();
  });
});

describe('token bucket', () => {
  it('gives its burst at once, then its rate', () => {
    const bucket = new TokenBucket(10, 3);
    expect([0, 0, 0, 0].map((now_us) => bucket.take(now_us))).toEqual([true, true, true, false]);
    expect(bucket.take(99_999)).toBe(false);
    expect(bucket.take(100_000)).toBe(true);
    expect(bucket.take(100_000)).toBe(false);
    bucket.refill();
    expect(bucket.take(100_000)).toBe(true);
  });

  it('goes on where it was saved', () => {
    const bucket = new TokenBucket(10, 1);
    bucket.take(50_000);
    const other = new TokenBucket(10, 1);
    other.restore(bucket.save());
    expect(other.take(149_999)).toBe(false);
    expect(other.take(150_000)).toBe(true);
  });
});
