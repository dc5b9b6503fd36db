import { parseSegment, SEGMENT_HEADER_BYTES, type SegmentReason, writeSegmentHeader } from '../../wire/record.ts';

/** Frames being put together at a time. */
export const SEGMENT_FRAMES = 64;
/** How long a frame may stay incomplete, microseconds from its first part. */
export const SEGMENT_TIMEOUT_US = 2_000_000;

/**
 * Fragment-then-encrypt: the plaintexts of the records that carry one frame, each at most `plaintextBytes` long (docs/PROTOCOL.md section 3,
 * SEGMENT). Each becomes a record of its own.
 */
export function segmentPlaintexts(frame: Uint8Array, frameId: number, plaintextBytes: number): Uint8Array[] {
  const step = plaintextBytes - SEGMENT_HEADER_BYTES;
  if (step < 1) throw new RangeError(`no room for a part of a frame in ${plaintextBytes} bytes`);
  const plaintexts: Uint8Array[] = [];
  for (let at = 0; at < frame.length; at += step) {
    const part = frame.subarray(at, at + step);
    const plaintext = new Uint8Array(SEGMENT_HEADER_BYTES + part.length);
    const fields = { frameId, frameOffset: at, frameLength: frame.length };
    plaintext.set(part, writeSegmentHeader(plaintext, 0, fields));
    plaintexts.push(plaintext);
  }
  return plaintexts;
}

/** The whole frame, or that more is needed, or why the part was not taken. */
export type SegmentResult =
  | { readonly frame: Uint8Array }
  | { readonly pending: true }
  | { readonly reason: SegmentReason | 'other-length' | 'overlap' };

interface Slot {
  readonly frameId: number;
  readonly since_us: number;
  readonly bytes: Uint8Array;
  /** Starts and ends of the parts that came. */
  readonly parts: readonly (readonly [from: number, to: number])[];
}

export interface SavedFrameAssembler {
  readonly slots: readonly Slot[];
}

/**
 * Puts parts of frames together. They come from opened records, so they are the peer's own and arrive once; the bounds are against
 * loss (a timeout) and against a peer that is not what it should be.
 */
export class FrameAssembler {
  /** In the order of their first part. */
  #slots: Slot[] = [];

  add(plaintext: Uint8Array, now_us: number): SegmentResult {
    this.#slots = this.#slots.filter((slot) => now_us - slot.since_us < SEGMENT_TIMEOUT_US);
    const part = parseSegment(plaintext, 0, plaintext.length);
    if (!part.ok) return { reason: part.reason };
    const at = this.#slots.findIndex((slot) => slot.frameId === part.frameId);
    const slot = this.#slots[at] ?? {
      frameId: part.frameId,
      since_us: now_us,
      bytes: new Uint8Array(part.frameLength),
      parts: [],
    };
    if (slot.bytes.length !== part.frameLength) return { reason: 'other-length' };
    const [from, to] = [part.frameOffset, part.frameOffset + part.end - part.bytesOffset];
    if (slot.parts.some(([begin, end]) => from < end && begin < to)) return { reason: 'overlap' };
    slot.bytes.set(plaintext.subarray(part.bytesOffset, part.end), from);
    const grown = { ...slot, parts: [...slot.parts, [from, to] as const] };
    const have = grown.parts.reduce((sum, [begin, end]) => sum + end - begin, 0);
    if (at >= 0) this.#slots.splice(at, 1, grown);
    else this.#slots.push(grown);
    if (have < part.frameLength) {
      if (this.#slots.length > SEGMENT_FRAMES) this.#slots.shift();
      return { pending: true };
    }
    this.#slots = this.#slots.filter((each) => each !== grown);
    return { frame: grown.bytes };
  }

  save(): SavedFrameAssembler {
    return { slots: this.#slots.map((slot) => ({ ...slot, bytes: slot.bytes.slice() })) };
  }

  restore(saved: SavedFrameAssembler): void {
    this.#slots = [...saved.slots];
  }
}
