import { describe, expect, it } from 'vitest';
import { type Impairments, pattern, restoring, segment, type TcpEnd, TcpPair } from '../../../test/support/tcp-pair.ts';
import { equal } from '../../wire/bytes.ts';
import { Flag } from '../../wire/tcp.ts';
import type { TcpConnectionOptions } from './connection.ts';

const BYTES = 400_000;

/** Both ends send, close, and must have got the other's bytes. */
function exchange(pair: TcpPair, bytes = BYTES): void {
  pair.client.run((connection) => connection.openActive());
  pair.run(() => pair.server.kinds.includes('connected') && pair.client.kinds.includes('connected'));
  for (const [end, seed] of [
    [pair.client, 11],
    [pair.server, 12],
  ] as const) {
    end.run((connection) => connection.write(pattern(bytes, seed)));
    end.run((connection) => connection.close());
  }
  const over = (end: TcpEnd) => end.kinds.includes('closed normal');
  expect(pair.run(() => over(pair.client) && over(pair.server), 3_600_000_000)).toBe(true);
  expectBytes(pair.server, bytes, 11);
  expectBytes(pair.client, bytes, 12);
}

/** Not `toEqual`, which takes seconds for so many bytes. */
function expectBytes(end: TcpEnd, bytes: number, seed: number): void {
  expect(end.receivedBytes).toBe(bytes);
  expect(equal(end.received, pattern(bytes, seed))).toBe(true);
}

const LINKS: readonly Impairments[] = [
  { delay_us: 0 },
  { delay_us: 10_000, jitter_us: 8_000 },
  { delay_us: 5_000, loss: 0.01 },
  { delay_us: 5_000, loss: 0.03, jitter_us: 3_000, duplicate: 0.02 },
  { delay_us: 20_000, loss: 0.1, duplicate: 0.1, jitter_us: 30_000 },
];
const OPTIONS: readonly Partial<TcpConnectionOptions>[] = [
  {},
  { congestion: 'newreno' },
  { sack: false },
  { timestamps: false },
  { sack: false, timestamps: false, windowScale: false },
  { nagle: true, receiveBufferBytes: 20_000 },
  { mss: 536, receiveBufferBytes: 3_000 },
];

describe('bytes arrive as they were sent', () => {
  for (const link of LINKS) {
    it.each(OPTIONS)(`over ${JSON.stringify(link)} with %j`, (options) => {
      const bytes = (options.receiveBufferBytes ?? BYTES) < BYTES ? 60_000 : BYTES;
      for (let seed = 1; seed <= 3; seed++)
        exchange(new TcpPair({ seed, link, client: options, server: options }), bytes);
    });
  }

  it('whatever the initial numbers are, also across 2^32', () => {
    for (const isn of [0, 0x7fff_ff00, 0xffff_fff0, 0xffff_ffff, 0xffff_0000]) {
      exchange(new TcpPair({ isn: [isn, (isn + 0x8000_0000) >>> 0], link: { loss: 0.02, jitter_us: 2_000 } }), 200_000);
    }
  });

  it('in both kinds of an end that lives from its saved state alone', () => {
    for (let seed = 1; seed <= 3; seed++) {
      const link = { delay_us: 5_000, loss: 0.05, jitter_us: 5_000, duplicate: 0.05 };
      const plain = new TcpPair({ seed, link });
      exchange(plain, 60_000);
      const restored = new TcpPair({ seed, link });
      restoring(restored.client);
      restoring(restored.server);
      exchange(restored, 60_000);
      expect(restored.client.sent).toEqual(plain.client.sent);
      expect(restored.server.sent).toEqual(plain.server.sent);
      expect(restored.client.kinds).toEqual(plain.client.kinds);
      expect(restored.client.connection.stats).toEqual(plain.client.connection.stats);
    }
  });
});

/** Swallows the nth data segments of the client, each once. */
const loses = (pair: TcpPair, ...places: number[]): void => {
  let count = 0;
  pair.passes = ({ payload }, from) => from === 'server' || payload.length === 0 || !places.includes(count++);
};

