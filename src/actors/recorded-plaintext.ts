import { u16 } from '../wire/bytes.ts';
import { journalView } from '../wire/journal-view.ts';
import { RECORD_FLAG_SEGMENT } from '../wire/record.ts';
import { UNIT_DATA } from '../wire/unit.ts';
import { frameData, frameFromData, isLength, membersOf } from './frame-data.ts';
import type { JournalData } from './tap.ts';

/** Frame id 4, offset 2, total 2: what a part of a frame (record with SEGMENT) begins with. */
const PART_HEADER_BYTES = 8;

/**
 * What a journal keeps of an opened record: of a control record all, of a frame its headers, of a part of a frame those of the
 * frame's headers that are in it, whatever parts came before.
 */
export function plaintextToData(record: Uint8Array, plaintext: Uint8Array): JournalData {
  if (record[0] !== UNIT_DATA) return { whole: plaintext.slice() };
  const isPart = (record[1] & RECORD_FLAG_SEGMENT) !== 0;
  if (!isPart) return { frame: frameData(plaintext) };
  return { part: keptOfPart(plaintext), length: plaintext.length };
}

/** Undefined for data that {@link plaintextToData} did not make. */
export function plaintextFromData(data: JournalData): Uint8Array | undefined {
  const { whole, part, length, frame } = membersOf(data);
  if (whole instanceof Uint8Array) return whole;
  if (!(part instanceof Uint8Array)) return frameFromData(frame);
  if (!isLength(length) || part.length > length) return undefined;
  const plaintext = new Uint8Array(length);
  plaintext.set(part);
  return plaintext;
}

function keptOfPart(plaintext: Uint8Array): Uint8Array {
  if (plaintext.length < PART_HEADER_BYTES) return plaintext.slice();
  if (u16(plaintext, 4) > 0) return plaintext.slice(0, PART_HEADER_BYTES);
  // Headers are read from a frame of the true length: a shorter one would count as malformed.
  const frame = new Uint8Array(Math.max(u16(plaintext, 6), plaintext.length - PART_HEADER_BYTES));
  frame.set(plaintext.subarray(PART_HEADER_BYTES));
  const { head } = journalView(frame);
  return plaintext.slice(0, PART_HEADER_BYTES + head.length);
}
