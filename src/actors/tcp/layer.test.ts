import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { A, B, connect, icmpError, pairOf, TUPLE, toB } from '../../../test/support/tcp-host.ts';
import { pattern, segment } from '../../../test/support/tcp-pair.ts';
import type { Output } from '../../../test/support/test-host.ts';
import { concat, equal } from '../../wire/bytes.ts';
import { checksumVerdict, parseFrame } from '../../wire/frame.ts';
import { IP4_HEADER_BYTES } from '../../wire/ipv4.ts';
import { seqDiff } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import type { Frame } from '../frame.ts';
import { Port } from '../port.ts';
import { RunQueue } from '../run-queue.ts';
import type { TcpIndication, TcpRequest } from '../services.ts';
import { TcpLayer } from './layer.ts';
import { packetFromSegment, reversed, type Segment, segmentFromPacket, type TcpTuple } from './segment.ts';

const OTHER = 0x0a00_0003;

describe('the TCP layer', () => {
  it('opens, carries and closes connections of its users', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine', 443, 5_000));
    pass(10_000);
    expect(b.heard).toEqual([
      { kind: 'accepted', connection: 'accepted-1', localPort: 443, remote: A, remotePort: 5_000 },
    ]);
    expect(a.heard).toEqual([{ kind: 'connected', connection: 'mine', localPort: 5_000 }]);
    expect(a.layer.machines()).toMatchObject([{ instance: 'mine', state: 'ESTABLISHED' }]);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(200_000) }, { kind: 'close', connection: 'mine' });
    pass(2_000_000);
    expect(equal(b.bytes('accepted-1'), pattern(200_000))).toBe(true);
    b.ask({ kind: 'write', connection: 'accepted-1', bytes: pattern(5_000, 2) });
    b.ask({ kind: 'close', connection: 'accepted-1' });
    pass(2_000_000);
    expect(equal(a.bytes('mine'), pattern(5_000, 2))).toBe(true);
    expect(a.kinds('mine')).toEqual(['connected', 'remote-closed', 'closed normal']);
    expect(b.kinds('accepted-1')).toEqual(['accepted', 'remote-closed', 'closed normal']);
    expect(a.layer.machines()).toMatchObject([{ state: 'TIME-WAIT' }]);
    pass(61_000_000);
    expect([a.layer.machines(), b.layer.machines()]).toEqual([[], []]);
  });

  it('MUST-2: sends packets whose checksums are right', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine'));
    pass(10_000);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(3_001) });
    pass(10_000);
    expect(a.packets.length).toBeGreaterThan(4);
    for (const { bytes } of [...a.packets, ...b.packets]) {
      const frame = concat(new Uint8Array(12), new Uint8Array([8, 0]), bytes);
      expect(checksumVerdict(frame, parseFrame(frame))).toBe('good');
      expect(bytes.length).toBeLessThanOrEqual(1_500);
    }
  });

  it('serves several users with names of their own', () => {
    const { a, b, pass } = pairOf({ users: ['other'] });
    expect(Object.keys(a.layer.ports)).toEqual(['lower', 'upper', 'other']);
    const heard: TcpIndication[] = [];
    const queue = new RunQueue();
    const user = new Port<TcpIndication, TcpRequest>('2101', 'lower', queue);
    user.received$.subscribe((indication) => heard.push(indication));
    Port.join(a.layer.ports.other, user);
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('same'));
    user.send(connect('same'));
    queue.drain();
    pass(10_000);
    expect(heard).toMatchObject([{ kind: 'connected', connection: 'same' }]);
    expect(a.layer.machines().map(({ instance }) => instance)).toEqual(['same', 'other.same']);
    expect(a.kinds('same')).toEqual(['connected']);
  });

  it('answers a SYN to a port where nobody listens by RST', () => {
    const { a, b, pass } = pairOf();
    a.ask(connect('mine'));
    pass(10_000);
    expect(a.kinds('mine')).toEqual(['closed refused']);
    expect(b.layer.drops.get('no-listener')).toBe(1);
    b.ask({ kind: 'listen', port: 443 }, { kind: 'unlisten', port: 443 });
    a.ask(connect('mine'));
    pass(10_000);
    expect(a.kinds('mine')).toEqual(['closed refused', 'closed refused']);
  });

  it('answers segments without a connection by RST, but never a RST', () => {
    const { b } = pairOf();
    b.packet(toB(segment(Flag.ACK, 10, 77)));
    b.packet(toB(segment(Flag.FIN, 10, 0)));
    b.packet(toB(segment(Flag.RST, 10, 77)));
    expect(b.segments).toMatchObject([
      { flags: Flag.RST, seq: 77 },
      { flags: Flag.RST | Flag.ACK, seq: 0, ack: 11 },
    ]);
    expect(b.layer.drops.get('no-connection')).toBe(3);
  });

  it('MUST-3: drops what is broken or for somebody else, with the reason', () => {
    const { b } = pairOf();
    const good = toB(segment(Flag.SYN, 10));
    b.packet(good, 'bad');
    b.packet(good.subarray(0, 30));
    b.packet(new Uint8Array(0));
    b.packet(toB(segment(Flag.SYN, 10), { ...TUPLE, remote: A }));
    b.packet(toB(segment(Flag.SYN, 10), { ...TUPLE, local: 0xffff_ffff }));
    b.packet(toB(segment(Flag.SYN, 10), { ...TUPLE, local: 0 }));
    expect(Object.fromEntries(b.layer.drops)).toEqual({ 'bad-checksum': 1, malformed: 4, 'not-our-address': 1 });
    expect(b.packets).toEqual([]);
  });

  it('MUST-3: drops a segment with any bit flipped', () => {
    const { b } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    const good = toB(segment(Flag.SYN, 10, 0, { mss: 1_000 }));
    const flipped = (bit: number) => good.map((byte, at) => (at === bit >> 3 ? byte ^ (0x80 >> (bit & 7)) : byte));
    // As a cable does.
    const receive = (packet: Uint8Array) => {
      const frame = concat(new Uint8Array(12), new Uint8Array([8, 0]), packet);
      b.packet(packet, checksumVerdict(frame, parseFrame(frame)) === 'bad' ? 'bad' : 'good');
    };
    for (let bit = IP4_HEADER_BYTES * 8; bit < good.length * 8; bit++) receive(flipped(bit));
    expect(b.packets).toEqual([]);
    expect(b.layer.drops.get('bad-checksum')).toBeGreaterThan(180);
    receive(good);
    expect(b.segments).toMatchObject([{ flags: Flag.SYN | Flag.ACK }]);
  });

  it('MUST-1: reads windows of 32 768 and more out of packets as they are', () => {
    const { a } = pairOf();
    a.carry = () => {};
    a.ask(connect('mine', 443, 5_000));
    const acked = ((a.segments[0]?.seq as number) + 1) >>> 0;
    for (const [flags, seq, window] of [
      [Flag.SYN | Flag.ACK, 77, 0x8000],
      [Flag.ACK, 78, 0xfffe],
    ] as const) {
      a.packet(packetFromSegment({ ...segment(flags, seq, acked), window }, reversed(TUPLE)));
      expect(a.layer.connection('mine')?.path.window).toBe(window);
    }
  });

  it('MUST-8 MUST-9: numbers what it opens and accepts by the function of ends and time', () => {
    const { a, b, pass } = pairOf();
    a.carry = b.carry = () => {};
    const open = (port: number) => {
      a.ask(connect(`from ${port}`, 443, port));
      return a.segments.at(-1)?.seq as number;
    };
    const accept = (remotePort: number) => {
      b.packet(toB(segment(Flag.SYN, 10), { ...TUPLE, remotePort }));
      return b.segments.at(-1)?.seq as number;
    };
    b.ask({ kind: 'listen', port: 443 }, { kind: 'listen', port: 444 });
    const first = [open(5_000), open(5_001), accept(443), accept(444)] as const;
    expect(new Set(first).size).toBe(4);
    pass(800_000);
    a.ask({ kind: 'abort', connection: 'from 5000' });
    b.packet(toB(segment(Flag.RST, 11)));
    expect(seqDiff(open(5_000), first[0])).toBe(200_000);
    expect(seqDiff(accept(443), first[2])).toBe(200_000);
  });

  it.each([576, 1_500, 9_000])('MUST-67: offers the MSS that fits an MTU of %i', (mtu) => {
    const { a, b } = pairOf({ mtu });
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine'));
    b.packet(toB(segment(Flag.SYN, 10)));
    expect([a, b].map(({ segments }) => segments[0]?.options.mss)).toEqual([mtu - 40, mtu - 40]);
  });

  it('keeps no more handshakes per port and no more connections than allowed', () => {
    const { b } = pairOf({ backlog: 3, maxConnections: 5, synCookies: 'never' });
    b.ask({ kind: 'listen', port: 443 }, { kind: 'listen', port: 444 });
    for (let localPort = 1; localPort <= 5; localPort++) b.packet(toB(segment(Flag.SYN, 10), { ...TUPLE, localPort }));
    expect(b.layer.drops.get('queue-full')).toBe(2);
    for (let localPort = 1; localPort <= 3; localPort++) {
      b.packet(toB(segment(Flag.SYN, 10), { ...TUPLE, localPort, remotePort: 444 }));
    }
    expect(b.layer.drops.get('too-many-connections')).toBe(1);
    expect(b.layer.machines()).toHaveLength(5);
    b.packet(toB(segment(Flag.RST, 11), { ...TUPLE, localPort: 1 }));
    b.packet(toB(segment(Flag.SYN, 10), { ...TUPLE, localPort: 9 }));
    expect(b.layer.machines()).toHaveLength(5);
    expect(b.heard).toEqual([]);
  });

  it('refuses what cannot be opened, at once', () => {
    const { a } = pairOf({ maxConnections: 2 });
    a.ask(connect('one', 443, 5_000), connect('two', 443, 5_000), connect('one', 443, 5_001));
    expect(a.heard).toEqual([{ kind: 'closed', connection: 'two', reason: 'refused' }]);
    a.ask(connect('three'), connect('four'));
    expect(a.kinds('four')).toEqual(['closed refused']);
  });

  it('picks free ephemeral ports that differ', () => {
    const { a } = pairOf();
    for (let i = 0; i < 50; i++) a.ask(connect(`c${i}`));
    const ports = a.packets.map(({ bytes }) => (bytes[20] << 8) | bytes[21]);
    expect(new Set(ports).size).toBe(50);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(32_768);
  });

  it('lets a new SYN follow a connection in TIME-WAIT, with higher numbers', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('first', 443, 5_000));
    pass(10_000);
    b.ask({ kind: 'close', connection: 'accepted-1' });
    pass(10_000);
    a.ask({ kind: 'close', connection: 'first' });
    pass(10_000);
    expect(b.layer.machines()).toMatchObject([{ instance: 'accepted-1', state: 'TIME-WAIT' }]);
    const last = b.segments.at(-1)?.seq as number;
    a.ask(connect('again', 443, 5_000));
    pass(10_000);
    expect(a.kinds('again')).toEqual(['connected']);
    expect(b.layer.machines()).toMatchObject([{ instance: 'accepted-2', state: 'ESTABLISHED' }]);
    const synAck = b.segments.filter(({ flags }) => flags === (Flag.SYN | Flag.ACK)).at(-1);
    expect(((synAck?.seq as number) - last) >>> 0).toBeLessThan(0x8000_0000);
    expect(((synAck?.seq as number) - last) >>> 0).toBeGreaterThan(0xffff);
  });

  it('lists the phases of BBR behind the connection that they belong to', () => {
    const { a, b, pass } = pairOf({ connections: { congestion: 'bbr' } });
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine'));
    pass(10_000);
    expect(a.layer.machines()).toMatchObject([
      { instance: 'mine', machine: { id: 'tcp' }, state: 'ESTABLISHED' },
      { instance: 'mine.bbr', machine: { id: 'bbr' }, state: 'Startup' },
    ]);
    expect(b.layer.machines().map(({ instance }) => instance)).toEqual(['accepted-1', 'accepted-1.bbr']);
    a.ask({ kind: 'abort', connection: 'mine' });
    pass(10_000);
    expect([a.layer.machines(), b.layer.machines()]).toEqual([[], []]);
  });

  it('gives a name free again while the old connection is in TIME-WAIT', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine'));
    pass(10_000);
    a.ask({ kind: 'close', connection: 'mine' });
    b.ask({ kind: 'close', connection: 'accepted-1' });
    pass(10_000);
    a.ask(connect('mine'));
    pass(10_000);
    expect(a.layer.machines().map(({ instance, state }) => `${instance} ${state}`)).toEqual([
      'mine TIME-WAIT',
      'mine~2 ESTABLISHED',
    ]);
    pass(61_000_000);
    expect(a.layer.connection('mine')?.state).toBe('ESTABLISHED');
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(10) });
    pass(10_000);
    expect(equal(b.bytes('accepted-2'), pattern(10))).toBe(true);
  });

  it('gives a name free again that was saved while its connection was in TIME-WAIT', () => {
    const { a, b, pass } = pairOf();
    a.restores = b.restores = true;
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine'));
    pass(10_000);
    a.ask({ kind: 'close', connection: 'mine' });
    b.ask({ kind: 'close', connection: 'accepted-1' });
    pass(10_000);
    expect(a.layer.connection('mine')).toBeUndefined();
    a.ask(connect('mine'));
    pass(10_000);
    expect(a.kinds('mine')).toEqual(['connected', 'remote-closed', 'closed normal', 'connected']);
  });

  it('tells connections of its own addresses apart', () => {
    const { a, b, pass } = pairOf({ otherAddresses: [OTHER] });
    b.ask({ kind: 'listen', port: 443 });
    a.ask({ ...connect('one', 443, 5_000), source: A } as TcpRequest);
    a.ask({ ...connect('other', 443, 5_000), source: OTHER } as TcpRequest);
    pass(10_000);
    expect([a.kinds('one'), a.kinds('other')]).toEqual([['connected'], ['connected']]);
    expect(b.kinds('accepted-2')).toEqual(['accepted']);
  });

  it('ends everything by RST when it stops, and handshakes with their listener', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine'));
    pass(10_000);
    b.packet(toB(segment(Flag.SYN, 10)));
    b.ask({ kind: 'unlisten', port: 443 });
    expect(b.layer.machines()).toHaveLength(1);
    b.device.stop();
    pass(10_000);
    expect(a.kinds('mine')).toEqual(['connected', 'closed reset']);
    expect(b.kinds('accepted-1')).toEqual(['accepted', 'closed aborted']);
    expect(b.layer.machines()).toEqual([]);
    expect(b.device.save().timers).toEqual([]);
  });

  it('hears of ICMP errors', () => {
    const { a } = pairOf();
    a.ask(connect('mine', 443, 5_000));
    const seq = a.segments[0]?.seq as number;
    a.packet(icmpError({ code: 4, mtu: 1_000 }, seq));
    expect(a.layer.connection('mine')?.path.mss).toBe(960);
    a.packet(icmpError({ code: 3 }, seq, { ...TUPLE, localPort: 5_001 }));
    expect(a.kinds('mine')).toEqual([]);
    a.packet(icmpError({ code: 3 }, seq));
    expect(a.kinds('mine')).toEqual(['closed unreachable']);
    expect(a.layer.counters['icmp-errors']).toBe(3);
    expect([...a.layer.drops]).toEqual([['no-connection', 1]]);
  });

  it('believes no ICMP error that quotes a number which is not under way (RFC 5927 section 4.1)', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine', 443, 5_000));
    const seq = a.segments[0]?.seq as number;
    for (const wrong of [seq - 1, seq + 1, seq + 1_000_000]) {
      a.packet(icmpError({ code: 3 }, wrong));
      a.packet(icmpError({ code: 4, mtu: 1_000 }, wrong));
    }
    pass(10_000);
    expect(a.kinds('mine')).toEqual(['connected']);
    const mss = a.layer.connection('mine')?.path.mss as number;
    expect(mss).toBeGreaterThan(1_400);
    // The SYN is acknowledged: its number is no more under way.
    a.packet(icmpError({ code: 4, mtu: 1_000 }, seq));
    expect(a.layer.connection('mine')?.path.mss).toBe(mss);
    expect(a.layer.drops.get('out-of-window')).toBe(7);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(3_000) });
    a.packet(icmpError({ code: 4, mtu: 1_000 }, seq + 1 + mss));
    expect(a.layer.connection('mine')?.path.mss).toBeLessThan(1_000);
  });

  it('counts requests for connections that are gone', () => {
    const { a } = pairOf();
    a.ask({ kind: 'write', connection: 'nobody', bytes: pattern(1) }, { kind: 'abort', connection: 'nobody' });
    expect(a.layer.counters.lateRequests).toBe(2);
  });

  it('goes on from saved state as if nothing had happened', () => {
    const runs = [false, true].map((restores) => {
      const { a, b, pass } = pairOf();
      a.restores = b.restores = restores;
      b.ask({ kind: 'listen', port: 443 });
      a.ask(connect('mine'), connect('second'), connect('nobody', 80));
      pass(10_000);
      for (const connection of ['mine', 'second']) {
        a.ask({ kind: 'write', connection, bytes: pattern(60_000) }, { kind: 'close', connection });
      }
      pass(500_000);
      b.ask({ kind: 'close', connection: 'accepted-1' }, { kind: 'abort', connection: 'accepted-2' });
      pass(70_000_000);
      return { a: a.packets, b: b.packets, heardA: a.heard, heardB: b.heard, left: a.layer.machines().length };
    });
    expect(runs[0].b.length).toBeGreaterThan(20);
    expect(runs[1]).toEqual(runs[0]);
  });
});

