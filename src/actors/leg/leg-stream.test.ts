import { describe, expect, it } from 'vitest';
import { concat } from '../../wire/bytes.ts';
import { SeededRandom } from '../random.ts';
import { type Scheduled, VirtualScheduler } from '../scheduler.ts';
import { LEG_DATA_TRIES, LEG_QUEUE_BYTES, LEG_WINDOW_PACKETS, LegStream } from './leg-stream.ts';

interface End {
  stream: LegStream;
  got: Uint8Array[];
  failed: boolean;
}

function pair(seed: number, loss: number): { a: End; b: End; scheduler: VirtualScheduler } {
  const scheduler = new VirtualScheduler();
  const random = new SeededRandom(seed);
  const ends: End[] = [];
  const over = (act: () => void): void => {
    if (random.fraction() >= loss) scheduler.at(scheduler.now_us() + 1000 + random.below(20_000), act);
  };
  const make = (me: number): End => {
    let timer: Scheduled | undefined;
    const peer = (): End => ends[1 - me] as End;
    const end: End = {
      got: [],
      failed: false,
      stream: new LegStream({
        sendData: (sequence, body, last) =>
          over(() => {
            const bytes = peer().stream.received(sequence, body, last);
            if (bytes !== undefined) peer().got.push(bytes);
          }),
        sendAcknowledge: () => {
          const acknowledgement = end.stream.expected;
          over(() => peer().stream.acknowledged(acknowledgement));
        },
        armRetry: (delay_us) => {
          if (timer) timer.cancelled = true;
          timer = scheduler.at(scheduler.now_us() + delay_us, () => end.stream.retry());
        },
        disarmRetry: () => {
          if (timer) timer.cancelled = true;
        },
        failed: () => {
          end.failed = true;
        },
      }),
    };
    return end;
  };
  ends.push(make(0), make(1));
  for (const end of ends) end.stream.open();
  return { a: ends[0] as End, b: ends[1] as End, scheduler };
}

describe('leg stream', () => {
  it.each([0, 0.05, 0.3])('delivers both directions in order and ends, at loss %d', (loss) => {
    for (let seed = 1; seed <= 20; seed++) {
      const { a, b, scheduler } = pair(seed, loss);
      const data = new SeededRandom(seed, 'data').bytes(70_000);
      a.stream.write(data);
      a.stream.finish();
      b.stream.write(data.subarray(0, 5000));
      b.stream.finish();
      scheduler.runUntil(60_000_000);
      const note = `seed ${seed}`;
      expect(a.failed || b.failed, note).toBe(false);
      expect(Buffer.compare(concat(...b.got), data), note).toBe(0);
      expect(Buffer.compare(concat(...a.got), data.subarray(0, 5000)), note).toBe(0);
      expect([a.stream.localEnded, a.stream.remoteEnded, b.stream.localEnded, b.stream.remoteEnded], note).toEqual([
        true,
        true,
        true,
        true,
      ]);
    }
  });

  it('gives up after so many tries', () => {
    const { a, scheduler } = pair(1, 1);
    a.stream.write(new Uint8Array(10));
    scheduler.runUntil(FIRST_TRIES_US - 1);
    expect(a.failed).toBe(false);
    scheduler.runUntil(FIRST_TRIES_US);
    expect(a.failed).toBe(true);
  });

  it('fails rather than grow without limit', () => {
    const { a } = pair(1, 1);
    a.stream.write(new Uint8Array(LEG_QUEUE_BYTES + LEG_WINDOW_PACKETS * 1200));
    expect(a.failed).toBe(true);
  });

  it('refuses numbers beyond its window and keeps no more than its window', () => {
    const { a } = pair(1, 1);
    expect(a.stream.received(1_000_000, new Uint8Array(10), false)).toBeUndefined();
    for (let at = 0; at < 1000; at++) a.stream.received(1 + at * 30, new Uint8Array(30), false);
    expect(a.stream.save().early.length).toBeLessThanOrEqual(LEG_WINDOW_PACKETS);
  });
});

/** 300 ms doubling, LEG_DATA_TRIES times. */
const FIRST_TRIES_US = 300_000 * (2 ** LEG_DATA_TRIES - 1);
