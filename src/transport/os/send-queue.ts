import type { SentFrame } from './types.ts';

/** Limits of what waits for room in the kernel; what is beyond is dropped and counted. */
export const RETRY_QUEUE_FRAMES = 1024;
export const RETRY_QUEUE_BYTES = 4 * 1024 * 1024;

/** Own copies of frames that the kernel had no room for, in order. */
export class SendQueue {
  #frames: SentFrame[] = [];
  #bytes = 0;

  get length(): number {
    return this.#frames.length;
  }

  get frames(): readonly SentFrame[] {
    return this.#frames;
  }

  /** Number of frames taken; the rest finds no room. */
  push(frames: readonly SentFrame[]): number {
    for (const [i, frame] of frames.entries()) {
      if (this.#frames.length >= RETRY_QUEUE_FRAMES || this.#bytes + frame.bytes.length > RETRY_QUEUE_BYTES) return i;
      this.#frames.push({ ...frame, bytes: frame.bytes.slice() });
      this.#bytes += frame.bytes.length;
    }
    return frames.length;
  }

  shift(count: number): void {
    for (const frame of this.#frames.splice(0, count)) this.#bytes -= frame.bytes.length;
  }

  clear(): void {
    this.shift(this.#frames.length);
  }
}
