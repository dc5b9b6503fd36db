/** What a network interface left to do on a frame: parts of a checksum, or cutting a super-frame (RFC-free; virtio 1.2, 5.1.6). */
export interface FrameOffload {
  /** The transport checksum field holds only the pseudo-header's sum; offsets count from the start of the frame. */
  needsChecksum?: { start: number; offset: number };
  /** A super-frame of up to 64 KB that stands for many frames with `size` bytes of transport payload each. */
  gso?: GsoInfo;
  /** The sender's or the interface's word that the transport checksum is right. */
  checksumValid?: boolean;
}

/** `headerLength`: bytes in front of the transport payload, Ethernet header included. */
export interface GsoInfo {
  type: 'tcp4' | 'tcp6' | 'udp';
  size: number;
  headerLength: number;
  /** CWR is set and belongs to the first segment alone (RFC 3168). */
  ecn?: boolean;
}

/** An Ethernet frame without FCS; `bytes` belongs to the receiver. */
export interface ReceivedFrame {
  bytes: Uint8Array;
  offload?: FrameOffload;
}

/** A frame to send; the port has copied what it needs when `send` returns. */
export interface SentFrame {
  bytes: Uint8Array;
  offload?: FrameOffload;
}

/** Number of frames: gone out, kept for another try, and lost (each loss is counted and told by an event). */
export interface SendResult {
  sent: number;
  queued: number;
  dropped: number;
}

/** Something that went wrong at the interface; the port lives on unless `fatal`. */
export interface PortEvent {
  operation: 'receive' | 'send' | 'poll';
  /** Name of the error number, e.g. `ENOBUFS`, `ENETDOWN`; `QUEUE_FULL` and `MALFORMED` are the port's own. */
  code: string;
  /** Frames lost by it. */
  frames: number;
  /** No frame will come or go any more: the interface is gone. */
  fatal: boolean;
}

export interface PortCounters {
  receivedFrames: number;
  receivedBytes: number;
  receivedBatches: number;
  /** Super-frames cut in software. */
  receivedSuperFrames: number;
  /** Longer than a slot. */
  receivedTruncated: number;
  /** Super-frames or checksums that could not be made whole. */
  receivedMalformed: number;
  receiveErrors: number;
  /** Lost in the kernel because we read too slowly (AF_PACKET only). */
  kernelDropped: number;
  sentFrames: number;
  sentBytes: number;
  /** Frames that had to wait for room. */
  sendQueued: number;
  sendDropped: number;
}

/** A network interface: the same for TAP and AF_PACKET. */
export interface RealPort {
  /** Payload bytes of a frame (without the Ethernet header). */
  readonly mtu: number;
  readonly name: string;
  /** Takes and gives super-frames and partial checksums: the interface cuts and sums. */
  readonly offloads: boolean;
  /** The interface's own MAC, `02:00:...`; for a TAP that of the kernel's side. */
  readonly mac: string;
  readonly counters: Readonly<PortCounters>;
  /** At most {@link BATCH_FRAMES} frames from the interface per call (more where super-frames were cut). One listener. */
  onBatch(listener: (frames: ReceivedFrame[]) => void): void;
  onEvent(listener: (event: PortEvent) => void): void;
  send(frames: SentFrame[]): SendResult;
  /** Ends promptly, drops what is still queued; may be called more than once. */
  close(): Promise<void>;
}

/** Frames read or written with one system call or turn. */
export const BATCH_FRAMES = 64;
