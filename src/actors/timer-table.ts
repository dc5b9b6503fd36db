import type { Scheduled, Scheduler } from './scheduler.ts';

interface Armed {
  readonly layer: string;
  readonly name: string;
  deadline_us: number;
  scheduled: Scheduled;
  scheduledFor_us: number;
}

/**
 * Timers of a device by layer and name. Pushing a deadline out (as each ACK does with a retransmission timer) costs no
 * new entry in the scheduler: the old one wakes early and goes back to sleep.
 */
export class TimerTable {
  readonly #armed = new Map<string, Armed>();
  readonly #scheduler: Scheduler;
  readonly #onFired: (layer: string, name: string) => void;

  constructor(scheduler: Scheduler, onFired: (layer: string, name: string) => void) {
    this.#scheduler = scheduler;
    this.#onFired = onFired;
  }

  set(layer: string, name: string, deadline_us: number): void {
    const key = `${layer} ${name}`;
    const armed = this.#armed.get(key);
    if (armed !== undefined && armed.scheduledFor_us <= deadline_us) {
      armed.deadline_us = deadline_us;
      return;
    }
    if (armed !== undefined) armed.scheduled.cancelled = true;
    const next = { layer, name, deadline_us, scheduledFor_us: deadline_us } as Armed;
    next.scheduled = this.#schedule(next, deadline_us);
    this.#armed.set(key, next);
  }

  clear(layer: string, name: string): void {
    const key = `${layer} ${name}`;
    const armed = this.#armed.get(key);
    if (armed === undefined) return;
    armed.scheduled.cancelled = true;
    this.#armed.delete(key);
  }

  clearAll(): void {
    for (const armed of this.#armed.values()) armed.scheduled.cancelled = true;
    this.#armed.clear();
  }

  /** The timer's event is being handled: it is armed no more. False when it was not armed. */
  fired(layer: string, name: string): boolean {
    const key = `${layer} ${name}`;
    const armed = this.#armed.get(key);
    if (armed === undefined) return false;
    armed.scheduled.cancelled = true;
    return this.#armed.delete(key);
  }

  /** When an armed timer is due; undefined when it is not armed. */
  deadline_us(layer: string, name: string): number | undefined {
    return this.#armed.get(`${layer} ${name}`)?.deadline_us;
  }

  save(): readonly (readonly [string, string, number])[] {
    return [...this.#armed.values()].map((armed) => [armed.layer, armed.name, armed.deadline_us] as const);
  }

  restore(saved: readonly (readonly [string, string, number])[]): void {
    this.clearAll();
    for (const [layer, name, deadline_us] of saved) this.set(layer, name, deadline_us);
  }

  #schedule(armed: Armed, time_us: number): Scheduled {
    return this.#scheduler.at(time_us, () => {
      if (armed.deadline_us > this.#scheduler.now_us()) {
        armed.scheduledFor_us = armed.deadline_us;
        armed.scheduled = this.#schedule(armed, armed.deadline_us);
        return;
      }
      this.#onFired(armed.layer, armed.name);
    });
  }
}
