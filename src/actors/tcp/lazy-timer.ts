/** Where a timer is armed. */
export interface TimerHost {
  now_us(): number;
  setTimer(name: string, delay_us: number): void;
  clearTimer(name: string): void;
}

const NEVER = -1;
/** What a timer saves that was never set. */
export const NEVER_SET: SavedTimer = [NEVER, NEVER];

/** Deadline, and what the host's timer is armed for. */
export type SavedTimer = readonly [number, number];

/**
 * A timer that is pushed out or switched off far more often than it fires (retransmission, delayed ACK): only its deadline
 * changes; the host's timer wakes early, finds nothing to do and goes back to sleep.
 */
export class LazyTimer {
  readonly name: string;
  readonly #host: TimerHost;
  #deadline_us = NEVER;
  #armedFor_us = NEVER;

  constructor(host: TimerHost, name: string) {
    this.#host = host;
    this.name = name;
  }

  get running(): boolean {
    return this.#deadline_us !== NEVER;
  }

  set(delay_us: number): void {
    this.#deadline_us = this.#host.now_us() + delay_us;
    if (this.#armedFor_us === NEVER || this.#deadline_us < this.#armedFor_us) this.#arm(delay_us);
  }

  off(): void {
    this.#deadline_us = NEVER;
  }

  /** The host's timer has fired: whether it was time. */
  fired(): boolean {
    this.#armedFor_us = NEVER;
    if (this.#deadline_us === NEVER) return false;
    const left_us = this.#deadline_us - this.#host.now_us();
    if (left_us > 0) {
      this.#arm(left_us);
      return false;
    }
    this.#deadline_us = NEVER;
    return true;
  }

  /** Switches off and disarms the host's timer. */
  dispose(): void {
    this.#deadline_us = NEVER;
    if (this.#armedFor_us !== NEVER) this.#host.clearTimer(this.name);
    this.#armedFor_us = NEVER;
  }

  save(): SavedTimer {
    return [this.#deadline_us, this.#armedFor_us];
  }

  /** The host keeps its own timers; only what is known of them comes back. */
  restore(saved: SavedTimer): void {
    [this.#deadline_us, this.#armedFor_us] = saved;
  }

  #arm(delay_us: number): void {
    this.#armedFor_us = this.#host.now_us() + delay_us;
    this.#host.setTimer(this.name, delay_us);
  }
}
