import { DatabaseSync } from 'node:sqlite';
import type { JournalData, JournalRecord, RecordKind } from '../actors/tap.ts';
import {
  APPLICATION_ID,
  decodeData,
  JournalError,
  type JournalHash,
  type JournalMeta,
  type JournalRow,
  type JournalSnapshot,
  type JournalSource,
  type RowFilter,
  recordOf,
  SCHEMA_VERSION,
} from './schema.ts';

/** SQLite's result codes that tell why a file cannot be read. */
const SQLITE_CORRUPT = 11;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** A cause chain that is longer than this is a loop in a damaged file. */
const CHAIN_RECORDS = 100_000;

interface RecordsRow {
  seq: number;
  time_us: number;
  device: string;
  actor: string;
  kind: RecordKind;
  name: string;
  data: string;
  cause: number;
  chk: number;
}

/** Reads a journal file, also while it is being written. Every method throws {@link JournalError} where the file is damaged. */
export class JournalReader implements JournalSource {
  readonly path: string;
  readonly meta: JournalMeta;
  /** Last record when it was closed in order; undefined when its writer was killed or still writes. */
  readonly closedAt: number | undefined;
  readonly #db: DatabaseSync;

  /** @throws JournalError */
  constructor(path: string) {
    this.path = path;
    this.#db = openDatabase(path);
    try {
      const values = this.#metaValues();
      this.meta = metaOf(path, values);
      const closed = Number(values.get('closed'));
      this.closedAt = Number.isSafeInteger(closed) ? closed : undefined;
    } catch (error) {
      this.#db.close();
      throw this.#fault(error);
    }
  }

  get closed(): boolean {
    return this.closedAt !== undefined;
  }

  *rows(filter: RowFilter = {}): IterableIterator<JournalRow> {
    const { where, values } = conditions(filter);
    let last = 0;
    try {
      const statement = this.#db.prepare(`SELECT * FROM records ${where} ORDER BY seq`);
      for (const found of statement.iterate(...values)) {
        const { seq, time_us, device, actor, kind, name, data, cause, chk } = found as unknown as RecordsRow;
        last = seq;
        yield { seq, time_us, device, actor, kind, name, text: data, cause, check: chk };
      }
    } catch (error) {
      throw this.#fault(error, last);
    }
  }

  *records(filter: RowFilter = {}): IterableIterator<JournalRecord> {
    for (const row of this.rows(filter)) yield recordOf(row);
  }

  record(seq: number): JournalRecord | undefined {
    for (const record of this.records({ from: seq, to: seq })) return record;
    return undefined;
  }

  count(filter: RowFilter = {}): number {
    const { where, values } = conditions(filter);
    return this.#one<{ n: number }>(`SELECT count(*) AS n FROM records ${where}`, values).n;
  }

