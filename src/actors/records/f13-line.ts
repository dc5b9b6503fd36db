import {
  ACKNOWLEDGE_AFTER_MS,
  F13Keeper,
  type F13Link,
  type F13Numbers,
  type F13Shape,
  type FourTuple,
} from '../../engine/f13.ts';

/** What a line needs of the layer that it is part of. */
export interface F13LineHost {
  setTimer(delay_us: number): void;
  clearTimer(): void;
  /** Sends a whole F10 frame. */
  transmit(frame: Uint8Array): void;
}

export interface SavedF13Line {
  readonly numbers: readonly number[];
  readonly armed: boolean;
}

/** One session's F13 towards the peer: sends payloads, and acknowledgements where a firewall on the way needs them. */
export class F13Line {
  readonly keeper: F13Keeper;
  readonly #host: F13LineHost;
  #armed = false;

  constructor(host: F13LineHost, tuple: FourTuple, shape: F13Shape, link: F13Link, numbers: F13Numbers) {
    this.#host = host;
    this.keeper = new F13Keeper(tuple, shape, link, numbers);
  }

  send(payload: Uint8Array, reset = false): void {
    this.#host.transmit(this.keeper.frame(payload, reset));
  }

  /** Payload of the peer at `seq` was accepted. */
  accepted(seq: number, length: number): void {
    this.keeper.observed(seq, length);
    if (this.keeper.acknowledgementDue) this.acknowledge();
    else if (!this.#armed && this.keeper.owesAcknowledgement) {
      this.#armed = true;
      this.#host.setTimer(ACKNOWLEDGE_AFTER_MS * 1000);
    }
  }

  timerFired(): void {
    this.#armed = false;
    if (this.keeper.owesAcknowledgement) this.acknowledge();
  }

  acknowledge(): void {
    this.#host.transmit(this.keeper.emptyAcknowledgement());
  }

  close(): void {
    this.#armed = false;
    this.#host.clearTimer();
  }

  save(): SavedF13Line {
    return { numbers: this.keeper.save(), armed: this.#armed };
  }

  restore(saved: SavedF13Line): void {
    this.keeper.restore(saved.numbers);
    this.#armed = saved.armed;
  }
}
