import { describe, expect, it } from 'vitest';
import { A, B, connect, icmpError, pairOf, TUPLE, toB } from '../../../test/support/tcp-host.ts';
import { pattern, segment } from '../../../test/support/tcp-pair.ts';
import { parseIp4Packet } from '../../wire/ipv4.ts';
import { Flag } from '../../wire/tcp.ts';
import type { TcpIndication } from '../services.ts';
import { packetFromSegment, type Segment } from './segment.ts';

const BROADCAST = 0xffff_ffff;
const GROUP = 0xe000_0001;
const statusOf = (heard: readonly TcpIndication[]) => heard.flatMap((each) => (each.kind === 'status' ? [each] : []));
const ipOf = (bytes: Uint8Array) => {
  const ip = parseIp4Packet(bytes, 0, bytes.length);
  return ip.ok ? { diffserv: ip.tos >> 2, ttl: ip.ttl } : undefined;
};

describe('OPEN', () => {
  it('MUST-46: to broadcast, multicast or no address is refused, and nothing is sent', () => {
    const { a } = pairOf();
    for (const destination of [BROADCAST, GROUP, 0]) {
      a.ask({ kind: 'connect', connection: `to ${destination}`, destination, destinationPort: 443 });
      expect(a.kinds(`to ${destination}`)).toEqual(['closed refused']);
    }
    expect(a.packets).toEqual([]);
  });

  it('MUST-43 MUST-44 MUST-45: uses the address that the user names, else one of ours, and stays with it', () => {
    const { a, b, pass } = pairOf({ otherAddresses: [0x0a00_0009] });
    b.ask({ kind: 'listen', port: 443 });
    a.ask({ ...connect('named'), source: 0x0a00_0009 } as never, connect('free'));
    a.ask({ ...connect('foreign'), source: 0x0a00_0063 } as never);
    expect(a.kinds('foreign')).toEqual(['closed refused']);
    pass(10_000);
    a.ask({ kind: 'write', connection: 'named', bytes: pattern(10) });
    pass(10_000);
    const sources = a.packets.map(({ bytes }) => {
      const ip = parseIp4Packet(bytes, 0, bytes.length);
      return ip.ok ? ip.source : 0;
    });
    expect(sources).toEqual([0x0a00_0009, A, 0x0a00_0009, A, 0x0a00_0009]);
  });

  it('MUST-43: passive, takes connections to or from the named ends alone', () => {
    const { a, b } = pairOf();
    b.ask({ kind: 'listen', port: 443, only: { address: B, remote: A, remotePort: 5_000 } });
    a.ask(connect('wrong', 443, 5_001), connect('right', 443, 5_000));
    for (const { bytes } of [...a.packets]) b.packet(bytes);
    expect(b.segments.map(({ flags }) => flags)).toEqual([Flag.RST | Flag.ACK, Flag.SYN | Flag.ACK]);
    expect(b.layer.drops.get('no-listener')).toBe(1);
  });

  it('MUST-41 MUST-42: listening disturbs no connection, and is possible while one of the port opens', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'connect', connection: 'out', destination: A, destinationPort: 7, sourcePort: 443 });
    expect(b.layer.connection('out')?.state).toBe('SYN-SENT');
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('in'));
    pass(100);
    b.ask({ kind: 'listen', port: 443 });
    expect(b.layer.connection('out')?.state).toBe('SYN-SENT');
    pass(10_000);
    expect(a.kinds('in')).toEqual(['connected']);
    expect(b.kinds('accepted-1')).toEqual(['accepted']);
  });
});

