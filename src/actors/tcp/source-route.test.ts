import { describe, expect, it } from 'vitest';
import { passHops } from '../../../test/support/ip-hop.ts';
import { A, B, connect, DELAY_US, pairOf, type TcpHost, TUPLE } from '../../../test/support/tcp-host.ts';
import { pattern, segment } from '../../../test/support/tcp-pair.ts';
import { put16, u16 } from '../../wire/bytes.ts';
import { ip4HeaderChecksum, transportChecksumGood } from '../../wire/checksum.ts';
import { buildEthernet, EtherType } from '../../wire/ethernet.ts';
import { type SourceRoute, sourceRouteOf } from '../../wire/ip-options.ts';
import { type Ip4View, parseIp4Packet } from '../../wire/ipv4.ts';
import { wireTcpFrames } from '../../wire/segment.ts';
import { Flag } from '../../wire/tcp.ts';
import { buildIcmpPacket } from '../icmp-error.ts';
import type { TcpRequest } from '../services.ts';
import type { TcpLayerOptions } from './layer-options.ts';
import { packetFromSegment, type Segment, segmentFromPacket } from './segment.ts';

const [R1, R2, R3] = [0x0a01_0001, 0x0a01_0002, 0x0a01_0003];
const WAY: SourceRoute = { strict: false, hops: [R1, R2] };
const BACK: SourceRoute = { strict: false, hops: [R2, R1] };
const WAY_BYTES = 12;
const LONGEST = Array.from({ length: 9 }, (_, i) => R1 + i);
const [MTU, MSS, STAMPS_BYTES] = [1_500, 1_460, 12];

const view = (bytes: Uint8Array): Ip4View => parseIp4Packet(bytes, 0, bytes.length) as Ip4View;
const onRoute = (sourceRoute: SourceRoute, sourcePort = TUPLE.localPort): TcpRequest =>
  ({ ...connect('mine', 443, sourcePort), sourceRoute }) as TcpRequest;
/** The hops that packets took, each way once. */
const waysOf = (host: TcpHost): string[] => [...new Set(host.packets.map(({ bytes }) => `${passHops(bytes).hops}`))];

/** Two hosts on a wire where packets pass the hops that they name. B listens. */
function routedPair(options: Partial<TcpLayerOptions> = {}) {
  const pair = pairOf(options);
  const { a, b, scheduler } = pair;
  const carry = (to: TcpHost) => (frame: { bytes: Uint8Array }) => {
    const { packet } = passHops(frame.bytes);
    const { headerEnd, end } = view(packet);
    expect(transportChecksumGood(packet, 0, headerEnd, end - headerEnd)).toBe(true);
    scheduler.at(scheduler.now_us() + DELAY_US, () => to.packet(packet));
  };
  a.carry = carry(b);
  b.carry = carry(a);
  b.ask({ kind: 'listen', port: 443 });
  return pair;
}

/** A packet from A that has come to B over these hops. */
function overHops(made: Segment, route: SourceRoute | undefined, tuple = TUPLE): Uint8Array {
  return passHops(packetFromSegment(made, tuple, { route })).packet;
}

/** B, with a connection that A has opened by hand over a route; `next`: B's next number. */
function opened(route: SourceRoute | undefined, options: Partial<TcpLayerOptions> = {}) {
  const { b, pass } = pairOf({ sourceRoutes: 'accept', ...options });
  b.carry = () => {};
  b.ask({ kind: 'listen', port: 443 });
  b.packet(overHops(segment(Flag.SYN, 100, 0, { mss: MSS }), route));
  const next = (b.segments.at(-1)?.seq ?? 0) + 1;
  b.packet(overHops(segment(Flag.ACK, 101, next), route));
  b.packets.length = 0;
  const write = (bytes: number) => b.ask({ kind: 'write', connection: 'accepted-1', bytes: pattern(bytes) });
  return { b, next, pass, write };
}

