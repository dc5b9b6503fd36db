import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equal } from '../../wire/bytes.ts';
import { buildPiece, PIECE_HEADER_BYTES } from '../../wire/piece.ts';
import { RECORD_MAX_BYTES, writeRecordHeader } from '../../wire/record.ts';
import { ASSEMBLY_RANGES, ASSEMBLY_SLOTS, ASSEMBLY_TIMEOUT_US, PieceAssembler, type PieceResult } from './assembler.ts';
import { cutRecord } from './cut.ts';

const ID = 0x0a0b0c0d;
const EPOCH = 3;

/** Looks like a data record; the assembler never opens one. */
function recordOf(sequence: number, length: number, type = 0x40): Uint8Array {
  const record = new Uint8Array(length).map((_, index) => (index * 31 + sequence * 17) & 0xff);
  writeRecordHeader(record, 0, { type, connectionId: ID, epoch: EPOCH, sequence }, length - 32);
  return record;
}

function newAssembler(accept: (epoch: number, sequence: number) => boolean = () => true): PieceAssembler {
  return new PieceAssembler({ connectionId: ID, accept });
}

function piece(sequence: number, recordOffset: number, recordLength: number, part: Uint8Array): Uint8Array {
  return buildPiece({ connectionId: ID, epoch: EPOCH, sequence, recordOffset, recordLength }, part);
}

function outcome(result: PieceResult): string {
  if ('record' in result) return 'record';
  return 'pending' in result ? 'pending' : result.reason;
}

function expectRecord(result: PieceResult | undefined, record: Uint8Array): void {
  expect(result !== undefined && 'record' in result && equal(result.record, record)).toBe(true);
}

describe('cutting a record', () => {
  it('leaves one that fits alone and cuts others into full pieces and a rest', () => {
    const record = recordOf(1, 3000);
    expect(cutRecord(record, 3000)).toEqual([record]);
    expect(cutRecord(record, 1472).map((unit) => unit.length)).toEqual([1472, 1472, 3000 - 2 * 1452 + 20]);
    const largest = cutRecord(recordOf(1, RECORD_MAX_BYTES), 1472);
    expect(largest.length).toBe(Math.ceil(RECORD_MAX_BYTES / 1452));
  });

  it('refuses control records, other bytes and a payload without room', () => {
    expect(() => cutRecord(recordOf(1, 300, 0x41), 100)).toThrow(TypeError);
    expect(() => cutRecord(new Uint8Array(300), 100)).toThrow(TypeError);
    expect(() => cutRecord(recordOf(1, 300), PIECE_HEADER_BYTES)).toThrow(RangeError);
    expect(cutRecord(recordOf(1, 40), PIECE_HEADER_BYTES + 1).length).toBe(40);
  });
});