describe('SYN-RECEIVED', () => {
  const syn = toB(segment(Flag.SYN, 100));
  const next = (flags: number, more = 0) => toB(segment(flags, 101 + more));

  it.each([
    ['RST', Flag.RST, 0],
    ['another SYN in the window', Flag.SYN, 500],
  ])('MUST-11: of a passive OPEN goes back to LISTEN on %s: its user hears nothing', (_, flags, more) => {
    const { b } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    b.packet(syn);
    b.packet(next(flags, more));
    expect(b.heard).toEqual([]);
    expect(b.layer.machines()).toEqual([]);
    b.packet(syn);
    expect(b.segments.at(-1)?.flags).toBe(Flag.SYN | Flag.ACK);
  });

  it('MUST-11: of an active OPEN is refused by RST, and keeps a strange SYN out', () => {
    const { a } = pairOf();
    a.carry = () => {};
    a.ask(connect('mine', 443, 5_000));
    const { seq } = a.segments[0] as Segment;
    const fromB = (made: Segment) =>
      a.packet(packetFromSegment(made, { local: B, localPort: 443, remote: A, remotePort: 5_000 }));
    fromB(segment(Flag.SYN, 700));
    expect(a.layer.connection('mine')?.state).toBe('SYN-RECEIVED');
    fromB(segment(Flag.SYN, 900));
    expect(a.segments.at(-1)).toMatchObject({ flags: Flag.ACK, seq: seq + 1, ack: 701 });
    expect(a.layer.connection('mine')?.state).toBe('SYN-RECEIVED');
    fromB(segment(Flag.RST, 701));
    expect(a.kinds('mine')).toEqual(['closed refused']);
  });
});

describe('segments of no single host', () => {
  it('MUST-57 MUST-63: from or to broadcast or multicast addresses are dropped without an answer', () => {
    const { b } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    for (const made of [segment(Flag.SYN, 1), segment(Flag.ACK, 1, 1)]) {
      for (const address of [BROADCAST, GROUP, 0]) {
        b.packet(packetFromSegment(made, { ...TUPLE, local: address }));
        b.packet(packetFromSegment(made, { ...TUPLE, remote: address }));
      }
    }
    expect(b.packets).toEqual([]);
    expect([...b.layer.drops]).toEqual([
      ['malformed', 6],
      ['not-our-address', 6],
    ]);
  });
});

describe('ICMP', () => {
  const opened = () => {
    const { a } = pairOf();
    a.carry = () => {};
    a.ask(connect('mine', 443, 5_000));
    return { a, seq: a.segments[0]?.seq as number };
  };

  it('MUST-54 MUST-56 SHLD-25: what may pass (no net, no host, no route, time exceeded, bad parameter) is told and ends nothing', () => {
    const { a, seq } = opened();
    const soft = [
      [3, 0],
      [3, 1],
      [3, 5],
      [11, 0],
      [11, 1],
      [12, 0],
    ] as const;
    for (const [type, code] of soft) a.packet(icmpError({ type, code }, seq));
    expect(a.kinds('mine')).toEqual(soft.map(() => 'troubled'));
    expect(a.layer.connection('mine')?.state).toBe('SYN-SENT');
  });

  it('SHLD-26: what stays (no protocol, no port) ends a connection that opens', () => {
    for (const code of [2, 3]) {
      const { a, seq } = opened();
      a.packet(icmpError({ code }, seq));
      expect(a.kinds('mine')).toEqual(['closed unreachable']);
    }
  });

  it('MUST-55: source quench is thrown away without a word', () => {
    const { a, seq } = opened();
    const before = a.layer.connection('mine')?.path;
    a.packet(icmpError({ type: 4, code: 0 }, seq));
    expect(a.heard).toEqual([]);
    expect([...a.layer.drops]).toEqual([]);
    expect(a.layer.connection('mine')?.path).toEqual(before);
  });

  it('MUST-55: source quench takes nothing from the window of a connection that sends', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine', 443, 5_000));
    pass(10_000);
    b.carry = () => {};
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(100_000) });
    const connection = a.layer.connection('mine');
    const before = { path: connection?.path, sent: a.packets.length, heard: a.heard.length };
    expect(before.path?.cwnd).toBeGreaterThan(10_000);
    a.packet(icmpError({ type: 4, code: 0 }, a.segments.at(-1)?.seq as number));
    expect({ path: connection?.path, sent: a.packets.length, heard: a.heard.length }).toEqual(before);
    expect([...a.layer.drops]).toEqual([]);
  });
});

