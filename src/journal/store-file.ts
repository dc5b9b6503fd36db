import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { JournalData } from '../actors/tap.ts';
import {
  APPLICATION_ID,
  encodeData,
  JournalError,
  type JournalHash,
  type JournalMeta,
  type JournalRow,
  messageOf,
  SCHEMA_VERSION,
} from './schema.ts';

const TABLES = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE records (seq INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, device TEXT NOT NULL, actor TEXT NOT NULL,
    kind TEXT NOT NULL, name TEXT NOT NULL, data TEXT NOT NULL, cause INTEGER NOT NULL, chk INTEGER NOT NULL);
  CREATE TABLE hashes (seq INTEGER PRIMARY KEY, hash TEXT NOT NULL);
  CREATE TABLE snapshots (seq INTEGER NOT NULL, device TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (seq, device));`;

/** One SQLite file. Its methods throw what SQLite says. */
export class JournalFile {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #putRecord: StatementSync;
  readonly #putHash: StatementSync;
  readonly #putMeta: StatementSync;

  constructor(path: string, meta: JournalMeta) {
    this.path = path;
    this.#db = createDatabase(path);
    this.#putRecord = this.#db.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#putHash = this.#db.prepare('INSERT INTO hashes VALUES (?, ?)');
    this.#putMeta = this.#db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)');
    this.#transaction(() => this.#writeMeta(meta));
    // From now on the file says what it is, even if the log beside it gets lost.
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  append(rows: readonly JournalRow[], hashes: readonly JournalHash[], meta: JournalMeta | undefined): void {
    this.#transaction(() => {
      for (const { seq, time_us, device, actor, kind, name, text, cause, check } of rows) {
        this.#putRecord.run(seq, time_us, device, actor, kind, name, text, cause, check as number);
      }
      for (const { seq, hash } of hashes) this.#putHash.run(seq, hash);
      if (meta !== undefined) this.#writeMeta(meta);
    });
  }

  putSnapshots(seq: number, states: Iterable<readonly [device: string, state: JournalData]>): void {
    const put = this.#db.prepare('INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)');
    this.#transaction(() => {
      for (const [device, state] of states) put.run(seq, device, encodeData(state));
    });
  }

  size_bytes(): number {
    const pages = this.#db.prepare('PRAGMA page_count').get() as { page_count: number };
    const size = this.#db.prepare('PRAGMA page_size').get() as { page_size: number };
    return pages.page_count * size.page_size;
  }

  /** Marks the file as complete up to `lastSeq` and leaves a single file without a log beside it. */
  close(lastSeq: number): void {
    try {
      this.#putMeta.run('closed', String(lastSeq));
    } finally {
      this.#foldLog();
      this.#db.close();
    }
  }

  #foldLog(): void {
    try {
      this.#db.exec('PRAGMA journal_mode = DELETE');
    } catch {
      // Somebody reads the file just now: the log stays beside it, which is as good.
    }
  }

  #writeMeta(meta: JournalMeta): void {
    for (const [key, value] of Object.entries(meta)) this.#putMeta.run(key, encodeData(value as JournalData));
  }

  #transaction(write: () => void): void {
    this.#db.exec('BEGIN');
    try {
      write();
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}

function createDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    const { tables } = db.prepare('SELECT count(*) AS tables FROM sqlite_master').get() as { tables: number };
    if (tables > 0)
      throw new JournalError('exists', `${path} exists already; a journal never writes into another's file`);
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${SCHEMA_VERSION}; BEGIN; ${TABLES} COMMIT;`);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof JournalError) throw error;
    throw new JournalError('unwritable', `cannot write a journal to ${path}: ${messageOf(error)}`);
  }
}
