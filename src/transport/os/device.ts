import { Arena } from './libc.ts';
import type { FrameOffload, SentFrame } from './types.ts';
import { BATCH_FRAMES } from './types.ts';
import { parseVirtioHeader, VIRTIO_HEADER_BYTES, type VirtioReason, writeVirtioHeader } from './virtio.ts';

/** One frame as it lies in a receive slot: valid only until the next receive. */
export type RawFrame =
  | { ok: true; bytes: Uint8Array; offload: FrameOffload | undefined }
  | { ok: false; reason: VirtioReason | 'truncated' | 'runt' };

/** What TAP and AF_PACKET do differently. Results below 0 are negative error numbers. */
export interface FrameDevice {
  readonly fd: number;
  /** Number of frames now in the slots, at most {@link BATCH_FRAMES}. */
  receive(): number;
  rawFrame(index: number): RawFrame;
  /** Sends as many as the kernel takes from `first` on; the result is their number (more than 0). */
  send(frames: readonly SentFrame[], first: number): number;
  /** Frames the kernel lost since the last call. */
  kernelDropped(): number;
}

/** Longest frame of an offloading interface (IPv4's 65,535 bytes, Ethernet header, two VLAN tags). */
export const MAX_FRAME_BYTES = 65_535 + 14 + 8;
const ETHERNET_HEADER_BYTES = 14;
const FRAME_AT = 16;
const SLOT_BYTES = 66 * 1024;

/** Buffers for one batch. In each slot the frame starts at the same place, with the virtio header (if any) right before. */
export class Slots {
  readonly memory: Arena;
  readonly headerBytes: number;
  /** Bytes of a slot that the kernel may fill: header and frame. */
  readonly room: number;

  constructor(vnetHeader: boolean, count = BATCH_FRAMES) {
    this.memory = new Arena(count * SLOT_BYTES);
    this.headerBytes = vnetHeader ? VIRTIO_HEADER_BYTES : 0;
    this.room = SLOT_BYTES - FRAME_AT + this.headerBytes;
  }

  /** Address of header and frame. */
  address(index: number): number {
    return this.memory.address + this.frameAt(index) - this.headerBytes;
  }

  frameAt(index: number): number {
    return index * SLOT_BYTES + FRAME_AT;
  }

  /** Writes the header alone; where it is. */
  putHeader(index: number, offload: FrameOffload | undefined): { address: number; length: number } {
    const at = this.frameAt(index) - this.headerBytes;
    if (this.headerBytes > 0) writeVirtioHeader(this.memory.view, at, offload);
    return { address: this.memory.address + at, length: this.headerBytes };
  }

  /** Copies a frame in; the number of bytes to hand to the kernel. The frame must not exceed {@link MAX_FRAME_BYTES}. */
  put(index: number, frame: SentFrame): number {
    this.putHeader(index, frame.offload);
    this.memory.bytes.set(frame.bytes, this.frameAt(index));
    return this.headerBytes + frame.bytes.length;
  }

  /** The frame in a slot into which `length` bytes were received, with its VLAN tag (TPID and TCI) put back. */
  raw(index: number, length: number, vlan?: { tpid: number; tci: number }): RawFrame {
    if (length > this.room) return { ok: false, reason: 'truncated' };
    if (length < this.headerBytes + ETHERNET_HEADER_BYTES) return { ok: false, reason: 'runt' };
    const at = this.frameAt(index);
    const end = at - this.headerBytes + length;
    // The header is copied first: a tag may overwrite it.
    HEADER.set(this.memory.bytes.subarray(at - VIRTIO_HEADER_BYTES, at));
    const bytes = this.memory.bytes.subarray(vlan ? this.#insertTag(at, vlan) : at, end);
    if (this.headerBytes === 0) return { ok: true, bytes, offload: undefined };
    const parsed = parseVirtioHeader(HEADER_VIEW, 0, bytes, vlan ? VLAN_TAG_BYTES : 0);
    return parsed.ok ? { ok: true, bytes, offload: parsed.offload } : parsed;
  }

  /** Moves the two addresses forward over the header, which has been read already. */
  #insertTag(at: number, { tpid, tci }: { tpid: number; tci: number }): number {
    const moved = at - VLAN_TAG_BYTES;
    this.memory.bytes.copyWithin(moved, at, at + ADDRESSES_BYTES);
    this.memory.view.setUint16(moved + ADDRESSES_BYTES, tpid);
    this.memory.view.setUint16(moved + ADDRESSES_BYTES + 2, tci);
    return moved;
  }
}

const VLAN_TAG_BYTES = 4;
const ADDRESSES_BYTES = 12;
const HEADER = new Uint8Array(VIRTIO_HEADER_BYTES);
const HEADER_VIEW = new DataView(HEADER.buffer);
