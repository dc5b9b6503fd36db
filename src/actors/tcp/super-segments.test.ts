import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Impairments, MSS_BYTES, pattern, restoring, TcpPair } from '../../../test/support/tcp-pair.ts';
import { equal } from '../../wire/bytes.ts';
import { Flag } from '../../wire/tcp.ts';
import type { TcpConnectionOptions } from './connection.ts';
import { SUPER_SEGMENT_BYTES } from './limits.ts';
import type { Segment } from './segment.ts';
import { superSegmentGoal, superSegmentLength } from './segment-size.ts';

const BYTES = 3_000_000;
const BIG = { superSegments: true, receiveBufferBytes: 4_000_000 } as const;
/** Timestamps take 12 bytes of each segment. */
const PAYLOAD_BYTES = MSS_BYTES - 12;

function transferred(link: Impairments, options: Partial<TcpConnectionOptions>, seed = 1, bytes = BYTES): TcpPair {
  const pair = new TcpPair({ seed, link, client: options, server: options }).connect();
  pair.client.run((connection) => connection.write(pattern(bytes, 7)));
  pair.client.run((connection) => connection.close());
  expect(pair.run(() => pair.server.kinds.includes('remote-closed'), 3_600_000_000)).toBe(true);
  expect(pair.server.receivedBytes).toBe(bytes);
  expect(equal(pair.server.received, pattern(bytes, 7))).toBe(true);
  return pair;
}

const carrying = (pair: TcpPair): Segment[] => pair.client.sent.filter(({ payload }) => payload.length > 0);

describe('size of a super-segment', () => {
  const limits = fc.record({
    available: fc.integer({ min: 0, max: 10_000_000 }),
    mss: fc.integer({ min: 48, max: 9_000 }),
    cwnd: fc.integer({ min: 1_000, max: 20_000_000 }),
    pipe: fc.integer({ min: 0, max: 20_000_000 }),
    pacingRate: fc.oneof(fc.constant(0), fc.integer({ min: 1_000, max: 1_000_000_000 })),
    repairs: fc.boolean(),
  });

  it('is whole segments or everything, never above what is free or an IP packet holds', () => {
    fc.assert(
      fc.property(limits, (given) => {
        const length = superSegmentLength(given);
        const { available, mss, cwnd, pipe, pacingRate, repairs } = given;
        expect(length).toBeLessThanOrEqual(Math.max(available, mss));
        expect(length).toBeLessThanOrEqual(Math.max(mss, Math.min(SUPER_SEGMENT_BYTES, cwnd - pipe, cwnd / 4)));
        if (pacingRate > 0) expect(length).toBeLessThanOrEqual(Math.max(mss, pacingRate / 1_000));
        if (length !== available) expect(length % mss).toBe(0);
        // Waiting is for those who have an ACK to wait for.
        if (length > 0 || available === 0) return;
        expect(repairs).toBe(false);
        expect(pipe).toBeGreaterThanOrEqual(superSegmentGoal(given));
      }),
    );
  });
});

