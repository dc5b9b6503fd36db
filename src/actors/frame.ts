/** What a network interface found out about a frame's checksums when it arrived: `none` where there was nothing to check. */
export type ChecksumVerdict = 'good' | 'bad' | 'none';

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
}
