import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pattern, segment, TcpPair } from '../../../test/support/tcp-pair.ts';
import { equal } from '../../wire/bytes.ts';
import { seqAdd, seqDiff } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import { MAX_RTO_US, MIN_RTO_US } from './limits.ts';
import { Reassembly } from './reassembly.ts';
import { RttEstimator } from './rtt.ts';
import { Scoreboard } from './scoreboard.ts';

/** Without SACK, in windows of two segments, one loss in ten makes timeouts long. */
const LONG_US = 4 * 3_600_000_000;
const anyNumber = fc.integer({ min: 0, max: 0xffff_ffff });
/** Close to where numbers wrap or change sign, as well as anywhere. */
const isn = fc.oneof(
  anyNumber,
  fc.integer({ min: 1, max: 200_000 }).map((before) => 2 ** 32 - before),
  fc.integer({ min: 1, max: 200_000 }).map((before) => 2 ** 31 - before),
);
const bufferBytes = fc.constantFrom(3_000, 65_535, 65_536, 1 << 20, 1 << 24, 1 << 30);

describe('a transfer both ways', () => {
  it('arrives whole whatever the initial numbers, windows, options and losses are', () => {
    const run = fc.record({
      isns: fc.tuple(isn, isn),
      seed: anyNumber,
      buffers: fc.tuple(bufferBytes, bufferBytes),
      loss: fc.constantFrom(0, 0.01, 0.1),
      jitter_us: fc.constantFrom(0, 5_000),
      sack: fc.boolean(),
      timestamps: fc.boolean(),
      windowScale: fc.boolean(),
      bytes: fc.tuple(fc.integer({ min: 1, max: 150_000 }), fc.integer({ min: 1, max: 150_000 })),
    });
    fc.assert(
      fc.property(run, ({ isns, seed, buffers, loss, jitter_us, bytes, ...options }) => {
        // So that no seed makes an end give up, or leave TIME-WAIT while a FIN still comes again.
        const patient = { ...options, retransmissions: 50, timeWait_us: LONG_US };
        const pair = new TcpPair({
          seed,
          isn: isns,
          link: { delay_us: 2_000, jitter_us, loss, duplicate: loss },
          client: { ...patient, receiveBufferBytes: buffers[0] },
          server: { ...patient, receiveBufferBytes: buffers[1] },
        });
        const ends = [pair.client, pair.server] as const;
        pair.client.run((connection) => connection.openActive());
        expect(pair.run(() => ends.every((end) => end.kinds.includes('connected')), LONG_US)).toBe(true);
        ends.forEach((end, at) => {
          end.run((connection) => connection.write(pattern(bytes[at], at + 1)));
          end.run((connection) => connection.close());
        });
        const isOver = () => ends.every((end) => end.kinds.some((kind) => kind.startsWith('closed')));
        expect(pair.run(isOver, LONG_US)).toBe(true);
        ends.forEach((end, at) => {
          expect(end.kinds).toContain('closed normal');
          expect(equal(end.received, pattern(bytes[1 - at], 2 - at))).toBe(true);
        });
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});

describe('the window', () => {
  it('of up to 2^30 bytes takes what lies in it and nothing else, wherever numbers wrap', () => {
    const far = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: -3, max: 3 }));
    const from = fc.constantFrom('start', 'edge', 'far left');
    fc.assert(
      fc.property(isn, isn, bufferBytes, from, far, (ours, theirs, buffer, base, offset) => {
        const pair = new TcpPair({
          isn: [ours, theirs],
          client: { receiveBufferBytes: buffer, timestamps: false },
        }).connect();
        pair.passes = () => false;
        const { client } = pair;
        client.run((connection) => connection.write(pattern(10)));
        const { receiver } = client.connection.save();
        const { nxt, edge } = receiver.n;
        const window = seqDiff(edge, nxt);
        const place = seqDiff(seqAdd(offset, { start: 0, edge: window, 'far left': -buffer }[base]), 0);
        client.arrive(segment(Flag.ACK, seqAdd(nxt, place), seqAdd(ours, 11)));
        const isTaken = place >= -buffer && place <= window;
        expect(client.connection.isUnderWay(seqAdd(ours, 1))).toBe(!isTaken);
        const bytes = pattern(5);
        const before = client.receivedBytes;
        client.arrive(segment(Flag.ACK, seqAdd(nxt, place), seqAdd(ours, 11), {}, bytes));
        const delivered = place <= 0 && place > -5 ? 5 + place : 0;
        expect(client.receivedBytes - before).toBe(delivered);
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('reassembly', () => {
  const step = fc.oneof(
    fc.record({ at: fc.integer({ min: 0, max: 200 }), length: fc.integer({ min: 1, max: 60 }), fill: fc.nat(255) }),
    fc.record({ deliver: fc.integer({ min: 1, max: 40 }) }),
    fc.constant({ save: true }),
  );

  it('keeps no large packet for a small piece of it', () => {
    const reassembly = new Reassembly();
    reassembly.insert(1_000, new Uint8Array(60_000));
    reassembly.insert(999, new Uint8Array(60_000));
    expect(reassembly.take(999)?.buffer.byteLength).toBe(1);
    expect(reassembly.take(1_000)?.buffer.byteLength).toBe(60_000);
  });

  it('keeps the bytes that came first, like a table of single bytes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), isn, (steps, start) => {
        let reassembly = new Reassembly();
        const table = new Map<number, number>();
        let next = 0;
        for (const each of steps) {
          if ('at' in each) {
            const at = next + 1 + each.at;
            reassembly.insert(seqAdd(start, at), new Uint8Array(each.length).fill(each.fill));
            for (let i = at; i < at + each.length; i++) if (!table.has(i)) table.set(i, each.fill);
            const [newest] = reassembly.blocks(seqAdd(start, next), 4);
            const first = seqDiff(newest.left, start);
            expect(first).toBeLessThanOrEqual(at);
            for (let i = first; i < seqDiff(newest.right, start); i++) expect(table.has(i)).toBe(true);
            expect(table.has(first - 1) || table.has(seqDiff(newest.right, start))).toBe(false);
          } else if ('deliver' in each) {
            // So many bytes come in order; what was ahead follows as far as it goes.
            next += each.deliver;
            let taken = reassembly.take(seqAdd(start, next));
            for (; taken !== undefined; taken = reassembly.take(seqAdd(start, next))) {
              for (const byte of taken) expect(byte).toBe(table.get(next++));
            }
            expect(table.has(next)).toBe(false);
            for (const place of table.keys()) if (place < next) table.delete(place);
          } else {
            const restored = new Reassembly();
            restored.restore(structuredClone(reassembly.save()));
            reassembly = restored;
          }
          expect(reassembly.bytes).toBe(table.size);
        }
      }),
    );
  });
});

describe('the scoreboard', () => {
  const PACKET = 100;
  const action = fc.record({
    kind: fc.constantFrom(
      'send',
      'send',
      'send',
      'ack',
      'sack',
      'sack',
      'judge',
      'resend',
      'resend',
      'timeOut',
      'undo',
    ),
    at: fc.integer({ min: 0, max: 40 }),
    packets: fc.integer({ min: 1, max: 12 }),
  });

  /** The board's segments as a list of packets: where each stands. */
  const placesOf = (board: Scoreboard, una: number): string[] =>
    board.save().segments.flatMap(({ seq, end, place }, index, all) => {
      expect(seq).toBe(index === 0 ? una : all[index - 1].end);
      return Array.from({ length: seqDiff(end, seq) / PACKET }, () => place);
    });

  it('knows of each packet what a table of packets knows', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), isn, (actions, start) => {
        const board = new Scoreboard();
        board.mss = PACKET;
        /** Packets from the first unacknowledged on: whether each was SACKed. */
        let table: boolean[] = [];
        let una = start;
        let now_us = 0;
        let told = 0;
        let known = 0;
        for (const { kind, at, packets } of actions) {
          now_us += 10;
          const nxt = seqAdd(una, table.length * PACKET);
          const from = Math.min(at, table.length);
          const to = Math.min(table.length, from + packets);
          if (kind === 'send') {
            board.sent({ seq: nxt, end: seqAdd(nxt, packets * PACKET) }, now_us);
            table.push(...Array.from({ length: packets }, () => false));
          } else if (kind === 'ack') {
            una = seqAdd(una, from * PACKET);
            told += board.acknowledge(una, now_us).bytes;
            known += table.slice(0, from).filter((sacked) => !sacked).length * PACKET;
            table = table.slice(from);
          } else if (kind === 'sack' && from < to) {
            const block = { left: seqAdd(una, from * PACKET), right: seqAdd(una, to * PACKET) };
            told += board.sack([block], una, nxt, now_us).bytes;
            known += table.slice(from, to).filter((sacked) => !sacked).length * PACKET;
            table.fill(true, from, to);
          } else if (kind === 'judge') board.judge(now_us, at);
          else if (kind === 'resend') {
            const lost = board.nextLost();
            if (lost !== undefined) board.sentAgain(lost, now_us);
          } else if (kind === 'timeOut') {
            if (table[0] === true) table.fill(false);
            board.timedOut(now_us);
          } else if (kind === 'undo') board.undo();
          const places = placesOf(board, una);
          expect(places.map((place) => place === 'sacked')).toEqual(table);
          expect(told).toBe(known);
          expect(board.pipe).toBe(places.filter((place) => place === 'in-flight').length * PACKET);
        }
      }),
    );
  });
});

describe('the retransmission timeout', () => {
  it('stays between its bounds, never below the smoothed round trip, and doubles until the next round trip was measured', () => {
    const sample = fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 200_000_000 }));
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 100 }), fc.nat(40), (samples, backoffs) => {
        const rtt = new RttEstimator();
        for (const each of samples) {
          rtt.sample(each);
          expect(rtt.rto_us()).toBeGreaterThanOrEqual(Math.min(MAX_RTO_US, Math.floor(rtt.srtt_us + MIN_RTO_US)));
          expect(rtt.rto_us()).toBeLessThanOrEqual(MAX_RTO_US);
          expect(Number.isInteger(rtt.rto_us())).toBe(true);
          expect(rtt.min_us).toBeLessThanOrEqual(rtt.srtt_us);
        }
        const twin = new RttEstimator();
        twin.restore(rtt.save());
        for (let count = 0; count < backoffs; count++) {
          const before_us = rtt.rto_us();
          rtt.backOff();
          expect(Math.abs(rtt.rto_us() - Math.min(MAX_RTO_US, 2 * before_us))).toBeLessThanOrEqual(2);
        }
        for (const each of [rtt, twin]) each.sample(samples[0] as number);
        expect(rtt.rto_us()).toBe(twin.rto_us());
      }),
    );
  });
});
