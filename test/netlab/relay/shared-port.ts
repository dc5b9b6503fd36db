import type { ReceivedFrame, SentFrame } from '../../../src/transport/os/types.ts';
import type { FramePort } from '../../../src/transport/runtime/frame-edge.ts';
import { isMulticast, type Mac } from '../../../src/wire/address.ts';
import { u48 } from '../../../src/wire/bytes.ts';

/** One interface for many devices: each gets what is sent to its MAC, and a copy of what is sent to all. */
export class SharedPort {
  readonly #port: FramePort;
  readonly #listeners = new Map<Mac, (frames: ReceivedFrame[]) => void>();

  constructor(port: FramePort) {
    this.#port = port;
    port.onBatch((frames) => {
      for (const frame of frames) this.#received(frame);
    });
  }

  /** The interface as it is for the device with this MAC. */
  of(mac: Mac): FramePort {
    return {
      onBatch: (listener) => this.#listeners.set(mac, listener),
      send: (frames: SentFrame[]) => this.#port.send(frames),
    };
  }

  remove(mac: Mac): void {
    this.#listeners.delete(mac);
  }

  #received(frame: ReceivedFrame): void {
    const destination = u48(frame.bytes, 0);
    if (!isMulticast(destination)) this.#listeners.get(destination)?.([frame]);
    else for (const listener of this.#listeners.values()) listener([{ ...frame, bytes: frame.bytes.slice() }]);
  }
}
