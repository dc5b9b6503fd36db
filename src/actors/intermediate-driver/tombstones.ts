/** How long packets of a session that is over still count as ours, so that no operating system's TCP answers them. */
export const TOMBSTONE_MS = 60_000;
/** Sessions remembered; the oldest makes room. */
export const TOMBSTONES = 1024;

/** Sessions that are over, by key. */
export class Tombstones {
  #until_us = new Map<string, number>();

  add(key: string, now_us: number): void {
    this.#until_us.delete(key);
    this.#until_us.set(key, now_us + TOMBSTONE_MS * 1000);
    for (const oldest of this.#until_us.keys()) {
      if (this.#until_us.size <= TOMBSTONES) break;
      this.#until_us.delete(oldest);
    }
  }

  has(key: string, now_us: number): boolean {
    const until_us = this.#until_us.get(key);
    if (until_us === undefined) return false;
    if (until_us > now_us) return true;
    this.#until_us.delete(key);
    return false;
  }

  save(): readonly (readonly [string, number])[] {
    return [...this.#until_us];
  }

  restore(saved: readonly (readonly [string, number])[]): void {
    this.#until_us = new Map(saved);
  }
}
