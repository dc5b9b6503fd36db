import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, equal } from '../../wire/bytes.ts';
import { Flag } from '../../wire/tcp.ts';
import { Congestion, initialWindow } from './congestion/congestion.ts';
import { LazyTimer } from './lazy-timer.ts';
import { Reassembly } from './reassembly.ts';
import { RttEstimator } from './rtt.ts';
import { Scoreboard } from './scoreboard.ts';
import { packetFromSegment, reversed, segmentFromPacket } from './segment.ts';
import { SendQueue } from './send-queue.ts';

const bytesOf = (length: number, first = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (first + i) & 255);

describe('the send queue', () => {
  it('gives back any part of what was written, after any drops', () => {
    const step = fc.oneof(
      fc.record({ append: fc.integer({ min: 0, max: 40 }) }),
      fc.record({ drop: fc.integer({ min: 0, max: 60 }) }),
      fc.record({ from: fc.double({ min: 0, max: 1, noNaN: true }), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const queue = new SendQueue();
        let model = new Uint8Array(0);
        let written = 0;
        for (const each of steps) {
          if ('append' in each) {
            queue.append(bytesOf(each.append, written));
            model = concat(model, bytesOf(each.append, written)) as typeof model;
            written += each.append;
          } else if ('drop' in each) {
            queue.drop(each.drop);
            model = model.slice(each.drop);
          } else {
            const at = Math.floor(each.from * model.length);
            const count = Math.floor(each.part * (model.length - at));
            expect(equal(queue.slice(at, count), model.subarray(at, at + count))).toBe(true);
            if (count === 0) continue;
            const copy = queue.slice(at, count, 7);
            expect(equal(copy, model.subarray(at, at + count))).toBe(true);
            expect([copy.byteOffset, copy.buffer.byteLength]).toEqual([7, 7 + count]);
          }
          expect(queue.length).toBe(model.length);
        }
        const restored = new SendQueue();
        restored.restore(queue.save());
        expect(equal(restored.slice(0, restored.length), model)).toBe(true);
      }),
    );
  });
});

describe('reassembly', () => {
  it('gives each byte once, in order, whatever comes in what order', () => {
    const stream = bytesOf(256);
    const piece = fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 56 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.integer({ min: 0, max: 0xffff_ffff }), (pieces, start) => {
        const reassembly = new Reassembly();
        const known = new Set<number>();
        for (const [at, length] of pieces) {
          expect(reassembly.insert((start + at) >>> 0, stream.subarray(at, at + length))).toBe(true);
          for (let i = at; i < at + length; i++) known.add(i);
          expect(reassembly.bytes).toBe(known.size);
        }
        for (const { left, right } of reassembly.blocks((start - 1) >>> 0, 64)) {
          for (let i = (left - start) >>> 0; i < (right - start) >>> 0; i++) expect(known.has(i)).toBe(true);
        }
        let nxt = start;
        for (let i = 0; i < 256; i++) {
          if (!known.has(i)) {
            nxt = (start + i + 1) >>> 0;
            continue;
          }
          const taken = reassembly.take(nxt);
          if (taken === undefined) continue;
          const offset = (nxt - start) >>> 0;
          expect(equal(taken, stream.subarray(offset, offset + taken.length))).toBe(true);
          nxt = (nxt + taken.length) >>> 0;
        }
        expect(reassembly.bytes).toBe(0);
      }),
    );
  });
});