describe('a route of our own', () => {
  it.each([
    ['loose', { ...WAY }],
    ['strict', { ...WAY, strict: true }],
    ['longest', { strict: false, hops: LONGEST }],
  ])('MUST-51: is named by the user that opens, and taken by every packet (%s)', (_, way) => {
    const { a, b, pass } = routedPair();
    // Only the one that opens takes a route here: the other one's answers take the usual way.
    b.packet = (
      (take) => (bytes: Uint8Array) =>
        take.call(b, withoutOptions(bytes))
    )(b.packet);
    a.restores = true;
    a.ask(onRoute(way));
    pass(10_000);
    expect(a.kinds('mine')).toEqual(['connected']);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(50_000) }, { kind: 'close', connection: 'mine' });
    pass(1_000_000);
    b.ask({ kind: 'consumed', connection: 'accepted-1', bytes: 50_000 }, { kind: 'close', connection: 'accepted-1' });
    pass(1_000_000);
    expect(b.bytes('accepted-1')).toEqual(pattern(50_000));
    expect(a.kinds('mine')).toEqual(['connected', 'remote-closed', 'closed normal']);
    expect(waysOf(a)).toEqual([`${way.hops}`]);
    expect(waysOf(b)).toEqual(['']);
    expect(a.packets.every(({ bytes }) => sourceRouteOf(bytes, 0)?.strict === way.strict)).toBe(true);
  });

  it('MUST-51 MUST-16: takes its bytes from the payload of full segments, not from the MSS that is offered', () => {
    const { a, pass } = routedPair({ sourceRoutes: 'accept' });
    a.ask(onRoute(WAY));
    expect(a.segments[0]?.options.mss).toBe(MSS);
    pass(10_000);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(50_000) });
    pass(1_000_000);
    expect(Math.max(...a.packets.map(({ bytes }) => bytes.length))).toBe(MTU);
    expect(a.layer.connection('mine')?.path.mss).toBe(MSS - STAMPS_BYTES - WAY_BYTES);
  });

  it.each([
    ['no hop', []],
    ['ten hops', [...LONGEST, R1]],
    ['a hop that is no host', [R1, 0xe000_0001]],
  ])('MUST-51: with %s is refused', (_, hops) => {
    const { a } = routedPair();
    a.ask(onRoute({ strict: false, hops }));
    expect(a.kinds('mine')).toEqual(['closed refused']);
    expect(a.packets).toEqual([]);
  });

  it('MUST-52: goes before a route that answers come by', () => {
    const { a, b, pass } = routedPair({ sourceRoutes: 'accept' });
    b.carry = ((carry) => (frame) => {
      const { segment: made, tuple } = segmentFromPacket(passHops(frame.bytes).packet) as {
        segment: Segment;
        tuple: typeof TUPLE;
      };
      const ends = { local: B, localPort: 443, remote: A, remotePort: tuple.localPort };
      carry({ ...frame, bytes: packetFromSegment(made, ends, { route: { strict: true, hops: [R3] } }) });
    })(b.carry);
    a.ask(onRoute(WAY));
    pass(10_000);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(5_000) });
    pass(1_000_000);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(5_000) });
    pass(1_000_000);
    expect(a.kinds('mine')).toEqual(['connected']);
    expect(waysOf(a)).toEqual([`${WAY.hops}`]);
  });

  it('MUST-52: has its answers taken though nobody else’s route is', () => {
    const { a, b, pass } = pairOf();
    a.ask(onRoute(WAY, 5_000), connect('other', 443, 5_001));
    pass(100);
    for (const remotePort of [5_000, 5_001]) {
      const ack = (a.segments[remotePort - 5_000]?.seq ?? 0) + 1;
      const ends = { local: B, localPort: 443, remote: A, remotePort };
      a.packet(overHops(segment(Flag.SYN | Flag.ACK, 9, ack), BACK, ends));
    }
    expect([a.kinds('mine'), a.kinds('other')]).toEqual([['connected'], []]);
    expect(a.layer.drops.get('source-route')).toBe(1);
    expect(b.heard).toEqual([]);
  });

  it('is known in an ICMP error that quotes a packet on its way', () => {
    const { a, pass } = routedPair({ sourceRoutes: 'accept' });
    a.ask(onRoute(WAY));
    pass(10_000);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(5_000) });
    const quote = (a.packets.at(-1)?.bytes ?? new Uint8Array()).slice(0, 20 + WAY_BYTES + 8);
    a.packet(buildIcmpPacket({ source: R1, destination: A }, { type: 3, code: 4, mtu: 1_000 }, quote));
    expect(a.layer.connection('mine')?.path.mss).toBe(1_000 - 40 - STAMPS_BYTES - WAY_BYTES);
  });
});

it('a super-segment on a route is cut into segments whose checksums are right at its end', () => {
  const made = { ...segment(Flag.ACK, 100, 1, {}, pattern(5_000)), segment_bytes: 1_000 };
  const packet = packetFromSegment(made, TUPLE, { route: WAY });
  const frame = buildEthernet({ destination: 1, source: 2, etherType: EtherType.IP4 }, packet);
  const cut = wireTcpFrames(frame, 1_000).map((each) => passHops(each.subarray(14)).packet);
  expect(cut.map((each) => view(each).destination)).toEqual(Array(5).fill(B));
  for (const each of cut) expect(transportChecksumGood(each, 0, 32, each.length - 32)).toBe(true);
});

