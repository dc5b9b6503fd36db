import { describe, expect, it } from 'vitest';
import { pattern, segment, type TcpEnd, TcpPair } from '../../../test/support/tcp-pair.ts';
import { EMPTY } from '../../wire/bytes.ts';
import { seqDiff } from '../../wire/seq.ts';
import { Flag, type TcpOptions } from '../../wire/tcp.ts';
import type { Segment } from './segment.ts';

/** Numbers of a pair that is open and has sent nothing. */
const CLIENT = 1_001;
const SERVER = 2_001;
const SECOND_US = 1_000_000;

const plain = { timestamps: false, sack: false, windowScale: false };
/** An open pair without options, whose client hears only what a test says by hand. */
function alone(): TcpPair {
  const pair = new TcpPair({ client: plain, server: plain }).connect();
  pair.passes = () => false;
  return pair;
}
const answer = (pair: TcpPair, acked: number, window: number, payload = EMPTY, at = 0) =>
  pair.client.arrive({ ...segment(Flag.ACK, SERVER + at, CLIENT + acked, {}, payload), window });
const write = (end: TcpEnd, bytes: number) => end.run((connection) => connection.write(pattern(bytes)));
const carrying = (sent: readonly Segment[]) => sent.filter(({ payload }) => payload.length > 0);
const ranges = (sent: readonly Segment[]) => carrying(sent).map(({ seq, payload }) => [seq - CLIENT, payload.length]);
const hasPush = ({ flags }: Segment) => (flags & Flag.PSH) !== 0;

describe('push', () => {
  it('MAY-16 SHLD-27 SHLD-28: what was written in pieces goes out in full segments, with one PSH at the end', () => {
    const pair = new TcpPair();
    pair.client.run((connection) => connection.openActive());
    for (let i = 0; i < 50; i++) write(pair.client, 100);
    pair.run(() => pair.server.receivedBytes === 5_000);
    expect(carrying(pair.client.sent).map(({ payload }) => payload.length)).toEqual([1_448, 1_448, 1_448, 656]);
    expect(carrying(pair.client.sent).map(hasPush)).toEqual([false, false, false, true]);
  });

  it('MUST-61: the last segment of what is there has PSH', () => {
    const pair = new TcpPair().connect();
    for (const bytes of [1, 1_448, 5_000]) {
      write(pair.client, bytes);
      expect(hasPush(pair.client.sent.at(-1) as Segment)).toBe(true);
      pair.pass(SECOND_US);
    }
  });

  it('MUST-60: what Nagle or the other window holds back goes out by itself', () => {
    const held = new TcpPair({ client: { nagle: true } }).connect();
    write(held.client, 10);
    write(held.client, 10);
    expect(carrying(held.client.sent)).toHaveLength(1);
    // The delayed ACK of the first is what the second waits for.
    held.pass(100_000);
    expect(held.server.receivedBytes).toBe(20);
    expect(held.client.connection.stats.windowProbes).toBe(0);
    const narrow = alone();
    answer(narrow, 0, 1_000);
    write(narrow.client, 1_460);
    narrow.pass(5 * SECOND_US);
    expect(narrow.client.connection.stats.bytesOut).toBe(0);
    expect(ranges(narrow.client.sent)[0]).toEqual([0, 1_000]);
  });
});

