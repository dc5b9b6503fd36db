import type { F13Shape } from '../../engine/f13.ts';

/** How long packets of a session that is over still count as ours, so that no operating system's TCP answers them. */
export const TOMBSTONE_MS = 60_000;
/** Sessions remembered; the oldest makes room. */
export const TOMBSTONES = 1024;

interface Tombstone {
  readonly shape: F13Shape;
  readonly until_us: number;
}

/** Sessions that are over, by key. */
export class Tombstones {
  #stones = new Map<string, Tombstone>();

  add(key: string, shape: F13Shape, now_us: number): void {
    this.#stones.delete(key);
    this.#stones.set(key, { shape, until_us: now_us + TOMBSTONE_MS * 1000 });
    for (const oldest of this.#stones.keys()) {
      if (this.#stones.size <= TOMBSTONES) break;
      this.#stones.delete(oldest);
    }
  }

  /** A new session begins under that key. */
  remove(key: string): void {
    this.#stones.delete(key);
  }

  /** Shape of a session that ended lately. */
  shapeOf(key: string, now_us: number): F13Shape | undefined {
    const stone = this.#stones.get(key);
    if (stone === undefined) return undefined;
    if (stone.until_us > now_us) return stone.shape;
    this.#stones.delete(key);
    return undefined;
  }

  save(): readonly (readonly [string, Tombstone])[] {
    return [...this.#stones];
  }

  restore(saved: readonly (readonly [string, Tombstone])[]): void {
    this.#stones = new Map(saved);
  }
}
