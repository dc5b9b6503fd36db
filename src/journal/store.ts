import type { JournalData, JournalLevel, JournalRecord, JournalTap } from '../actors/tap.ts';
import { hashText, RunningHash } from './hash.ts';
import {
  canonical,
  isDerived,
  JournalError,
  type JournalHash,
  type JournalMeta,
  type JournalRow,
  messageOf,
  rowOf,
} from './schema.ts';
import { JournalFile } from './store-file.ts';

/** A batch is written when it holds so many records and the next input begins, so that a file ends between inputs. */
export const BATCH_RECORDS = 1024;
/** A batch that is still within one input is written at this size all the same. */
export const BATCH_LIMIT_RECORDS = 4 * BATCH_RECORDS;
/** Records that wait at most while nothing can be written; what comes then is lost and a `gap` record says so. */
export const QUEUE_RECORDS = 65_536;
/** Derived records between two stored hashes. */
export const HASH_RECORDS = 1024;

/** When to go on in a new file. */
export interface RotationLimits {
  readonly file_bytes?: number;
  /** By the records' monotonic time. */
  readonly age_us?: number;
}

/** Detail of a journal, and what its head says of the run. */
export interface JournalOptions {
  readonly level: JournalLevel;
  /** Wall clock now (ISO 8601) and the monotonic time that belongs to it; left out in virtual time. */
  readonly created?: string;
  readonly created_us?: number;
  readonly tls?: string;
  readonly seed?: number;
  /** Full state of every device, for the beginning of a next file and after a gap. Called only from {@link Journal.flush}. */
  readonly snapshot?: () => Iterable<readonly [device: string, state: JournalData]>;
  /** Needs `snapshot`. */
  readonly limits?: RotationLimits;
  /** Called after `finished` was closed and `next` takes the records. */
  readonly onRotated?: (finished: string, next: string) => void;
  /** Whether `record` may write a full batch itself (default), or `flush` alone does: for callers that must not wait for a disk. */
  readonly writes?: 'inline' | 'deferred';
  /** Hears of a disk that refuses, in words, once until it works again. */
  readonly onTrouble?: (message: string) => void;
}

/** A journal that is being written. */
export interface Journal extends JournalTap {
  /** The present file. */
  readonly path: string;
  /** Records lost to overload or a refusing disk. */
  readonly lost: number;
  /** Commits what waits, then rotates or takes a snapshot where one is due. Call it every T ms, between inputs only. */
  flush(): void;
  /** Keeps a full snapshot after the last record. Between inputs only. */
  snapshot(): void;
  close(): void;
}

/**
 * Creates the journal file `path`. Everything committed survives the end of the process at any moment.
 * @throws JournalError when the file exists already or cannot be written
 */
export function openJournal(path: string, options: JournalOptions): Journal {
  return new FileJournal(path, options);
}

class FileJournal implements Journal {
  readonly level: JournalLevel;
  readonly #options: JournalOptions;
  #file: JournalFile;
  #rows: JournalRow[] = [];
  #hashes: JournalHash[] = [];
  #running = new RunningHash();
  #derived = 0;
  #commitAt = BATCH_RECORDS;
  #lastSeq = 0;
  #first_us: number | undefined;
  #last_us = 0;
  #gapFrom = 0;
  #lost = 0;
  #isFull = false;
  #isTroubled = false;
  #isSnapshotDue = false;
  #isClosed = false;
  #meta: JournalMeta;
  #hasConfig = false;
  #isMetaDirty = false;
  #devices = new Set<string>();

