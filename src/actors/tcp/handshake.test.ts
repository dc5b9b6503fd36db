import { describe, expect, it } from 'vitest';
import { MSS_BYTES, pattern, segment, TcpPair } from '../../../test/support/tcp-pair.ts';
import { Flag, flagNames } from '../../wire/tcp.ts';

describe('opening a connection', () => {
  it('takes three segments', () => {
    const pair = new TcpPair().connect();
    expect(pair.client.flags).toEqual(['SYN', 'ACK']);
    expect(pair.server.flags).toEqual(['SYN+ACK']);
    expect([pair.client.connection.state, pair.server.connection.state]).toEqual(['ESTABLISHED', 'ESTABLISHED']);
    expect([pair.client.kinds, pair.server.kinds]).toEqual([['connected'], ['connected']]);
  });

  it('offers MSS, window scale, SACK and timestamps, and answers those that were offered', () => {
    const pair = new TcpPair({ client: { sack: false, windowScale: false } }).connect();
    const [syn] = pair.client.sent;
    const [synAck] = pair.server.sent;
    expect(syn.options).toMatchObject({ mss: MSS_BYTES, sackPermitted: false, windowScale: undefined });
    expect(syn.options.timestamps?.echo).toBe(0);
    expect(synAck.options).toMatchObject({ mss: MSS_BYTES, sackPermitted: false, windowScale: undefined });
    expect(synAck.options.timestamps?.echo).toBe(syn.options.timestamps?.value);
    const full = new TcpPair().connect();
    expect(full.server.sent[0].options).toMatchObject({ windowScale: 5, sackPermitted: true });
  });

  it('MUST-15: uses 536 bytes where the other side names no size, and never less than 48', () => {
    const pair = new TcpPair({ server: { timestamps: false } });
    pair.server.arrive(segment(Flag.SYN, 7));
    expect(pair.server.connection.path.mss).toBe(536);
    const tiny = new TcpPair({ server: { timestamps: false } });
    tiny.server.arrive(segment(Flag.SYN, 7, 0, { mss: 1 }));
    expect(tiny.server.connection.path.mss).toBe(48);
  });

  it('MUST-23: sends SYN again for 3 minutes, 7 times, then gives up', () => {
    const pair = new TcpPair();
    pair.passes = () => false;
    pair.client.run((connection) => connection.openActive());
    pair.pass(182_000_000);
    expect(pair.client.flags).toEqual(Array(8).fill('SYN'));
    expect(pair.client.connection.state).toBe('SYN-SENT');
    pair.pass(2_000_000);
    expect(pair.client.kinds).toEqual(['troubled', 'closed timed-out', 'gone']);
  });

  it('MUST-22: sends SYN+ACK again, 5 times, then gives up', () => {
    const pair = new TcpPair();
    pair.passes = (_, from) => from === 'client';
    pair.server.arrive(segment(Flag.SYN, 7));
    pair.pass(100_000_000);
    expect(pair.server.flags).toEqual(Array(6).fill('SYN+ACK'));
    expect(pair.server.kinds).toEqual(['troubled', 'closed timed-out', 'gone']);
  });

  it.each([['SYN'], ['SYN+ACK'], ['ACK']])('survives the loss of the first %s', (lost) => {
    const pair = new TcpPair();
    let swallowed = 0;
    pair.passes = ({ flags }) => flagNames(flags) !== lost || ++swallowed > 1;
    pair.connect();
    expect(pair.client.connection.state).toBe('ESTABLISHED');
    expect(pair.server.connection.state).toBe('ESTABLISHED');
    // The echo of the first SYN may come with the second SYN+ACK, a second later.
    expect(pair.client.connection.path.rto_us).toBeLessThan(3_100_000);
  });

  it('answers a repeated SYN by SYN+ACK once more', () => {
    const pair = new TcpPair();
    pair.server.arrive(segment(Flag.SYN, 7));
    pair.server.arrive(segment(Flag.SYN, 7));
    expect(pair.server.flags).toEqual(['SYN+ACK', 'SYN+ACK']);
    expect(pair.server.sent[0].seq).toBe(pair.server.sent[1].seq);
  });

  it('MUST-10: opens from both ends at once', () => {
    const pair = new TcpPair();
    pair.client.run((connection) => connection.openActive());
    pair.server.run((connection) => connection.openActive());
    pair.run(() => pair.client.connection.state === 'ESTABLISHED' && pair.server.connection.state === 'ESTABLISHED');
    expect(pair.client.flags.slice(0, 2)).toEqual(['SYN', 'SYN+ACK']);
    expect(pair.server.flags.slice(0, 2)).toEqual(['SYN', 'SYN+ACK']);
    expect([pair.client.kinds, pair.server.kinds]).toEqual([['connected'], ['connected']]);
    const bytes = pattern(50_000);
    pair.client.run((connection) => connection.write(bytes));
    pair.run(() => pair.server.receivedBytes === bytes.length);
    expect(pair.server.received).toEqual(bytes);
  });

  it('carries what was written before it was open', () => {
    const pair = new TcpPair();
    pair.client.run((connection) => connection.openActive());
    expect(pair.client.connection.write(pattern(3_000))).toBe(true);
    pair.run(() => pair.server.receivedBytes === 3_000);
    expect(pair.server.received).toEqual(pattern(3_000));
  });

  it('takes a FIN that was asked for before the SYN+ACK was acknowledged', () => {
    const pair = new TcpPair();
    pair.server.arrive(segment(Flag.SYN, 7));
    pair.server.run((connection) => connection.close());
    expect(pair.server.connection.state).toBe('FIN-WAIT-1');
    expect(pair.server.flags).toEqual(['SYN+ACK']);
    pair.server.arrive(segment(Flag.ACK, 8, 2_001));
    expect(pair.server.flags).toEqual(['SYN+ACK', 'FIN+ACK']);
    pair.server.arrive(segment(Flag.ACK, 8, 2_002));
    expect(pair.server.connection.state).toBe('FIN-WAIT-2');
  });
});

