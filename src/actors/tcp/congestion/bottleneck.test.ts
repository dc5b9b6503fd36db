import { describe, expect, it } from 'vitest';
import { Bottleneck } from '../../../../test/support/bottleneck.ts';
import { flood, goodput_Mbps, pattern, restoring, TcpPair } from '../../../../test/support/tcp-pair.ts';
import { VirtualScheduler } from '../../scheduler.ts';
import type { CongestionName } from './congestion.ts';

const RATE_BPS = 50_000_000;
const DELAY_US = 10_000;
/** Of a full link, what is left to payload: headers and Ethernet taken off. */
const PAYLOAD_Mbps = (50 * 1448) / 1514;
const BDP_BYTES = (RATE_BPS / 8) * 0.02;
const BUFFER = { receiveBufferBytes: 8 << 20 };

/** A connection over a bottleneck of 50 Mbit/s and 20 ms; data gets lost at random besides. */
function over(congestion: CongestionName, queueBdps: number, loss = 0, seed = 1): TcpPair & { bottleneck: Bottleneck } {
  const scheduler = new VirtualScheduler();
  const bottleneck = new Bottleneck(scheduler, { rate_bps: RATE_BPS, queueBytes: queueBdps * BDP_BYTES });
  const link = { delay_us: DELAY_US };
  const pair = new TcpPair({ seed, scheduler, bottleneck, link, client: { congestion }, server: BUFFER }).connect();
  pair.passes = (_, from) => from === 'server' || pair.random.fraction() >= loss;
  flood(pair);
  return pair as TcpPair & { bottleneck: Bottleneck };
}

const meanQueue_ms = ({ queueSeen, rate_bps }: Bottleneck, last: number): number =>
  (queueSeen.slice(-last).reduce((sum, bytes) => sum + bytes, 0) / last / rate_bps) * 8_000;

describe('over a bottleneck', () => {
  it.each(['cubic', 'newreno'] as const)('%s fills it, and slow start into a queue of one BDP costs little', (name) => {
    const pair = over(name, 1);
    expect(goodput_Mbps(pair, 2_000_000)).toBeGreaterThan(0.9 * PAYLOAD_Mbps);
    expect(pair.client.connection.stats.timeouts).toBe(0);
    expect(goodput_Mbps(pair, 8_000_000)).toBeGreaterThan(0.97 * PAYLOAD_Mbps);
  });

  it('CUBIC, which has HyStart++, overflows a queue of four BDP far less than plain slow start does', () => {
    const dropped = (['cubic', 'newreno'] as const).map((congestion) => {
      const pair = over(congestion, 4);
      pair.pass(1_500_000);
      return pair.bottleneck.dropped;
    });
    expect(dropped[0]).toBeLessThan((dropped[1] ?? 0) / 3);
  });

  it('NewReno makes its sawtooth between half and all of what the path holds', () => {
    const pair = over('newreno', 1);
    pair.pass(5_000_000);
    const { mss } = pair.client.connection.path;
    const windows: number[] = [];
    for (let i = 0; i < 400; i++) {
      pair.pass(20_000);
      windows.push(pair.client.connection.path.cwnd);
    }
    expect(Math.max(...windows)).toBeGreaterThan(1.8 * BDP_BYTES);
    expect(Math.min(...windows)).toBeGreaterThan(0.8 * BDP_BYTES);
    // One segment in a round trip, which the queue makes 20 to 40 ms long.
    const grown = windows.slice(0, -10).map((window, at) => ((windows[at + 10] ?? 0) - window) / mss);
    const climbs = grown.filter((segments) => segments > 0).sort((a, b) => a - b);
    expect(climbs[climbs.length >> 1]).toBeGreaterThanOrEqual(4);
    expect(climbs[climbs.length >> 1]).toBeLessThanOrEqual(10);
  });

  it('BBR fills it and keeps the queue short, however long it could be', () => {
    for (const queue of [1, 10]) {
      const pair = over('bbr', queue);
      expect(goodput_Mbps(pair, 2_000_000)).toBeGreaterThan(0.9 * PAYLOAD_Mbps);
      expect(goodput_Mbps(pair, 13_000_000)).toBeGreaterThan(0.95 * PAYLOAD_Mbps);
      expect(meanQueue_ms(pair.bottleneck, 20_000)).toBeLessThan(5);
    }
  });

  it('BBR lives with a queue of a third of a BDP', () => {
    const pair = over('bbr', 0.3);
    expect(goodput_Mbps(pair, 15_000_000)).toBeGreaterThan(0.93 * PAYLOAD_Mbps);
    expect(pair.client.connection.stats.timeouts).toBe(0);
    expect(pair.bottleneck.dropped).toBeLessThan(1_000);
  });
});

