import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReorderingWindow } from './reordering.ts';
import { Scoreboard } from './scoreboard.ts';

const filled = (count: number, start = 1_000, length = 100): Scoreboard => {
  const board = new Scoreboard();
  for (let i = 0; i < count; i++) {
    board.sent({ seq: (start + i * length) >>> 0, end: (start + (i + 1) * length) >>> 0 }, i);
  }
  return board;
};
const rangesOf = (board: Scoreboard): string[] =>
  board.save().segments.map(({ seq, end, place }) => `${seq}-${end} ${place}`);

describe('the scoreboard', () => {
  it('waits a while for what something newer has overtaken, then counts it as lost', () => {
    const board = filled(6);
    board.sack([{ left: 1_100, right: 1_200 }], 1_000, 1_600, 10);
    // Sent at 0 and 1; the second took 9, so the first is overdue at 9 plus 5.
    expect(board.judge(10, 5)).toBe(4);
    expect(board.judge(14, 5)).toBe(0);
    expect(board.nextLost()?.seq).toBe(1_000);
    expect(board.pipe).toBe(400);
  });

  it('notices when the path changes the order', () => {
    const board = filled(6);
    board.sack([{ left: 1_100, right: 1_200 }], 1_000, 1_600, 10);
    expect(board.rack.reorders).toBe(false);
    board.acknowledge(1_200, 11);
    expect(board.rack.reorders).toBe(true);
  });

  it('counts one that was sent again as lost only when something later has arrived', () => {
    const board = filled(8);
    board.sack([{ left: 1_100, right: 1_400 }], 1_000, 1_800, 10);
    board.judge(10, 0);
    board.sentAgain(board.nextLost()!, 20);
    board.sack([{ left: 1_100, right: 1_600 }], 1_000, 1_800, 21);
    board.judge(21, 0);
    expect(board.lostCount).toBe(0);
    board.sent({ seq: 1_800, end: 1_900 }, 26);
    board.sack([{ left: 1_800, right: 1_900 }], 1_000, 1_900, 40);
    board.judge(40, 0);
    expect(board.nextLost()?.seq).toBe(1_000);
  });

  it('cuts a segment of many packets where the other side has some of them, and only what is missing is lost', () => {
    const board = filled(2, 1_000, 1_000);
    board.mss = 100;
    board.sack([{ left: 1_300, right: 1_500 }], 1_000, 3_000, 10);
    expect(rangesOf(board)).toEqual([
      '1000-1300 in-flight',
      '1300-1500 sacked',
      '1500-2000 in-flight',
      '2000-3000 in-flight',
    ]);
    expect([board.pipe, board.sackedCount]).toEqual([1_800, 1]);
    board.judge(10, 0);
    // What stands behind the block was sent with it: nothing newer has arrived.
    expect(rangesOf(board)[0]).toBe('1000-1300 lost');
    expect(board.lostCount).toBe(1);
    board.sack([{ left: 1_300, right: 2_100 }], 1_000, 3_000, 11);
    expect(rangesOf(board).slice(1)).toEqual([
      '1300-1500 sacked',
      '1500-2000 sacked',
      '2000-2100 sacked',
      '2100-3000 in-flight',
    ]);
  });

  it('does not cut at parts of packets, so that a hostile peer cannot make it grow', () => {
    const board = filled(1, 1_000, 1_000);
    board.mss = 100;
    for (let at = 1_001; at < 1_990; at += 7) board.sack([{ left: at, right: at + 3 }], 1_000, 2_000, 10);
    expect(board.size).toBeLessThanOrEqual(10);
    expect(board.sackedCount).toBe(0);
    expect(board.pipe).toBe(1_000);
  });

  it('measures a segment of many packets by each ACK within it', () => {
    const board = filled(1, 1_000, 1_000);
    const first = board.acknowledge(1_200, 30);
    expect(first).toMatchObject({ bytes: 200, rtt_us: 30, segments: 0 });
    const second = board.acknowledge(2_000, 35);
    expect(second).toMatchObject({ bytes: 800, rtt_us: 35, segments: 1 });
    expect([board.pipe, board.size]).toEqual([0, 0]);
  });

  it('keeps as under way after a timeout what was sent less than a round trip ago', () => {
    const board = filled(3);
    board.acknowledge(1_100, 20);
    board.sent({ seq: 1_300, end: 1_400 }, 25);
    board.timedOut(30);
    expect(rangesOf(board)).toEqual(['1100-1200 lost', '1200-1300 lost', '1300-1400 in-flight']);
  });

  it('takes losses back in the order in which the segments were sent', () => {
    const board = filled(4);
    board.timedOut(10);
    board.sentAgain(board.nextLost()!, 11);
    board.undo();
    expect([board.lostCount, board.pipe]).toEqual([0, 400]);
    board.sack([{ left: 1_300, right: 1_400 }], 1_000, 1_400, 12);
    board.judge(50, 0);
    // The first went out again later than the one that has arrived.
    expect(rangesOf(board)).toEqual(['1000-1100 in-flight', '1100-1200 lost', '1200-1300 lost', '1300-1400 sacked']);
  });

  it('keeps its counts whatever happens', () => {
    const action = fc.tuple(
      fc.constantFrom('send', 'ack', 'sack', 'judge', 'resend', 'timeOut', 'undo', 'loseFirst', 'split', 'save'),
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 1, max: 6 }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), fc.integer({ min: 0, max: 0xffff_ffff }), (actions, start) => {
        let board = new Scoreboard();
        board.mss = 50;
        let una = start;
        let nxt = start;
        let now_us = 0;
        for (const [name, at, count] of actions) {
          now_us += 1;
          const left = (una + at * 50) >>> 0;
          const right = (left + count * 70) >>> 0;
          const isWithin = (right - una) >>> 0 <= (nxt - una) >>> 0;
          if (name === 'send') {
            board.sent({ seq: nxt, end: (nxt + count * 100) >>> 0 }, now_us);
            nxt = (nxt + count * 100) >>> 0;
          } else if (name === 'ack' && isWithin) {
            una = (left + count) >>> 0;
            board.acknowledge(una, now_us);
          } else if (name === 'sack') board.sack([{ left, right }], una, nxt, now_us);
          else if (name === 'judge') board.judge(now_us, at);
          else if (name === 'timeOut') board.timedOut(now_us);
          else if (name === 'undo') board.undo();
          else if (name === 'loseFirst') board.loseFirst();
          else if (name === 'resend' || name === 'split') {
            const lost = board.nextLost();
            if (lost === undefined) continue;
            const part = name === 'split' && (lost.end - lost.seq) >>> 0 > 50 ? board.split(lost, 50) : lost;
            board.sentAgain(part, now_us);
          } else if (name === 'save') {
            const restored = new Scoreboard();
            restored.restore(structuredClone(board.save()));
            expect(restored.save()).toEqual(board.save());
            board = restored;
          }
          const { segments } = board.save();
          const bytesIn = (place: string) =>
            segments.filter((each) => each.place === place).reduce((sum, { seq, end }) => sum + ((end - seq) >>> 0), 0);
          expect(board.pipe).toBe(bytesIn('in-flight'));
          expect(board.lostCount).toBe(segments.filter(({ place }) => place === 'lost').length);
          expect(board.sackedCount).toBe(segments.filter(({ place }) => place === 'sacked').length);
          expect(board.nextLost()?.seq).toBe(segments.find(({ place }) => place === 'lost')?.seq);
          expect(board.size).toBe(segments.length);
        }
      }),
    );
  });
});

