import { describe, expect, it } from 'vitest';
import { Bottleneck } from '../../../test/support/bottleneck.ts';
import { flood, goodput_Mbps, pattern, restoring, TcpPair } from '../../../test/support/tcp-pair.ts';
import { Flag } from '../../wire/tcp.ts';
import { VirtualScheduler } from '../scheduler.ts';
import type { CongestionName } from './congestion/congestion.ts';
import { type EcnChoice, EcnField } from './ecn.ts';
import type { Segment } from './segment.ts';

const BOTH = Flag.ECE | Flag.CWR;
const { ECT_0, CE } = EcnField;
const bits = ({ flags }: Segment): number => flags & BOTH;
const carries = ({ payload }: Segment): boolean => payload.length > 0;

const joined = (client: EcnChoice, server: EcnChoice, congestion: CongestionName = 'cubic'): TcpPair =>
  new TcpPair({ link: { delay_us: 10_000 }, client: { ecn: client, congestion }, server: { ecn: server } }).connect();

/** The client's data segments at these places, counted from now on, arrive marked. */
function marks(pair: TcpPair, ...places: number[]): void {
  let count = 0;
  pair.passes = (segment, from) => {
    if (from === 'server' || !carries(segment) || !places.includes(count++)) return true;
    expect(segment.ecn).toBe(ECT_0);
    const marked = { ...segment, ecn: CE };
    pair.scheduler.at(pair.scheduler.now_us() + 10_000, () => pair.server.arrive(marked));
    return false;
  };
}

describe('agreeing on ECN (RFC 3168 section 6.1.1)', () => {
  it.each<[EcnChoice, EcnChoice, number, number, boolean]>([
    ['on', 'on', BOTH, Flag.ECE, true],
    ['on', 'accept', BOTH, Flag.ECE, true],
    ['on', 'off', BOTH, 0, false],
    ['accept', 'on', 0, 0, false],
    ['accept', 'accept', 0, 0, false],
    ['off', 'on', 0, 0, false],
  ])('SHLD-8: one side is %s, the other %s', (client, server, syn, answer, agreed) => {
    const pair = joined(client, server);
    expect([pair.client.sent[0], pair.server.sent[0]].map((segment) => bits(segment!))).toEqual([syn, answer]);
    for (const end of [pair.client, pair.server]) end.run((connection) => connection.write(pattern(5_000)));
    pair.pass(100_000);
    for (const end of [pair.client, pair.server]) {
      expect(end.sent.filter(carries).every(({ ecn }) => ecn === (agreed ? ECT_0 : undefined))).toBe(true);
      // ACKs, SYN and SYN+ACK are never ECN-capable (section 6.1.4).
      expect(end.sent.filter((segment) => !carries(segment)).every(({ ecn }) => ecn === undefined)).toBe(true);
    }
  });

  it('is given up for a SYN that nobody answers', () => {
    const pair = new TcpPair({ link: { delay_us: 10_000 }, client: { ecn: 'on' } });
    pair.passes = (segment) => bits(segment) === 0;
    pair.connect();
    expect(pair.client.sent.slice(0, 2).map(bits)).toEqual([BOTH, 0]);
    pair.client.run((connection) => connection.write(pattern(1_000)));
    expect(pair.client.sent.at(-1)?.ecn).toBeUndefined();
  });

  it('does not take a broken peer that mirrors both flags for an answer', () => {
    const pair = new TcpPair({ client: { ecn: 'on' } });
    pair.client.run((connection) => connection.openActive());
    const flags = Flag.SYN | Flag.ACK | BOTH;
    pair.client.arrive({ seq: 2_000, ack: 1_001, flags, window: 60_000, options: {}, payload: new Uint8Array(0) });
    pair.client.run((connection) => connection.write(pattern(1_000)));
    expect(pair.client.sent.at(-1)?.ecn).toBeUndefined();
  });
});