describe('random loss', () => {
  it('of 1 % leaves BBR nine tenths of the link', () => {
    for (const seed of [1, 2, 3]) {
      const pair = over('bbr', 1, 0.01, seed);
      pair.pass(1_000_000);
      expect(goodput_Mbps(pair, 15_000_000)).toBeGreaterThan(0.9 * PAYLOAD_Mbps);
    }
  });

  it.each([
    ['cubic', 0.01],
    ['newreno', 0.01],
    ['cubic', 0.003],
  ] as const)('leaves %s at %f what the response function says (RFC 9438 section 5.2)', (congestion, loss) => {
    const pair = new TcpPair({ link: { delay_us: DELAY_US }, client: { congestion }, server: BUFFER }).connect();
    pair.passes = (_, from) => from === 'server' || pair.random.fraction() >= loss;
    flood(pair);
    const expected_Mbps = (1_448 * 8 * Math.sqrt(1.5 / loss)) / 20_000;
    const got = goodput_Mbps(pair, 60_000_000) / expected_Mbps;
    expect(got).toBeGreaterThan(0.75);
    expect(got).toBeLessThan(1.25);
  });
});

describe('two flows', () => {
  /** Megabits per second of each over a minute; the second begins two seconds later. */
  const share = (first: CongestionName, second: CongestionName): number[] => {
    const scheduler = new VirtualScheduler();
    const bottleneck = new Bottleneck(scheduler, { rate_bps: RATE_BPS, queueBytes: BDP_BYTES });
    const pairs = [first, second].map((congestion, at) => {
      const isn = [at * 777_777 + 5, at * 99_999 + 7] as const;
      const link = { delay_us: DELAY_US };
      const pair = new TcpPair({ scheduler, bottleneck, link, isn, client: { congestion }, server: BUFFER }).connect();
      flood(pair);
      pair.pass(2_000_000);
      return pair;
    });
    const before = pairs.map(({ server }) => server.receivedBytes);
    pairs[0]?.pass(60_000_000);
    return pairs.map(({ server }, at) => ((server.receivedBytes - (before[at] ?? 0)) * 8) / 60e6);
  };
  const jain = (rates: readonly number[]): number =>
    rates.reduce((sum, rate) => sum + rate, 0) ** 2 / rates.length / rates.reduce((sum, rate) => sum + rate ** 2, 0);

  it.each([
    ['cubic', 'cubic'],
    ['newreno', 'newreno'],
    ['cubic', 'newreno'],
    ['bbr', 'bbr'],
  ] as const)('of %s and %s share it fairly', (first, second) => {
    const rates = share(first, second);
    expect(jain(rates)).toBeGreaterThan(0.9);
    expect(rates.reduce((sum, rate) => sum + rate, 0)).toBeGreaterThan(0.93 * PAYLOAD_Mbps);
  });

  it('of CUBIC and BBR both live', () => {
    for (const rate of share('cubic', 'bbr')) expect(rate).toBeGreaterThan(0.15 * PAYLOAD_Mbps);
  });
});

describe('a sender that paces', () => {
  it('sends in bursts of a quantum, never all of its window', () => {
    const pair = over('bbr', 1);
    pair.pass(3_000_000);
    pair.client.records = true;
    const times: number[] = [];
    const { passes } = pair;
    pair.passes = (segment, from) => {
      if (from === 'client') times.push(pair.scheduler.now_us());
      return passes(segment, from);
    };
    pair.pass(500_000);
    const bursts = new Map<number, number>();
    for (const time of times) bursts.set(time, (bursts.get(time) ?? 0) + 1);
    expect(Math.max(...bursts.values())).toBeLessThanOrEqual(8);
    expect(times.length).toBeGreaterThan(1_500);
  });

  it('goes on at its rate after a time without data', () => {
    const pair = over('bbr', 1);
    pair.client.onEvent = () => {};
    pair.run(() => pair.client.connection.sendSpace === 4 << 20);
    pair.pass(2_000_000);
    const before = pair.server.receivedBytes;
    pair.client.run((connection) => connection.write(new Uint8Array(2_000_000)));
    pair.pass(420_000);
    expect(((pair.server.receivedBytes - before) * 8) / 400_000).toBeGreaterThan(0.8 * PAYLOAD_Mbps);
    expect(pair.bottleneck.dropped).toBeLessThan(50);
  });

  it('goes on identically from its saved state', () => {
    const run = (restores: boolean): TcpPair => {
      const link = { delay_us: DELAY_US, loss: 0.02 };
      const pair = new TcpPair({ link, client: { congestion: 'bbr' }, server: BUFFER }).connect();
      if (restores) restoring(pair.client);
      pair.client.run((connection) => connection.write(pattern(500_000)));
      expect(pair.run(() => pair.client.connection.stats.bytesOut === 500_000)).toBe(true);
      return pair;
    };
    const [plain, restored] = [run(false), run(true)];
    expect(restored.client.sent.length).toBe(plain.client.sent.length);
    expect(restored.client.sent.map(({ seq }) => seq)).toEqual(plain.client.sent.map(({ seq }) => seq));
    expect(restored.client.connection.stats).toEqual(plain.client.connection.stats);
  });
});
