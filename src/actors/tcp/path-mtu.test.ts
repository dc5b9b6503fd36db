import { describe, expect, it } from 'vitest';
import { pattern, restoring, TcpPair } from '../../../test/support/tcp-pair.ts';
import type { TcpConnectionOptions } from './connection.ts';

const SECOND_US = 1_000_000;
const MINUTE_US = 60 * SECOND_US;

/** An open pair whose client's path swallows payloads above `most` without a word. */
function narrow(most: number, options: Partial<TcpConnectionOptions> = {}): TcpPair {
  const pair = new TcpPair({ client: options }).connect();
  pair.passes = ({ payload }, from) => from === 'server' || payload.length <= most;
  return pair;
}
const mssOf = (pair: TcpPair): number => pair.client.connection.path.mss;
const longest = (pair: TcpPair, from = 0): number =>
  Math.max(...pair.client.sent.slice(from).map(({ payload }) => payload.length));

function transfer(pair: TcpPair, bytes: number, limit_us = 600 * SECOND_US): boolean {
  const target = pair.server.receivedBytes + bytes;
  pair.client.run((connection) => connection.write(pattern(bytes)));
  return pair.run(() => pair.server.receivedBytes === target, limit_us);
}

describe('a path that swallows large segments', () => {
  it.each([1_300, 1_100, 900, 520])('of more than %i bytes is found, and what it takes is found again', (most) => {
    const pair = narrow(most);
    transfer(pair, 3_000_000);
    expect(pair.server.receivedBytes).toBe(3_000_000);
    expect(mssOf(pair)).toBeLessThanOrEqual(most);
    expect(mssOf(pair)).toBeGreaterThan(most - 8);
    expect(pair.client.connection.stats.timeouts).toBeLessThan(6);
  });

  it('stays a black hole where the search is off', () => {
    const pair = narrow(1_300, { mtuProbing: 'off' });
    expect(transfer(pair, 100_000, 300 * SECOND_US)).toBe(false);
    expect(mssOf(pair)).toBe(1_448);
  });

  it('is not believed in before the third timeout, nor for small segments', () => {
    const pair = narrow(0);
    pair.client.run((connection) => connection.write(pattern(5_000)));
    pair.run(() => pair.client.connection.stats.timeouts === 2);
    expect(mssOf(pair)).toBe(1_448);
    pair.pass(2 * SECOND_US);
    expect(mssOf(pair)).toBe(1_024);
    const small = narrow(0);
    small.client.run((connection) => connection.write(pattern(100)));
    small.pass(60 * SECOND_US);
    expect(mssOf(small)).toBe(1_448);
  });

  it('never takes us below 512 bytes less options, however long it is dead; afterwards full segments come back', () => {
    const pair = narrow(0);
    pair.client.run((connection) => connection.write(pattern(2_000_000)));
    pair.pass(100 * SECOND_US);
    expect(mssOf(pair)).toBe(500);
    pair.passes = () => true;
    pair.run(() => pair.server.receivedBytes === 2_000_000);
    expect(mssOf(pair)).toBeGreaterThan(1_440);
  });

  it('costs one lost segment a try, and no cut of the window', () => {
    const pair = narrow(1_200);
    pair.client.run((connection) => connection.write(pattern(3_000_000)));
    pair.run(() => mssOf(pair) === 1_024);
    pair.run(() => mssOf(pair) > 1_024);
    const { timeouts, fastRecoveries } = pair.client.connection.stats;
    let cwnd = 0;
    let cuts = 0;
    pair.client.afterStep = ({ connection }) => {
      if (connection.path.cwnd < cwnd) cuts += 1;
      cwnd = connection.path.cwnd;
    };
    pair.run(() => pair.server.receivedBytes === 3_000_000);
    const { stats } = pair.client.connection;
    expect(mssOf(pair)).toBeGreaterThan(1_192);
    expect(stats.timeouts).toBe(timeouts);
    expect(stats.fastRecoveries).toBeGreaterThan(fastRecoveries + 1);
    expect(cuts).toBe(0);
  });

  it('is looked at again ten minutes later', () => {
    const pair = narrow(1_100);
    transfer(pair, 2_000_000);
    const found = mssOf(pair);
    pair.passes = () => true;
    const before = pair.client.sent.length;
    pair.pass(9 * MINUTE_US);
    transfer(pair, 500_000);
    expect(longest(pair, before)).toBe(found);
    pair.pass(2 * MINUTE_US);
    transfer(pair, 2_000_000);
    expect(mssOf(pair)).toBeGreaterThan(1_440);
  });

  it('is searched alike without SACK, and by an end that lives from its saved state', () => {
    const plain = narrow(1_100, { sack: false });
    transfer(plain, 3_000_000);
    expect(mssOf(plain)).toBeGreaterThan(1_092);
    const [once, saved] = [narrow(1_100), narrow(1_100)];
    restoring(saved.client);
    for (const pair of [once, saved]) transfer(pair, 500_000);
    expect(mssOf(saved)).toBe(mssOf(once));
    expect(saved.client.sent.length).toBe(once.client.sent.length);
  });
});

