import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, equal } from '../../wire/bytes.ts';
import { Flag } from '../../wire/tcp.ts';
import { LazyTimer } from './lazy-timer.ts';
import { Reassembly } from './reassembly.ts';
import { RttEstimator } from './rtt.ts';
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

  it('keeps no long packet for the few bytes of it that are new', () => {
    const reassembly = new Reassembly();
    const long = new Uint8Array(60_000).fill(7);
    reassembly.insert(10, long.subarray(0, 59_999));
    reassembly.insert(11, long.subarray(0, 59_999));
    const first = reassembly.take(10)!;
    const rest = reassembly.take(60_009)!;
    expect([first.length, first.buffer === long.buffer]).toEqual([59_999, true]);
    expect([rest, rest.buffer.byteLength]).toEqual([Uint8Array.of(7), 1]);
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
    rtt.sample(150_000);
    expect(rtt.rto_us()).toBe(150_000 + 4 * 103_125);
  });

  it('are taken to be 3 s when the SYN had to be repeated, until one was measured', () => {
    const rtt = new RttEstimator();
    rtt.synWasRepeated();
    expect(rtt.rto_us()).toBe(3_000_000);
    rtt.sample(100_000);
    expect(rtt.rto_us()).toBe(300_000);
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
      ecn: fc.constantFrom(undefined, 1, 2, 3),
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
