import { describe, expect, it } from 'vitest';
import { UNIT_CONTROL, UNIT_DATA } from '../wire/unit.ts';
import { frameData } from './frame-data.ts';
import { plaintextFromData, plaintextToData } from './recorded-plaintext.ts';

const DATA = Uint8Array.of(UNIT_DATA, 0);
const PART = Uint8Array.of(UNIT_DATA, 1);
const HEADERS_BYTES = 14 + 20 + 20;

/** Ethernet, IPv4, then a TCP header (or an ICMP echo), then payload of 0x77. */
function frame(protocol: 1 | 6, length = 400): Uint8Array {
  const bytes = new Uint8Array(length).fill(0x77);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
  bytes.set(
    [0x45, 0, (length - 14) >> 8, (length - 14) & 0xff, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2],
    14,
  );
  bytes.set(
    protocol === 1 ? [8, 0, 0, 0, 0, 1, 0, 1] : [0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0],
    34,
  );
  return bytes;
}

/** Part of a frame as a record with SEGMENT carries it. */
function part(whole: Uint8Array, from: number, to: number, id = 9): Uint8Array {
  const bytes = new Uint8Array(8 + to - from);
  bytes.set([0, 0, 0, id, from >> 8, from & 0xff, whole.length >> 8, whole.length & 0xff]);
  bytes.set(whole.subarray(from, to), 8);
  return bytes;
}

function kept(record: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const again = plaintextFromData(plaintextToData(record, plaintext)) as Uint8Array;
  expect(again.length).toBe(plaintext.length);
  return again;
}

describe('what a journal keeps of an opened record', () => {
  it('is all of a control record, and a frame without payload', () => {
    const control = Uint8Array.of(3, 1, 4, 1, 5);
    expect(kept(Uint8Array.of(UNIT_CONTROL, 0), control)).toEqual(control);
    const again = kept(DATA, frame(6));
    expect(frameData(again)).toEqual(frameData(frame(6)));
    expect(again.subarray(HEADERS_BYTES).every((byte) => byte === 0)).toBe(true);
  });

  it('is the headers in the first part of a frame, and the part header of the others', () => {
    const first = kept(PART, part(frame(6), 0, 200));
    expect(first.subarray(0, 8 + HEADERS_BYTES)).toEqual(part(frame(6), 0, 200).subarray(0, 8 + HEADERS_BYTES));
    expect(first.subarray(8 + HEADERS_BYTES).every((byte) => byte === 0)).toBe(true);
    const second = kept(PART, part(frame(6), 200, 400));
    expect(second.subarray(0, 8)).toEqual(part(frame(6), 200, 400).subarray(0, 8));
    expect(second.subarray(8).every((byte) => byte === 0)).toBe(true);
  });

  it('is the same for the parts of an ICMP frame in any order', () => {
    const [first, second] = [part(frame(1), 0, 200), part(frame(1), 200, 400)];
    const inOrder = [first, second].map((each) => kept(PART, each));
    const reordered = [second, first].map((each) => kept(PART, each)).toReversed();
    expect(reordered).toEqual(inOrder);
    expect(inOrder[0].subarray(8, 8 + 42)).toEqual(frame(1).subarray(0, 42));
    expect(inOrder.some((bytes) => bytes.includes(0x77))).toBe(false);
  });

  it('is nothing of a payload that begins as a unit does', () => {
    const bytes = frame(6);
    bytes.set([0x42, 0x31, 0x01, 0x00], HEADERS_BYTES);
    for (const again of [kept(DATA, bytes), kept(PART, part(bytes, 0, 300))]) {
      expect(again.includes(0x42)).toBe(false);
      expect(again.includes(0x77)).toBe(false);
    }
  });

  it('is nothing for data that no journal wrote, and never throws for hostile plaintext', () => {
    for (const data of [
      null,
      1,
      'x',
      {},
      { part: 1 },
      { part: new Uint8Array(9), length: 3 },
      { part: new Uint8Array(1), length: 1e9 },
      { frame: 3 },
    ]) {
      expect(plaintextFromData(data as never)).toBeUndefined();
    }
    for (let length = 0; length < 30; length++) kept(PART, new Uint8Array(length).fill(0xff));
  });
});
