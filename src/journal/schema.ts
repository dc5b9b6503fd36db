import type { JournalData, JournalLevel, JournalRecord, RecordKind } from '../actors/tap.ts';
import { fromBase64, toBase64 } from './base64.ts';

/** Version of the file's tables and of the text that data is kept as. A reader refuses any other. */
export const SCHEMA_VERSION = 1;

/** `PRAGMA application_id` of a journal file: "ggjl". */
export const APPLICATION_ID = 0x67676a6c;

/** Name of the note-like record that stands for records that were lost to overload; its data is a {@link GapData}. */
export interface GapData {
  /** First and last lost `seq`. */
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** What is known about a journal as a whole. */
export interface JournalMeta {
  readonly level: JournalLevel;
  /** Wall clock when it was opened (ISO 8601), empty in virtual time. For people and exports only, never for order. */
  readonly created: string;
  /** Monotonic time of `created`, microseconds. */
  readonly created_us: number;
  /** Which TLS provider the devices had; empty for none. */
  readonly tls: string;
  /** Seed of the random source; null where it was the system's. */
  readonly seed: number | null;
  readonly devices: readonly string[];
  /** 1 for the first file of a run, one more with each rotation. */
  readonly part: number;
  /** Data of the first `config` record of the run; null while there is none. */
  readonly config: JournalData;
}

/** A record as it is kept: `text` is its data, encoded. */
export interface JournalRow {
  readonly seq: number;
  readonly time_us: number;
  readonly device: string;
  readonly actor: string;
  readonly kind: RecordKind;
  readonly name: string;
  readonly text: string;
  readonly cause: number;
  /** Hash of the canonical text when it was written; undefined where none was kept. */
  readonly check: number | undefined;
}

/** State of one device after record `seq`. */
export interface JournalSnapshot {
  readonly seq: number;
  readonly device: string;
  readonly state: JournalData;
}

/** Running hash over all derived records up to `seq`. */
export interface JournalHash {
  readonly seq: number;
  readonly hash: string;
}

/** Which rows are wanted; what is left out does not limit. */
export interface RowFilter {
  /** First `seq`. */
  readonly from?: number;
  /** Last `seq`. */
  readonly to?: number;
  readonly kinds?: readonly RecordKind[];
  readonly devices?: readonly string[];
  readonly actors?: readonly string[];
}

/** What a replay or an exporter reads: a file or a journal in memory. */
export interface JournalSource {
  readonly meta: JournalMeta;
  /** False when the writer ended without closing (killed, or still running): the last input may be recorded in part. */
  readonly closed: boolean;
  rows(filter?: RowFilter): IterableIterator<JournalRow>;
  snapshots(fromSeq?: number): IterableIterator<JournalSnapshot>;
  hashes(): IterableIterator<JournalHash>;
}

export type JournalFault = 'unreadable' | 'not-a-journal' | 'schema' | 'damaged' | 'exists' | 'unwritable';

/** A journal file that cannot be opened, read or written; `message` is for people. */
export class JournalError extends Error {
  readonly fault: JournalFault;

