import type { Ip4 } from '../wire/address.ts';
import { fromJournalView, type JournalView, journalView } from '../wire/journal-view.ts';
import type { JournalData } from './tap.ts';

/** No Ethernet frame or super-frame is longer; a longer one in a journal was altered, and must not take the memory. */
const FRAME_BYTES = 0x2_0000;

type Members = { readonly [key: string]: JournalData | undefined };

/** What a journal keeps of a frame's bytes; `tunnelAddresses` as for {@link journalView}. */
export function frameData(bytes: Uint8Array, tunnelAddresses?: readonly Ip4[]): Members {
  return journalView(bytes, tunnelAddresses) as unknown as Members;
}

/** The frame that a replay works with: all headers, zeros for payload. Undefined for data that {@link frameData} did not make. */
export function frameFromData(data: JournalData | undefined): Uint8Array | undefined {
  const { head, payloadLength, units = [] } = membersOf(data);
  if (!(head instanceof Uint8Array) || !isLength(payloadLength) || !Array.isArray(units)) return undefined;
  const length = head.length + payloadLength;
  const fits = (unit: JournalData): boolean => {
    const { offset, bytes } = membersOf(unit);
    return isLength(offset) && bytes instanceof Uint8Array && offset + bytes.length <= length;
  };
  if (length > FRAME_BYTES || !units.every(fits)) return undefined;
  return fromJournalView({ head, payloadLength, units } as unknown as JournalView);
}

/** Members of data that should be an object; none when it is not. */
export function membersOf(data: JournalData | undefined): Members {
  return typeof data === 'object' && data !== null ? (data as Members) : {};
}

/** Whether data is a count of bytes of a frame. */
export function isLength(data: JournalData | undefined): data is number {
  return typeof data === 'number' && Number.isInteger(data) && data >= 0 && data <= FRAME_BYTES;
}