describe('the scoreboard', () => {
  const filled = (count: number, start = 1_000): Scoreboard => {
    const board = new Scoreboard();
    for (let i = 0; i < count; i++) {
      board.sent({ seq: (start + i * 100) >>> 0, end: (start + i * 100 + 100) >>> 0 }, i);
    }
    return board;
  };

  it('counts as lost at once what three SACKed segments stand behind', () => {
    const board = filled(6);
    board.sack([{ left: 1_100, right: 1_300 }], 1_000, 1_600, 10);
    expect(board.judge(10, 5, false)).toBeGreaterThan(0);
    expect(board.lostCount).toBe(0);
    board.sack([{ left: 1_100, right: 1_400 }], 1_000, 1_600, 11);
    expect(board.judge(11, 5, false)).toBe(0);
    expect(board.nextLost()?.seq).toBe(1_000);
    expect(board.pipe).toBe(200);
  });

  it('waits for a while with fewer, and always where the path was seen to reorder', () => {
    const board = filled(6);
    board.sack([{ left: 1_100, right: 1_200 }], 1_000, 1_600, 10);
    // Sent at 0 and 1; the second took 9, so the first is overdue at 9 plus 5.
    expect(board.judge(10, 5, false)).toBe(4);
    expect(board.judge(14, 5, false)).toBe(0);
    expect(board.nextLost()?.seq).toBe(1_000);
    const reordering = filled(6);
    reordering.sack([{ left: 1_100, right: 1_200 }], 1_000, 1_600, 10);
    reordering.acknowledge(1_200, 11);
    reordering.sack([{ left: 1_300, right: 1_600 }], 1_200, 1_600, 12);
    expect(reordering.judge(12, 5, false)).toBeGreaterThan(0);
    expect(reordering.lostCount).toBe(0);
  });

  it('counts one that was sent again as lost only when something later has arrived', () => {
    const board = filled(8);
    board.sack([{ left: 1_100, right: 1_400 }], 1_000, 1_800, 10);
    board.judge(10, 5, false);
    board.sentAgain(board.nextLost()!, 20);
    board.sack([{ left: 1_100, right: 1_600 }], 1_000, 1_800, 21);
    board.judge(21, 5, true);
    expect(board.lostCount).toBe(0);
    board.sent({ seq: 1_800, end: 1_900 }, 26);
    board.sack([{ left: 1_800, right: 1_900 }], 1_000, 1_900, 40);
    board.judge(40, 5, true);
    expect(board.nextLost()?.seq).toBe(1_000);
  });

  it('keeps its counts whatever happens', () => {
    const action = fc.tuple(
      fc.constantFrom('send', 'ack', 'sack', 'judge', 'resend', 'loseAll', 'loseFirst', 'split', 'save'),
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 1, max: 6 }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), fc.integer({ min: 0, max: 0xffff_ffff }), (actions, start) => {
        let board = new Scoreboard();
        let una = start;
        let nxt = start;
        let now_us = 0;
        for (const [name, at, count] of actions) {
          now_us += 1;
          const left = (una + at * 100) >>> 0;
          const right = (left + count * 100) >>> 0;
          const isWithin = (right - una) >>> 0 <= (nxt - una) >>> 0;
          if (name === 'send') {
            board.sent({ seq: nxt, end: (nxt + 100) >>> 0 }, now_us);
            nxt = (nxt + 100) >>> 0;
          } else if (name === 'ack' && isWithin) {
            una = (left + count) >>> 0;
            board.acknowledge(una, now_us);
          } else if (name === 'sack') board.sack([{ left, right }], una, nxt, now_us);
          else if (name === 'judge') board.judge(now_us, at, count > 3);
          else if (name === 'loseAll') board.loseAll();
          else if (name === 'loseFirst') board.loseFirst();
          else if (name === 'resend' || name === 'split') {
            const lost = board.nextLost();
            if (lost === undefined) continue;
            const part = name === 'split' && (lost.end - lost.seq) >>> 0 > 50 ? board.split(lost, 50) : lost;
            board.sentAgain(part, now_us);
          } else if (name === 'save') {
            const restored = new Scoreboard();
            restored.restore(structuredClone(board.save()));
            expect([restored.pipe, restored.lostCount, restored.sackedCount]).toEqual([
              board.pipe,
              board.lostCount,
              board.sackedCount,
            ]);
            board = restored;
          }
          const { segments } = board.save();
          const bytesIn = (place: string) =>
            segments.filter((each) => each.place === place).reduce((sum, { seq, end }) => sum + ((end - seq) >>> 0), 0);
          expect(board.pipe).toBe(bytesIn('in-flight'));
          expect(board.lostCount).toBe(segments.filter(({ place }) => place === 'lost').length);
          expect(board.nextLost()?.seq).toBe(segments.find(({ place }) => place === 'lost')?.seq);
          expect(board.size).toBe(segments.length);
        }
      }),
    );
  });
});

describe('round trips', () => {
  it('make the timeout of RFC 6298, never below 200 ms above the mean', () => {
    const rtt = new RttEstimator();
    expect(rtt.rto_us()).toBe(1_000_000);
    rtt.sample(100_000);
    expect(rtt.rto_us()).toBe(300_000);
    rtt.sample(500_000);
    expect(rtt.srtt_us).toBe(150_000);
    expect(rtt.rto_us()).toBe(150_000 + 4 * 137_500);
    rtt.backOff();
    expect(rtt.rto_us()).toBe(1_400_000);
    for (let i = 0; i < 20; i++) rtt.backOff();
    expect(rtt.rto_us()).toBe(60_000_000);
    rtt.progress();
    expect(rtt.rto_us()).toBe(700_000);
  });
});

