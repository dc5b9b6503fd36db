/** What a network interface found out about a frame's checksums when it arrived: `none` where there was nothing to check. */
export type ChecksumVerdict = 'good' | 'bad' | 'none';

/**
 * What is left to be done on a TCP frame before it is as on a wire: by the interface, or where that does not offload by the PHY layer
 * in front of it. Its TCP checksum field holds the pseudo-header's sum alone, and it may be a super-frame that stands for many.
 */
export interface Offload {
  /** Payload bytes of each frame that it is cut into (the last may have less); one with no more payload stands for itself. */
  readonly segment_bytes: number;
  /** Bytes right before `bytes` in its buffer that belong to this frame: whoever makes a frame of it may write its header there. */
  readonly headroom_bytes: number;
}

/**
 * What crosses ports. On most ports `bytes` is an Ethernet frame without FCS; between IP stack, IP routing and TCP it
 * starts with the IP header. Bytes are never changed once the frame was sent: a layer that rewrites makes a derived frame.
 */
export interface Frame {
  /** Unique within one runtime, from 1 up. */
  readonly id: number;
  /** Id of the frame that this one was made from (encapsulated, fragment, forged answer); 0 for none. */
  readonly parent: number;
  readonly bytes: Uint8Array;
  /** Core code reads this verdict and never sums payload bytes itself, so that a replay needs no payload. */
  readonly checksum: ChecksumVerdict;
  /** Left out for a frame that is as on a wire. */
  readonly offload?: Offload;
  /** On its way to IP only: whoever sent it had no answer for a while, and its next hop may be dead (RFC 9293 section 3.8.3, R1). */
  readonly doubt?: true;
}

/** A frame; one that is as on a wire has no member `offload` at all, so that journals and tests see the same as ever. */
export function newFrame(
  id: number,
  bytes: Uint8Array,
  parent: Frame | undefined,
  checksum: ChecksumVerdict,
  offload: Offload | undefined,
): Frame {
  const frame = { id, parent: parent?.id ?? 0, bytes, checksum };
  return offload === undefined ? frame : { ...frame, offload };
}
