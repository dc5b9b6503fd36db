import { describe, expect, it } from 'vitest';
import { pattern, segment, TcpPair } from '../../../test/support/tcp-pair.ts';
import { concat, equal } from '../../wire/bytes.ts';
import { Flag } from '../../wire/tcp.ts';

describe('the receive window', () => {
  const stalled = (buffer = 20_000): TcpPair => {
    const pair = new TcpPair({ server: { receiveBufferBytes: buffer } });
    pair.server.consumes = false;
    pair.connect();
    pair.client.run((connection) => connection.write(pattern(100_000)));
    pair.pass(5_000_000);
    return pair;
  };

  it('holds the sender while the user takes nothing, and is probed', () => {
    const pair = stalled();
    expect(pair.server.receivedBytes).toBe(20_000);
    expect(pair.client.connection.path.window).toBe(0);
    expect(pair.client.connection.stats.windowProbes).toBeGreaterThan(1);
    pair.pass(3_600_000_000);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
    expect(pair.server.receivedBytes).toBe(20_000);
  });

  it('opens when the user has worked something off', () => {
    const pair = stalled();
    const start_us = pair.scheduler.now_us();
    pair.server.consumes = true;
    pair.server.run((connection) => connection.consumed(20_000));
    pair.run(() => pair.server.receivedBytes === 100_000);
    expect(equal(pair.server.received, pattern(100_000))).toBe(true);
    expect(pair.scheduler.now_us() - start_us).toBeLessThan(500_000);
  });

  it('SHLD-30: is probed at growing intervals, also while every probe is answered', () => {
    const pair = new TcpPair({ server: { receiveBufferBytes: 20_000 } }).connect();
    pair.server.consumes = false;
    pair.client.run((connection) => connection.write(pattern(100_000)));
    pair.pass(60_000_000);
    // 0.2 s, 0.4 s, … 51 s: the eighth would come after 51 s.
    const { windowProbes } = pair.client.connection.stats;
    expect(windowProbes).toBeGreaterThan(5);
    expect(windowProbes).toBeLessThan(10);
    pair.server.run((connection) => connection.consumed(20_000));
    pair.server.consumes = true;
    expect(pair.run(() => pair.server.receivedBytes === 100_000, 5_000_000)).toBe(true);
    expect(pair.client.connection.stats.windowProbes).toBeLessThanOrEqual(windowProbes + 2);
  });

  it('opens by a probe when the update was lost', () => {
    const pair = stalled();
    let swallowed = 0;
    pair.passes = (_, from) => from === 'client' || ++swallowed > 1;
    pair.server.consumes = true;
    pair.server.run((connection) => connection.consumed(20_000));
    pair.run(() => pair.server.receivedBytes === 100_000);
    expect(swallowed).toBeGreaterThan(1);
    expect(equal(pair.server.received, pattern(100_000))).toBe(true);
  });

  it('does not open by a few bytes', () => {
    const pair = stalled();
    const before = pair.server.sent.length;
    for (let i = 0; i < 14; i++) pair.server.run((connection) => connection.consumed(100));
    expect(pair.server.sent.length).toBe(before);
    pair.server.run((connection) => connection.consumed(100));
    expect(pair.server.sent.length).toBe(before + 1);
    expect(pair.server.sent.at(-1)?.window).toBe(1_500);
  });

  it('keeps no bytes beyond it', () => {
    const pair = new TcpPair({ server: { receiveBufferBytes: 3_000, timestamps: false } });
    pair.server.consumes = false;
    pair.connect();
    pair.server.arrive(segment(Flag.ACK, 1_001, 2_001, {}, pattern(5_000)));
    expect(pair.server.receivedBytes).toBe(3_000);
    expect(pair.server.sent.at(-1)).toMatchObject({ ack: 4_001, window: 0 });
  });

  it('closes in order even when FIN waits behind it', () => {
    const pair = stalled();
    pair.client.run((connection) => connection.close());
    pair.pass(60_000_000);
    expect(pair.client.connection.state).toBe('FIN-WAIT-1');
    pair.server.consumes = true;
    pair.server.run((connection) => connection.consumed(20_000));
    pair.run(() => pair.server.kinds.includes('remote-closed'));
    expect(pair.server.receivedBytes).toBe(100_000);
  });

  it('carries a FIN alone as a probe', () => {
    const pair = new TcpPair({ server: { receiveBufferBytes: 10_000 } });
    pair.server.consumes = false;
    pair.connect();
    pair.client.run((connection) => connection.write(pattern(10_000)));
    pair.pass(1_000_000);
    pair.client.run((connection) => connection.close());
    pair.pass(10_000_000);
    expect(pair.server.kinds).toContain('remote-closed');
    expect(pair.client.connection.state).toBe('FIN-WAIT-2');
  });

  it('gives up when nobody answers its probes', () => {
    const pair = stalled();
    pair.passes = () => false;
    pair.pass(1_200_000_000);
    expect(pair.client.kinds.slice(-2)).toEqual(['closed timed-out', 'gone']);
  });
});

