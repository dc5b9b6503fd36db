import { describe, expect, it } from 'vitest';
import { segment } from '../../../test/support/tcp-pair.ts';
import { nobleProvider } from '../../engine/crypto/noble.ts';
import { createVault } from '../../engine/crypto/vault.ts';
import { seqAdd, seqLe } from '../../wire/seq.ts';
import { Flag, type TcpOptions } from '../../wire/tcp.ts';
import { SeededRandom } from '../random.ts';
import { DEFAULT_MSS_BYTES, DEFAULT_MSS6_BYTES, SYN_COOKIE_PERIOD_US } from './limits.ts';
import type { InSegment, TcpTuple } from './segment.ts';
import { COOKIE_MSS_BYTES, type CookieAnswer, SynCookies } from './syn-cookies.ts';
import { timestampClock } from './timestamps.ts';

const RUNS = 2_000;
const FORGED = 100_000;
const LAST_TIME_US = 2 ** 50;

const cookiesOf = (secret: number) =>
  new SynCookies(createVault({ provider: nobleProvider, secret: new Uint8Array(32).fill(secret) }));
const cookies = cookiesOf(1);

const number = (random: SeededRandom) => random.below(2 ** 16) * 2 ** 16 + random.below(2 ** 16);
const tupleOf = (random: SeededRandom): TcpTuple => ({
  local: number(random),
  localPort: random.below(65_536),
  remote: number(random),
  remotePort: random.below(65_536),
});
const address6 = (random: SeededRandom) => `fd00::${(1 + random.below(65_535)).toString(16)}`;
const tuple6Of = (random: SeededRandom): TcpTuple => ({
  ...tupleOf(random),
  local: address6(random),
  remote: address6(random),
});
function optionsOf(random: SeededRandom): TcpOptions {
  const flip = () => random.below(2) === 0;
  return {
    mss: flip() ? random.below(65_536) : undefined,
    windowScale: flip() ? random.below(15) : undefined,
    sackPermitted: flip(),
    timestamps: flip() ? { value: number(random), echo: 0 } : undefined,
  };
}
const timeOf = (random: SeededRandom) => Math.floor(random.fraction() * LAST_TIME_US);

/** The ACK of a client that got the answer. */
function ackOf(syn: InSegment, { isn, timestamp }: CookieAnswer): InSegment {
  const timestamps = timestamp === undefined ? undefined : { value: syn.options.timestamps!.value, echo: timestamp };
  return segment(Flag.ACK, seqAdd(syn.seq, 1), seqAdd(isn, 1), { timestamps });
}

describe('SYN cookies', () => {
  it('bring back the number, segment size and options of a SYN, in their period and the next', () => {
    const random = new SeededRandom(1);
    for (let run = 0; run < RUNS; run++) {
      const tuple = run % 2 === 0 ? tupleOf(random) : tuple6Of(random);
      const now_us = timeOf(random);
      const syn = segment(Flag.SYN, number(random), 0, optionsOf(random));
      const answer = cookies.answer(tuple, syn, now_us, true);
      const {
        mss = run % 2 === 0 ? DEFAULT_MSS_BYTES : DEFAULT_MSS6_BYTES,
        windowScale,
        sackPermitted,
        timestamps,
      } = syn.options;
      const read = cookies.read(tuple, ackOf(syn, answer), now_us + random.below(SYN_COOKIE_PERIOD_US + 1));
      expect(read).toMatchObject({ seq: syn.seq, flags: Flag.SYN, options: { timestamps } });
      expect(read?.options.mss).toBe(COOKIE_MSS_BYTES.filter((each) => each <= Math.max(mss, 48)).at(-1));
      expect(read?.options.windowScale).toBe(timestamps && windowScale);
      expect(read?.options.sackPermitted).toBe(timestamps !== undefined && sackPermitted);
      if (answer.timestamp === undefined) continue;
      const clock = timestampClock(now_us, answer.isn);
      expect(seqLe(answer.timestamp, clock)).toBe(true);
      expect(seqLe(seqAdd(clock, -32), answer.timestamp)).toBe(true);
    }
  });

  it('hold nothing but the segment size where we do not use timestamps', () => {
    const tuple = tupleOf(new SeededRandom(2));
    const syn = segment(Flag.SYN, 5, 0, {
      mss: 1460,
      windowScale: 7,
      sackPermitted: true,
      timestamps: { value: 1, echo: 0 },
    });
    const answer = cookies.answer(tuple, syn, 0, false);
    expect(answer.timestamp).toBeUndefined();
    expect(cookies.read(tuple, segment(Flag.ACK, 6, seqAdd(answer.isn, 1)), 0)?.options).toEqual({
      mss: 1460,
      windowScale: undefined,
      sackPermitted: false,
      timestamps: undefined,
    });
  });

  it('expire after two periods at the latest, also when the counter comes round', () => {
    const random = new SeededRandom(3);
    for (let run = 0; run < RUNS / 4; run++) {
      const tuple = tupleOf(random);
      const now_us = timeOf(random);
      const syn = segment(Flag.SYN, number(random), 0, optionsOf(random));
      const ack = ackOf(syn, cookies.answer(tuple, syn, now_us, true));
      for (const periods of [2, 3, 4, 5, 8, 1_000]) {
        expect(cookies.read(tuple, ack, now_us + periods * SYN_COOKIE_PERIOD_US)).toBeUndefined();
      }
    }
  });

  it('are refused when anything that they stand for was changed', () => {
    const random = new SeededRandom(4);
    const other = cookiesOf(2);
    for (let run = 0; run < RUNS; run++) {
      const tuple = tupleOf(random);
      const syn = segment(Flag.SYN, number(random), 0, {
        mss: 1460,
        sackPermitted: true,
        timestamps: { value: 9, echo: 0 },
      });
      const ack = ackOf(syn, cookies.answer(tuple, syn, 0, true));
      const bit = 2 ** random.below(32);
      const low = 2 ** random.below(5);
      const { value, echo } = ack.options.timestamps!;
      const flipped = (one: number) => (one ^ bit) >>> 0;
      expect(cookies.read(tuple, ack, 0)).toBeDefined();
      expect(cookies.read(tuple, { ...ack, ack: flipped(ack.ack) }, 0)).toBeUndefined();
      expect(cookies.read(tuple, { ...ack, seq: flipped(ack.seq) }, 0)).toBeUndefined();
      expect(cookies.read({ ...tuple, remote: flipped(tuple.remote as number) }, ack, 0)).toBeUndefined();
      expect(cookies.read({ ...tuple, remotePort: tuple.remotePort ^ 1 }, ack, 0)).toBeUndefined();
      expect(cookies.read(tuple, { ...ack, options: { timestamps: { value, echo: echo ^ low } } }, 0)).toBeUndefined();
      expect(cookies.read(tuple, { ...ack, options: {} }, 0)).toBeUndefined();
      expect(other.read(tuple, ack, 0)).toBeUndefined();
    }
  });

  it('are not guessed: none of 100 000 random numbers of the right period is one', () => {
    const random = new SeededRandom(5);
    const tuple = tupleOf(random);
    let taken = 0;
    for (let run = 0; run < FORGED; run++) {
      const guess = segment(Flag.ACK, number(random), random.below(2 ** 30));
      if (cookies.read(tuple, guess, 0) !== undefined) taken += 1;
    }
    expect(taken).toBe(0);
  });
});