describe('a search from the start', () => {
  it('begins with 1024 bytes and comes to full segments', () => {
    const pair = new TcpPair({ client: { mtuProbing: 'always' } }).connect();
    expect(mssOf(pair)).toBe(1_024);
    transfer(pair, 3_000_000);
    expect(mssOf(pair)).toBeGreaterThan(1_440);
    expect(pair.client.connection.stats.retransmissions).toBe(0);
  });

  it('does not go above what the other side takes', () => {
    const pair = new TcpPair({ client: { mtuProbing: 'always' }, server: { mss: 600 } }).connect();
    transfer(pair, 500_000);
    expect(longest(pair)).toBe(588);
  });
});

describe('ICMP', () => {
  it.each([
    ['off', 1_448],
    ['black-hole', 1_440],
  ] as const)('is believed at once, and doubted after ten minutes (%s)', (mtuProbing, after) => {
    const pair = new TcpPair({ client: { mtuProbing } }).connect();
    pair.client.run((connection) => connection.pathMtu(1_000));
    expect(mssOf(pair)).toBe(948);
    transfer(pair, 500_000);
    expect(longest(pair)).toBe(948);
    pair.pass(11 * MINUTE_US);
    transfer(pair, 2_000_000);
    expect(mssOf(pair)).toBeGreaterThanOrEqual(after);
  });

  it('ends a search above what it tells', () => {
    const pair = new TcpPair({ client: { mtuProbing: 'always' } }).connect();
    pair.client.run((connection) => connection.pathMtu(1_200));
    transfer(pair, 3_000_000);
    expect(mssOf(pair)).toBeLessThanOrEqual(1_148);
    expect(mssOf(pair)).toBeGreaterThan(1_140);
  });

  it('never makes packets below 552 bytes', () => {
    for (const mtu of [0, 68, 551]) {
      const pair = new TcpPair().connect();
      pair.client.run((connection) => connection.pathMtu(mtu));
      expect(mssOf(pair)).toBe(500);
    }
  });
});

describe('an interface that cuts', () => {
  it('gets a probe with its own size, so that it stays whole', () => {
    const pair = narrow(65_535, { superSegments: true, mtuProbing: 'always' });
    transfer(pair, 3_000_000);
    expect(mssOf(pair)).toBeGreaterThan(1_440);
    const probes = pair.client.sent.filter(({ segment_bytes = 0 }, at, all) => {
      const before = all[at - 1]?.segment_bytes ?? 0;
      const after = all[at + 1]?.segment_bytes ?? 0;
      return before > 0 && before < segment_bytes && after > 0 && after < segment_bytes;
    });
    expect(probes.length).toBeGreaterThan(3);
    expect(probes.every(({ payload, segment_bytes }) => payload.length === segment_bytes)).toBe(true);
  });
});
