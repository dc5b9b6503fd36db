import {
  parseRecord,
  RECORD_FLAG_SEGMENT,
  type RecordReason,
  type RecordView,
  UNIT_CONTROL,
} from '../../wire/record.ts';
import type { KeyId } from '../crypto/vault.ts';
import { HANDED_OUT } from './cipher.ts';
import { ReplayWindow, type SavedReplayWindow, type WindowVerdict } from './replay-window.ts';
import type { HalfOptions } from './sending.ts';

/** Why a record was not opened: what its header says against it, or what the channel knows. */
export type RecordRefusal =
  | RecordReason
  | 'not-started'
  | 'wrong-type'
  | 'wrong-connection-id'
  | 'unknown-epoch'
  | 'replayed'
  | 'too-old'
  | 'bad-tag'
  /** Not refused: a cipher elsewhere has it. */
  | typeof HANDED_OUT;

/** A record that authenticated. */
export interface OpenedRecord {
  readonly plaintext: Uint8Array;
  readonly flags: number;
  readonly epoch: number;
  readonly sequence: number;
  /** The first record of the next epoch: the receiver moved on with it. */
  readonly newEpoch: boolean;
  /** No later record of the channel has opened before this one (decides whether the peer's address may move). */
  readonly newest: boolean;
}

export interface RefusedRecord {
  readonly reason: RecordRefusal;
}

/** What of a record's header says which one it is, and what its plaintext is. */
export type RecordNumbers = Pick<RecordView, 'flags' | 'epoch' | 'sequence'>;

/** What a receiver has counted since it was made. */
export interface ReceiveCounters {
  readonly opened: number;
  /** Tags that were wrong. */
  readonly failed: number;
  readonly replayed: number;
  /** Behind the window, or of an epoch that is gone or not near. */
  readonly old: number;
  /** Numbers skipped so far: lower than the highest one of their epoch, and not opened (yet). For the loss report. */
  readonly missing: number;
}

interface SavedEpoch {
  readonly epoch: number;
  readonly key: KeyId;
  readonly opened: number;
  readonly failed: number;
  readonly window: SavedReplayWindow;
}

/** Counters that do not hang on an epoch at hand. */
interface Totals {
  opened: number;
  failed: number;
  replayed: number;
  old: number;
  /** Numbers that never came, of epochs that are gone. */
  missingBefore: number;
}

/** Plain data of a receiver: key ids, no keys. */
export interface SavedReceiver {
  readonly current: SavedEpoch | null;
  readonly next: SavedEpoch | null;
  readonly old: SavedEpoch | null;
  readonly movedOn_us: number;
  readonly totals: Totals;
}

/** One epoch: its key, its numbers seen and its failed opens. */
interface Epoch {
  readonly epoch: number;
  readonly key: KeyId;
  readonly window: ReplayWindow;
  opened: number;
  failed: number;
}

const REFUSAL_OF_VERDICT: Record<Exclude<WindowVerdict, 'fresh'>, RecordRefusal> = {
  zero: 'record-sequence-zero',
  seen: 'replayed',
  old: 'too-old',
};

/** The receiver of one direction and type: the current epoch, the next when a record claims it, the old one for a while. */
export class RecordReceiver {
  readonly #options: HalfOptions;
  #current: Epoch | undefined;
  /** Derived when the first record claimed it, and kept so that false claims cost one derivation, not one each. */
  #next: Epoch | undefined;
  #old: Epoch | undefined;
  #movedOn_us = 0;
  #totals: Totals = { opened: 0, failed: 0, replayed: 0, old: 0, missingBefore: 0 };

  constructor(options: HalfOptions) {
    this.#options = options;
  }

  get epoch(): number {
    return this.#current?.epoch ?? 0;
  }

