import { describe, expect, it } from 'vitest';
import { pattern, segment, TcpPair } from '../../../test/support/tcp-pair.ts';
import { equal } from '../../wire/bytes.ts';
import { Flag, type TcpOptions } from '../../wire/tcp.ts';
import { SeededRandom } from '../random.ts';
import { OUT_OF_ORDER_BYTES } from './limits.ts';
import type { Segment } from './segment.ts';

const open = (): TcpPair => new TcpPair({ client: { timestamps: false } }).connect();

describe('blind attacks', () => {
  it.each([
    ['of what was never sent', 1_001 + 5_000],
    ['far in the past', 1_001 - 2_000_000],
  ])('by an ACK %s are answered by the true numbers, and the text is not taken', (_, ack) => {
    const pair = open();
    const before = pair.client.sent.length;
    pair.client.arrive(segment(Flag.ACK, 2_001, ack, {}, pattern(100)));
    expect(pair.client.receivedBytes).toBe(0);
    expect(pair.client.sent.slice(before)).toMatchObject([{ flags: Flag.ACK, seq: 1_001, ack: 2_001 }]);
  });

  it('get ten answers a second at most', () => {
    const pair = open();
    const before = pair.client.sent.length;
    for (let i = 0; i < 1_000; i++) pair.client.arrive(segment(Flag.SYN, 2_500 + i));
    expect(pair.client.sent.length - before).toBe(10);
    pair.pass(1_000_000);
    pair.client.arrive(segment(Flag.SYN, 2_500));
    expect(pair.client.sent.length - before).toBe(11);
  });

  it('do not let two ends answer each other for ever', () => {
    const pair = open();
    pair.client.arrive(segment(Flag.ACK, 1, 1));
    pair.pass(60_000_000);
    expect(pair.client.sent.length + pair.server.sent.length).toBeLessThan(30);
  });

  it('by a segment without ACK take nothing', () => {
    const pair = open();
    expect(pair.client.connection.segment(segment(Flag.PSH, 2_001, 0, {}, pattern(10)))).toBe('out-of-window');
    expect(pair.client.receivedBytes).toBe(0);
  });

  it('by old or missing timestamps take nothing', () => {
    const pair = new TcpPair().connect();
    pair.pass(10_000_000);
    pair.server.run((connection) => connection.write(pattern(10)));
    pair.pass(100_000);
    const value = (pair.server.sent.at(-1)?.options.timestamps?.value as number) - 5_000;
    const late = segment(Flag.ACK, 2_011, 1_001, { timestamps: { value, echo: 0 } }, pattern(10));
    expect(pair.client.connection.segment(late)).toBe('old-timestamp');
    expect(pair.client.connection.segment(segment(Flag.ACK, 2_011, 1_001, {}, pattern(10)))).toBe('old-timestamp');
    expect(pair.client.receivedBytes).toBe(10);
  });

  it('by a FIN inside of what has arrived do not end the stream', () => {
    const pair = open();
    pair.client.arrive(segment(Flag.ACK, 2_101, 1_001, {}, pattern(100)));
    pair.client.arrive(segment(Flag.ACK | Flag.FIN, 2_051, 1_001));
    pair.client.arrive(segment(Flag.ACK, 2_001, 1_001, {}, pattern(100)));
    expect(pair.client.connection.state).toBe('ESTABLISHED');
    expect(pair.client.receivedBytes).toBe(200);
  });

  it('by SACK blocks of nonsense mark nothing', () => {
    const pair = open();
    pair.passes = () => false;
    pair.client.run((connection) => connection.write(pattern(10_000)));
    const sacks = [
      { left: 1_001 + 20_000, right: 1_001 + 30_000 },
      { left: 5_000, right: 4_000 },
      { left: 900, right: 5_000 },
    ];
    for (let i = 0; i < 5; i++) pair.client.arrive(segment(Flag.ACK, 2_001, 1_001, { sacks }));
    expect(pair.client.connection.stats.retransmissions).toBe(0);
  });
});