describe('a sender whose interface cuts', () => {
  it('fills super-segments with whole segments, and pushes with the last bytes alone', () => {
    const pair = transferred({ delay_us: 5_000 }, BIG);
    const sizes = carrying(pair).map(({ payload }) => payload.length);
    expect(Math.max(...sizes)).toBe(Math.floor(SUPER_SEGMENT_BYTES / PAYLOAD_BYTES) * PAYLOAD_BYTES);
    expect(sizes.slice(0, -1).every((size) => size % PAYLOAD_BYTES === 0)).toBe(true);
    expect(sizes.length).toBeLessThan(BYTES / PAYLOAD_BYTES / 8);
    const pushed = carrying(pair).filter(({ flags }) => (flags & Flag.PSH) !== 0);
    expect(pushed).toEqual([carrying(pair).at(-1)]);
    expect(pair.client.connection.stats.retransmissions).toBe(0);
    expect(carrying(pair).every(({ segment_bytes }) => segment_bytes === PAYLOAD_BYTES)).toBe(true);
  });

  it('sends no more than the window at the start, and a segment at least', () => {
    const pair = new TcpPair({ client: BIG, link: { delay_us: 5_000 } }).connect();
    pair.client.run((connection) => connection.write(pattern(BYTES)));
    const sizes = carrying(pair).map(({ payload }) => payload.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(10 * PAYLOAD_BYTES);
    expect(Math.max(...sizes)).toBe(2 * PAYLOAD_BYTES);
  });

  it('repeats no more than was lost', () => {
    const pair = new TcpPair({ client: BIG, server: BIG, link: { delay_us: 5_000 } }).connect();
    let victims = 0;
    pair.passes = ({ payload, seq }, from) => {
      // One segment in the middle of a super-segment, once.
      const isVictim = from === 'client' && victims === 0 && payload.length > 0 && seq >>> 0 > 1_000_000;
      if (isVictim) victims += 1;
      return !isVictim;
    };
    pair.client.run((connection) => connection.write(pattern(BYTES)));
    expect(pair.run(() => pair.server.receivedBytes === BYTES)).toBe(true);
    expect(victims).toBe(1);
    expect(equal(pair.server.received, pattern(BYTES))).toBe(true);
    expect(pair.client.connection.stats).toMatchObject({ timeouts: 0, retransmissions: 1 });
    const sent = carrying(pair).reduce((sum, { payload }) => sum + payload.length, 0);
    expect(sent - BYTES).toBe(PAYLOAD_BYTES);
  });

  it('cuts at the new size once the path takes less', () => {
    const pair = new TcpPair({ client: BIG, server: BIG, link: { delay_us: 5_000 } }).connect();
    pair.client.run((connection) => connection.pathMtu(1_000));
    pair.client.run((connection) => connection.write(pattern(BYTES)));
    expect(pair.run(() => pair.server.receivedBytes === BYTES)).toBe(true);
    expect(new Set(carrying(pair).map(({ segment_bytes }) => segment_bytes))).toEqual(new Set([1_000 - 40 - 12]));
  });
});

describe('bytes arrive in super-segments as in segments', () => {
  const links: readonly Impairments[] = [
    { delay_us: 0 },
    { delay_us: 5_000, loss: 0.01 },
    { delay_us: 5_000, loss: 0.05, jitter_us: 3_000, duplicate: 0.02 },
    { delay_us: 5_000, loss: 0.02, jitter_us: 3_000, merges: true },
  ];
  const options: readonly Partial<TcpConnectionOptions>[] = [
    {},
    { sack: false },
    { timestamps: false, congestion: 'newreno' },
    { mss: 536, receiveBufferBytes: 30_000 },
    { nagle: true },
  ];
  for (const link of links) {
    it.each(options)(`over ${JSON.stringify(link)} with %j`, (option) => {
      for (let seed = 1; seed <= 2; seed++) transferred(link, { ...BIG, ...option }, seed, 400_000);
    });
  }

  it('in an end that lives from its saved state alone', () => {
    const link = { delay_us: 5_000, loss: 0.03, jitter_us: 3_000 };
    const run = (restores: boolean): TcpPair => {
      const pair = new TcpPair({ seed: 3, link, client: BIG, server: BIG });
      if (restores) for (const end of [pair.client, pair.server]) restoring(end);
      pair.connect().client.run((connection) => connection.write(pattern(200_000)));
      expect(pair.run(() => pair.server.receivedBytes === 200_000)).toBe(true);
      return pair;
    };
    const [plain, restored] = [run(false), run(true)];
    expect(restored.client.sent).toEqual(plain.client.sent);
    expect(restored.server.sent).toEqual(plain.server.sent);
  });
});

describe('a receiver whose interface puts segments together', () => {
  it('SHLD-19: acknowledges a super-segment at once, and every second full segment beside it', () => {
    const pair = new TcpPair({ client: BIG, server: BIG, link: { delay_us: 5_000, merges: true } }).connect();
    pair.client.run((connection) => connection.write(pattern(BYTES)));
    expect(pair.run(() => pair.server.receivedBytes === BYTES)).toBe(true);
    const acks = pair.server.sent.filter(({ payload }) => payload.length === 0).length;
    expect(acks).toBeGreaterThanOrEqual(carrying(pair).length);
    expect(acks).toBeLessThan(carrying(pair).length + 5);
  });
});
