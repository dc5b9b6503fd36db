import { equal, fromHex, toHex } from '../../wire/bytes.ts';
import { type PieceReason, type PieceView, parsePiece } from '../../wire/piece.ts';
import { parseRecord, UNIT_DATA } from '../../wire/record.ts';
import { overlaps, type Range, withRange } from './ranges.ts';

/** Records being assembled at a time, per connection id. */
export const ASSEMBLY_SLOTS = 64;
/** How long a record may stay incomplete, microseconds from its first piece. */
export const ASSEMBLY_TIMEOUT_US = 2_000_000;
/** Separate stretches kept of one record: more than the pieces of the largest record at an MTU of 576. */
export const ASSEMBLY_RANGES = 128;

/** Why a piece was not taken. */
export type PieceRefusal =
  | PieceReason
  | 'wrong-connection-id'
  | 'not-accepted'
  | 'other-total'
  | 'overlap'
  | 'record-dropped'
  | 'too-many-ranges'
  | 'not-its-record';

/** The whole record, or that more is needed, or why the piece was refused. */
export type PieceResult =
  | { readonly record: Uint8Array }
  | { readonly pending: true }
  | { readonly reason: PieceRefusal };

/** Which pieces an assembler takes, and for how long. */
export interface PieceAssemblerOptions {
  /** Our receive id. */
  readonly connectionId: number;
  /** Whether the replay window would take these numbers now (`RecordChannel.wouldRefuse` says nothing against them). */
  readonly accept: (epoch: number, sequence: number) => boolean;
  readonly slots?: number;
  readonly timeout_us?: number;
}

export interface AssemblyCounters {
  /** Records that became whole. */
  readonly completed: number;
  /** Incomplete records whose time was over. */
  readonly timedOut: number;
  /** Incomplete records that made room for newer ones. */
  readonly evicted: number;
  /** Records dropped for an overlap with other content, another total, or a header that is not theirs. */
  readonly dropped: number;
}

/** A slot as plain data; bytes in hexadecimal. */
interface SavedSlot {
  readonly epoch: number;
  readonly sequence: number;
  readonly total: number;
  readonly since_us: number;
  readonly ranges: readonly Range[];
  readonly bytes: string | null;
}

/** Plain data of an assembler. */
export interface SavedPieceAssembler {
  readonly version: 1;
  readonly slots: readonly SavedSlot[];
  readonly counters: AssemblyCounters;
}

/** A record being put together; without bytes it was dropped, and refuses what is left of it until its time is over. */
interface Slot {
  readonly epoch: number;
  readonly sequence: number;
  readonly total: number;
  readonly since_us: number;
  ranges: readonly Range[];
  bytes: Uint8Array | undefined;
}

/**
 * Puts pieces together again (docs/PROTOCOL.md section 4), for one connection id. Never holds more than `slots`
 * records of at most 65,032 bytes; the oldest incomplete one makes room, so a flood of beginnings stops nobody.
 */
export class PieceAssembler {
  readonly #options: Required<PieceAssemblerOptions>;
  /** In the order of their first piece: the oldest first. */
  #slots: Slot[] = [];
  #counters = { completed: 0, timedOut: 0, evicted: 0, dropped: 0 };

  constructor(options: PieceAssemblerOptions) {
    this.#options = { slots: ASSEMBLY_SLOTS, timeout_us: ASSEMBLY_TIMEOUT_US, ...options };
  }