describe('hostile segments', () => {
  it('ahead of a gap are kept up to a limit of bytes and of pieces', () => {
    const pair = new TcpPair({ client: { timestamps: false }, server: { receiveBufferBytes: 32 << 20 } }).connect();
    const grow = (length: number, from: number) => {
      for (let at = from; at < 20_000_000; at += length * 2) {
        pair.server.arrive(segment(Flag.ACK, 1_001 + at, 2_001, {}, pattern(length)));
      }
    };
    // The window must open first: it grows with what is received.
    pair.client.run((connection) => connection.write(pattern(500_000)));
    pair.run(() => pair.server.receivedBytes === 500_000);
    grow(20_000, 600_000);
    const saved = pair.server.connection.save().receiver.reassembly;
    expect(saved.pieces.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(OUT_OF_ORDER_BYTES);
    const tiny = new TcpPair({ client: { timestamps: false } }).connect();
    for (let at = 2; at < 30_000; at += 2) {
      tiny.server.arrive(segment(Flag.ACK, 1_001 + at, 2_001, {}, pattern(1)));
    }
    expect(tiny.server.connection.save().receiver.reassembly.pieces.length).toBeLessThanOrEqual(4_096);
    expect(tiny.server.connection.save().receiver.reassembly.ranges.length).toBeLessThanOrEqual(64);
  });

  /** Anything, mostly near the numbers of the connection, but never bytes that the peer would not send there. */
  const stranger = (random: SeededRandom, base: number, ack: number): Segment => {
    const near = (centre: number) => (centre + random.below(200_000) - 100_000) >>> 0;
    const any = () => (random.below(10) === 0 ? random.uint32() : 0);
    const options: TcpOptions = {
      mss: random.below(4) === 0 ? random.below(65_536) : undefined,
      windowScale: random.below(4) === 0 ? random.below(256) : undefined,
      sacks: random.below(2) === 0 ? [{ left: near(ack), right: near(ack) }] : undefined,
      timestamps: random.below(4) === 0 ? { value: random.uint32(), echo: random.uint32() } : undefined,
    };
    return {
      seq: any() || near(base),
      ack: any() || near(ack),
      flags: random.below(64) & ~(Flag.FIN | Flag.RST),
      window: random.below(65_536),
      options,
      payload: new Uint8Array(0),
    };
  };

  it.each([{}, { sack: false }, { timestamps: false }])('never throw and never change what arrives (%j)', (options) => {
    for (let seed = 1; seed <= 8; seed++) {
      const random = new SeededRandom(seed);
      const pair = new TcpPair({
        seed,
        link: { loss: 0.02, jitter_us: 500 },
        client: options,
        server: options,
      }).connect();
      const bytes = pattern(300_000);
      pair.client.run((connection) => connection.write(bytes));
      while (pair.server.receivedBytes < bytes.length && pair.scheduler.now_us() < 3_000_000_000) {
        for (let i = 0; i < 4; i++) pair.scheduler.step();
        const { sendNext } = pair.client.connection;
        pair.server.arrive(stranger(random, sendNext, pair.server.connection.sendNext));
      }
      expect(equal(pair.server.received, bytes)).toBe(true);
    }
  });

  it('of all flags, with and without text, never throw in any state', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new SeededRandom(seed, 'wild');
      const pair = new TcpPair({ seed, server: { holdSynAck: seed % 3 === 0 } });
      pair.client.run((connection) => connection.openActive());
      for (let step = 0; step < 200; step++) {
        const end = random.below(2) === 0 ? pair.client : pair.server;
        const { sendNext } = end.connection;
        const wild = stranger(random, random.below(5_000), sendNext);
        end.arrive({ ...wild, flags: random.below(256), payload: pattern(random.below(3) * random.below(3_000)) });
        const call = (['write', 'close', 'release', 'refuse', 'consumed', 'pass'] as const)[random.below(40)];
        if (call === 'write') end.run((connection) => connection.write(pattern(random.below(50_000))));
        else if (call === 'consumed') end.run((connection) => connection.consumed(random.below(50_000)));
        else if (call === 'pass') pair.pass(random.below(3_000_000));
        else if (call !== undefined) end.run((connection) => connection[call]());
      }
      pair.pass(1_000_000_000);
      for (const end of [pair.client, pair.server]) expect(end.sent.length).toBeLessThan(5_000);
    }
  });
});