describe('the reordering window', () => {
  const signs = { reorders: true, recovering: false, sacked: 0, minRtt_us: 40_000, srtt_us: 100_000 };

  it('is a quarter of the smallest round trip, and none where losses are certain and the order never changed', () => {
    const window = new ReorderingWindow();
    expect(window.window_us(signs)).toBe(10_000);
    expect(window.window_us({ ...signs, recovering: true, sacked: 9 })).toBe(10_000);
    expect(window.window_us({ ...signs, reorders: false })).toBe(10_000);
    expect(window.window_us({ ...signs, reorders: false, recovering: true })).toBe(0);
    expect(window.window_us({ ...signs, reorders: false, sacked: 3 })).toBe(0);
    expect(window.window_us({ ...signs, minRtt_us: 100 })).toBe(1_000);
  });

  it('is widened once in a round trip by needless repetitions, up to a round trip, and narrow again after 16 recoveries', () => {
    const window = new ReorderingWindow();
    window.repeatedForNothing(1_000, 5_000);
    window.repeatedForNothing(3_000, 9_000);
    expect(window.window_us(signs)).toBe(20_000);
    for (let una = 6_000; una < 600_000; una += 10_000) window.repeatedForNothing(una, una + 5_000);
    expect(window.window_us(signs)).toBe(100_000);
    for (let i = 0; i < 15; i++) window.recovered();
    const restored = new ReorderingWindow();
    restored.restore(window.save());
    expect(restored.window_us(signs)).toBe(100_000);
    restored.recovered();
    expect(restored.window_us(signs)).toBe(10_000);
  });
});
