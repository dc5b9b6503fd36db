import type { JournalLevel, JournalRecord, JournalTap } from '../actors/tap.ts';

/** Passes records on to a journal and lets the lab look on. Without a journal it keeps nothing but hears what happens. */
export class WatchTap implements JournalTap {
  readonly level: JournalLevel;
  readonly #journal: JournalTap | undefined;
  readonly #watchers = new Set<(record: JournalRecord) => void>();

  constructor(journal: JournalTap | undefined) {
    this.#journal = journal;
    this.level = journal === undefined || journal.level === 'off' ? 'control' : journal.level;
  }

  record(record: JournalRecord): void {
    this.#journal?.record(record);
    for (const watcher of this.#watchers) watcher(record);
  }

  /** Returns the function that ends the watching. */
  watch(watcher: (record: JournalRecord) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
