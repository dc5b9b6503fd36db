import { randomBytes } from 'node:crypto';
import type { RandomSource } from '../../actors/random.ts';

/** The system's cryptographic random source. */
export const secureRandom: RandomSource = {
  bytes: (length) => Uint8Array.from(randomBytes(length)),
};
