import type { ChecksumVerdict, Frame } from './frame.ts';
import type { JournalData } from './tap.ts';

/** A waiting frame as plain data that shares nothing with the live one. */
export function saveFrame(frame: Frame): JournalData {
  const { id, parent, bytes, checksum, offload } = frame;
  const saved = { id, parent, bytes: bytes.slice(), checksum };
  return offload === undefined ? saved : { ...saved, segment_bytes: offload.segment_bytes };
}

/** The frame that {@link saveFrame} wrote down. */
export function restoreFrame(saved: JournalData): Frame {
  const { id, parent, bytes, checksum, segment_bytes } = saved as unknown as Frame & { segment_bytes?: number };
  const frame = { id, parent, bytes, checksum: checksum as ChecksumVerdict };
  return segment_bytes === undefined ? frame : { ...frame, offload: { segment_bytes, headroom_bytes: 0 } };
}