describe('the send queue', () => {
  it('tells when it is over its mark and when there is room again', () => {
    const pair = new TcpPair({ client: { sendQueueBytes: 100_000 } }).connect();
    pair.client.run((connection) => connection.write(pattern(50_000)));
    expect(pair.client.connection.sendSpace).toBe(50_000);
    pair.client.run((connection) => connection.write(pattern(60_000)));
    pair.client.run((connection) => connection.write(pattern(1_000)));
    expect(pair.client.kinds).toEqual(['connected', 'full']);
    expect(pair.client.connection.sendSpace).toBe(0);
    pair.run(() => pair.server.receivedBytes === 111_000);
    pair.pass(50_000);
    expect(pair.client.events.filter(({ kind }) => kind === 'writable')).toHaveLength(1);
    expect(pair.client.connection.sendSpace).toBe(100_000);
    expect(equal(pair.server.received, concat(pattern(50_000), pattern(60_000), pattern(1_000)))).toBe(true);
  });
});

describe('acknowledgements', () => {
  it('SHLD-18 SHLD-19 MUST-40: wait for a second segment, 40 ms at most', () => {
    const pair = new TcpPair().connect();
    const { mss } = pair.client.connection.path;
    pair.client.run((connection) => connection.write(pattern(mss * 16)));
    pair.pass(100_000);
    const before = pair.server.sent.length;
    pair.client.run((connection) => connection.write(pattern(mss)));
    pair.pass(1_000 + 39_000);
    expect(pair.server.sent.length).toBe(before);
    pair.pass(2_000);
    expect(pair.server.sent.length).toBe(before + 1);
    pair.client.run((connection) => connection.write(pattern(mss * 8)));
    pair.pass(1_000);
    expect(pair.server.sent.length).toBe(before + 5);
  });

  it('MUST-58: ride on data', () => {
    const pair = new TcpPair().connect();
    const { mss } = pair.client.connection.path;
    pair.client.run((connection) => connection.write(pattern(mss * 16)));
    pair.pass(100_000);
    const before = pair.server.sent.length;
    pair.client.run((connection) => connection.write(pattern(100)));
    pair.pass(2_000);
    pair.server.run((connection) => connection.write(pattern(100)));
    pair.pass(100_000);
    expect(pair.server.sent.slice(before)).toMatchObject([{ flags: Flag.ACK | Flag.PSH, ack: 1_001 + mss * 16 + 100 }]);
  });

  it('MAY-13: tell at once of a gap, with the newest range first, and of what came twice', () => {
    const pair = new TcpPair({ client: { timestamps: false } }).connect();
    const at = (offset: number, length: number) =>
      pair.server.arrive(
        segment(Flag.ACK, 1_001 + offset, 2_001, {}, pattern(5_000).subarray(offset, offset + length)),
      );
    const sacks = () => pair.server.sent.at(-1)?.options.sacks?.map(({ left, right }) => [left - 1_001, right - 1_001]);
    at(100, 100);
    expect(sacks()).toEqual([[100, 200]]);
    at(300, 100);
    expect(sacks()).toEqual([
      [300, 400],
      [100, 200],
    ]);
    at(200, 100);
    expect(sacks()).toEqual([[100, 400]]);
    at(0, 100);
    expect(pair.server.sent.at(-1)).toMatchObject({ ack: 1_401 });
    expect(sacks()).toBeUndefined();
    at(50, 100);
    expect(sacks()).toEqual([[50, 150]]);
    expect(equal(pair.server.received, pattern(400))).toBe(true);
  });

  it('go out with SACK blocks even when data could ride', () => {
    const pair = new TcpPair().connect();
    let swallowed = 0;
    pair.passes = ({ payload }, from) => from === 'server' || payload.length === 0 || ++swallowed > 1;
    pair.server.run((connection) => connection.write(pattern(1_000_000)));
    pair.client.run((connection) => connection.write(pattern(1_000_000)));
    pair.run(() => pair.server.receivedBytes === 1_000_000 && pair.client.receivedBytes === 1_000_000);
    expect(pair.client.connection.stats.timeouts).toBe(0);
    expect(pair.server.sent.some(({ options, payload }) => options.sacks !== undefined && payload.length === 0)).toBe(
      true,
    );
  });
});

describe('small segments', () => {
  it('go out at once without Nagle, and wait for the ACK with it', () => {
    const counts = [false, true].map((nagle) => {
      const pair = new TcpPair({ client: { nagle } }).connect();
      const before = pair.client.sent.length;
      for (let i = 0; i < 10; i++) pair.client.run((connection) => connection.write(pattern(10)));
      const sent = pair.client.sent.length - before;
      pair.run(() => pair.server.receivedBytes === 100);
      return sent;
    });
    expect(counts).toEqual([10, 1]);
  });

  it('SHLD-6: are cut to the path MTU, also those that were sent before it was known', () => {
    const pair = new TcpPair({ client: { mtuProbing: 'off' } }).connect();
    let narrow = true;
    pair.passes = ({ payload }, from) => from === 'server' || !narrow || payload.length <= 500;
    pair.client.run((connection) => connection.write(pattern(20_000)));
    pair.pass(10_000);
    pair.client.run((connection) => connection.pathMtu(552));
    pair.run(() => pair.server.receivedBytes === 20_000);
    narrow = false;
    expect(equal(pair.server.received, pattern(20_000))).toBe(true);
    expect(pair.client.connection.path.mss).toBe(500);
  });
});

describe('large segments', () => {
  it('of 64 KB are taken', () => {
    const pair = new TcpPair({ client: { mss: 65_000, timestamps: false } }).connect();
    for (let at = 0; at < 300_000; at += 60_000) {
      pair.server.arrive(segment(Flag.ACK, 1_001 + at, 2_001, {}, pattern(300_000).subarray(at, at + 60_000)));
    }
    expect(equal(pair.server.received, pattern(300_000))).toBe(true);
  });
});
