import { SeededRandom } from '../random.ts';

/** Length of a pattern's period: a prime, so that no power-of-two mistake maps it onto itself. */
const PERIOD_BYTES = 65_521;
/** So that a write of 64 KB is a view wherever it begins. */
const PERIODS_KEPT = 3;
const blocks = new Map<number, Uint8Array>();

/** Bytes `offset` to `offset + length` of the endless pattern that a seed names; not to be changed, others share them. */
export function pattern(seed: number, offset: number, length: number): Uint8Array {
  const block = blockOf(seed);
  const first = offset % PERIOD_BYTES;
  if (first + length <= block.length) return block.subarray(first, first + length);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const from = (offset + at) % PERIOD_BYTES;
    const part = block.subarray(from, Math.min(from + length - at, PERIOD_BYTES));
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Whether `bytes` are those of the pattern at `offset`. */
export function isPattern(seed: number, offset: number, bytes: Uint8Array): boolean {
  const block = blockOf(seed);
  let from = offset % PERIOD_BYTES;
  for (const byte of bytes) {
    if (byte !== block[from]) return false;
    from = from + 1 === PERIOD_BYTES ? 0 : from + 1;
  }
  return true;
}

function blockOf(seed: number): Uint8Array {
  const known = blocks.get(seed);
  if (known !== undefined) return known;
  const period = new SeededRandom(seed, 'pattern').bytes(PERIOD_BYTES);
  const block = new Uint8Array(PERIODS_KEPT * PERIOD_BYTES);
  for (let at = 0; at < PERIODS_KEPT; at++) block.set(period, at * PERIOD_BYTES);
  blocks.set(seed, block);
  return block;
}

/** Told of received bytes; `offset` counts from the connection's start. */
export type DataWatcher = (connection: string, offset: number, bytes: Uint8Array) => void;

/**
 * Checks what applications receive against a pattern. It stands outside of the core: no layer looks into payload, and a replay has none.
 */
export class PatternCheck {
  /** Bytes that were right so far, by connection. */
  readonly good = new Map<string, number>();
  /** Connections that got a wrong byte. */
  readonly broken = new Set<string>();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  readonly watch: DataWatcher = (connection, offset, bytes) => {
    const before = this.good.get(connection) ?? 0;
    if (offset === before && isPattern(this.#seed, offset, bytes)) this.good.set(connection, before + bytes.length);
    else this.broken.add(connection);
  };
}
