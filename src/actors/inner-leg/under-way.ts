const NOBODY: readonly string[] = [];

/** What may be under way of all sessions of one host. */
export interface SavedUnderWay {
  readonly waiting: readonly string[];
  readonly confirmed_us: number;
}

/**
 * What all sessions of one host have under way together: nothing on the leg tells a gateway's queue from a wire, so the sum is bounded
 * to what that queue takes. Sessions that found no room wait in the order in which they came.
 */
export class UnderWay {
  readonly #limit_bytes: number;
  readonly #waiting = new Set<string>();
  #used_bytes = 0;
  #confirmed_us = 0;

  constructor(limit_bytes: number) {
    this.#limit_bytes = limit_bytes;
  }

  get used_bytes(): number {
    return this.#used_bytes;
  }

  /** False when there is no room: `session` is told by {@link takeWaiting}. */
  take(session: string, cost_bytes: number): boolean {
    if (this.#used_bytes + cost_bytes > this.#limit_bytes) {
      this.#waiting.add(session);
      return false;
    }
    this.#used_bytes += cost_bytes;
    return true;
  }

  /** Of what is under way although there was no room: each session may have one unit under way whatever the others do. */
  force(cost_bytes: number): void {
    this.#used_bytes += cost_bytes;
  }

  give(cost_bytes: number): void {
    this.#used_bytes -= cost_bytes;
  }

  /** Something has arrived at the other end: the way is open. */
  confirmed(now_us: number): void {
    this.#confirmed_us = now_us;
  }

  /** Whether anything of any session has arrived since. */
  hasMovedSince(time_us: number): boolean {
    return this.#confirmed_us > time_us;
  }

  forget(session: string): void {
    this.#waiting.delete(session);
  }

  /** The sessions that wait, the longest first, where there is room again; they wait no more. */
  takeWaiting(): readonly string[] {
    if (this.#waiting.size === 0 || this.#used_bytes >= this.#limit_bytes) return NOBODY;
    const sessions = [...this.#waiting];
    this.#waiting.clear();
    return sessions;
  }

  save(): SavedUnderWay {
    return { waiting: [...this.#waiting], confirmed_us: this.#confirmed_us };
  }

  /** What is used is told by the sessions as they are restored. */
  restore(saved: SavedUnderWay): void {
    this.#waiting.clear();
    for (const session of saved.waiting) this.#waiting.add(session);
    this.#confirmed_us = saved.confirmed_us;
    this.#used_bytes = 0;
  }
}
