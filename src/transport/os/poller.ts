import { Arena, check, libc } from './libc.ts';

/** Readiness bits of poll(2). */
export const POLLIN = 1;
export const POLLOUT = 4;
const POLLFD_BYTES = 8;
const EVENTFD_BYTES = 8;
const EFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const MAX_WATCHED = 256;
/** A terminated worker thread waits for its poll at most this long; everything else wakes it through the eventfd. */
export const POLL_TIMEOUT_MS = 1000;

/** One watched file descriptor. `wanted` may change at any time: call {@link Poller.changed} then. */
export interface Watch {
  fd: number;
  wanted: number;
  ready(bits: number): void;
}

/**
 * Waits for any number of descriptors with one thread of libuv's pool. While something is ready it polls without waiting,
 * once a turn of the event loop, so that a busy port costs no thread switch and timers still get their turn.
 */
export class Poller {
  readonly #watches = new Map<number, Watch>();
  readonly #memory = new Arena(EVENTFD_BYTES + (MAX_WATCHED + 1) * POLLFD_BYTES);
  readonly #wakeFd: number;
  #order: Watch[] = [];
  #waiting = false;
  #scheduled = false;
  #idle: (() => void)[] = [];

  constructor() {
    this.#wakeFd = check(libc().eventfd(0, EFD_NONBLOCK_CLOEXEC), 'make an eventfd', 'for the poller', {
      EMFILE: 'too many open files: raise the limit (ulimit -n)',
    });
    process.once('exit', () => this.#wake());
  }

  /** Throws when there is no room for another. */
  watch(watch: Watch): void {
    if (this.#watches.size >= MAX_WATCHED) throw new Error(`more than ${MAX_WATCHED} open ports`);
    this.#watches.set(watch.fd, watch);
    this.changed();
  }

  /** Makes new or changed watches count now instead of after the running poll. */
  changed(): void {
    if (this.#waiting) this.#wake();
    else this.#schedule();
  }

  /** Resolves when no poll looks at the descriptor any more, so that it may be closed. */
  async unwatch(fd: number): Promise<void> {
    this.#watches.delete(fd);
    if (!this.#waiting) return;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      this.#wake();
    });
  }

  #wake(): void {
    this.#memory.view.setBigUint64(0, 1n, true);
    libc().write(this.#wakeFd, this.#memory.address, EVENTFD_BYTES);
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting || this.#watches.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#watches.size === 0) return;
    const count = this.#fill();
    if (libc().poll(this.#pollfds, count, 0) > 0) {
      this.#dispatch();
      return;
    }
    this.#waiting = true;
    libc().pollAsync(this.#pollfds, count, POLL_TIMEOUT_MS, (result) => {
      this.#waiting = false;
      for (const resolve of this.#idle.splice(0)) resolve();
      if (result > 0) this.#dispatch();
      else this.#schedule();
    });
  }

  get #pollfds(): number {
    return this.#memory.address + EVENTFD_BYTES;
  }

  #fill(): number {
    this.#order = [...this.#watches.values()];
    this.#write(0, this.#wakeFd, POLLIN);
    for (const [i, watch] of this.#order.entries()) this.#write(i + 1, watch.fd, watch.wanted);
    return this.#order.length + 1;
  }

  #write(index: number, fd: number, events: number): void {
    const at = EVENTFD_BYTES + index * POLLFD_BYTES;
    this.#memory.view.setInt32(at, fd, true);
    this.#memory.view.setInt16(at + 4, events, true);
    this.#memory.view.setInt16(at + 6, 0, true);
  }

  #bits(index: number): number {
    return this.#memory.view.getInt16(EVENTFD_BYTES + index * POLLFD_BYTES + 6, true);
  }

  #dispatch(): void {
    // First: a listener that throws must not stop the port.
    this.#schedule();
    if (this.#bits(0) !== 0) libc().read(this.#wakeFd, this.#memory.address, EVENTFD_BYTES);
    const ready = this.#order.map((watch, i) => ({ watch, bits: this.#bits(i + 1) })).filter(({ bits }) => bits !== 0);
    for (const { watch, bits } of ready) if (this.#watches.get(watch.fd) === watch) watch.ready(bits);
  }
}

let shared: Poller | undefined;

/** The poller of this thread. */
export function poller(): Poller {
  shared ??= new Poller();
  return shared;
}
