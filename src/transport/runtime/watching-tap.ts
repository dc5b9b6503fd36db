import {
  type JournalLevel,
  type JournalRecord,
  type JournalTap,
  LEVEL_OF_KIND,
  LEVEL_RANK,
  NO_JOURNAL,
} from '../../actors/tap.ts';

/** Hears what devices record on its way to the journal, also where the journal keeps less or there is none. */
export class WatchingTap implements JournalTap {
  readonly level: JournalLevel;
  /** Records that went to the journal. */
  kept = 0;
  readonly #journal: JournalTap;
  readonly #rank: number;
  readonly #watch: (record: JournalRecord) => void;

  constructor(journal: JournalTap | undefined, watch: (record: JournalRecord) => void) {
    this.#journal = journal ?? NO_JOURNAL;
    this.#rank = LEVEL_RANK[this.#journal.level];
    this.level = this.#rank < LEVEL_RANK.control ? 'control' : this.#journal.level;
    this.#watch = watch;
  }

  record(record: JournalRecord): void {
    if (LEVEL_OF_KIND[record.kind] <= this.#rank) {
      this.kept += 1;
      this.#journal.record(record);
    }
    if (record.kind === 'transition' || record.kind === 'command' || record.kind === 'note') this.#watch(record);
  }
}
