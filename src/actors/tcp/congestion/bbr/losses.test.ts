import { describe, expect, it } from 'vitest';
import { Bottleneck } from '../../../../../test/support/bottleneck.ts';
import { flood, goodput_Mbps, TcpPair } from '../../../../../test/support/tcp-pair.ts';
import { VirtualScheduler } from '../../../scheduler.ts';
import { inflightAtLoss, isTooMuch } from './losses.ts';

const RATE_BPS = 100_000_000;
const BDP_BYTES = (RATE_BPS / 8) * 0.02;
const PAYLOAD_Mbps = (100 * 1448) / 1514;
const MSS = 1_000;
const SEEDS = [1, 2, 3];

/** A flow over 100 Mbit/s and 20 ms with a queue of one BDP, where so much of what either end sends gets lost. */
function over(loss: number, seed: number): TcpPair & { bottleneck: Bottleneck } {
  const scheduler = new VirtualScheduler();
  const bottleneck = new Bottleneck(scheduler, { rate_bps: RATE_BPS, queueBytes: BDP_BYTES });
  const client = { congestion: 'bbr' } as const;
  const server = { receiveBufferBytes: 16 << 20 };
  const pair = new TcpPair({ seed, scheduler, bottleneck, link: { delay_us: 10_000 }, client, server }).connect();
  pair.passes = () => pair.random.fraction() >= loss;
  return pair as TcpPair & { bottleneck: Bottleneck };
}

/** How long the client's process stands still at the begin of each of its periods, in turn. */
const STALLS_US = [2_000, 9_000, 0, 4_000, 25_000, 1_000, 13_000, 6_000, 0, 18_000, 3_000];
const STALL_PERIOD_US = 40_000;

/** Neither segments nor timers reach it then. */
function stalling({ client, scheduler }: TcpPair): void {
  const awake_us = (time_us: number): number => {
    const period = Math.floor(time_us / STALL_PERIOD_US);
    return Math.max(time_us, period * STALL_PERIOD_US + (STALLS_US[period % STALLS_US.length] ?? 0));
  };
  const arrive = client.arrive.bind(client);
  client.arrive = (segment) => void scheduler.at(awake_us(scheduler.now_us()), () => arrive(segment));
  client.host.setTimer = (name, delay_us) => client.timers.set('', name, awake_us(scheduler.now_us() + delay_us));
}

/** Of what the link carries, after a second. */
function share(pair: TcpPair): number {
  flood(pair);
  pair.pass(1_000_000);
  return goodput_Mbps(pair, 10_000_000) / PAYLOAD_Mbps;
}

describe('losses of a round', () => {
  it.each([
    // 2 % and one standard deviation of what chance makes of it.
    [170, 5, false],
    [170, 6, true],
    [1_000, 24, false],
    [1_000, 25, true],
    [10, 0, false],
    [10, 1, true],
  ])('of %i segments %i are too many: %s', (inFlight, lost, expected) => {
    expect(isTooMuch({ inFlight: inFlight * MSS, lost: lost * MSS }, MSS)).toBe(expected);
  });

  it('bind the volume to where they became too many, never above what was under way', () => {
    const at = inflightAtLoss({ inFlight: 170 * MSS, lost: 6 * MSS }, MSS, MSS);
    expect(at).toBeGreaterThanOrEqual(169 * MSS);
    expect(at).toBeLessThanOrEqual(170 * MSS);
    expect(inflightAtLoss({ inFlight: 170 * MSS, lost: 50 * MSS }, MSS, MSS)).toBe(169 * MSS);
  });
});

describe('BBR on a path that loses at random', () => {
  it.each(SEEDS)('one segment and a half of a hundred has nine tenths of it (seed %i)', (seed) => {
    expect(share(over(0.015, seed))).toBeGreaterThan(0.92);
  });

  it.each(SEEDS)(
    'one of a hundred does not take its own standing still for the state of the path (seed %i)',
    (seed) => {
      const pair = over(0.01, seed);
      stalling(pair);
      expect(share(pair)).toBeGreaterThan(0.78);
    },
  );

  it.each(SEEDS)('five of a hundred gives way, and leaves the queue empty (seed %i)', (seed) => {
    const pair = over(0.05, seed);
    expect(share(pair)).toBeLessThan(0.5);
    expect(pair.bottleneck.dropped).toBe(0);
  });
});