  get counters(): ReceiveCounters {
    const { missingBefore, ...counted } = this.#totals;
    return { ...counted, missing: missingBefore + missingOf(this.#old) + missingOf(this.#current) };
  }

  /** Highest sequence number opened in the current epoch, 0 when none was. */
  get highest(): number {
    return this.#current?.window.highest ?? 0;
  }

  /** Installs the key of epoch 0. */
  start(key: KeyId): void {
    if (this.#current !== undefined) throw new Error('the receiver has a key already');
    this.#current = newEpoch(0, key);
  }

  /** Opens exactly one whole record: header, epoch, window, tag, in this order; marks its number when it opened. */
  open(record: Uint8Array, now_us: number): OpenedRecord | RefusedRecord {
    const header = this.#header(record);
    if (typeof header === 'string') return { reason: header };
    this.forgetOldEpoch(now_us);
    const refusal = this.wouldRefuse(header.epoch, header.sequence);
    if (refusal !== undefined) return this.#refuse(refusal);
    const epoch = this.#epochOf(header.epoch);
    const plaintext = this.#options.cipher.open(epoch.key, record);
    return plaintext === HANDED_OUT ? { reason: plaintext } : this.#settle(header, epoch, plaintext, now_us);
  }

  /**
   * What a cipher elsewhere has made of a record that {@link open} handed out; `plaintext` is undefined when it did not authenticate.
   * The window is asked again: the same record may have been handed out twice.
   */
  settle(header: RecordNumbers, plaintext: Uint8Array | undefined, now_us: number): OpenedRecord | RefusedRecord {
    const refusal = this.wouldRefuse(header.epoch, header.sequence);
    if (refusal !== undefined) return this.#refuse(refusal);
    return this.#settle(header, this.#epochOf(header.epoch), plaintext, now_us);
  }

  /** Why a record with these numbers would be refused unseen; undefined when its tag would decide. Changes nothing. */
  wouldRefuse(epoch: number, sequence: number): RecordRefusal | undefined {
    if (this.#current === undefined) return 'not-started';
    if (epoch === this.#current.epoch + 1) return sequence === 0 ? 'record-sequence-zero' : undefined;
    const known = [this.#current, this.#old].find((each) => each?.epoch === epoch);
    if (known === undefined) return 'unknown-epoch';
    const verdict = known.window.check(sequence);
    return verdict === 'fresh' ? undefined : REFUSAL_OF_VERDICT[verdict];
  }

  /** Whether one of the keys has failed to open so many records that the session should be renewed. */
  hasTooManyFailures(): boolean {
    const limit = this.#options.limits.rekeyFailedOpens;
    return [this.#current, this.#next].some((each) => each !== undefined && each.failed >= limit);
  }

  /** Drops the old epoch once its time is over; true when it was dropped now. */
  forgetOldEpoch(now_us: number): boolean {
    if (this.#old === undefined || now_us - this.#movedOn_us < this.#options.limits.oldEpoch_us) return false;
    this.#dropOld();
    return true;
  }

  /** Forgets all keys: nothing opens any more. */
  stop(): void {
    for (const each of [this.#current, this.#next, this.#old]) {
      if (each === undefined) continue;
      this.#totals.missingBefore += missingOf(each);
      this.#options.cipher.forget(each.key);
    }
    this.#current = undefined;
    this.#next = undefined;
    this.#old = undefined;
  }

  save(): SavedReceiver {
    return {
      current: savedEpoch(this.#current),
      next: savedEpoch(this.#next),
      old: savedEpoch(this.#old),
      movedOn_us: this.#movedOn_us,
      totals: { ...this.#totals },
    };
  }

  restore(saved: SavedReceiver): void {
    this.#current = restoredEpoch(saved.current);
    this.#next = restoredEpoch(saved.next);
    this.#old = restoredEpoch(saved.old);
    this.#movedOn_us = saved.movedOn_us;
    this.#totals = { ...saved.totals };
  }

  #settle(
    { flags, sequence }: RecordNumbers,
    epoch: Epoch,
    plaintext: Uint8Array | undefined,
    now_us: number,
  ): OpenedRecord | RefusedRecord {
    if (plaintext === undefined) {
      epoch.failed += 1;
      return this.#refuse('bad-tag');
    }
    const isNew = epoch === this.#next;
    if (isNew) this.#moveOn(now_us);
    const newest = epoch === this.#current && sequence > epoch.window.highest;
    epoch.window.mark(sequence);
    epoch.opened += 1;
    this.#totals.opened += 1;
    return { plaintext, flags, epoch: epoch.epoch, sequence, newEpoch: isNew, newest };
  }

  #header(record: Uint8Array): RecordView | RecordRefusal {
    const header = parseRecord(record, 0, record.length);
    if (!header.ok) return header.reason;
    if (header.length !== record.length) return 'record-bad-length';
    if (header.type !== this.#options.type) return 'wrong-type';
    if (header.type === UNIT_CONTROL && (header.flags & RECORD_FLAG_SEGMENT) !== 0) return 'record-reserved-flags';
    if (header.connectionId !== this.#options.connectionId) return 'wrong-connection-id';
    return header;
  }

  /** The epoch with this number, which `wouldRefuse` has let pass; the next one is derived now if it was not yet. */
  #epochOf(epoch: number): Epoch {
    const current = this.#current as Epoch;
    if (epoch === current.epoch) return current;
    if (epoch !== current.epoch + 1) return this.#old as Epoch;
    this.#next ??= newEpoch(epoch, this.#options.cipher.nextEpoch(current.key));
    return this.#next;
  }

  #moveOn(now_us: number): void {
    this.#dropOld();
    this.#old = this.#current;
    this.#current = this.#next;
    this.#next = undefined;
    this.#movedOn_us = now_us;
  }

  #dropOld(): void {
    if (this.#old === undefined) return;
    this.#totals.missingBefore += missingOf(this.#old);
    this.#options.cipher.forget(this.#old.key);
    this.#old = undefined;
  }

  #refuse(reason: RecordRefusal): RefusedRecord {
    if (reason === 'bad-tag') this.#totals.failed += 1;
    if (reason === 'replayed') this.#totals.replayed += 1;
    if (reason === 'too-old' || reason === 'unknown-epoch') this.#totals.old += 1;
    return { reason };
  }
}

function newEpoch(epoch: number, key: KeyId): Epoch {
  return { epoch, key, window: new ReplayWindow(), opened: 0, failed: 0 };
}

/** Numbers below the highest one that have not opened. */
function missingOf(epoch: Epoch | undefined): number {
  return epoch === undefined ? 0 : epoch.window.highest - epoch.opened;
}

function savedEpoch(epoch: Epoch | undefined): SavedEpoch | null {
  if (epoch === undefined) return null;
  return { ...epoch, window: epoch.window.save() };
}

function restoredEpoch(saved: SavedEpoch | null): Epoch | undefined {
  if (saved === null) return undefined;
  const window = new ReplayWindow();
  window.restore(saved.window);
  return { ...saved, window };
}