  /** How many records of each kind there are. */
  countsByKind(): ReadonlyMap<RecordKind, number> {
    const found = this.#all<{ kind: RecordKind; n: number }>(
      'SELECT kind, count(*) AS n FROM records GROUP BY kind ORDER BY n DESC',
    );
    return new Map(found.map(({ kind, n }) => [kind, n]));
  }

  first(): JournalRecord | undefined {
    return this.#edge('ASC');
  }

  last(): JournalRecord | undefined {
    return this.#edge('DESC');
  }

  /** What led to a record: the record itself, its cause, that one's cause… down to the input. */
  causes(seq: number): JournalRecord[] {
    const chain: JournalRecord[] = [];
    let record = this.record(seq);
    while (record !== undefined && chain.length < CHAIN_RECORDS) {
      chain.push(record);
      record = record.cause > 0 && record.cause < record.seq ? this.record(record.cause) : undefined;
    }
    return chain;
  }

  /** All that a record led to, directly or not, in order. Effects end where the next input begins. */
  effects(seq: number): JournalRecord[] {
    const caused = new Set([seq]);
    const effects: JournalRecord[] = [];
    for (const row of this.rows({ from: seq + 1 })) {
      if (row.kind === 'input') break;
      if (!caused.has(row.cause)) continue;
      caused.add(row.seq);
      effects.push(recordOf(row));
    }
    return effects;
  }

  *snapshots(fromSeq = 0): IterableIterator<JournalSnapshot> {
    try {
      const statement = this.#db.prepare(
        'SELECT seq, device, state FROM snapshots WHERE seq >= ? ORDER BY seq, device',
      );
      for (const found of statement.iterate(fromSeq)) {
        const { seq, device, state } = found as unknown as { seq: number; device: string; state: string };
        yield { seq, device, state: decodeData(state) ?? null };
      }
    } catch (error) {
      throw this.#fault(error);
    }
  }

  *hashes(): IterableIterator<JournalHash> {
    yield* this.#all<JournalHash>('SELECT seq, hash FROM hashes ORDER BY seq');
  }

  close(): void {
    this.#db.close();
  }

  #edge(order: 'ASC' | 'DESC'): JournalRecord | undefined {
    const [edge] = this.#all<{ seq: number }>(`SELECT seq FROM records ORDER BY seq ${order} LIMIT 1`);
    return edge === undefined ? undefined : this.record(edge.seq);
  }

  #metaValues(): Map<string, string> {
    const found = this.#all<{ key: string; value: string }>('SELECT key, value FROM meta');
    return new Map(found.map(({ key, value }) => [key, value]));
  }

  #one<T>(sql: string, values: readonly (string | number)[] = []): T {
    return this.#all<T>(sql, values)[0] as T;
  }

  #all<T>(sql: string, values: readonly (string | number)[] = []): T[] {
    try {
      return this.#db.prepare(sql).all(...values) as T[];
    } catch (error) {
      throw this.#fault(error);
    }
  }

  #fault(error: unknown, after = 0): unknown {
    if (error instanceof JournalError || codeOf(error) === undefined) return error;
    const where = after > 0 ? ` after record ${after}` : '';
    return new JournalError('damaged', `${this.path} is cut or damaged${where}: ${(error as Error).message}`);
  }
}

/** @throws JournalError when the file is missing, no journal, of another version or damaged */
export function openReader(path: string): JournalReader {
  return new JournalReader(path);
}

function openDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true });
    const { application_id: id } = db.prepare('PRAGMA application_id').get() as { application_id: number };
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    if (id !== APPLICATION_ID) throw new JournalError('not-a-journal', `${path} is not a glassgate journal`);
    if (version !== SCHEMA_VERSION) {
      throw new JournalError(
        'schema',
        `${path} has schema version ${version}; this glassgate reads version ${SCHEMA_VERSION}`,
      );
    }
    return db;
  } catch (error) {
    db?.close();
    throw error instanceof JournalError ? error : openFault(path, error);
  }
}

function openFault(path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  if (code === SQLITE_CANTOPEN) {
    return new JournalError('unreadable', `cannot open ${path}: no such file, or it may not be read`);
  }
  if (code === SQLITE_NOTADB) return new JournalError('not-a-journal', `${path} is not a glassgate journal`);
  const message = (error as Error).message;
  if (code === SQLITE_CORRUPT) return new JournalError('damaged', `${path} is cut or damaged: ${message}`);
  return new JournalError('unreadable', `cannot read ${path}: ${message}`);
}

/** SQLite's primary result code; undefined for an error of another kind. */
function codeOf(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

function metaOf(path: string, values: ReadonlyMap<string, string>): JournalMeta {
  const value = (key: keyof JournalMeta): JournalData => {
    const data = decodeData(values.get(key) ?? '');
    if (data === undefined)
      throw new JournalError('damaged', `${path} is cut or damaged: its description lacks "${key}"`);
    return data;
  };
  return {
    level: value('level') as JournalMeta['level'],
    created: value('created') as string,
    created_us: value('created_us') as number,
    tls: value('tls') as string,
    seed: value('seed') as number | null,
    devices: value('devices') as readonly string[],
    part: value('part') as number,
    config: value('config'),
  };
}

function conditions(filter: RowFilter): { where: string; values: (string | number)[] } {
  const terms: string[] = [];
  const values: (string | number)[] = [];
  const add = (term: string, ...more: readonly (string | number)[]): void => {
    terms.push(term);
    values.push(...more);
  };
  if (filter.from !== undefined) add('seq >= ?', filter.from);
  if (filter.to !== undefined) add('seq <= ?', filter.to);
  const lists = { kind: filter.kinds, device: filter.devices, actor: filter.actors };
  for (const [column, wanted] of Object.entries(lists)) {
    if (wanted !== undefined) add(`${column} IN (${wanted.map(() => '?').join(', ')})`, ...wanted);
  }
  return { where: terms.length === 0 ? '' : `WHERE ${terms.join(' AND ')}`, values };
}
