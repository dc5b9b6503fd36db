import { existsSync } from 'node:fs';
import type { JournalRecord, RecordKind } from '../../actors/tap.ts';
import { type JournalReader, openReader } from '../../journal/store-reader.ts';

const POLL_MS = 60;
/** A journal commits every 250 ms; what is older than this in one journal is no longer overtaken by another. */
const SETTLED_US = 350_000;
const KINDS: readonly RecordKind[] = ['transition', 'command', 'output', 'input', 'note'];

/** Reads journals that other processes are writing, and gives their records in one order of time, soon after they were written. */
export class JournalTail {
  readonly #files: readonly string[];
  readonly #take: (record: JournalRecord) => void;
  readonly #readers = new Map<string, { reader: JournalReader; next: number }>();
  #waiting: JournalRecord[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(files: readonly string[], take: (record: JournalRecord) => void) {
    this.#files = files;
    this.#take = take;
    this.#timer = setInterval(() => this.#poll(now_us() - SETTLED_US), POLL_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { reader } of this.#readers.values()) reader.close();
    this.#readers.clear();
  }

  #poll(until_us: number): void {
    for (const file of this.#files) this.#read(file);
    const isDue = ({ time_us }: JournalRecord): boolean => time_us <= until_us;
    const due = this.#waiting.filter(isDue).sort((one, other) => one.time_us - other.time_us || one.seq - other.seq);
    this.#waiting = this.#waiting.filter((record) => !isDue(record));
    for (const record of due) this.#take(record);
  }

  #read(file: string): void {
    const at = this.#readers.get(file) ?? this.#open(file);
    if (at === undefined) return;
    for (const record of at.reader.records({ from: at.next, kinds: KINDS })) {
      at.next = record.seq + 1;
      this.#waiting.push(record);
    }
  }

  #open(file: string): { reader: JournalReader; next: number } | undefined {
    if (!existsSync(file)) return undefined;
    try {
      const opened = { reader: openReader(file), next: 1 };
      this.#readers.set(file, opened);
      return opened;
    } catch {
      // Its writer has only begun to make it.
      return undefined;
    }
  }
}

/** The monotonic clock that journals of this machine's gateways show, microseconds. */
export function now_us(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
