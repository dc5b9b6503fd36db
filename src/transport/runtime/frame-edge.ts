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
 * Plugs a device's boundary ports into interfaces, by name. What one batch of frames causes goes out as one batch at each interface; what
 * a timer or TLS event causes goes out at the end of the turn.
 */
export class FrameEdge {
  readonly #leaving: ReadonlyMap<string, { readonly port: FramePort; frames: SentFrame[] }>;
  #gathering = false;
  #isFlushDue = false;

  /** `guard` keeps an error in the device from ending the process. Throws where a boundary port of the device is left without an interface. */
  constructor(device: Device, ports: Readonly<Record<string, FramePort>>, guard: (work: () => void) => void) {
    this.#leaving = new Map(Object.entries(ports).map(([name, port]) => [name, { port, frames: [] }]));
    const open = device.boundaryNames.filter((name) => !this.#leaving.has(name));
    if (open.length > 0) throw new Error(`device ${device.name}: no interface for ${open.join(', ')}`);
    device.onOutput = (boundary, frame) => this.#leave(boundary, frame);
    for (const [boundary, port] of Object.entries(ports))
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
    for (const leaving of this.#leaving.values()) {
      if (leaving.frames.length === 0) continue;
      const { frames } = leaving;
      leaving.frames = [];
      leaving.port.send(frames);
    }
  }

  #leave(boundary: string, frame: Frame): void {
    this.#leaving.get(boundary)?.frames.push(sentFrame(frame));
    if (this.#gathering || this.#isFlushDue) return;
    this.#isFlushDue = true;
    queueMicrotask(() => this.flush());
  }
}
