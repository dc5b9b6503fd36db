import type { Vault } from '../../engine/crypto/vault.ts';
import { KeyLine, type SavedKeyLine } from '../../engine/records/key-line.ts';
import { u16, u48 } from '../../wire/bytes.ts';
import { RECORD_HEADER_BYTES, RECORD_OVERHEAD_BYTES, RECORD_TAG_BYTES } from '../../wire/record.ts';
import { UNIT_CONTROL, UNIT_DATA } from '../../wire/unit.ts';
import type { RecordParameters } from '../services.ts';

/** Where the parts of a record's header stand. */
const LENGTH_AT = 2;
const EPOCH_AT = 8;
const SEQUENCE_AT = 10;

/** One type of record of one direction. `epoch` and `sequence` are those of the last record sealed. */
interface Line {
  readonly keys: KeyLine;
  epoch: number;
  sequence: number;
}

type LineName = keyof RecordParameters['keys'];
const LINES: readonly LineName[] = ['sendData', 'receiveData', 'sendControl', 'receiveControl'];

interface SavedLine {
  readonly keys: SavedKeyLine;
  readonly epoch: number;
  readonly sequence: number;
}

export type SavedCipherTable = readonly (readonly [id: number, lines: Readonly<Record<LineName, SavedLine>>])[];

/**
 * Blocks G and L without the rest of an engine: seals and opens single records of the sessions it was given the keys of. It keeps no
 * window and no order: who hands a record in has numbered it, or judged its number. The *prepared* form of a record is header | plaintext.
 */
export class CipherTable {
  readonly #vault: Vault;
  readonly #sessions = new Map<number, Record<LineName, Line>>();

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  get ids(): readonly number[] {
    return [...this.#sessions.keys()];
  }

  /** The keys of a session are this table's from now on. */
  install(id: number, keys: RecordParameters['keys']): void {
    this.remove(id);
    const line = (name: LineName): Line => ({ keys: new KeyLine(this.#vault, keys[name]), epoch: 0, sequence: 0 });
    this.#sessions.set(id, linesFrom(line));
  }

  /** Forgets a session and its keys. */
  remove(id: number): void {
    const lines = this.#sessions.get(id);
    if (lines === undefined) return;
    for (const name of LINES) lines[name].keys.forget();
    this.#sessions.delete(id);
  }

  /**
   * Block G: the whole record of a prepared one. Undefined for one that is not well-formed, of an unknown session or an epoch that is not
   * at hand, or whose number is not above the last: no number is used twice under a key, whatever the software asks.
   */
  seal(id: number, prepared: Uint8Array): Uint8Array | undefined {
    const line = this.#lineOf(id, prepared, 'sendData', 'sendControl');
    if (line === undefined || u16(prepared, LENGTH_AT) !== prepared.length + RECORD_TAG_BYTES) return undefined;
    const epoch = u16(prepared, EPOCH_AT);
    const sequence = u48(prepared, SEQUENCE_AT);
    if (epoch < line.epoch || (epoch === line.epoch && sequence <= line.sequence)) return undefined;
    const key = line.keys.keyOf(epoch);
    if (key === undefined) return undefined;
    line.epoch = epoch;
    line.sequence = sequence;
    line.keys.used(epoch);
    const header = prepared.subarray(0, RECORD_HEADER_BYTES);
    return this.#vault.seal(key, header, prepared.subarray(RECORD_HEADER_BYTES));
  }

  /** Block L: the prepared form of a whole record. Undefined when it does not authenticate. */
  open(id: number, record: Uint8Array): Uint8Array | undefined {
    const line = this.#lineOf(id, record, 'receiveData', 'receiveControl');
    if (line === undefined || record.length < RECORD_OVERHEAD_BYTES) return undefined;
    const epoch = u16(record, EPOCH_AT);
    const key = line.keys.keyOf(epoch);
    const plaintext = key === undefined ? undefined : this.#vault.open(key, record);
    if (plaintext === undefined) return undefined;
    line.keys.used(epoch);
    const prepared = new Uint8Array(RECORD_HEADER_BYTES + plaintext.length);
    prepared.set(record.subarray(0, RECORD_HEADER_BYTES));
    prepared.set(plaintext, RECORD_HEADER_BYTES);
    return prepared;
  }

  save(): SavedCipherTable {
    return [...this.#sessions].map(([id, lines]) => [
      id,
      linesFrom((name) => ({ ...lines[name], keys: lines[name].keys.save() })),
    ]);
  }

  restore(saved: SavedCipherTable): void {
    this.#sessions.clear();
    for (const [id, lines] of saved) {
      const line = (name: LineName): Line => {
        const keys = new KeyLine(this.#vault, 0);
        keys.restore(lines[name].keys);
        return { ...lines[name], keys };
      };
      this.#sessions.set(id, linesFrom(line));
    }
  }

  #lineOf(id: number, record: Uint8Array, data: LineName, control: LineName): Line | undefined {
    const lines = record.length < RECORD_HEADER_BYTES ? undefined : this.#sessions.get(id);
    if (record[0] === UNIT_DATA) return lines?.[data];
    return record[0] === UNIT_CONTROL ? lines?.[control] : undefined;
  }
}

function linesFrom<T>(make: (name: LineName) => T): Record<LineName, T> {
  return Object.fromEntries(LINES.map((name) => [name, make(name)])) as Record<LineName, T>;
}
