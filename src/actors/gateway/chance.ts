import { u16 } from '../../wire/bytes.ts';

/** RFC 6335 section 6: dynamic ports. */
const FIRST_EPHEMERAL_PORT = 49_152;
const EPHEMERAL_PORTS = 16_384;
/** Back-off varies by a quarter up and down, so that two ends do not stay in step. */
const JITTER_SHARE = 0.25;

/** A dynamic port that is not in use; `random` are two random bytes. */
export function ephemeralPort(random: Uint8Array, used: ReadonlySet<number>): number {
  let offset = u16(random, 0) % EPHEMERAL_PORTS;
  while (used.has(FIRST_EPHEMERAL_PORT + offset)) offset = (offset + 1) % EPHEMERAL_PORTS;
  return FIRST_EPHEMERAL_PORT + offset;
}

/** `delay_ms` give or take a quarter; `random` are two random bytes. */
export function jittered(random: Uint8Array, delay_ms: number): number {
  const share = u16(random, 0) / 0x1_0000;
  return Math.round(delay_ms * (1 - JITTER_SHARE + 2 * JITTER_SHARE * share));
}