describe('congestion control', () => {
  it('begins with ten segments, fewer of large ones (RFC 6928)', () => {
    expect([536, 1_448, 3_000, 9_000].map(initialWindow)).toEqual([5_360, 14_480, 14_600, 18_000]);
  });

  it('of Reno grows by one segment in a round trip and halves', () => {
    const reno = new Congestion('reno', 1_000);
    reno.cwnd = 20_000;
    reno.lost(50_000);
    expect(reno.cwnd).toBe(10_000);
    for (let i = 0; i < 10; i++) reno.acked(1_000, i, 1);
    expect(reno.cwnd).toBe(11_000);
  });

  it('of CUBIC cuts to 0.7, comes back to where it lost at K seconds, then probes beyond', () => {
    const cubic = new Congestion('cubic', 1_000);
    cubic.cwnd = 100_000;
    cubic.lost(100_000);
    expect(cubic.cwnd).toBe(70_000);
    const rtt_us = 100_000;
    const at = (seconds: number, from: number) => {
      for (let now_us = from * 1e6; now_us < seconds * 1e6; now_us += rtt_us) {
        for (let segment = 0; segment < 70; segment++) cubic.acked(1_000, now_us, rtt_us);
      }
      return cubic.cwnd;
    };
    const k = Math.cbrt(30 / 0.4);
    expect(at(k, 0) / 100_000).toBeCloseTo(1, 1);
    expect(at(k + 3, k)).toBeGreaterThan(105_000);
  });

  it('never goes below two segments, but to one after a timeout', () => {
    const cubic = new Congestion('cubic', 1_000);
    cubic.lost(1_000);
    expect(cubic.cwnd).toBe(2_000);
    cubic.timedOut(1_000, false);
    expect([cubic.cwnd, cubic.ssthresh]).toEqual([1_000, 2_000]);
  });
});

describe('a lazy timer', () => {
  it('is armed once while it is pushed out, and does nothing when it was switched off', () => {
    const armed: number[] = [];
    const host = {
      time: 0,
      now_us: () => host.time,
      setTimer: (_: string, delay: number) => armed.push(delay),
      clearTimer: () => {},
    };
    const timer = new LazyTimer(host, 'x');
    timer.set(100);
    host.time = 60;
    timer.set(100);
    expect(armed).toEqual([100]);
    host.time = 100;
    expect(timer.fired()).toBe(false);
    expect(armed).toEqual([100, 60]);
    host.time = 160;
    expect(timer.fired()).toBe(true);
    timer.set(100);
    timer.set(10);
    expect(armed).toEqual([100, 60, 100, 10]);
    timer.off();
    host.time = 170;
    expect(timer.fired()).toBe(false);
    expect(timer.running).toBe(false);
  });
});

describe('segments', () => {
  it('go through a packet unchanged', () => {
    const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
    const uint16 = fc.integer({ min: 0, max: 0xffff });
    const made = fc.record({
      seq: uint32,
      ack: uint32,
      flags: fc.integer({ min: 0, max: 255 }),
      window: uint16,
      options: fc.record(
        { mss: uint16, sackPermitted: fc.constant(true), timestamps: fc.record({ value: uint32, echo: uint32 }) },
        { requiredKeys: [] },
      ),
      payload: fc.uint8Array({ maxLength: 100 }),
      urgent: uint16,
    });
    const tuple = fc.record({ local: uint32, localPort: uint16, remote: uint32, remotePort: uint16 });
    fc.assert(
      fc.property(made, tuple, (segment, ends) => {
        const read = segmentFromPacket(packetFromSegment(segment, ends));
        expect(read.ok && reversed(read.tuple)).toEqual(ends);
        const isUrgent = (segment.flags & Flag.URG) !== 0;
        expect(read.ok && read.segment).toEqual({ ...segment, urgent: isUrgent ? segment.urgent : undefined });
      }),
    );
  });

  it('that are none have a reason', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => typeof segmentFromPacket(bytes).ok === 'boolean'),
    );
    const udp = packetFromSegment(
      { seq: 0, ack: 0, flags: 2, window: 0, options: {}, payload: new Uint8Array(0) },
      { local: 1, localPort: 1, remote: 2, remotePort: 2 },
    );
    expect(segmentFromPacket(udp.subarray(0, 39))).toEqual({ ok: false, reason: 'not-ip' });
    udp[32] = 0xf0;
    expect(segmentFromPacket(udp)).toEqual({ ok: false, reason: 'bad-tcp-header' });
    udp[9] = 17;
    expect(segmentFromPacket(udp)).toEqual({ ok: false, reason: 'not-tcp' });
    udp[6] = 0x20;
    udp[9] = 6;
    expect(segmentFromPacket(udp)).toEqual({ ok: false, reason: 'fragment' });
  });
});
