import { CallHeap, type Scheduled, type Scheduler } from '../../actors/scheduler.ts';

/** Due calls that run before sockets get their turn. */
const CALLS_PER_TURN = 256;
/** What setTimeout takes at most. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;
const MS_US = 1000;

/** The parts of Node that a clock is made of; tests give their own. */
export interface ClockParts {
  /** Monotonic nanoseconds. */
  readonly nanoseconds: () => bigint;
  readonly setTimeout: (call: () => void, delay_ms: number) => NodeJS.Timeout;
  readonly clearTimeout: (timer: NodeJS.Timeout) => void;
  readonly setImmediate: (call: () => void) => unknown;
}

const NODE: ClockParts = {
  nanoseconds: () => process.hrtime.bigint(),
  setTimeout: (call, delay_ms) => setTimeout(call, delay_ms),
  clearTimeout,
  setImmediate: (call) => setImmediate(call),
};

/**
 * Monotonic time of this machine. Whatever waits, one timeout of Node is armed, for the earliest call; calls that are due run from
 * `setImmediate`, never from within `at`. An armed timeout does not keep the process alive: the open interface does.
 */
export class RealClock implements Scheduler {
  readonly #parts: ClockParts;
  readonly #calls = new CallHeap();
  #timer: NodeJS.Timeout | undefined;
  #armedFor_us = Number.POSITIVE_INFINITY;
  #immediate = false;

  constructor(parts: ClockParts = NODE) {
    this.#parts = parts;
  }

  now_us(): number {
    return Number(this.#parts.nanoseconds() / 1000n);
  }

  at(time_us: number, call: () => void): Scheduled {
    const scheduled = this.#calls.push(time_us, call);
    this.#arm();
    return scheduled;
  }

  /** Calls that wait, cancelled ones included. */
  get waiting(): number {
    return this.#calls.size;
  }

  #arm(): void {
    const next_us = this.#calls.nextTime_us();
    if (next_us === undefined || this.#immediate) return;
    const delay_us = next_us - this.now_us();
    if (delay_us <= 0) {
      this.#disarm();
      this.#immediate = true;
      this.#parts.setImmediate(() => this.#run());
      return;
    }
    if (next_us >= this.#armedFor_us) return;
    this.#disarm();
    this.#armedFor_us = next_us;
    // Rounded up: a timeout that comes too early would only be armed again.
    const delay_ms = Math.min(Math.ceil(delay_us / MS_US), TIMEOUT_MAX_MS);
    this.#timer = this.#parts.setTimeout(() => {
      this.#disarm();
      this.#run();
    }, delay_ms);
    this.#timer.unref?.();
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#parts.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#armedFor_us = Number.POSITIVE_INFINITY;
  }

  #run(): void {
    this.#immediate = false;
    try {
      for (let calls = 0; calls < CALLS_PER_TURN; calls++) {
        const next_us = this.#calls.nextTime_us();
        if (next_us === undefined || next_us > this.now_us()) break;
        this.#calls.pop()?.call();
      }
    } finally {
      // Also when a call threw: the others must not be forgotten.
      this.#arm();
    }
  }
}
