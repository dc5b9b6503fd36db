import { describe, expect, it } from 'vitest';
import { pattern, restoring, TcpPair } from '../../../test/support/tcp-pair.ts';
import type { TcpConnectionOptions } from './connection.ts';

const sending = (options: Partial<TcpConnectionOptions> = {}, delay_us = 10_000): TcpPair =>
  new TcpPair({ link: { delay_us }, client: options, server: options }).connect();

/** All that is written has arrived and is acknowledged. */
const settle = (pair: TcpPair, bytes: number): void => {
  expect(pair.run(() => pair.client.connection.stats.bytesOut === bytes)).toBe(true);
};

/** From now on the network keeps what the client sends, and lets it go `time_us` later. */
function stall(pair: TcpPair, time_us: number): void {
  const until_us = pair.scheduler.now_us() + time_us;
  pair.passes = (segment, from) => {
    const now_us = pair.scheduler.now_us();
    if (from === 'server' || now_us >= until_us) return true;
    pair.scheduler.at(until_us + 10_000, () => pair.server.arrive(segment));
    return false;
  };
}

describe('a timeout for nothing', () => {
  it.each([
    ['by the echoed timestamp (Eifel, RFC 3522)', { sack: false }],
    ['by what arrives of the first sendings (F-RTO, RFC 5682)', { timestamps: false }],
    ['by both', {}],
  ])('is taken back %s', (_, options) => {
    const pair = sending(options);
    pair.client.run((connection) => connection.write(pattern(200_000)));
    pair.run(() => pair.server.receivedBytes > 60_000);
    const { cwnd } = pair.client.connection.path;
    stall(pair, 500_000);
    expect(pair.run(() => pair.client.connection.stats.timeouts === 1)).toBe(true);
    expect(pair.client.connection.path.cwnd).toBeLessThan(cwnd / 4);
    expect(pair.run(() => pair.client.connection.stats.undone === 1)).toBe(true);
    expect(pair.client.connection.path.cwnd).toBeGreaterThanOrEqual(cwnd);
    settle(pair, 200_000);
    // The timer's repetitions, and no more: nothing of what was under way goes out again.
    expect(pair.client.connection.stats.retransmissions).toBeLessThanOrEqual(3);
  });

  it('that was for something is not taken back', () => {
    for (const options of [{}, { sack: false }, { timestamps: false }, { sack: false, timestamps: false }]) {
      const pair = sending(options);
      pair.client.run((connection) => connection.write(pattern(200_000)));
      pair.run(() => pair.server.receivedBytes > 60_000);
      const until_us = pair.scheduler.now_us() + 100_000;
      pair.passes = (_, from) => from === 'server' || pair.scheduler.now_us() > until_us;
      settle(pair, 200_000);
      expect(pair.client.connection.stats).toMatchObject({ timeouts: 1, undone: 0 });
    }
  });
});

describe('a recovery for nothing', () => {
  /** Every segment of a burst but the first is overtaken by it, by more than a quarter of a round trip. */
  const late = (pair: TcpPair, time_us: number): void => {
    let isFirst = true;
    pair.passes = (segment, from) => {
      if (from === 'server' || segment.payload.length === 0 || !isFirst) return true;
      isFirst = false;
      pair.scheduler.at(pair.scheduler.now_us() + time_us, () => pair.server.arrive(segment));
      return false;
    };
  };

  it.each([
    ['by the echoed timestamp', { sack: false }],
    ['by DSACK', { timestamps: false }],
  ])('is taken back %s', (_, options) => {
    const pair = sending(options);
    pair.client.run((connection) => connection.write(pattern(100_000)));
    pair.run(() => pair.server.receivedBytes > 60_000);
    const { cwnd } = pair.client.connection.path;
    late(pair, 25_000);
    pair.client.run((connection) => connection.write(pattern(100_000)));
    settle(pair, 200_000);
    pair.pass(100_000);
    expect(pair.client.connection.stats).toMatchObject({ fastRecoveries: 1, timeouts: 0, undone: 1 });
    expect(pair.client.connection.path.cwnd).toBeGreaterThanOrEqual(cwnd);
  });

  it('makes the next ones rarer: the reordering window grows', () => {
    const link = { delay_us: 10_000, jitter_us: 12_000 };
    const pair = new TcpPair({ link }).connect();
    pair.client.run((connection) => connection.write(pattern(400_000)));
    settle(pair, 400_000);
    const first = pair.client.connection.stats.retransmissions;
    pair.client.run((connection) => connection.write(pattern(400_000)));
    settle(pair, 800_000);
    expect(first).toBeGreaterThan(0);
    expect(pair.client.connection.stats.retransmissions - first).toBeLessThan(first / 2);
    expect(pair.client.connection.stats.repeatedForNothing).toBeGreaterThan(0);
  });
});