describe('the window of the other side', () => {
  it('MUST-1: is unsigned: 65535 is open', () => {
    const pair = alone();
    answer(pair, 0, 65_535);
    expect(pair.client.connection.path.window).toBe(65_535);
    answer(pair, 0, 32_768);
    expect(pair.client.connection.path.window).toBe(32_768);
  });

  it('REC-1: has 32 bits and more inside: the largest scale does not overflow', () => {
    const pair = new TcpPair();
    pair.passes = () => false;
    pair.client.run((connection) => connection.openActive());
    pair.client.arrive(segment(Flag.SYN | Flag.ACK, SERVER - 1, CLIENT, { windowScale: 14 }));
    pair.client.arrive({ ...segment(Flag.ACK, SERVER, CLIENT), window: 65_535 });
    expect(pair.client.connection.path.window).toBe(65_535 * 16_384);
  });

  it('MUST-34 SHLD-15 SHLD-16 MAY-7: may shrink: nothing new goes out, old data does again, also beyond the edge', () => {
    const pair = alone();
    answer(pair, 0, 65_535);
    write(pair.client, 20_000);
    const sent = Math.max(...ranges(pair.client.sent).map(([at, length]) => (at as number) + (length as number)));
    const before = pair.client.sent.length;
    answer(pair, 0, 2_000);
    answer(pair, 1_460, 2_000);
    const later = () => ranges(pair.client.sent.slice(before));
    pair.pass(10 * SECOND_US);
    expect(later().length).toBeGreaterThan(0);
    expect(later().every(([at, length]) => (at as number) + (length as number) <= sent)).toBe(true);
    expect(later().some(([at]) => at === 1_460)).toBe(true);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
    answer(pair, sent, 65_535);
    expect(later().some(([at]) => at === sent)).toBe(true);
  });

  it('SHLD-17: never ends a connection for data behind an edge that moved back', () => {
    const pair = alone();
    answer(pair, 0, 65_535);
    write(pair.client, 10_000);
    answer(pair, 1_460, 0);
    // The other side lives and says so to every probe.
    pair.passes = (_, from) => {
      if (from === 'client') pair.scheduler.at(pair.scheduler.now_us() + 1_000, () => answer(pair, 1_460, 0));
      return false;
    };
    pair.pass(3_600 * SECOND_US);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
  });

  it('MUST-36 SHLD-29 SHLD-30: a shut one is probed, first after one timeout, then after twice as long each time', () => {
    const pair = alone();
    answer(pair, 0, 0);
    const begin_us = pair.scheduler.now_us();
    const rto_us = pair.client.connection.path.rto_us;
    const times_us: number[] = [];
    pair.passes = ({ payload }) => {
      if (payload.length > 0) times_us.push(pair.scheduler.now_us() - begin_us);
      return false;
    };
    write(pair.client, 5_000);
    pair.pass(20 * SECOND_US);
    expect(times_us.slice(0, 4)).toEqual([1, 3, 7, 15].map((count) => count * rto_us));
    expect(carrying(pair.client.sent)[0]?.payload.length).toBe(1);
  });

  it('MUST-35 MUST-37: a shut one is probed for as long as the other side answers', () => {
    const pair = new TcpPair().connect();
    pair.server.consumes = false;
    write(pair.client, 2_000_000);
    pair.pass(24 * 3_600 * SECOND_US);
    expect(pair.client.connection.path.window).toBe(0);
    expect(pair.client.connection.stats.windowProbes).toBeGreaterThan(1_000);
    pair.server.consumes = true;
    pair.server.run((connection) => connection.consumed(pair.server.receivedBytes));
    pair.run(() => pair.server.receivedBytes === 2_000_000);
    expect(pair.server.receivedBytes).toBe(2_000_000);
  });
});