describe('a route that a connection came by', () => {
  it.each([
    ['kept', {}],
    ['answered by a cookie', { synCookies: 'always' as const }],
  ])('MUST-53: is taken back by all segments (SYN %s)', (_, options) => {
    const { a, b, pass } = routedPair({ sourceRoutes: 'accept', ...options });
    b.restores = true;
    a.ask(onRoute(WAY));
    pass(10_000);
    b.ask({ kind: 'write', connection: 'accepted-1', bytes: pattern(20_000) });
    b.ask({ kind: 'close', connection: 'accepted-1' });
    pass(1_000_000);
    a.ask({ kind: 'close', connection: 'mine' });
    pass(1_000_000);
    expect(a.bytes('mine')).toEqual(pattern(20_000));
    expect(waysOf(b)).toEqual([`${BACK.hops}`]);
    expect(Math.max(...b.packets.map(({ bytes }) => bytes.length))).toBe(MTU);
  });

  it('MUST-53: is taken back by retransmissions, and by the RST at the end', () => {
    const { b, pass, write } = opened({ ...WAY, strict: true });
    write(100);
    pass(2_000_000);
    b.ask({ kind: 'abort', connection: 'accepted-1' });
    expect(b.segments.length).toBeGreaterThan(2);
    expect(b.segments.at(-1)?.flags).toBe(Flag.RST | Flag.ACK);
    expect(waysOf(b)).toEqual([`${BACK.hops}`]);
    expect(b.packets.every(({ bytes }) => sourceRouteOf(bytes, 0)?.strict === true)).toBe(true);
  });

  it('is taken back by the RST for whoever finds nobody', () => {
    const { b } = pairOf({ sourceRoutes: 'accept' });
    b.packet(overHops(segment(Flag.SYN, 100), WAY));
    expect(b.segments.map(({ flags }) => flags)).toEqual([Flag.RST | Flag.ACK]);
    expect(waysOf(b)).toEqual([`${BACK.hops}`]);
  });

  it('SHLD-24: is replaced by a later one, and segments fit the new one', () => {
    const { b, next, write } = opened(WAY);
    const data = (seq: number, route: SourceRoute | undefined) =>
      b.packet(overHops(segment(Flag.ACK, seq, next, {}, pattern(10)), route));
    const mss = () => b.layer.connection('accepted-1')?.path.mss;
    expect(mss()).toBe(MSS - WAY_BYTES);
    b.restores = true;
    data(101, { strict: false, hops: [R3] });
    write(10);
    expect([waysOf(b), mss()]).toEqual([[`${R3}`], MSS - 8]);
    // One that comes without a route has no later one.
    data(111, undefined);
    data(121, { strict: false, hops: [R3, R2, R1] });
    b.packets.length = 0;
    write(10);
    expect([waysOf(b), mss()]).toEqual([[`${[R1, R2, R3]}`], MSS - 16]);
  });

  it('SHLD-24: is replaced by the same hops where they become strict', () => {
    const { b, next, write } = opened(WAY);
    b.packet(overHops(segment(Flag.ACK, 101, next, {}, pattern(10)), { ...WAY, strict: true }));
    b.packets.length = 0;
    write(10);
    expect(b.packets.map(({ bytes }) => sourceRouteOf(bytes, 0)?.strict)).toEqual([true]);
  });

  it('SHLD-24: is replaced by that of a SYN that comes again, before it is answered', () => {
    const { b } = pairOf({ sourceRoutes: 'accept' });
    b.carry = () => {};
    b.ask({ kind: 'listen', port: 443 });
    for (const hops of [[R1], [R2]]) b.packet(overHops(segment(Flag.SYN, 100), { strict: false, hops }));
    expect(b.packets.map(({ bytes }) => passHops(bytes).hops)).toEqual([[R1], [R2]]);
  });

  it('SHLD-24: may come later than the SYN', () => {
    const { b, next, write } = opened(undefined);
    b.packet(overHops(segment(Flag.ACK, 101, next, {}, pattern(10)), WAY));
    write(3_000);
    expect(waysOf(b)).toEqual([`${BACK.hops}`]);
    expect(b.packets.map(({ bytes }) => bytes.length)).toContain(MTU);
  });

  it.each([
    ['outside of the window', 101 + 0x4000_0000, 0],
    ['with an ACK of what was never sent', 101, 1_000],
  ])('SHLD-24: is not replaced by that of a segment %s', (_, seq, ahead) => {
    const { b, next, write } = opened(WAY);
    b.packet(overHops(segment(Flag.ACK, seq >>> 0, next + ahead, {}, pattern(10)), { strict: false, hops: [R3] }));
    write(10);
    expect(waysOf(b)).toEqual([`${BACK.hops}`]);
  });

  it('is learned by a path that was found to be narrow', () => {
    const { b, next, write } = opened(undefined);
    write(3_000);
    const quote = (b.packets[0]?.bytes ?? new Uint8Array()).slice(0, 28);
    b.packet(buildIcmpPacket({ source: R1, destination: B }, { type: 3, code: 4, mtu: 1_000 }, quote));
    const connection = b.layer.connection('accepted-1')!;
    const sizes = () => connection.save().sender.path?.slice(0, 3) ?? [];
    const before = sizes();
    expect([connection.path.mss, before]).toEqual([960, [MSS, 960, 960]]);
    b.packet(overHops(segment(Flag.ACK, 101, next, {}, pattern(10)), WAY));
    expect(connection.path.mss).toBe(960 - WAY_BYTES);
    expect(sizes()).toEqual(before.map((size) => size - WAY_BYTES));
  });

  it('is counted in the smallest packet that a black hole is tried with', () => {
    const { b, pass, write } = opened({ strict: false, hops: LONGEST });
    write(3_000);
    pass(200_000_000);
    const full = b.layer.connection('accepted-1')?.path.mss ?? 0;
    expect(full + 40 + 40).toBeLessThanOrEqual(552);
    expect(b.packets.at(-1)?.bytes.length).toBe(full + 40 + 40);
  });

  it('leaves room for a payload on the smallest MSS', () => {
    const { b, pass } = pairOf({ sourceRoutes: 'accept' });
    b.carry = () => {};
    b.ask({ kind: 'listen', port: 443 });
    const way = { strict: false, hops: LONGEST };
    b.packet(overHops(segment(Flag.SYN, 100, 0, { mss: 1, timestamps: { value: 1, echo: 0 } }), way));
    pass(100);
    expect(b.layer.connection('accepted-1')?.path.mss).toBe(8);
  });
});

