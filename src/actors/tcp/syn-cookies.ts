import type { Vault } from '../../engine/crypto/vault.ts';
import { concat, EMPTY, put32, u32 } from '../../wire/bytes.ts';
import { seqAdd, seqGt } from '../../wire/seq.ts';
import { Flag, type TcpOptions } from '../../wire/tcp.ts';
import { DEFAULT_MSS_BYTES, MAX_WINDOW_SCALE, MIN_MSS_BYTES, SYN_COOKIE_PERIOD_US } from './limits.ts';
import { defaultMss, type InSegment, type TcpTuple, tupleBytes } from './segment.ts';
import { timestampClock } from './timestamps.ts';

/** Segment sizes that a cookie can say; the largest that is not above the offered one is taken. */
export const COOKIE_MSS_BYTES = [MIN_MSS_BYTES, DEFAULT_MSS_BYTES, 1220, 1300, 1400, 1440, 1460, 8960] as const;

// The number: 2 bits of the period, 3 of the segment size, 27 of the hash over everything.
const PERIOD_SHIFT = 30;
const MSS_SHIFT = 27;
const MSS_MASK = 7;
const HASH_MASK = 0x7ff_ffff;
const PERIODS = 4;

// The options, in the low bits of the timestamp: 4 bits of the window scale, SACK.
const OPTION_BITS = 5;
const OPTION_MASK = 0x1f;
const SCALE_MASK = 15;
const NO_SCALE = 15;
const SACK_BIT = 0x10;
/** In what is hashed only: the SYN had timestamps. */
const TIMESTAMPS_BIT = 0x20;

/** Keeps these hashes apart from all others under the same secret. */
const LABEL = new TextEncoder().encode('tcp syn cookie');

/** What a SYN+ACK that leaves no state behind carries. */
export interface CookieAnswer {
  readonly isn: number;
  /** Value for our timestamps option; undefined where the SYN has none: then scale and SACK cannot be agreed on. */
  readonly timestamp: number | undefined;
}

/**
 * SYN cookies (RFC 4987 section 3.6): the initial number of a SYN+ACK holds what would otherwise be kept of the SYN, under a hash of the
 * addresses, the other side's number and the time. Only the ACK that brings it back makes a connection. A guess is right once in 2^27.
 */
export class SynCookies {
  readonly #vault: Vault;

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** The answer to a SYN. `timestamps`: we may use the option. */
  answer(tuple: TcpTuple, syn: InSegment, now_us: number, timestamps: boolean): CookieAnswer {
    const mss = mssIndex(syn.options.mss ?? defaultMss(tuple.remote));
    const bits = timestamps && syn.options.timestamps !== undefined ? optionBits(syn.options) | TIMESTAMPS_BIT : 0;
    const isn = this.#number(tuple, syn.seq, periodOf(now_us), mss, bits);
    return { isn, timestamp: bits === 0 ? undefined : stamp(timestampClock(now_us, isn), bits & OPTION_MASK) };
  }

  /** The SYN that an ACK answers for, as far as the cookie tells; undefined when the number is none of ours, or too old. */
  read(tuple: TcpTuple, ack: InSegment, now_us: number): InSegment | undefined {
    const isn = seqAdd(ack.ack, -1);
    const irs = seqAdd(ack.seq, -1);
    const mss = (isn >>> MSS_SHIFT) & MSS_MASK;
    const age = (periodOf(now_us) - (isn >>> PERIOD_SHIFT) + PERIODS) % PERIODS;
    if (age > 1) return undefined;
    const { timestamps } = ack.options;
    const bits = timestamps === undefined ? 0 : (timestamps.echo & OPTION_MASK) | TIMESTAMPS_BIT;
    if (this.#number(tuple, irs, periodOf(now_us) - age, mss, bits) !== isn) return undefined;
    const options = {
      mss: COOKIE_MSS_BYTES[mss],
      ...optionsOf(bits),
      timestamps: timestamps && { value: timestamps.value, echo: 0 },
    };
    return { seq: irs, ack: 0, flags: Flag.SYN, window: ack.window, options, payload: EMPTY };
  }

  #number(tuple: TcpTuple, irs: number, period: number, mss: number, bits: number): number {
    const facts = new Uint8Array(10);
    put32(facts, 0, irs);
    put32(facts, 4, period >>> 0);
    facts[8] = mss;
    facts[9] = bits;
    const hash = u32(this.#vault.cookie(concat(LABEL, tupleBytes(tuple), facts)), 0) & HASH_MASK;
    return ((((period % PERIODS) << PERIOD_SHIFT) | (mss << MSS_SHIFT)) >>> 0) + hash;
  }
}

function periodOf(now_us: number): number {
  return Math.floor(now_us / SYN_COOKIE_PERIOD_US);
}

function mssIndex(offered: number): number {
  let index = COOKIE_MSS_BYTES.length - 1;
  while (index > 0 && COOKIE_MSS_BYTES[index] > offered) index -= 1;
  return index;
}

function optionBits({ windowScale, sackPermitted }: TcpOptions): number {
  const scale = windowScale === undefined ? NO_SCALE : Math.min(MAX_WINDOW_SCALE, windowScale);
  return scale | (sackPermitted ? SACK_BIT : 0);
}

function optionsOf(bits: number): Pick<TcpOptions, 'windowScale' | 'sackPermitted'> {
  const scale = bits & SCALE_MASK;
  const hasScale = (bits & TIMESTAMPS_BIT) !== 0 && scale !== NO_SCALE;
  return { windowScale: hasScale ? scale : undefined, sackPermitted: (bits & SACK_BIT) !== 0 };
}

/** The newest time with these low bits that is not in the future: the clock of the connection goes on from there. */
function stamp(clock: number, bits: number): number {
  const value = ((clock & ~OPTION_MASK) | bits) >>> 0;
  return seqGt(value, clock) ? seqAdd(value, -(1 << OPTION_BITS)) : value;
}
