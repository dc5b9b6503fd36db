import type { Device } from '../../actors/device.ts';
import type { Frame } from '../../actors/frame.ts';
import type { ReceivedFrame, SentFrame } from '../os/types.ts';
import { inputOf, sentFrame } from './offload-edge.ts';

/** The side of an interface that a device is plugged into: a RealPort, or a test's own. */
export interface FramePort {
  onBatch(listener: (frames: ReceivedFrame[]) => void): void;
  send(frames: SentFrame[]): unknown;
}

/**
 * Plugs a device's boundary port into an interface. What one batch of frames causes goes out as one batch; what a timer or TLS event
 * causes goes out at the end of the turn.
 */
export class FrameEdge {
  readonly #port: FramePort;
  #leaving: SentFrame[] = [];
  #gathering = false;
  #isFlushDue = false;

  /** `guard` keeps an error in the device from ending the process. */
  constructor(device: Device, boundary: string, port: FramePort, guard: (work: () => void) => void) {
    this.#port = port;
    device.onOutput = (_, frame) => this.#leave(frame);
    port.onBatch((frames) => {
      this.#gathering = true;
      for (const frame of frames) {
        guard(() => device.input(inputOf(boundary, frame)));
      }
      this.#gathering = false;
      this.flush();
    });
  }

  /** Sends what waits. */
  flush(): void {
    this.#isFlushDue = false;
    if (this.#leaving.length === 0) return;
    const frames = this.#leaving;
    this.#leaving = [];
    this.#port.send(frames);
  }

  #leave(frame: Frame): void {
    this.#leaving.push(sentFrame(frame));
    if (this.#gathering || this.#isFlushDue) return;
    this.#isFlushDue = true;
    queueMicrotask(() => this.flush());
  }
}
