/** Cancels a scheduled call; harmless when it has run. */
export interface Scheduled {
  cancelled: boolean;
}

/** Time as the core knows it. Implemented by the virtual clock here and by the real one in `transport/`. */
export interface Scheduler {
  /** Monotonic, integer microseconds. */
  now_us(): number;
  /** Runs `call` at `time_us` or, where that is past, as soon as possible; equal times run in the order of scheduling. */
  at(time_us: number, call: () => void): Scheduled;
}

interface Entry extends Scheduled {
  readonly time_us: number;
  readonly order: number;
  readonly call: () => void;
}

/** A heap of calls by time, then by order of scheduling. Both clocks use it. */
export class CallHeap {
  readonly #heap: Entry[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  push(time_us: number, call: () => void): Scheduled {
    const entry: Entry = { time_us, order: this.#order++, call, cancelled: false };
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
    return entry;
  }

  /** Time of the first call that was not cancelled, or undefined. */
  nextTime_us(): number | undefined {
    while (this.#heap.length > 0 && (this.#heap[0] as Entry).cancelled) this.#pop();
    return this.#heap[0]?.time_us;
  }

  /** Takes the first call out. */
  pop(): Entry | undefined {
    return this.nextTime_us() === undefined ? undefined : this.#pop();
  }

  #pop(): Entry {
    const heap = this.#heap;
    const first = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && before(heap[right] as Entry, heap[child] as Entry)) child = right;
      if (!before(heap[child] as Entry, entry)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = entry;
  }
}

function before(one: Entry, other: Entry): boolean {
  return one.time_us < other.time_us || (one.time_us === other.time_us && one.order < other.order);
}

/** Virtual time: nothing waits, the next call's time becomes now. For lab, tests and replay. */
export class VirtualScheduler implements Scheduler {
  readonly #calls = new CallHeap();
  #now_us = 0;

  now_us(): number {
    return this.#now_us;
  }

  at(time_us: number, call: () => void): Scheduled {
    return this.#calls.push(Math.max(time_us, this.#now_us), call);
  }

  get waiting(): number {
    return this.#calls.size;
  }

  /** Runs one call; false when none waits or the next is later than `limit_us`. */
  step(limit_us = Number.POSITIVE_INFINITY): boolean {
    const next = this.#calls.nextTime_us();
    if (next === undefined || next > limit_us) return false;
    const entry = this.#calls.pop();
    this.#now_us = next;
    entry?.call();
    return true;
  }

  /** Runs everything up to `time_us`, then stands at `time_us`. */
  runUntil(time_us: number): void {
    while (this.step(time_us));
    this.#now_us = Math.max(this.#now_us, time_us);
  }

  /** Runs until `done()` or `limit_us`; true when done. */
  runWhile(notDone: () => boolean, limit_us: number): boolean {
    while (notDone()) if (!this.step(limit_us)) return !notDone();
    return true;
  }
}