describe('loss', () => {
  const sending = (options: Partial<TcpConnectionOptions> = {}): TcpPair =>
    new TcpPair({ link: { delay_us: 10_000 }, client: options, server: options }).connect();
  it.each([
    ['with SACK', {}],
    ['without', { sack: false }],
  ])('of one segment is repaired in one round trip %s', (_, options) => {
    const pair = sending(options);
    loses(pair, 3);
    pair.client.run((connection) => connection.write(pattern(14_480)));
    const start_us = pair.scheduler.now_us();
    pair.run(() => pair.server.receivedBytes === 14_480);
    expect(pair.scheduler.now_us() - start_us).toBeLessThan(45_000);
    expect(pair.client.connection.stats).toMatchObject({ retransmissions: 1, timeouts: 0, fastRecoveries: 1 });
  });

  it('of many segments of one window costs one cut, and each is sent again once', () => {
    const pair = sending();
    pair.client.run((connection) => connection.write(pattern(300_000)));
    pair.run(() => pair.server.receivedBytes > 60_000);
    loses(pair, 1, 3, 4, 7, 9);
    pair.run(() => pair.server.receivedBytes === 300_000);
    expect(pair.client.connection.stats).toMatchObject({ retransmissions: 5, timeouts: 0, fastRecoveries: 1 });
    expect(pair.server.connection.stats.duplicates).toBe(0);
  });

  it('of the last segment is repaired by a tail loss probe', () => {
    const pair = sending();
    loses(pair, 9);
    pair.client.run((connection) => connection.write(pattern(14_480)));
    const start_us = pair.scheduler.now_us();
    pair.run(() => pair.server.receivedBytes === 14_480);
    expect(pair.scheduler.now_us() - start_us).toBeLessThan(150_000);
    expect(pair.client.connection.stats).toMatchObject({ tailProbes: 1, timeouts: 0, retransmissions: 1 });
  });

  it('of a retransmission is found without a timeout while others arrive', () => {
    const pair = sending();
    pair.client.run((connection) => connection.write(pattern(400_000)));
    pair.run(() => pair.server.receivedBytes > 60_000);
    let swallowed = 0;
    const victim = pair.client.connection.sendNext;
    pair.passes = ({ seq, payload }) => seq !== victim || payload.length === 0 || ++swallowed > 2;
    pair.run(() => pair.server.receivedBytes === 400_000);
    expect(swallowed).toBe(3);
    expect(pair.client.connection.stats.timeouts).toBe(0);
  });

  it('MUST-19: of everything doubles the timeout each time and starts again from one segment', () => {
    const pair = sending();
    pair.client.run((connection) => connection.write(pattern(1_000)));
    pair.run(() => pair.server.receivedBytes === 1_000);
    pair.passes = () => false;
    pair.client.run((connection) => connection.write(pattern(100_000)));
    const before = pair.client.sent.length;
    pair.pass(4_000_000);
    expect(pair.client.connection.stats.timeouts).toBe(4);
    expect(pair.client.connection.path.cwnd).toBe(pair.client.connection.path.mss);
    pair.passes = () => true;
    pair.run(() => pair.server.receivedBytes === 101_000);
    expect(pair.server.received.subarray(1_000)).toEqual(pattern(100_000));
    expect(pair.client.sent.length).toBeGreaterThan(before);
  });

  it('does not take reordering by two places for loss', () => {
    const pair = sending();
    const late: (() => void)[] = [];
    let count = 0;
    pair.passes = (sent, from) => {
      if (from === 'server' || sent.payload.length === 0 || ++count !== 4) return true;
      late.push(() => pair.scheduler.at(pair.scheduler.now_us() + 10_001, () => pair.server.arrive(sent)));
      late[0]();
      return false;
    };
    pair.client.run((connection) => connection.write(pattern(1_448 * 6)));
    pair.run(() => pair.server.receivedBytes === 1_448 * 6);
    expect(pair.client.connection.stats.retransmissions).toBe(0);
  });

  it('of SACKed data that the receiver threw away again is repaired after a timeout', () => {
    const pair = sending({ timestamps: false });
    pair.passes = () => false;
    pair.client.run((connection) => connection.write(pattern(1_460 * 5)));
    const first = 1_001;
    const sacks = [{ left: first, right: first + 1_460 * 5 }];
    pair.client.arrive(segment(Flag.ACK, 2_001, first, { sacks }));
    pair.pass(5_000_000);
    const again = pair.client.sent.filter(({ seq, payload }) => seq === first && payload.length > 0);
    expect(again.length).toBeGreaterThan(1);
  });
});