describe('refusal', () => {
  it('tells the opener when a RST answers its SYN', () => {
    const pair = new TcpPair();
    pair.client.run((connection) => connection.openActive());
    pair.client.arrive(segment(Flag.RST | Flag.ACK, 0, 1_001));
    expect(pair.client.kinds).toEqual(['closed refused', 'gone']);
  });

  it.each([
    ['without ACK', Flag.RST, 0],
    ['of another number', Flag.RST | Flag.ACK, 999],
  ])('ignores a RST %s in SYN-SENT', (_, flags, ack) => {
    const pair = new TcpPair();
    pair.client.run((connection) => connection.openActive());
    pair.client.arrive(segment(flags, 0, ack));
    expect(pair.client.connection.state).toBe('SYN-SENT');
    expect(pair.client.flags).toEqual(['SYN']);
  });

  it('answers an ACK of something never sent by RST in SYN-SENT', () => {
    const pair = new TcpPair();
    pair.client.run((connection) => connection.openActive());
    pair.client.arrive(segment(Flag.SYN | Flag.ACK, 50, 999));
    expect(pair.client.connection.state).toBe('SYN-SENT');
    expect(pair.client.sent.at(-1)).toMatchObject({ flags: Flag.RST, seq: 999 });
  });

  it('answers a wrong ACK by RST in SYN-RECEIVED', () => {
    const pair = new TcpPair();
    pair.server.arrive(segment(Flag.SYN, 7));
    pair.server.arrive(segment(Flag.ACK, 8, 1_234));
    expect(pair.server.connection.state).toBe('SYN-RECEIVED');
    expect(pair.server.sent.at(-1)).toMatchObject({ flags: Flag.RST, seq: 1_234 });
  });

  it.each([
    ['SYN-SENT', 'close'],
    ['SYN-SENT', 'abort'],
  ] as const)('forgets in %s on %s without a word', (_, call) => {
    const pair = new TcpPair();
    pair.client.run((connection) => connection.openActive());
    pair.client.run((connection) => connection[call]());
    expect(pair.client.flags).toEqual(['SYN']);
    expect(pair.client.kinds).toEqual(['closed aborted', 'gone']);
  });

  it('ends an opening connection on a hard ICMP error only, and an open one never', () => {
    const pair = new TcpPair();
    pair.client.run((connection) => connection.openActive());
    pair.client.run((connection) => connection.unreachable(false));
    expect(pair.client.connection.state).toBe('SYN-SENT');
    pair.client.run((connection) => connection.unreachable(true));
    expect(pair.client.kinds).toEqual(['troubled', 'closed unreachable', 'gone']);
    const half = new TcpPair();
    half.server.arrive(segment(Flag.SYN, 7));
    half.server.run((connection) => connection.unreachable(true));
    expect(half.server.kinds).toEqual(['closed unreachable', 'gone']);
    const open = new TcpPair().connect();
    open.client.run((connection) => connection.unreachable(true));
    expect(open.client.connection.state).toBe('ESTABLISHED');
  });
});

