import type { JournalData, JournalLevel, JournalRecord, JournalTap } from '../actors/tap.ts';
import { hashText } from './hash.ts';
import {
  canonical,
  type JournalHash,
  type JournalMeta,
  type JournalRow,
  type JournalSnapshot,
  type JournalSource,
  type RowFilter,
  recordOf,
  rowOf,
} from './schema.ts';

/** A journal in memory, to write and to read; without limits, for tests and short labs. */
export class MemoryJournal implements JournalTap, JournalSource {
  readonly level: JournalLevel;
  readonly closed = true;
  readonly #rows: JournalRow[] = [];
  readonly #snapshots: JournalSnapshot[] = [];

  constructor(level: JournalLevel) {
    this.level = level;
  }

  get meta(): JournalMeta {
    const config = this.#rows.find(({ kind }) => kind === 'config');
    const devices = [...new Set(this.#rows.map(({ device }) => device))].filter((name) => name !== '');
    return {
      level: this.level,
      created: '',
      created_us: 0,
      tls: '',
      seed: null,
      devices,
      part: 1,
      config: config === undefined ? null : recordOf(config).data,
    };
  }

  record(record: JournalRecord): void {
    const row = rowOf(record);
    this.#rows.push({ ...row, check: hashText(canonical(row)) });
  }

  get records(): JournalRecord[] {
    return this.#rows.map(recordOf);
  }

  /** Keeps a state after the last record. */
  snapshot(device: string, state: JournalData): void {
    this.#snapshots.push({ seq: this.#rows.at(-1)?.seq ?? 0, device, state });
  }

  *rows(filter: RowFilter = {}): IterableIterator<JournalRow> {
    for (const row of this.#rows) if (isWanted(row, filter)) yield row;
  }

  *snapshots(fromSeq = 0): IterableIterator<JournalSnapshot> {
    for (const snapshot of this.#snapshots) if (snapshot.seq >= fromSeq) yield snapshot;
  }

  *hashes(): IterableIterator<JournalHash> {}
}

export function memoryJournal(level: JournalLevel): MemoryJournal {
  return new MemoryJournal(level);
}

function isWanted(
  row: JournalRow,
  { from = 0, to = Number.POSITIVE_INFINITY, kinds, devices, actors }: RowFilter,
): boolean {
  if (row.seq < from || row.seq > to) return false;
  if (kinds !== undefined && !kinds.includes(row.kind)) return false;
  return (
    (devices === undefined || devices.includes(row.device)) && (actors === undefined || actors.includes(row.actor))
  );
}
