import { type JournalLevel, type JournalRecord, LEVEL_OF_KIND, LEVEL_RANK } from '../actors/tap.ts';

/**
 * - `different`: the replay did something else.
 * - `missing`: the replay did not do what was recorded.
 * - `surplus`: the replay went on after what was recorded.
 * - `impossible`: the recorded input cannot be given to the device, e.g. a timer that is not armed.
 * - `altered`: the record is not what was written, and the replay shows no difference by it.
 * - `error`: the replayed device threw.
 */
export type DivergenceWhat = 'different' | 'missing' | 'surplus' | 'impossible' | 'altered' | 'error';

/** The first difference between a journal and its replay. */
export interface Divergence {
  readonly what: DivergenceWhat;
  readonly seq: number;
  readonly recorded: JournalRecord | undefined;
  readonly replayed: JournalRecord | undefined;
  /** More in words, for `impossible` and `error`. */
  readonly detail: string | undefined;
  /** The input that was being handled; 0 before the first. */
  readonly inputSeq: number;
  /** A record of that input which is not what was written: the likely reason. */
  readonly altered: number | undefined;
  /** The last records before, oldest first; the recorded side of the difference is the last one. */
  readonly context: readonly JournalRecord[];
}

export interface ReplayEqual {
  readonly equal: true;
  readonly inputs: number;
  readonly derived: number;
  /** Gaps after which the verification began again, and records that it left out because of them. */
  readonly gaps: number;
  readonly skipped: number;
  /** Last record that was compared. */
  readonly lastSeq: number;
  /** The writer ended without closing, or still writes; everything that is there was compared. */
  readonly cut: boolean;
}

export type ReplayResult =
  | ReplayEqual
  | { readonly equal: false; readonly divergence: Divergence }
  | { readonly equal: undefined; readonly notReplayable: string };

/** Why a journal of this level cannot be replayed; undefined when it can. */
export function unreplayableLevel(level: JournalLevel): string | undefined {
  if (LEVEL_RANK[level] >= LEVEL_OF_KIND.input) return undefined;
  return `it was recorded at level "${level}", which keeps no inputs; only the levels inputs, frames and full can be replayed`;
}