describe('putting pieces together', () => {
  it('gives back the records that lost no piece, in any order, with duplicates, several at once', () => {
    const shape = fc.record({
      lengths: fc.array(fc.integer({ min: 33, max: 5000 }), { minLength: 1, maxLength: 6 }),
      payload: fc.integer({ min: 100, max: 1500 }),
      seed: fc.array(fc.nat(), { minLength: 64, maxLength: 64 }),
    });
    fc.assert(
      fc.property(shape, ({ lengths, payload, seed }) => {
        const records = lengths.map((length, index) => recordOf(index + 1, length));
        const units = records
          .filter((record) => record.length > payload)
          .flatMap((record) => cutRecord(record, payload));
        const arrived = units.filter((_, index) => seed[index % 64] % 11 !== 0);
        const lossy = new Set(units.filter((unit) => !arrived.includes(unit)).map((unit) => unit[15]));
        const twice = [...arrived, ...arrived.filter((_, index) => seed[index % 64] % 3 === 0)];
        const shuffled = twice
          .map((unit, index) => ({ unit, key: (seed[index % 64] * (index + 1)) % 100_003 }))
          .sort((a, b) => a.key - b.key);
        const done = new Set<number>();
        const assembler = newAssembler((_, sequence) => !done.has(sequence));
        for (const { unit } of shuffled) {
          const result = assembler.add(unit, 0);
          expect(['record', 'pending', 'not-accepted']).toContain(outcome(result));
          if (!('record' in result)) continue;
          const sequence = result.record[15];
          expectRecord(result, records[sequence - 1]);
          done.add(sequence);
        }
        const whole = units.map((unit) => unit[15]).filter((sequence) => !lossy.has(sequence));
        expect(done).toEqual(new Set(whole));
        const begun = new Set(arrived.map((unit) => unit[15]).filter((sequence) => lossy.has(sequence)));
        expect(assembler.slotsInUse).toBe(begun.size);
        assembler.expire(ASSEMBLY_TIMEOUT_US);
        expect([assembler.slotsInUse, assembler.bytesHeld, assembler.counters.timedOut]).toEqual([0, 0, begun.size]);
      }),
      { numRuns: 50 },
    );
  });

  it('takes an overlap with the same bytes', () => {
    const record = recordOf(1, 400);
    const assembler = newAssembler();
    assembler.add(piece(1, 0, 400, record.subarray(0, 250)), 0);
    expect(outcome(assembler.add(piece(1, 100, 400, record.subarray(100, 200)), 0))).toBe('pending');
    expectRecord(assembler.add(piece(1, 200, 400, record.subarray(200)), 0), record);
  });

  it('drops the whole record for an overlap with other bytes, and takes nothing of it until its time is over', () => {
    const record = recordOf(1, 400);
    const assembler = newAssembler();
    assembler.add(piece(1, 0, 400, record.subarray(0, 250)), 0);
    const lie = Uint8Array.from(record.subarray(249, 300));
    lie[0] ^= 1;
    expect(outcome(assembler.add(piece(1, 249, 400, lie), 0))).toBe('overlap');
    expect(assembler.bytesHeld).toBe(0);
    expect(outcome(assembler.add(piece(1, 250, 400, record.subarray(250)), 0))).toBe('record-dropped');
    expect(outcome(assembler.add(piece(1, 0, 400, record.subarray(0, 250)), ASSEMBLY_TIMEOUT_US))).toBe('pending');
    expectRecord(assembler.add(piece(1, 250, 400, record.subarray(250)), ASSEMBLY_TIMEOUT_US), record);
    expect(assembler.counters).toEqual({ completed: 1, timedOut: 0, evicted: 0, dropped: 1 });
  });

  it('keeps records of the same number in different epochs apart', () => {
    const assembler = newAssembler();
    const records = [EPOCH, EPOCH + 1].map((epoch) => {
      const record = recordOf(1, 300).fill(epoch, 16);
      record[9] = epoch;
      return record;
    });
    const [first, second] = records.map((record) => cutRecord(record, 200));
    expect([first[0], second[0]].map((unit) => outcome(assembler.add(unit, 0)))).toEqual(['pending', 'pending']);
    expectRecord(assembler.add(second[1], 0), records[1]);
    expectRecord(assembler.add(first[1], 0), records[0]);
  });

  it('drops the whole record for another total', () => {
    const assembler = newAssembler();
    assembler.add(piece(1, 0, 400, new Uint8Array(100)), 0);
    expect(outcome(assembler.add(piece(1, 100, 401, new Uint8Array(100)), 0))).toBe('other-total');
    expect(outcome(assembler.add(piece(1, 100, 400, new Uint8Array(300)), 0))).toBe('record-dropped');
  });

  it('gives out nothing but the data record that the pieces named', () => {
    for (const wrong of [recordOf(2, 100), recordOf(1, 100, 0x41), recordOf(1, 99), new Uint8Array(100)]) {
      const assembler = newAssembler();
      const bytes = new Uint8Array(100);
      bytes.set(wrong);
      expect(outcome(assembler.add(piece(1, 0, 100, bytes), 0))).toBe('not-its-record');
      expect(assembler.counters.dropped).toBe(1);
    }
  });

  it('refuses malformed pieces, other connection ids and numbers the window would not take', () => {
    const asked: [number, number][] = [];
    const assembler = newAssembler((epoch, sequence) => {
      asked.push([epoch, sequence]);
      return sequence !== 9;
    });
    const good = piece(9, 0, 400, new Uint8Array(100));
    expect(outcome(assembler.add(good, 0))).toBe('not-accepted');
    expect(asked).toEqual([[EPOCH, 9]]);
    const foreign = Uint8Array.from(good);
    foreign[4] ^= 1;
    expect(outcome(assembler.add(foreign, 0))).toBe('wrong-connection-id');
    expect(outcome(assembler.add(good.subarray(0, 50), 0))).toBe('piece-truncated');
    expect(outcome(assembler.add(Uint8Array.from([...good, 0]), 0))).toBe('piece-bad-length');
    expect(outcome(assembler.add(piece(1, 350, 400, new Uint8Array(100)), 0))).toBe('piece-out-of-range');
    expect(assembler.slotsInUse).toBe(0);
  });

  it('lets an incomplete record go after 2 s, counted from its first piece', () => {
    const record = recordOf(1, 300);
    const assembler = newAssembler();
    assembler.add(piece(1, 0, 300, record.subarray(0, 100)), 0);
    assembler.add(piece(1, 100, 300, record.subarray(100, 200)), ASSEMBLY_TIMEOUT_US - 1);
    assembler.expire(ASSEMBLY_TIMEOUT_US - 1);
    expect(assembler.slotsInUse).toBe(1);
    expect(outcome(assembler.add(piece(1, 200, 300, record.subarray(200)), ASSEMBLY_TIMEOUT_US))).toBe('pending');
    expect(assembler.counters.timedOut).toBe(1);
  });

  it('makes room for the newest by the oldest when all slots are taken', () => {
    const assembler = newAssembler();
    for (let sequence = 1; sequence <= ASSEMBLY_SLOTS + 10; sequence += 1) {
      assembler.add(piece(sequence, 0, RECORD_MAX_BYTES, new Uint8Array(1)), 0);
    }
    expect(assembler.slotsInUse).toBe(ASSEMBLY_SLOTS);
    expect(assembler.bytesHeld).toBe(ASSEMBLY_SLOTS * RECORD_MAX_BYTES);
    expect(assembler.counters.evicted).toBe(10);
    const record = recordOf(500, 200);
    assembler.add(piece(500, 0, 200, record.subarray(0, 100)), 0);
    expectRecord(assembler.add(piece(500, 100, 200, record.subarray(100)), 0), record);
  });

  it('keeps a bounded number of stretches of one record', () => {
    const record = recordOf(1, 1000);
    const assembler = newAssembler();
    const outcomes: string[] = [];
    for (let at = 0; at < 1000; at += 2)
      outcomes.push(outcome(assembler.add(piece(1, at, 1000, record.subarray(at, at + 1)), 0)));
    expect(outcomes.filter((each) => each === 'pending').length).toBe(ASSEMBLY_RANGES);
    expect(new Set(outcomes.slice(ASSEMBLY_RANGES))).toEqual(new Set(['too-many-ranges']));
    expect(assembler.save().slots[0].ranges.length).toBe(ASSEMBLY_RANGES);
  });
});