describe('a held SYN', () => {
  const held = () => {
    const pair = new TcpPair({ server: { holdSynAck: true } });
    pair.client.run((connection) => connection.openActive());
    pair.pass(10_000);
    return pair;
  };

  it('is told and not answered, however often it comes', () => {
    const pair = held();
    pair.pass(8_000_000);
    expect(pair.client.flags.length).toBeGreaterThan(3);
    expect(pair.server.sent).toEqual([]);
    expect(pair.server.kinds).toEqual(['syn-received']);
    expect(pair.server.connection.state).toBe('SYN-RECEIVED');
    expect(pair.server.connection.decision.held).toBe(true);
  });

  it('is answered on release, and the connection works', () => {
    const pair = held();
    pair.server.run((connection) => connection.release());
    pair.run(() => pair.server.kinds.includes('connected'));
    pair.client.run((connection) => connection.write(pattern(10_000)));
    pair.run(() => pair.server.receivedBytes === 10_000);
    expect(pair.server.received).toEqual(pattern(10_000));
    expect(pair.server.kinds).toEqual(['syn-received', 'connected']);
  });

  it('is answered by RST on refuse', () => {
    const pair = held();
    pair.server.run((connection) => connection.refuse());
    pair.pass(10_000);
    expect(pair.server.sent).toMatchObject([{ flags: Flag.RST | Flag.ACK, seq: 0, ack: 1_001 }]);
    expect(pair.server.kinds).toEqual(['syn-received', 'closed refused', 'gone']);
    expect(pair.client.kinds).toEqual(['closed refused', 'gone']);
  });

  it.each(['close', 'abort'] as const)('is answered by RST on %s', (call) => {
    const pair = held();
    pair.server.run((connection) => connection[call]());
    expect(pair.server.flags).toEqual(['RST+ACK']);
    expect(pair.server.kinds).toEqual(['syn-received', 'closed aborted', 'gone']);
  });

  it('ends with a RST of its sender', () => {
    const pair = held();
    pair.server.arrive(segment(Flag.RST, 77));
    expect(pair.server.kinds).toEqual(['syn-received']);
    pair.server.arrive(segment(Flag.RST, 1_001));
    expect(pair.server.kinds).toEqual(['syn-received', 'closed refused', 'gone']);
  });

  it('gives way to a new SYN with another number, and answers strays by RST', () => {
    const pair = held();
    pair.server.arrive(segment(Flag.ACK, 1_001, 555));
    expect(pair.server.sent).toMatchObject([{ flags: Flag.RST, seq: 555 }]);
    pair.server.arrive(segment(Flag.SYN, 70_000, 0, { mss: 1_000 }));
    pair.server.run((connection) => connection.release());
    expect(pair.server.sent.at(-1)).toMatchObject({ flags: Flag.SYN | Flag.ACK, ack: 70_001 });
  });
});
