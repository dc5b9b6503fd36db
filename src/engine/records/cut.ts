import { buildPiece, PIECE_HEADER_BYTES } from '../../wire/piece.ts';
import { parseRecord, UNIT_DATA } from '../../wire/record.ts';

/**
 * Cuts a data record into the units that carry it (docs/PROTOCOL.md section 4): the record itself when it fits into
 * `payloadBytes` (what F13 may carry on this path), else pieces of that size, the last one shorter.
 * Only data records are cut: pieces do not say the type. Anything else, or a payload without room for a byte, throws.
 */
export function cutRecord(record: Uint8Array, payloadBytes: number): Uint8Array[] {
  if (record.length <= payloadBytes) return [record];
  const header = parseRecord(record, 0, record.length);
  if (!header.ok || header.type !== UNIT_DATA) throw new TypeError('only a data record is cut into pieces');
  const step = payloadBytes - PIECE_HEADER_BYTES;
  if (step < 1) throw new RangeError(`no room for a piece in ${payloadBytes} bytes`);
  const { connectionId, epoch, sequence } = header;
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < record.length; at += step) {
    const fields = { connectionId, epoch, sequence, recordOffset: at, recordLength: record.length };
    pieces.push(buildPiece(fields, record.subarray(at, at + step)));
  }
  return pieces;
}
