import type { SeededRandom } from '../../../src/actors/random.ts';
import type { TcpConnectionOptions } from '../../../src/actors/tcp/connection.ts';
import { FIN_WAIT_KEEPALIVE } from '../../../src/actors/tcp/limits.ts';

/** What a run may do; each can be switched off to find out which of them a failure needs. */
export interface Features {
  loss: boolean;
  duplicates: boolean;
  reordering: boolean;
  /** Segments that nobody has sent. */
  lies: boolean;
  /** Calls of the user besides writing and reading. */
  calls: boolean;
  clockJumps: boolean;
  /** Connections that go on from their saved state. */
  restores: boolean;
}

export const ALL_FEATURES: Features = {
  loss: true,
  duplicates: true,
  reordering: true,
  lies: true,
  calls: true,
  clockJumps: true,
  restores: true,
};

/** A network of one run; probabilities from 0 to 1. */
export interface Network {
  readonly delay_us: number;
  readonly jitter_us: number;
  readonly loss: number;
  readonly duplicate: number;
}

export function pick<T>(random: SeededRandom, from: readonly T[]): T {
  return from[random.below(from.length)];
}

/** From 0 up to `bound`, small numbers far more often than large ones. */
export function skewed(random: SeededRandom, bound: number): number {
  return Math.floor(bound ** random.fraction()) - 1;
}

export function networkOf(random: SeededRandom): Network {
  return {
    delay_us: pick(random, [1, 100, 1_000, 20_000, 300_000]),
    jitter_us: pick(random, [0, 0, 500, 30_000, 400_000]),
    loss: pick(random, [0, 0, 0.01, 0.05, 0.2]),
    duplicate: pick(random, [0, 0.01, 0.2]),
  };
}

/** Options of one end; both ends differ. */
export function optionsOf(random: SeededRandom): Partial<TcpConnectionOptions> {
  return {
    mss: pick(random, [48, 100, 536, 1_460, 1_460, 8_960, 65_495]),
    receiveBufferBytes: pick(random, [300, 700, 5_000, 65_535, 65_536, 200_000, 1 << 20, 4 << 20, 1 << 30]),
    sendQueueBytes: pick(random, [1_000, 50_000, 1 << 22]),
    windowScale: random.below(5) > 0,
    sack: random.below(4) > 0,
    timestamps: random.below(4) > 0,
    superSegments: random.below(4) === 0,
    nagle: random.below(3) === 0,
    congestion: pick(random, ['cubic', 'newreno', 'bbr']),
    ecn: pick(random, ['on', 'accept', 'off']),
    timeWait_us: pick(random, [1_000, 60_000_000]),
    finWaitKeepalive: FIN_WAIT_KEEPALIVE,
    ...(random.below(4) === 0 && { keepalive: { idle_us: 5_000_000, interval_us: 1_000_000, probes: 5 } }),
  };
}

/** Initial numbers, often close to where they wrap or change sign. */
export function isnOf(random: SeededRandom): number {
  const near = skewed(random, 70_000);
  return pick(random, [random.uint32(), (2 ** 32 - 1 - near) >>> 0, (2 ** 31 - 1 - near) >>> 0, near]);
}
