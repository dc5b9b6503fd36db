import type { ChecksumVerdict, Frame } from './frame.ts';
import type { JournalData } from './tap.ts';

/** A waiting frame as plain data that shares nothing with the live one. */
export function saveFrame(frame: Frame): JournalData {
  return { id: frame.id, parent: frame.parent, bytes: frame.bytes.slice(), checksum: frame.checksum };
}

/** The frame that {@link saveFrame} wrote down. */
export function restoreFrame(saved: JournalData): Frame {
  const { id, parent, bytes, checksum } = saved as unknown as Frame;
  return { id, parent, bytes, checksum: checksum as ChecksumVerdict };
}
