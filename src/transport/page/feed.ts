import type { JournalRecord } from '../../actors/tap.ts';
import { encodeData } from '../../journal/schema.ts';
import { type KeptClass, keptRecord } from '../../page-model/kept.ts';
import type { SourceView } from '../../page-model/view.ts';
import type { PageSource } from './source.ts';

/** Records of each class that a page gets when it opens. */
export const HISTORY_RECORDS: Readonly<Record<KeptClass, number>> = { decision: 4_096, tls: 256, drop: 256 };
/** Records that may come at once; more are counted as lost. */
export const BURST_RECORDS: Readonly<Record<KeptClass, number>> = { decision: 5_000, tls: 256, drop: 256 };
/** Records that may come between two flushes (50 ms) for long. */
export const FLUSH_RECORDS: Readonly<Record<KeptClass, number>> = { decision: 500, tls: 25, drop: 10 };
/** Longer data is left out; characters. */
const DATA_CHARACTERS = 4_096;
/** History is sent in parts of so many records. */
const HISTORY_PART_RECORDS = 500;

const CLASSES = Object.keys(HISTORY_RECORDS) as KeptClass[];

interface Kept {
  readonly order: number;
  readonly record: JournalRecord;
}

export interface Flushed {
  /** JSON array of the records since the last flush; empty when they were not wanted. */
  readonly text: string;
  readonly count: number;
  /** Records that there was no room for. */
  readonly lost: number;
}

/** What one source has to show: a bounded history, and what came since the last flush. Its cost for the source is bounded as well. */
export class SourceFeed {
  readonly #source: PageSource;
  readonly #history: Record<KeptClass, Kept[]> = { decision: [], tls: [], drop: [] };
  readonly #room: Record<KeptClass, number> = { ...BURST_RECORDS };
  #pending: JournalRecord[] = [];
  #lost = 0;
  #order = 0;
  #unsubscribe: (() => void) | undefined;

  constructor(source: PageSource) {
    this.#source = source;
  }

  get name(): string {
    return this.#source.name;
  }

  get view(): SourceView {
    return this.#source.view();
  }

  open(): void {
    this.#unsubscribe = this.#source.subscribe((record) => this.#take(record));
  }

  close(): void {
    this.#unsubscribe?.();
  }

  /** JSON arrays of all remembered records, in the order they came. */
  history(): string[] {
    const kept = CLASSES.flatMap((each) => this.#history[each].slice(-HISTORY_RECORDS[each]));
    const records = kept.sort((a, b) => a.order - b.order).map(({ record }) => record);
    const parts: string[] = [];
    for (let at = 0; at < records.length; at += HISTORY_PART_RECORDS)
      parts.push(encodeRecords(records.slice(at, at + HISTORY_PART_RECORDS)));
    return parts;
  }

  /** Gives what came since the last time and forgets it. */
  flush(isWanted: boolean): Flushed {
    const records = this.#pending;
    const lost = this.#lost;
    this.#pending = [];
    this.#lost = 0;
    for (const each of CLASSES)
      this.#room[each] = Math.min(BURST_RECORDS[each], this.#room[each] + FLUSH_RECORDS[each]);
    const isEmpty = !isWanted || records.length === 0;
    return { text: isEmpty ? '' : encodeRecords(records), count: isEmpty ? 0 : records.length, lost };
  }

  #take(record: JournalRecord): void {
    const kept = keptRecord(record);
    if (kept === undefined) return;
    const ring = this.#history[kept.class];
    ring.push({ order: this.#order++, record: kept.record });
    // Cut rarely: each cut moves the whole array.
    if (ring.length >= 2 * HISTORY_RECORDS[kept.class]) ring.splice(0, ring.length - HISTORY_RECORDS[kept.class]);
    if (this.#room[kept.class] === 0) {
      this.#lost += 1;
      return;
    }
    this.#room[kept.class] -= 1;
    this.#pending.push(kept.record);
  }
}

function encodeRecords(records: readonly JournalRecord[]): string {
  return `[${records.map(encodeRecord).join(',')}]`;
}

/** A record as JSON; its data as the journal writes it. */
export function encodeRecord({ data, ...head }: JournalRecord): string {
  const text = encodeData(data);
  const kept = text.length > DATA_CHARACTERS ? `{"omitted":${text.length}}` : text;
  return `${JSON.stringify(head).slice(0, -1)},"data":${kept}}`;
}