describe('congestion', () => {
  it.each(['cubic', 'newreno'] as const)(
    'MUST-19 MAY-18: %s starts with ten segments, doubles, and is cut by loss',
    (congestion) => {
      const pair = new TcpPair({ link: { delay_us: 50_000 }, client: { congestion } }).connect();
      const { mss } = pair.client.connection.path;
      pair.client.run((connection) => connection.write(pattern(4_000_000)));
      expect(pair.client.sent.filter(({ payload }) => payload.length > 0).length).toBe(10);
      pair.pass(101_000);
      expect(pair.client.connection.path.cwnd).toBe(20 * mss);
      loses(pair, 0);
      let before = 0;
      pair.run(() => {
        before = Math.max(before, pair.client.connection.path.cwnd);
        return pair.client.connection.stats.fastRecoveries === 1;
      });
      // In the course of a round trip the window comes down.
      pair.pass(120_000);
      expect(pair.client.connection.path.cwnd / before).toBeCloseTo(congestion === 'cubic' ? 0.7 : 0.5, 1);
      pair.run(() => pair.server.receivedBytes === 4_000_000);
    },
  );

  it('MUST-19: after slow start NewReno grows by one segment in a round trip', () => {
    const round_us = 100_000;
    const pair = new TcpPair({ link: { delay_us: round_us / 2 }, client: { congestion: 'newreno' } }).connect();
    pair.client.run((connection) => connection.write(pattern(4_000_000)));
    loses(pair, 20);
    pair.run(() => pair.client.connection.stats.fastRecoveries === 1);
    pair.pass(3 * round_us);
    const { cwnd, mss } = pair.client.connection.path;
    for (let rounds = 1; rounds <= 8; rounds++) {
      pair.pass(round_us);
      const grown = (pair.client.connection.path.cwnd - cwnd) / mss;
      expect(Math.abs(grown - rounds)).toBeLessThanOrEqual(1);
    }
    expect(pair.client.connection.stats).toMatchObject({ fastRecoveries: 1, timeouts: 0 });
  });

  it('keeps the window small on a path with much loss, however many bytes are SACKed', () => {
    for (let seed = 1; seed <= 3; seed++) {
      const pair = new TcpPair({ seed, link: { delay_us: 10_000, loss: 0.1 } }).connect();
      pair.client.run((connection) => connection.write(pattern(2_000_000)));
      let largest = 0;
      pair.run(() => {
        largest = Math.max(largest, pair.client.connection.path.cwnd);
        return pair.server.receivedBytes === 2_000_000;
      });
      expect(pair.server.receivedBytes).toBe(2_000_000);
      expect(largest / pair.client.connection.path.mss).toBeLessThan(40);
    }
  });

  it('forgets a large window when nothing was sent for longer than a timeout', () => {
    const pair = new TcpPair({ link: { delay_us: 20_000 } }).connect();
    pair.client.run((connection) => connection.write(pattern(2_000_000)));
    pair.run(() => pair.server.receivedBytes === 2_000_000);
    pair.pass(5_000_000);
    const before = pair.client.sent.length;
    pair.client.run((connection) => connection.write(pattern(500_000)));
    expect(pair.client.sent.length - before).toBe(10);
  });
});