describe('our window', () => {
  it('SHLD-14: never shrinks from the right', () => {
    const pair = new TcpPair().connect();
    pair.server.consumes = false;
    let edge = 0;
    let shrunk = 0;
    pair.passes = ({ ack, window, flags }, from) => {
      if (from === 'client' || (flags & Flag.SYN) !== 0) return true;
      const now = seqDiff(ack, CLIENT) + window * 32;
      // Less than one step of the scale: the field tells it no better.
      if (now <= edge - 32) shrunk += 1;
      edge = Math.max(edge, now);
      return true;
    };
    write(pair.client, 3_000_000);
    for (let i = 0; i < 100; i++) {
      pair.pass(20_000);
      pair.server.run((connection) => connection.consumed(Math.min(7_777, connection.status.unread)));
    }
    expect(edge).toBeGreaterThan(1_000_000);
    expect(shrunk).toBe(0);
  });

  it('MAY-8: stays shut for as long as the user takes nothing', () => {
    const pair = new TcpPair().connect();
    pair.server.consumes = false;
    write(pair.client, 2_000_000);
    pair.pass(3_600 * SECOND_US);
    expect(pair.server.connection.status.receiveWindow).toBe(0);
    expect(pair.server.connection.state).toBe('ESTABLISHED');
  });

  it('MUST-66: a RST counts while it is shut', () => {
    const pair = new TcpPair({ server: { receiveBufferBytes: 4_096 } }).connect();
    pair.server.consumes = false;
    write(pair.client, 50_000);
    pair.pass(SECOND_US);
    expect(pair.server.connection.status.receiveWindow).toBe(0);
    pair.server.arrive(segment(Flag.RST, CLIENT + pair.server.receivedBytes));
    expect(pair.server.kinds.slice(-2)).toEqual(['closed reset', 'gone']);
  });

  it('MUST-39: opens by a segment or half the buffer at least', () => {
    const pair = new TcpPair({ server: { receiveBufferBytes: 8_000 } }).connect();
    pair.server.consumes = false;
    write(pair.client, 50_000);
    pair.pass(SECOND_US);
    pair.server.run((connection) => connection.consumed(1_000));
    pair.pass(100_000);
    expect(pair.server.connection.status.receiveWindow).toBe(0);
    pair.server.run((connection) => connection.consumed(1_000));
    expect(pair.server.connection.status.receiveWindow).toBeGreaterThanOrEqual(1_460);
  });

  it('MUST-39: half of a buffer that is smaller than two segments is enough', () => {
    const pair = new TcpPair({ server: { receiveBufferBytes: 2_000 } }).connect();
    pair.server.consumes = false;
    write(pair.client, 50_000);
    pair.pass(SECOND_US);
    const consume = (bytes: number) => pair.server.run((connection) => connection.consumed(bytes));
    consume(990);
    // Answers to window probes do not tell of it either.
    pair.pass(5 * SECOND_US);
    const before = pair.server.sent.length;
    expect(pair.client.connection.stats.windowProbes).toBeGreaterThan(2);
    expect(pair.server.connection.status.receiveWindow).toBe(0);
    consume(10);
    expect([pair.server.connection.status.receiveWindow, pair.server.sent.length]).toEqual([1_000, before + 1]);
  });
});

describe('small segments', () => {
  it('MUST-38: go out when they are all there is, full, or half the largest window', () => {
    const pair = alone();
    answer(pair, 0, 10_000);
    write(pair.client, 2_000);
    expect(ranges(pair.client.sent)).toEqual([
      [0, 1_460],
      [1_460, 540],
    ]);
    answer(pair, 2_000, 700);
    const before = pair.client.sent.length;
    write(pair.client, 5_000);
    expect(ranges(pair.client.sent.slice(before))).toEqual([]);
    answer(pair, 2_000, 5_100);
    expect(ranges(pair.client.sent.slice(before))[0]).toEqual([2_000, 1_460]);
  });

  it('MUST-38: half of a window that was never larger than a segment is worth one', () => {
    const pair = new TcpPair({ client: plain, server: { ...plain, receiveBufferBytes: 1_000 } }).connect();
    pair.passes = () => false;
    write(pair.client, 5_000);
    expect(ranges(pair.client.sent)).toEqual([[0, 1_000]]);
    answer(pair, 1_000, 499);
    expect(ranges(pair.client.sent)).toHaveLength(1);
    answer(pair, 1_000, 500);
    expect(ranges(pair.client.sent)[1]).toEqual([1_000, 500]);
  });

  it('MUST-17 SHLD-7: the user of a connection switches Nagle on and off', () => {
    const pair = new TcpPair().connect();
    pair.passes = () => false;
    const sent = () => carrying(pair.client.sent).length;
    write(pair.client, 10);
    write(pair.client, 10);
    expect(sent()).toBe(2);
    pair.client.run((connection) => connection.choose({ nagle: true }));
    write(pair.client, 10);
    expect(sent()).toBe(2);
    pair.client.run((connection) => connection.choose({ nagle: false }));
    expect(sent()).toBe(3);
  });
});

