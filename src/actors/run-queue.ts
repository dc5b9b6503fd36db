/** Work that one input caused and that has not been done yet. */
interface Pending {
  readonly run: (message: never) => void;
  readonly message: unknown;
  readonly cause: number;
}

/** More steps than this from one input is a loop between layers, not work. */
export const STEPS_PER_INPUT = 1_000_000;

/**
 * First in, first out: every message that crosses a port waits here, so that a layer finishes what it is doing before it
 * hears the answer, and the order is the same in every run. Empty between inputs; so states can be saved there.
 */
export class RunQueue {
  /** Journal sequence number of what is being handled now. */
  cause = 0;
  #pending: Pending[] = [];
  #head = 0;
  #draining = false;

  /** Hands `message` to `run` after everything that waits already. */
  push<T>(run: (message: T) => void, message: T, cause = this.cause): void {
    this.#pending.push({ run: run as (message: never) => void, message, cause });
  }

  /** Works until nothing waits. A call from within a step returns at once: the outer one goes on. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    let steps = 0;
    try {
      while (this.#head < this.#pending.length) {
        const step = this.#pending[this.#head++] as Pending;
        this.cause = step.cause;
        step.run(step.message as never);
        if (++steps > STEPS_PER_INPUT) throw new Error('one input caused an endless exchange between layers');
      }
    } finally {
      this.#pending = [];
      this.#head = 0;
      this.#draining = false;
      this.cause = 0;
    }
  }
}