interface HostileStep {
  readonly sequence: number;
  readonly offset: number;
  readonly length: number;
  readonly total: number;
  readonly fill: number;
  readonly wait_us: number;
}

const hostileStep: fc.Arbitrary<HostileStep> = fc.record({
  sequence: fc.integer({ min: 1, max: 6 }),
  offset: fc.nat(80),
  length: fc.integer({ min: 1, max: 80 }),
  total: fc.constantFrom(64, 64, 64, 65, RECORD_MAX_BYTES),
  fill: fc.constantFrom(0, 0, 0, 1),
  wait_us: fc.constantFrom(0, 0, 300_000),
});

describe('hostile pieces', () => {
  const limits = { connectionId: ID, accept: () => true, slots: 4 };

  function stepPiece({ sequence, offset, length, total, fill }: HostileStep): Uint8Array {
    const truth = recordOf(sequence, 64);
    const part = new Uint8Array(length).map((_, index) => (truth[offset + index] ?? 0) ^ fill);
    return piece(sequence, offset, total, part);
  }

  it('never hold more memory than the slots, never throw, and never mix into a record', () => {
    fc.assert(
      fc.property(fc.array(hostileStep, { maxLength: 120 }), (steps) => {
        const assembler = new PieceAssembler(limits);
        let now_us = 0;
        for (const step of steps) {
          now_us += step.wait_us;
          const result = assembler.add(stepPiece(step), now_us);
          expect(assembler.slotsInUse).toBeLessThanOrEqual(4);
          expect(assembler.bytesHeld).toBeLessThanOrEqual(4 * RECORD_MAX_BYTES);
          if ('record' in result)
            expect(result.record.subarray(0, 16)).toEqual(recordOf(step.sequence, 64).subarray(0, 16));
        }
      }),
    );
  });

  it('saved and restored after each one, it answers the same later', () => {
    fc.assert(
      fc.property(fc.array(hostileStep, { maxLength: 40 }), (steps) => {
        const straight = new PieceAssembler(limits);
        let restored = new PieceAssembler(limits);
        let now_us = 0;
        for (const step of steps) {
          now_us += step.wait_us;
          expect(restored.add(stepPiece(step), now_us)).toEqual(straight.add(stepPiece(step), now_us));
          const copy = new PieceAssembler(limits);
          copy.restore(JSON.parse(JSON.stringify(restored.save())));
          restored = copy;
        }
        expect(restored.save()).toEqual(straight.save());
        expect(() => restored.restore({ ...straight.save(), version: 2 as 1 })).toThrow();
      }),
      { numRuns: 40 },
    );
  });

  it('are read without throwing, whatever the bytes', () => {
    const assembler = new PieceAssembler(limits);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(outcome(assembler.add(bytes, 0))).not.toBe('record');
        expect(outcome(assembler.add(Uint8Array.from([0x43, 0, 0, bytes.length + 4, ...bytes]), 0))).not.toBe('record');
      }),
    );
  });
});
