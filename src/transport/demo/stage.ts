import { now_us } from './journal-tail.ts';
import type { DemoStep, Printer } from './printer.ts';

/** A step before it is known when it was. */
type Told = Pick<DemoStep, 'step' | 'box' | 'text' | 'ok'> & Readonly<Record<string, unknown>>;

/** A run's steps with their times, and what of it can fail. */
export class Stage {
  readonly printer: Printer;
  readonly #start_us: number;
  #failures = 0;

  /** `start_us`: when the run's clock shows 0. */
  constructor(printer: Printer, start_us: number = now_us()) {
    this.printer = printer;
    this.#start_us = start_us;
  }

  get allWorked(): boolean {
    return this.#failures === 0;
  }

  /** Tells a step; one with `ok: false` makes the run a failure. */
  tell(told: Told, time_us: number = now_us()): void {
    if (told.ok === false) this.#failures += 1;
    this.printer.step({ at_ms: Math.round((time_us - this.#start_us) / 10) / 100, ...told });
  }

  /** The sum of it, as the last step. */
  tellResult(time_us?: number): void {
    const ok = this.allWorked;
    this.tell(
      { step: 'result', box: 'demo', ok, text: ok ? 'all of it worked' : 'not all of it worked, see above' },
      time_us,
    );
  }
}

/** Decimal megabits per second. */
export function mbitPerSecond(bytes: number, time_ms: number): number {
  return time_ms <= 0 ? 0 : Math.round((bytes * 8) / time_ms / 10) / 100;
}

/** `100 MB`, `1.5 MB`, `800 bytes`. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000_000) return `${bytes} bytes`;
  return `${Math.round(bytes / 100_000) / 10} MB`;
}
