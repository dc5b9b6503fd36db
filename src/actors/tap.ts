/** How much a journal keeps; each level holds all of the ones before it. */
export type JournalLevel = 'off' | 'control' | 'inputs' | 'frames' | 'full';

/**
 * - `input`: something came from outside (frame, timer, TLS event, operator's command).
 * - `answer`: the outside answered a question of the core (random draw, cookie verdict, cipher verdict).
 * - `gap`: the journal itself says that records were lost here.
 * - the rest is derived: a replay recomputes it and compares. A record whose `device` is '' comes from around the devices and is not.
 */
export type RecordKind =
  | 'config'
  | 'input'
  | 'answer'
  | 'event'
  | 'transition'
  | 'command'
  | 'crossing'
  | 'output'
  | 'drop'
  | 'note'
  | 'gap';

/** Plain data; byte arrays are allowed. Never holds a key. */
export type JournalData =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly JournalData[]
  | { readonly [key: string]: JournalData | undefined };

/** One line of the journal. */
export interface JournalRecord {
  /** Position in the journal, from 1 up. The only order there is. */
  readonly seq: number;
  /** Monotonic time of the input that led to it, in microseconds. */
  readonly time_us: number;
  readonly device: string;
  /** Label of the layer or machine instance. */
  readonly actor: string;
  readonly kind: RecordKind;
  readonly name: string;
  readonly data: JournalData;
  /** `seq` of what led to it; 0 for none. */
  readonly cause: number;
}

/** Where records go. Implemented by the journal; must not call back into the core. */
export interface JournalTap {
  readonly level: JournalLevel;
  record(record: JournalRecord): void;
}

export const LEVEL_RANK: Readonly<Record<JournalLevel, number>> = { off: 0, control: 1, inputs: 2, frames: 3, full: 4 };

/** The lowest level that keeps a kind of record. */
export const LEVEL_OF_KIND: Readonly<Record<RecordKind, number>> = {
  config: 1,
  event: 1,
  transition: 1,
  command: 1,
  drop: 1,
  note: 1,
  gap: 1,
  input: 2,
  answer: 2,
  output: 2,
  crossing: 3,
};

/** Keeps nothing. */
export const NO_JOURNAL: JournalTap = { level: 'off', record: () => {} };
