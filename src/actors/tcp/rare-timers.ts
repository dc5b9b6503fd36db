import { LazyTimer, NEVER_SET, type SavedTimer, type TimerHost } from './lazy-timer.ts';

/** Timers of a connection that most connections never need. */
export type RareTimer = 'persist' | 'reorder' | 'keepalive' | 'user' | 'time-wait';

/** The {@link LazyTimer}s that are made when they are first set: there may be very many connections. */
export class RareTimers {
  readonly #host: TimerHost;
  #made: LazyTimer[] | undefined;

  constructor(host: TimerHost) {
    this.#host = host;
  }

  running(name: RareTimer): boolean {
    return this.#find(name)?.running === true;
  }

  set(name: RareTimer, delay_us: number): void {
    this.#get(name).set(delay_us);
  }

  off(name: RareTimer): void {
    this.#find(name)?.off();
  }

  /** The host's timer has fired: whether it was time. */
  fired(name: RareTimer): boolean {
    return this.#find(name)?.fired() === true;
  }

  /** Switches off and disarms the host's timer. */
  dispose(name: RareTimer): void {
    this.#find(name)?.dispose();
  }

  save(name: RareTimer): SavedTimer {
    return this.#find(name)?.save() ?? NEVER_SET;
  }

  /** Into a fresh object. */
  restore(name: RareTimer, saved: SavedTimer): void {
    if (saved.some((time, at) => time !== NEVER_SET[at])) this.#get(name).restore(saved);
  }

  #find(name: RareTimer): LazyTimer | undefined {
    if (this.#made === undefined) return undefined;
    for (const timer of this.#made) if (timer.name === name) return timer;
    return undefined;
  }

  #get(name: RareTimer): LazyTimer {
    const known = this.#find(name);
    if (known !== undefined) return known;
    const timer = new LazyTimer(this.#host, name);
    if (this.#made?.push(timer) === undefined) this.#made = [timer];
    return timer;
  }
}