  constructor(path: string, options: JournalOptions) {
    if (options.limits !== undefined && options.snapshot === undefined) {
      throw new JournalError('unwritable', 'a journal with limits needs snapshots to begin its next file with');
    }
    this.level = options.level;
    this.#options = options;
    this.#meta = {
      level: options.level,
      created: options.created ?? '',
      created_us: options.created_us ?? 0,
      tls: options.tls ?? '',
      seed: options.seed ?? null,
      devices: [],
      part: 1,
      config: null,
    };
    this.#file = new JournalFile(path, this.#meta);
  }

  get path(): string {
    return this.#file.path;
  }

  get lost(): number {
    return this.#lost;
  }

  record(record: JournalRecord): void {
    if (this.#isClosed) return;
    const isInline = this.#options.writes !== 'deferred';
    if (isInline && record.kind === 'input' && this.#rows.length >= this.#commitAt) this.#commit();
    if (this.#isFull || this.#rows.length >= QUEUE_RECORDS) {
      this.#lose(record);
      return;
    }
    this.#push(record);
    if (isInline && this.#rows.length >= this.#commitAt + BATCH_LIMIT_RECORDS - BATCH_RECORDS) this.#commit();
  }

  flush(): void {
    if (this.#isClosed || !this.#commit()) return;
    // Ending a gap left its record waiting.
    if (this.#rows.length > 0 && !this.#commit()) return;
    if (this.#isSnapshotDue) this.snapshot();
    if (this.#isOverLimit()) this.#rotate();
  }

  snapshot(): void {
    const { snapshot } = this.#options;
    if (this.#isClosed || snapshot === undefined || !this.#commit()) return;
    this.#guarded(() => {
      this.#file.putSnapshots(this.#lastSeq, snapshot());
      this.#isSnapshotDue = false;
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#commit();
    if (this.#rows.length > 0) this.#commit();
    this.#isClosed = true;
    this.#guarded(() => this.#file.close(this.#lastSeq));
  }

  #push(record: JournalRecord): void {
    const plain = rowOf(record);
    const row = { ...plain, check: hashText(canonical(plain)) };
    this.#rows.push(row);
    this.#lastSeq = row.seq;
    this.#last_us = row.time_us;
    this.#first_us ??= row.time_us;
    if (isDerived(row.kind)) this.#addToHash(row);
    if (record.kind === 'config' && !this.#hasConfig) this.#keepConfig(record.data);
    if (!this.#devices.has(row.device)) this.#keepDevice(row.device);
  }

  #addToHash(row: JournalRow): void {
    this.#running.add(row.check as number);
    if (++this.#derived % HASH_RECORDS === 0) this.#hashes.push({ seq: row.seq, hash: this.#running.text });
  }

  #keepConfig(config: JournalData): void {
    this.#hasConfig = true;
    this.#meta = { ...this.#meta, config };
    this.#isMetaDirty = true;
  }

  #keepDevice(device: string): void {
    this.#devices.add(device);
    this.#meta = { ...this.#meta, devices: [...this.#devices].filter((name) => name !== '') };
    this.#isMetaDirty = true;
  }

  #lose(record: JournalRecord): void {
    if (!this.#isFull) this.#gapFrom = record.seq;
    this.#isFull = true;
    this.#lost += 1;
    this.#lastSeq = record.seq;
    this.#last_us = record.time_us;
  }

  /** Writes what waits; false when the disk refuses (the rows wait on). */
  #commit(): boolean {
    if (this.#rows.length === 0 && !this.#isMetaDirty) return true;
    const isWritten = this.#guarded(() => {
      this.#file.append(this.#rows, this.#hashes, this.#isMetaDirty ? this.#meta : undefined);
    });
    if (!isWritten) {
      this.#commitAt = this.#rows.length + BATCH_RECORDS;
      return false;
    }
    this.#rows = [];
    this.#hashes = [];
    this.#isMetaDirty = false;
    this.#commitAt = BATCH_RECORDS;
    if (this.#isFull) this.#endGap();
    return true;
  }

  #endGap(): void {
    this.#isFull = false;
    this.#isSnapshotDue = true;
    const to = this.#lastSeq;
    const data = { from: this.#gapFrom, to, reason: this.#options.writes === 'deferred' ? 'overload' : 'disk' };
    this.#push({
      seq: this.#gapFrom,
      time_us: this.#last_us,
      device: '',
      actor: 'journal',
      kind: 'gap',
      name: 'gap',
      data,
      cause: 0,
    });
    this.#lastSeq = to;
  }

  #isOverLimit(): boolean {
    const { limits } = this.#options;
    if (limits === undefined || this.#first_us === undefined) return false;
    if (limits.age_us !== undefined && this.#last_us - this.#first_us >= limits.age_us) return true;
    return limits.file_bytes !== undefined && this.#file.size_bytes() >= limits.file_bytes;
  }

  #rotate(): void {
    this.#guarded(() => {
      const finished = this.#file;
      const meta = { ...this.#meta, part: this.#meta.part + 1 };
      const next = new JournalFile(nextPath(finished.path, this.#meta.part, meta.part), meta);
      next.putSnapshots(this.#lastSeq, this.#options.snapshot?.() ?? []);
      this.#file = next;
      this.#meta = meta;
      this.#running = new RunningHash();
      this.#derived = 0;
      this.#first_us = undefined;
      finished.close(this.#lastSeq);
      this.#options.onRotated?.(finished.path, next.path);
    });
  }

  /** A disk that refuses must not stop the devices: it is told, and the rows wait. */
  #guarded(write: () => void): boolean {
    try {
      write();
      this.#isTroubled = false;
      return true;
    } catch (error) {
      if (!this.#isTroubled) this.#options.onTrouble?.(`journal ${this.path}: ${messageOf(error)}`);
      this.#isTroubled = true;
      return false;
    }
  }
}

/** `run.journal`, `run.2.journal`, `run.3.journal`… */
export function nextPath(path: string, part: number, nextPart: number): string {
  const match = /^(.*?)(\.[^./]*)?$/s.exec(path) as RegExpExecArray;
  const extension = match[2] ?? '';
  const stem = match[1] as string;
  const base = part > 1 && stem.endsWith(`.${part}`) ? stem.slice(0, -`.${part}`.length) : stem;
  return `${base}.${nextPart}${extension}`;
}