/** Last segment that the layer sent to a port. */
function lastTo(outputs: readonly Output[], port: number): Segment {
  const packets = outputs.flatMap((each) =>
    each.kind === 'send' && each.port === 'lower' ? [segmentFromPacket((each.message as Frame).bytes)] : [],
  );
  const found = packets.filter((read) => read.ok && read.tuple.localPort === port).at(-1);
  return found?.ok === true ? found.segment : segment(0, 0);
}

const SERVED: TcpTuple = { local: A, localPort: 7_000, remote: B, remotePort: 443 };
const OPENED: TcpTuple = { local: A, localPort: 80, remote: B, remotePort: 6_000 };
const from = (tuple: TcpTuple, made: Segment) => ({ port: 'lower', frame: packetFromSegment(made, tuple) });

layerCompliance(
  'tcp',
  (host) => new TcpLayer(host, '2003', { address: B, mtu: 1500 }),
  [
    { port: 'upper', message: { kind: 'listen', port: 443 } },
    from(SERVED, segment(Flag.SYN, 100, 0, { mss: 1_400, sackPermitted: true, windowScale: 7 })),
    (outputs) => from(SERVED, segment(Flag.ACK, 101, lastTo(outputs, 7_000).seq + 1)),
    (outputs) => from(SERVED, segment(Flag.ACK, 601, lastTo(outputs, 7_000).seq + 1, {}, pattern(500))),
    { port: 'upper', message: { kind: 'write', connection: 'accepted-1', bytes: pattern(9_000) } },
    { wait_us: 300_000 },
    (outputs) => from(SERVED, segment(Flag.ACK, 101, lastTo(outputs, 7_000).seq, {}, pattern(500))),
    { port: 'upper', message: { kind: 'consumed', connection: 'accepted-1', bytes: 1_000 } },
    { port: 'upper', message: { kind: 'close', connection: 'accepted-1' } },
    (outputs) => from(SERVED, segment(Flag.ACK | Flag.FIN, 1_101, lastTo(outputs, 7_000).seq)),
    {
      port: 'upper',
      message: { kind: 'connect', connection: 'out', destination: A, destinationPort: 80, sourcePort: 6_000 },
    },
    { wait_us: 1_500_000 },
    (outputs) => from(OPENED, segment(Flag.SYN | Flag.ACK, 500, lastTo(outputs, 80).seq + 1, { mss: 1_000 })),
    (outputs) => from(OPENED, segment(Flag.ACK | Flag.FIN, 501, lastTo(outputs, 80).seq)),
    { port: 'upper', message: { kind: 'abort', connection: 'out' } },
    { ...from(SERVED, segment(Flag.ACK, 1, 1)), checksum: 'bad' },
    from({ ...SERVED, localPort: 1 }, segment(Flag.SYN, 5)),
    { wait_us: 100_000_000 },
  ],
  { framePorts: ['lower'] },
);