  constructor(fault: JournalFault, message: string) {
    super(message);
    this.name = 'JournalError';
    this.fault = fault;
  }
}

/** What an error says; thrown things that are no errors as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Tag of an object that stands for bytes (base64), for a number that JSON has no word for, and for an object that itself has one of these keys. */
const BYTES_TAG = '$b';
const NUMBER_TAG = '$n';
const OBJECT_TAG = '$o';
const TAG_IN_TEXT = '"$';

/**
 * Data as compact JSON. Keys keep their order of insertion: live run and replay build data by the same code, so equal data has
 * equal text. Byte arrays are `{"$b":"base64"}`, NaN and the infinities `{"$n":"Infinity"}`; undefined members are left out.
 */
export function encodeData(data: JournalData): string {
  if (typeof data === 'string') return JSON.stringify(data);
  if (typeof data === 'number') return Number.isFinite(data) ? String(data) : `{"${NUMBER_TAG}":"${data}"}`;
  if (typeof data !== 'object' || data === null) return String(data);
  if (data instanceof Uint8Array) return `{"${BYTES_TAG}":"${toBase64(data)}"}`;
  if (Array.isArray(data)) return encodeArray(data);
  return encodeObject(data as { readonly [key: string]: JournalData | undefined });
}

/** The data that {@link encodeData} wrote; undefined for text that it did not write. */
export function decodeData(text: string): JournalData | undefined {
  let parsed: JournalData;
  try {
    parsed = JSON.parse(text) as JournalData;
  } catch {
    return undefined;
  }
  return text.includes(TAG_IN_TEXT) ? revive(parsed) : parsed;
}

/** Everything of a row in one text. Equal texts mean equal records; it is what replays compare and hashes cover. */
export function canonical(row: JournalRow): string {
  return `${row.seq}|${row.time_us}|${row.cause}|${row.kind}|${row.device}|${row.actor}|${row.name}|${row.text}`;
}

/** A record ready to be kept, without its check. */
export function rowOf(record: JournalRecord): JournalRow {
  const { seq, time_us, device, actor, kind, name, data, cause } = record;
  return { seq, time_us, device, actor, kind, name, text: encodeData(data), cause, check: undefined };
}

/** The record of a row; text that does not decode (a damaged file) gives null data. */
export function recordOf(row: JournalRow): JournalRecord {
  const { seq, time_us, device, actor, kind, name, text, cause } = row;
  return { seq, time_us, device, actor, kind, name, data: decodeData(text) ?? null, cause };
}

/** Kinds that a replay recomputes; the hash runs over these. */
export function isDerived(kind: RecordKind): boolean {
  return kind !== 'config' && kind !== 'input' && kind !== 'answer' && kind !== 'gap';
}

export function gapOf(record: JournalRecord): GapData {
  const data = record.data as unknown as Partial<GapData> | null;
  return { from: record.seq, to: data?.to ?? record.seq, reason: data?.reason ?? 'unknown' };
}

const quotedKeys = new Map<string, string>();
/** Keys come from the code, so there are few; the limit is against data with keys from outside. */
const QUOTED_KEYS = 4096;

function quotedKey(key: string): string {
  const known = quotedKeys.get(key);
  if (known !== undefined) return known;
  const quoted = `${JSON.stringify(key)}:`;
  if (quotedKeys.size < QUOTED_KEYS) quotedKeys.set(key, quoted);
  return quoted;
}

function encodeArray(items: readonly JournalData[]): string {
  let text = '[';
  for (let at = 0; at < items.length; at++) {
    if (at > 0) text += ',';
    text += items[at] === undefined ? 'null' : encodeData(items[at]);
  }
  return `${text}]`;
}

function encodeObject(members: { readonly [key: string]: JournalData | undefined }): string {
  let text = '';
  let isTagged = false;
  for (const key in members) {
    const value = members[key];
    if (value === undefined) continue;
    if (key === BYTES_TAG || key === NUMBER_TAG || key === OBJECT_TAG) isTagged = true;
    text += `${text === '' ? '' : ','}${quotedKey(key)}${encodeData(value)}`;
  }
  return isTagged ? `{"${OBJECT_TAG}":{${text}}}` : `{${text}}`;
}

type Members = { [key: string]: JournalData };

function revive(data: JournalData): JournalData {
  if (typeof data !== 'object' || data === null) return data;
  if (Array.isArray(data)) return data.map(revive);
  const members = data as Members;
  const keys = Object.keys(members);
  if (keys.length === 1) {
    const [tag] = keys;
    const value = members[tag];
    if (tag === BYTES_TAG && typeof value === 'string') return fromBase64(value) ?? null;
    if (tag === NUMBER_TAG && typeof value === 'string') return Number(value);
    if (tag === OBJECT_TAG && typeof value === 'object' && value !== null) return revivedMembers(value as Members);
  }
  return revivedMembers(members);
}

function revivedMembers(members: Members): JournalData {
  for (const key of Object.keys(members)) members[key] = revive(members[key]);
  return members;
}
