import { completeChecksum, segmentTcpFrame, segmentUdpFrame } from '../../wire/segment.ts';
import type { FrameOffload, GsoInfo, ReceivedFrame } from './types.ts';

const TCP_CHECKSUM_AT = 16;

/** What {@link normalise} is to leave undone. */
export interface NormaliseOptions {
  /** Leave TCP's super-frames and partial checksums as they came (for a receiver that offloads itself). Others are finished even then. */
  keepSuperFrames: boolean;
}

/**
 * Turns what an offloading interface delivered into frames as they would be on a wire: super-frames cut, checksums whole.
 * Appends to `out`; every appended frame owns its bytes. False when the frame can't be made whole: it is to be dropped.
 */
export function normalise(
  bytes: Uint8Array,
  offload: FrameOffload | undefined,
  options: NormaliseOptions,
  out: ReceivedFrame[],
): boolean {
  if (offload === undefined) {
    out.push({ bytes: bytes.slice() });
    return true;
  }
  if (options.keepSuperFrames && isTcp(offload)) {
    out.push({ bytes: bytes.slice(), offload });
    return true;
  }
  if (offload.gso) {
    const segments = cut(bytes, offload.gso);
    if (segments.length > 1) {
      for (const segment of segments) out.push({ bytes: segment, offload: { checksumValid: true } });
      return true;
    }
    // Not cut: fine for one that fits a single segment, but a longer one is not what its header says.
    if (bytes.length > offload.gso.headerLength + offload.gso.size) return false;
  }
  return whole(bytes.slice(), offload, out);
}

function isTcp({ gso, needsChecksum }: FrameOffload): boolean {
  if (gso !== undefined) return gso.type !== 'udp';
  return needsChecksum === undefined || needsChecksum.offset === TCP_CHECKSUM_AT;
}

function cut(bytes: Uint8Array, { type, size }: GsoInfo): Uint8Array[] {
  return type === 'udp' ? segmentUdpFrame(bytes, size) : segmentTcpFrame(bytes, size);
}

function whole(own: Uint8Array, { needsChecksum }: FrameOffload, out: ReceivedFrame[]): boolean {
  if (needsChecksum && !completeChecksum(own, needsChecksum.start, needsChecksum.offset)) return false;
  out.push({ bytes: own, offload: { checksumValid: true } });
  return true;
}