describe('a mark', () => {
  it('SHLD-8: is echoed on every ACK until the sender says that its window is reduced, which is once in a round trip', () => {
    const pair = joined('on', 'accept');
    pair.client.run((connection) => connection.write(pattern(400_000)));
    pair.run(() => pair.server.receivedBytes > 100_000);
    const { cwnd } = pair.client.connection.path;
    const before = { client: pair.client.sent.length, server: pair.server.sent.length };
    marks(pair, 2, 4, 5);
    pair.run(() => pair.server.receivedBytes === 400_000);
    pair.pass(100_000);
    expect(pair.server.connection.stats.marksSeen).toBe(3);
    expect(pair.client.connection.stats).toMatchObject({ marksAnswered: 1, retransmissions: 0, fastRecoveries: 0 });
    const told = pair.client.sent.slice(before.client).filter((segment) => (bits(segment) & Flag.CWR) !== 0);
    expect(told.length).toBe(1);
    expect(carries(told[0]!)).toBe(true);
    const acks = pair.server.sent.slice(before.server).map((segment) => (bits(segment) & Flag.ECE) !== 0);
    const [first, last] = [acks.indexOf(true), acks.lastIndexOf(true)];
    expect(last - first).toBeGreaterThan(3);
    expect(acks.slice(first, last + 1).every(Boolean)).toBe(true);
    expect(acks.at(-1)).toBe(false);
    expect(pair.client.connection.path.cwnd).toBeLessThan(cwnd * 2);
  });

  it('SHLD-8: cuts the window as a loss does, and repeats nothing', () => {
    const pair = joined('on', 'accept', 'newreno');
    pair.client.run((connection) => connection.write(pattern(2_000_000)));
    pair.run(() => pair.server.receivedBytes > 200_000);
    marks(pair, 0);
    let most = 0;
    pair.run(() => {
      most = Math.max(most, pair.client.connection.path.cwnd);
      return pair.client.connection.stats.marksAnswered === 1;
    });
    pair.pass(25_000);
    expect(pair.client.connection.path.cwnd / most).toBeCloseTo(0.5, 1);
    expect(pair.client.connection.stats.retransmissions).toBe(0);
  });

  it('ends slow start', () => {
    const pair = joined('on', 'accept');
    marks(pair, 0);
    pair.client.run((connection) => connection.write(pattern(1_000_000)));
    pair.pass(500_000);
    expect(pair.client.connection.stats.marksAnswered).toBe(1);
    expect(pair.client.connection.path.cwnd).toBeLessThan(30 * pair.client.connection.path.mss);
  });

  it('is never asked for by repetitions, window probes and BBR (sections 6.1.5, 6.1.6)', () => {
    const pair = joined('on', 'accept');
    let isFirst = true;
    pair.passes = (segment, from) => {
      const drops = from === 'client' && carries(segment) && isFirst;
      if (drops) isFirst = false;
      return !drops;
    };
    pair.client.run((connection) => connection.write(pattern(30_000)));
    pair.pass(300_000);
    const first = pair.client.sent.filter((segment) => segment.seq === 1_001 && carries(segment));
    expect(first.map(({ ecn }) => ecn)).toEqual([ECT_0, undefined]);
    // A reduction for a loss is told as well.
    expect(pair.client.sent.filter((segment) => (segment.flags & Flag.CWR) !== 0).length).toBe(2);

    const bbr = joined('on', 'accept', 'bbr');
    bbr.client.run((connection) => connection.write(pattern(30_000)));
    expect(bbr.client.sent.some(({ ecn }) => ecn !== undefined)).toBe(false);

    const shut = joined('on', 'accept');
    shut.server.consumes = false;
    shut.client.run((connection) => connection.write(pattern(1_200_000)));
    shut.run(() => shut.client.connection.stats.windowProbes > 1);
    expect(shut.client.sent.filter(({ payload }) => payload.length === 1).map(({ ecn }) => ecn)).not.toContain(ECT_0);
  });

  it('in a queue lets CUBIC and NewReno fill a link without any loss', () => {
    for (const congestion of ['cubic', 'newreno'] as const) {
      const scheduler = new VirtualScheduler();
      const options = { rate_bps: 50_000_000, queueBytes: 500_000, markBytes: 60_000 };
      const bottleneck = new Bottleneck(scheduler, options);
      const link = { delay_us: 10_000 };
      const client = { ecn: 'on', congestion } as const;
      const server = { receiveBufferBytes: 8 << 20 };
      const pair = new TcpPair({ scheduler, bottleneck, link, client, server }).connect();
      flood(pair);
      pair.pass(2_000_000);
      expect(goodput_Mbps(pair, 10_000_000)).toBeGreaterThan(0.88 * 47.8);
      expect(bottleneck.dropped).toBe(0);
      expect(bottleneck.marked).toBeGreaterThan(5);
      expect(pair.client.connection.stats.retransmissions).toBe(0);
    }
  });

  it('is remembered by a connection that lives from its saved state', () => {
    const run = (restores: boolean): TcpPair => {
      const pair = joined('on', 'accept');
      if (restores) for (const end of [pair.client, pair.server]) restoring(end);
      marks(pair, 20, 21, 60, 200);
      pair.client.run((connection) => connection.write(pattern(400_000)));
      pair.run(() => pair.client.connection.stats.bytesOut === 400_000);
      return pair;
    };
    const [plain, restored] = [run(false), run(true)];
    expect(plain.client.connection.stats.marksAnswered).toBeGreaterThan(1);
    expect(restored.client.sent).toEqual(plain.client.sent);
    expect(restored.server.sent).toEqual(plain.server.sent);
  });
});
