import { wireTcpFrames } from '../wire/segment.ts';
import { tcpHeaderLengthAt } from '../wire/tcp.ts';
import type { Frame, Offload } from './frame.ts';
import type { LayerHost } from './host.ts';

/**
 * Bytes of the longest IP packet that a packet becomes on the wire: its own, or those of one of the segments that it is cut into. Its IP
 * header ends at `headerEnd`.
 */
export function lengthOnWire({ bytes, offload }: Frame, headerEnd: number): number {
  if (offload === undefined) return bytes.length;
  const headers = headerEnd + tcpHeaderLengthAt(bytes, headerEnd);
  return Math.min(bytes.length, headers + offload.segment_bytes);
}

/** The frame's bytes with `count` more in front, to be written: in its own headroom where there is enough, else in a copy. */
export function withRoomInFront({ bytes, offload }: Frame, count: number): Uint8Array {
  const { buffer, byteOffset, length } = bytes;
  if (offload !== undefined && offload.headroom_bytes >= count) {
    return new Uint8Array(buffer, byteOffset - count, count + length);
  }
  const copy = new Uint8Array(count + length);
  copy.set(bytes, count);
  return copy;
}

/** For a frame that was made of another one, and whose headroom is used up or somebody else's. */
export function withoutHeadroom(offload: Offload | undefined): Offload | undefined {
  return offload === undefined || offload.headroom_bytes === 0 ? offload : { ...offload, headroom_bytes: 0 };
}

/** What a frame is on the wire: cut into segments with whole checksums where an interface was to do that, else itself. */
export function framesOnWire(host: LayerHost, frame: Frame): readonly Frame[] {
  if (frame.offload === undefined) return [frame];
  return wireTcpFrames(frame.bytes, frame.offload.segment_bytes).map((bytes) =>
    host.frame(bytes, frame, frame.checksum),
  );
}
