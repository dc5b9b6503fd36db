import type { DeviceInput } from '../../actors/device.ts';
import type { ChecksumVerdict, Frame } from '../../actors/frame.ts';
import { checksumVerdict, parseFrame } from '../../wire/frame.ts';
import type { ReceivedFrame, SentFrame } from '../os/types.ts';

const TCP_CHECKSUM_AT = 16;
/** Of a frame that is not to be cut: more than any has. */
const NO_CUT_BYTES = 0xffff;

/** A frame as the interface must get it: what the device left to be done is for the interface to do. */
export function sentFrame({ bytes, offload }: Frame): SentFrame {
  if (offload === undefined) return { bytes };
  const { tcp, ip } = parseFrame(bytes);
  if (tcp === undefined) return { bytes };
  const needsChecksum = { start: tcp.offset, offset: TCP_CHECKSUM_AT };
  const size = offload.segment_bytes;
  if (tcp.end - tcp.headerEnd <= size) return { bytes, offload: { needsChecksum } };
  const gso = { type: ip === undefined ? ('tcp6' as const) : ('tcp4' as const), size, headerLength: tcp.headerEnd };
  return { bytes, offload: { needsChecksum, gso } };
}

/** What a received frame is to a device. TCP frames that the interface left unfinished go in as they are, with a word about it. */
export function inputOf(port: string, frame: ReceivedFrame): DeviceInput {
  const { bytes, offload } = frame;
  const isFinished = offload?.gso === undefined && offload?.needsChecksum === undefined;
  const segment_bytes = offload?.gso?.size ?? NO_CUT_BYTES;
  return { kind: 'frame', port, bytes, checksum: verdictOf(frame), ...(!isFinished && { segment_bytes }) };
}

/** The kernel's word counts where it gave one; otherwise the sums are looked at here, so that the core never has to. */
export function verdictOf({ bytes, offload }: ReceivedFrame): ChecksumVerdict {
  const isTold = offload?.checksumValid === true || offload?.needsChecksum !== undefined;
  return isTold ? 'good' : checksumVerdict(bytes, parseFrame(bytes));
}