describe('choices of the user', () => {
  it('MUST-48 MUST-49 SHLD-22: differentiated services and time to live go unchanged to IP', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443, choices: { diffserv: 10, ttl: 3 } });
    a.ask({ ...connect('mine'), choices: { diffserv: 46, ttl: 200 } } as never, connect('plain'));
    pass(10_000);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(3_000) });
    pass(10_000);
    const seen = new Set(a.packets.map(({ bytes }) => JSON.stringify(ipOf(bytes))));
    expect([...seen]).toEqual(['{"diffserv":46,"ttl":200}', '{"diffserv":0,"ttl":64}']);
    expect(b.packets.every(({ bytes }) => ipOf(bytes)?.diffserv === 10 && ipOf(bytes)?.ttl === 3)).toBe(true);
  });

  it('SHLD-21: may change while the connection lives', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine'));
    pass(10_000);
    const before = a.packets.length;
    a.ask({ kind: 'choose', connection: 'mine', choices: { diffserv: 8, ttl: 9 } });
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(10) });
    expect(a.packets.slice(before).map(({ bytes }) => ipOf(bytes))).toEqual([{ diffserv: 8, ttl: 9 }]);
  });

  it('survive saving', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443, only: { remote: A }, choices: { ttl: 7 } });
    a.restores = b.restores = true;
    a.ask({ ...connect('mine'), choices: { diffserv: 46 } } as never);
    pass(10_000);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(10) });
    pass(100_000);
    expect(ipOf(a.packets.at(-1)?.bytes as Uint8Array)).toEqual({ diffserv: 46, ttl: 64 });
    expect(ipOf(b.packets.at(-1)?.bytes as Uint8Array)).toEqual({ diffserv: 0, ttl: 7 });
  });
});

describe('STATUS', () => {
  it('tells what a connection is about, and CLOSED of one that is not there', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine'));
    pass(10_000);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(300) });
    a.ask({ kind: 'status', connection: 'mine' }, { kind: 'status', connection: 'other' });
    expect(statusOf(a.heard)).toMatchObject([
      { connection: 'mine', state: 'ESTABLISHED', unacknowledged: 300, mss: 1_448, urgent: 0 },
      { connection: 'other', state: 'CLOSED', unacknowledged: 0 },
    ]);
  });

  it('urgent data crosses the layer as a call and an indication', () => {
    const { a, b, pass } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    a.ask(connect('mine'));
    pass(10_000);
    a.ask({ kind: 'write', connection: 'mine', bytes: pattern(30), urgent: true });
    pass(10_000);
    expect(b.heard).toMatchObject([{ kind: 'accepted' }, { kind: 'urgent', bytes: 30 }, { kind: 'data' }]);
  });
});

describe('IP options', () => {
  it('MUST-50: are skipped, whatever they are', () => {
    const { b } = pairOf();
    b.ask({ kind: 'listen', port: 443 });
    const plain = toB(segment(Flag.SYN, 100));
    const bytes = new Uint8Array(plain.length + 8);
    bytes.set(plain.subarray(0, 20));
    // Record route, then one that nobody knows.
    bytes.set([7, 3, 4, 222, 4, 9, 9, 0], 20);
    bytes.set(plain.subarray(20), 28);
    bytes[0] = 0x47;
    bytes[3] = bytes.length;
    b.packet(bytes);
    expect(b.segments.at(-1)?.flags).toBe(Flag.SYN | Flag.ACK);
  });

  it('MUST-20: a path in doubt is told to IP with the packet itself', () => {
    const { a, pass } = pairOf();
    a.carry = () => {};
    a.ask(connect('mine'));
    pass(600_000_000);
    const doubts = a.packets.map(({ doubt }) => doubt === true);
    expect(doubts).toEqual([false, false, false, true, true, true, true, true]);
  });
});