  get counters(): AssemblyCounters {
    return { ...this.#counters };
  }

  /** Records begun and not whole, the dropped ones that still have their time included. */
  get slotsInUse(): number {
    return this.#slots.length;
  }

  /** Bytes of memory held for records. */
  get bytesHeld(): number {
    return this.#slots.reduce((sum, slot) => sum + (slot.bytes?.length ?? 0), 0);
  }

  /** Takes exactly one piece unit. */
  add(unit: Uint8Array, now_us: number): PieceResult {
    this.expire(now_us);
    const piece = parsePiece(unit, 0, unit.length);
    if (!piece.ok) return { reason: piece.reason };
    if (piece.length !== unit.length) return { reason: 'piece-bad-length' };
    if (piece.connectionId !== this.#options.connectionId) return { reason: 'wrong-connection-id' };
    if (!this.#options.accept(piece.epoch, piece.sequence)) return { reason: 'not-accepted' };
    const slot = this.#slotOf(piece) ?? this.#newSlot(piece, now_us);
    const reason = this.#put(slot, piece, unit.subarray(piece.bytesOffset, piece.end));
    if (reason !== undefined) return { reason };
    return isWhole(slot) ? this.#finish(slot) : { pending: true };
  }

  /** Drops the records whose time is over. */
  expire(now_us: number): void {
    const { timeout_us } = this.#options;
    while (this.#slots.length > 0 && now_us - this.#slots[0].since_us >= timeout_us) {
      if (this.#slots[0].bytes !== undefined) this.#counters.timedOut += 1;
      this.#slots.shift();
    }
  }

  /** Plain data for `restore`. */
  save(): SavedPieceAssembler {
    const slots = this.#slots.map((slot) => ({ ...slot, bytes: slot.bytes === undefined ? null : toHex(slot.bytes) }));
    return { version: 1, slots, counters: this.counters };
  }

  /** Takes over what `save` gave. */
  restore(saved: SavedPieceAssembler): void {
    if (saved.version !== 1) throw new Error('not a saved piece assembler');
    this.#slots = saved.slots.map((slot) => ({
      ...slot,
      bytes: slot.bytes === null ? undefined : fromHex(slot.bytes),
    }));
    this.#counters = { ...saved.counters };
  }

  #slotOf({ epoch, sequence }: PieceView): Slot | undefined {
    return this.#slots.find((slot) => slot.sequence === sequence && slot.epoch === epoch);
  }

  #newSlot({ epoch, sequence, recordLength }: PieceView, now_us: number): Slot {
    if (this.#slots.length >= this.#options.slots) this.#evictOldest();
    const bytes = new Uint8Array(recordLength);
    const slot: Slot = { epoch, sequence, total: recordLength, since_us: now_us, ranges: [], bytes };
    this.#slots.push(slot);
    return slot;
  }

  #evictOldest(): void {
    const oldest = this.#slots.shift();
    if (oldest?.bytes !== undefined) this.#counters.evicted += 1;
  }

  #put(slot: Slot, piece: PieceView, part: Uint8Array): PieceRefusal | undefined {
    if (slot.bytes === undefined) return 'record-dropped';
    if (piece.recordLength !== slot.total) return this.#drop(slot, 'other-total');
    const range: Range = [piece.recordOffset, piece.recordOffset + part.length];
    if (conflicts(slot.bytes, slot.ranges, range, part)) return this.#drop(slot, 'overlap');
    const ranges = withRange(slot.ranges, range);
    if (ranges.length > ASSEMBLY_RANGES) return 'too-many-ranges';
    slot.bytes.set(part, piece.recordOffset);
    slot.ranges = ranges;
    return undefined;
  }

  /** The slot stays without its bytes, so that what is left of the record does not begin it anew. */
  #drop(slot: Slot, reason: PieceRefusal): PieceRefusal {
    slot.bytes = undefined;
    slot.ranges = [];
    this.#counters.dropped += 1;
    return reason;
  }

  #finish(slot: Slot): PieceResult {
    const record = slot.bytes as Uint8Array;
    if (!isRecordOf(slot, record, this.#options.connectionId)) return { reason: this.#drop(slot, 'not-its-record') };
    this.#slots = this.#slots.filter((each) => each !== slot);
    this.#counters.completed += 1;
    return { record };
  }
}

/** Whether `part` says something else than the bytes that are there already. */
function conflicts(bytes: Uint8Array, ranges: readonly Range[], range: Range, part: Uint8Array): boolean {
  return overlaps(ranges, range).some(
    ([from, to]) => !equal(bytes.subarray(from, to), part.subarray(from - range[0], to - range[0])),
  );
}

function isWhole(slot: Slot): boolean {
  return slot.ranges.length === 1 && slot.ranges[0][0] === 0 && slot.ranges[0][1] === slot.total;
}

/** Whether the assembled bytes are the data record that their pieces named. */
function isRecordOf(slot: Slot, record: Uint8Array, connectionId: number): boolean {
  const header = parseRecord(record, 0, record.length);
  if (!header.ok || header.type !== UNIT_DATA || header.length !== slot.total) return false;
  return header.connectionId === connectionId && header.epoch === slot.epoch && header.sequence === slot.sequence;
}