describe('the retransmission timer', () => {
  it('begins anew with each ACK that brings something, and with each repetition of the first segment (RFC 6298 section 5.3)', () => {
    const pair = sending();
    pair.client.run((connection) => connection.write(pattern(1_000)));
    settle(pair, 1_000);
    // RTO is 200 ms and a round trip; ACKs for one segment every 150 ms keep it from going off.
    pair.passes = () => false;
    pair.client.run((connection) => connection.write(pattern(5_000)));
    pair.passes = () => true;
    const before = pair.client.connection.stats.timeouts;
    const { rto_us } = pair.client.connection.path;
    pair.pass(rto_us + 1_000);
    expect(pair.client.connection.stats.timeouts + pair.client.connection.stats.tailProbes).toBe(before + 1);
  });

  it('after a SYN that was lost twice lets the connection begin with one segment (RFC 5681 section 3.1)', () => {
    const pair = new TcpPair({ link: { delay_us: 10_000 } });
    let syns = 0;
    pair.passes = (_, from) => from === 'server' || ++syns > 2;
    pair.connect();
    expect(pair.client.connection.path.cwnd).toBe(pair.client.connection.path.mss);
  });
});

describe('loss on a path of less than a millisecond', () => {
  it('is repaired without timeouts, lost repetitions too', () => {
    const pair = new TcpPair({ seed: 3, link: { delay_us: 200 } }).connect();
    // Only the client's segments get lost: what its ACKs tell is whole.
    pair.passes = (_, from) => from === 'server' || pair.random.fraction() >= 0.05;
    const bytes = 20_000_000;
    pair.client.run((connection) => connection.write(pattern(bytes)));
    const start_us = pair.scheduler.now_us();
    settle(pair, bytes);
    const { stats } = pair.client.connection;
    expect(stats.retransmissions).toBeGreaterThan(500);
    expect(stats.timeouts).toBeLessThanOrEqual(3);
    expect(pair.scheduler.now_us() - start_us).toBeLessThan(4_000_000);
  });
});

describe('a saved connection', () => {
  it('goes on identically in the middle of every kind of recovery', () => {
    for (const options of [{}, { sack: false }, { timestamps: false }]) {
      const run = (restores: boolean): TcpPair => {
        const pair = sending(options);
        if (restores) for (const end of [pair.client, pair.server]) restoring(end);
        pair.client.run((connection) => connection.write(pattern(150_000)));
        pair.run(() => pair.server.receivedBytes > 40_000);
        stall(pair, 300_000);
        pair.run(() => pair.client.connection.stats.timeouts === 1);
        pair.passes = (_, from) => from === 'server' || pair.random.fraction() > 0.05;
        settle(pair, 150_000);
        return pair;
      };
      const [plain, restored] = [run(false), run(true)];
      expect(restored.client.sent).toEqual(plain.client.sent);
      expect(restored.client.connection.stats).toEqual(plain.client.connection.stats);
    }
  });
});