describe('the MSS option', () => {
  it('MUST-14 MAY-3 SHLD-5 MUST-65: is on every SYN and on nothing else', () => {
    const pair = new TcpPair().connect();
    write(pair.client, 50_000);
    pair.run(() => pair.server.receivedBytes === 50_000);
    for (const { flags, options } of [...pair.client.sent, ...pair.server.sent]) {
      expect(options.mss !== undefined).toBe((flags & Flag.SYN) !== 0);
    }
  });

  it.each([
    [1_000, true, 988],
    [1_000, false, 1_000],
    [9_000, false, 1_460],
  ])(
    'MUST-14 MUST-16: %i bytes of the other side, ours, and the options decide about a segment',
    (mss, timestamps, size) => {
      const pair = new TcpPair({ client: { timestamps } });
      pair.passes = () => false;
      pair.client.run((connection) => connection.openActive());
      const options: TcpOptions = { mss, ...(timestamps && { timestamps: { value: 1, echo: 0 } }) };
      pair.client.arrive(segment(Flag.SYN | Flag.ACK, SERVER - 1, CLIENT, options));
      write(pair.client, 5_000);
      expect(carrying(pair.client.sent)[0]?.payload.length).toBe(size);
    },
  );

  it('MUST-5 MUST-65: on a later segment it is read over', () => {
    const pair = alone();
    pair.client.arrive(
      segment(Flag.ACK, SERVER, CLIENT, { mss: 100, windowScale: 3, sackPermitted: true }, pattern(5)),
    );
    expect(pair.client.receivedBytes).toBe(5);
    expect(pair.client.connection.path.mss).toBe(1_460);
  });
});

describe('acknowledgements', () => {
  it('MUST-59 SHLD-31: what was queued behind a gap is worked off before one ACK for all of it', () => {
    const pair = alone();
    for (let i = 9; i > 0; i--) pair.server.arrive(segment(Flag.ACK, CLIENT + i * 100, SERVER, {}, pattern(100)));
    const before = pair.server.sent.length;
    pair.server.arrive(segment(Flag.ACK, CLIENT, SERVER, {}, pattern(100)));
    expect(pair.server.sent.slice(before)).toMatchObject([{ ack: CLIENT + 1_000 }]);
  });

  it('MUST-18: the round trip of what was sent twice is not taken, and the longer timeout stays until one is', () => {
    const pair = alone();
    const { srtt_us, rto_us } = pair.client.connection.path;
    write(pair.client, 10);
    pair.pass(2 * rto_us);
    expect(ranges(pair.client.sent)).toHaveLength(2);
    answer(pair, 10, 65_535);
    expect(pair.client.connection.path).toMatchObject({ srtt_us, rto_us: 2 * rto_us });
    write(pair.client, 10);
    pair.pass(1_000);
    answer(pair, 20, 65_535);
    expect(pair.client.connection.path.srtt_us).not.toBe(srtt_us);
    expect(pair.client.connection.path.rto_us).toBeLessThan(1.1 * rto_us);
  });

  it('a round trip of no time at all is one, too', () => {
    const pair = new TcpPair({ client: plain, server: plain, link: { delay_us: 0 } }).connect();
    expect(pair.client.connection.path.srtt_us).toBe(1);
    expect(pair.server.connection.path.srtt_us).toBe(1);
  });
});

describe('RST', () => {
  it('SHLD-2: may carry data', () => {
    const pair = alone();
    pair.client.arrive(segment(Flag.RST | Flag.ACK, SERVER, CLIENT, {}, pattern(20)));
    expect(pair.client.kinds).toEqual(['connected', 'closed reset', 'gone']);
    expect(pair.client.receivedBytes).toBe(0);
  });

  it('MUST-12: tells the user of an abort by another word than of a close', () => {
    const ends = (['close', 'abort'] as const).map((call) => {
      const pair = new TcpPair().connect();
      pair.client.run((connection) => connection[call]());
      pair.pass(10_000);
      if (call === 'close') pair.server.run((connection) => connection.close());
      pair.pass(10_000);
      return pair.server.kinds.slice(1, -1);
    });
    expect(ends).toEqual([['remote-closed', 'closed normal'], ['closed reset']]);
  });
});