describe('packets on a route', () => {
  it('are dropped where routes are refused, which they are unless somebody wants them', () => {
    const { b } = opened(undefined, { sourceRoutes: 'refuse' });
    b.packet(overHops(segment(Flag.ACK, 101, 1, {}, pattern(10)), WAY));
    b.packet(overHops(segment(Flag.SYN, 100), WAY, { ...TUPLE, localPort: 5_009 }));
    expect(b.packets).toEqual([]);
    expect([...b.layer.drops]).toEqual([['source-route', 2]]);
  });

  it.each([
    [
      'is not complete',
      packetFromSegment(segment(Flag.SYN, 100), { ...TUPLE, remote: A }, { route: { ...WAY, hops: [B] } }),
    ],
    ['passes what is no host', overHops(segment(Flag.SYN, 100), { strict: false, hops: [0xe000_0001] })],
    ['is broken', broken(overHops(segment(Flag.SYN, 100), WAY))],
  ])('are dropped where it %s', (_, packet) => {
    const { b } = pairOf({ sourceRoutes: 'accept' });
    b.ask({ kind: 'listen', port: 443 });
    b.packet(packet);
    expect(b.packets).toEqual([]);
    expect([...b.layer.drops]).toEqual([['source-route', 1]]);
  });

  it('are taken as usual where it names nobody but the sender', () => {
    const { b } = pairOf({});
    b.ask({ kind: 'listen', port: 443 });
    b.packet(overHops(segment(Flag.SYN, 100), { strict: false, hops: [A] }));
    expect(b.segments.map(({ flags }) => flags)).toEqual([Flag.SYN | Flag.ACK]);
    expect(waysOf(b)).toEqual(['']);
  });
});

/** The pointer stands within an address. */
function broken(packet: Uint8Array): Uint8Array {
  packet[22] = 6;
  return packet;
}

function withoutOptions(bytes: Uint8Array): Uint8Array {
  const { headerEnd } = view(bytes);
  const plain = new Uint8Array(bytes.length - headerEnd + 20);
  plain.set(bytes.subarray(0, 20));
  plain.set(bytes.subarray(headerEnd), 20);
  plain[0] = 0x45;
  put16(plain, 2, u16(bytes, 2) - headerEnd + 20);
  put16(plain, 10, ip4HeaderChecksum(plain, 0, 20));
  return plain;
}
