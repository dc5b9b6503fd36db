import { hashText, RunningHash } from './hash.ts';
import { canonical, isDerived, type JournalHash, type JournalRow, type JournalSource, messageOf } from './schema.ts';

/** Goes through the rows of a journal once, with one row of look-ahead, and checks each against its stored hash. */
export class ReplayCursor {
  /** `seq` of the first row that is not what was written. */
  altered: number | undefined;
  /** Why no row can be read any more, where that is not the journal's end. */
  fault: string | undefined;
  readonly #rows: Iterator<JournalRow>;
  readonly #hashes: Iterator<JournalHash>;
  readonly #context: JournalRow[] = [];
  readonly #contextRows: number;
  readonly #running = new RunningHash();
  #nextHash: JournalHash | undefined;
  #peeked: JournalRow | undefined;

  constructor(source: JournalSource, contextRows: number) {
    this.#rows = source.rows();
    this.#hashes = source.hashes();
    this.#contextRows = contextRows;
    this.#nextHash = this.#pullHash();
  }

  peek(): JournalRow | undefined {
    this.#peeked ??= this.#pullRow();
    return this.#peeked;
  }

  next(): JournalRow | undefined {
    const row = this.peek();
    this.#peeked = undefined;
    if (row === undefined) return undefined;
    this.#check(row);
    this.#context.push(row);
    if (this.#context.length > this.#contextRows) this.#context.shift();
    return row;
  }

  /** The last rows that were read, oldest first. */
  get context(): readonly JournalRow[] {
    return [...this.#context];
  }

  #check(row: JournalRow): void {
    const hash = hashText(canonical(row));
    let isAsWritten = row.check === undefined || row.check === hash;
    if (isDerived(row.kind)) this.#running.add(hash);
    while (this.#nextHash !== undefined && this.#nextHash.seq <= row.seq) {
      if (this.#nextHash.seq < row.seq || this.#nextHash.hash !== this.#running.text) isAsWritten = false;
      this.#nextHash = this.#pullHash();
    }
    if (!isAsWritten) this.altered ??= row.seq;
  }

  #pullRow(): JournalRow | undefined {
    if (this.fault !== undefined) return undefined;
    try {
      const pulled = this.#rows.next();
      return pulled.done ? undefined : pulled.value;
    } catch (error) {
      // A device is in the midst of something: it must not get to feel that the file ends here.
      this.fault = messageOf(error);
      return undefined;
    }
  }

  #pullHash(): JournalHash | undefined {
    const pulled = this.#hashes.next();
    return pulled.done ? undefined : pulled.value;
  }
}
