import { PieceAssembler, type SavedPieceAssembler } from '../../engine/records/assembler.ts';
import { RecordChannel, type SavedRecordChannel } from '../../engine/records/channel.ts';
import { HANDED_OUT } from '../../engine/records/cipher.ts';
import { cutRecord } from '../../engine/records/cut.ts';
import type { RecordLimits } from '../../engine/records/limits.ts';
import type { OpenedRecord, RecordNumbers, RecordRefusal, RefusedRecord } from '../../engine/records/receiving.ts';
import { FrameAssembler, type SavedFrameAssembler, segmentPlaintexts } from '../../engine/records/segments.ts';
import { RECORD_FLAG_SEGMENT, RECORD_OVERHEAD_BYTES } from '../../wire/record.ts';
import { Order } from '../../wire/terms.ts';
import { UNIT_CONTROL, UNIT_DATA, UNIT_PIECE } from '../../wire/unit.ts';
import type { DropReason } from '../drop-reason.ts';
import type { RecordParameters } from '../services.ts';
import type { CipherPlace } from './cipher-place.ts';

export type OpenedUnit =
  | { readonly kind: 'frame'; readonly bytes: Uint8Array }
  | { readonly kind: 'control'; readonly bytes: Uint8Array }
  /** Nothing to say yet: a piece of a record that is not whole, or a record that a cipher elsewhere has. */
  | { readonly kind: 'pending' }
  /** An authentic part of a frame that is not whole yet. */
  | { readonly kind: 'part' }
  | { readonly kind: 'refused'; readonly reason: DropReason; readonly detail: string };

export interface SavedGeneration {
  readonly parameters: RecordParameters;
  readonly payloadBytes: number;
  readonly data: SavedRecordChannel;
  readonly control: SavedRecordChannel;
  readonly assembler: SavedPieceAssembler;
  readonly frames: SavedFrameAssembler;
  readonly nextFrameId: number;
}

/** All that hangs on the keys of one TLS session: both channels and the records being assembled. */
export class KeyGeneration {
  readonly parameters: RecordParameters;
  readonly #cipher: CipherPlace;
  readonly #payloadBytes: number;
  readonly #data: RecordChannel;
  readonly #control: RecordChannel;
  readonly #assembler: PieceAssembler;
  readonly #frames = new FrameAssembler();
  #nextFrameId = 1;

  constructor(cipher: CipherPlace, parameters: RecordParameters, payloadBytes: number, limits: Partial<RecordLimits>) {
    this.parameters = parameters;
    this.#cipher = cipher;
    this.#payloadBytes = payloadBytes;
    const { sendConnectionId, receiveConnectionId } = parameters;
    this.#data = new RecordChannel({ cipher, purpose: 'data', sendConnectionId, receiveConnectionId, limits });
    this.#control = new RecordChannel({ cipher, purpose: 'control', sendConnectionId, receiveConnectionId, limits });
    this.#assembler = new PieceAssembler({
      connectionId: receiveConnectionId,
      accept: (epoch, sequence) => this.#data.wouldRefuse(epoch, sequence) === undefined,
    });
  }

  static restored(cipher: CipherPlace, saved: SavedGeneration, limits: Partial<RecordLimits>): KeyGeneration {
    const generation = new KeyGeneration(cipher, saved.parameters, saved.payloadBytes, limits);
    generation.#data.restore(saved.data);
    generation.#control.restore(saved.control);
    generation.#assembler.restore(saved.assembler);
    generation.#frames.restore(saved.frames);
    generation.#nextFrameId = saved.nextFrameId;
    return generation;
  }

  get sendEpoch(): number {
    return this.#data.sendEpoch;
  }

  get receiveEpoch(): number {
    return this.#data.receiveEpoch;
  }

  startReceiving(): void {
    this.#cipher.install(this.parameters);
    this.#data.startReceiving(this.parameters.keys.receiveData);
    this.#control.startReceiving(this.parameters.keys.receiveControl);
  }

  startSending(now_us: number): void {
    this.#data.startSending(this.parameters.keys.sendData, now_us);
    this.#control.startSending(this.parameters.keys.sendControl, now_us);
  }

  /**
   * What carries one LAN frame: a record, or in the order agreed on several records or several pieces of one. Nothing where a cipher
   * elsewhere has it: {@link units} follows.
   */
  sealFrame(frame: Uint8Array): readonly Uint8Array[] | DropReason {
    const tooLarge = frame.length + RECORD_OVERHEAD_BYTES > this.#payloadBytes;
    if (tooLarge && this.parameters.order === Order.FRAGMENT_THEN_ENCRYPT) return this.#sealSegments(frame);
    const record = this.#data.seal(frame);
    if (record === HANDED_OUT) return [];
    return typeof record === 'string' ? record : cutRecord(record, this.#payloadBytes);
  }

  /** The units that carry a record which a cipher elsewhere has sealed. */
  units(record: Uint8Array): readonly Uint8Array[] {
    return record[0] === UNIT_DATA ? cutRecord(record, this.#payloadBytes) : [record];
  }

  /** Undefined when a cipher elsewhere has it, sending has not started or the numbers are used up. */
  sealControl(plaintext: Uint8Array): Uint8Array | undefined {
    const record = this.#control.seal(plaintext);
    return typeof record === 'string' ? undefined : record;
  }

  open(unit: Uint8Array, now_us: number): OpenedUnit {
    switch (unit[0]) {
      case UNIT_DATA:
        return this.#openWith(this.#data, unit, now_us, 'frame');
      case UNIT_CONTROL:
        return this.#openWith(this.#control, unit, now_us, 'control');
      case UNIT_PIECE:
        return this.#piece(unit, now_us);
      default:
        return { kind: 'refused', reason: 'unexpected-unit', detail: String(unit[0]) };
    }
  }

  /** What a cipher elsewhere has made of a record that {@link open} handed out; no plaintext: it did not authenticate. */
  settle(type: number, numbers: RecordNumbers, plaintext: Uint8Array | undefined, now_us: number): OpenedUnit {
    const [channel, kind] =
      type === UNIT_DATA ? ([this.#data, 'frame'] as const) : ([this.#control, 'control'] as const);
    return this.#opened(channel.settle(numbers, plaintext, now_us), now_us, kind);
  }

  rekeyDue(now_us: number): boolean {
    return this.#dueChannels(now_us).length > 0;
  }

  /** Seals under the next epoch from now on, in each channel whose own use or age asks for it. */
  advance(now_us: number): void {
    for (const channel of this.#dueChannels(now_us)) channel.advanceSendEpoch(now_us);
  }

  forgetOldEpoch(now_us: number): void {
    this.#data.forgetOldEpoch(now_us);
    this.#control.forgetOldEpoch(now_us);
  }

  stop(): void {
    this.#data.stop();
    this.#control.stop();
    this.#cipher.dismiss(this.parameters);
  }

  save(): SavedGeneration {
    return {
      parameters: this.parameters,
      payloadBytes: this.#payloadBytes,
      data: this.#data.save(),
      control: this.#control.save(),
      assembler: this.#assembler.save(),
      frames: this.#frames.save(),
      nextFrameId: this.#nextFrameId,
    };
  }

  /** Failed opens ask for a new TLS session, not for an epoch of ours. */
  #dueChannels(now_us: number): RecordChannel[] {
    return [this.#data, this.#control].filter((channel) => {
      const reason = channel.needsRekey(now_us);
      return reason !== undefined && reason !== 'failed-opens';
    });
  }

  #sealSegments(frame: Uint8Array): readonly Uint8Array[] | DropReason {
    const records: Uint8Array[] = [];
    this.#nextFrameId = (this.#nextFrameId + 1) >>> 0;
    for (const plaintext of segmentPlaintexts(frame, this.#nextFrameId, this.#payloadBytes - RECORD_OVERHEAD_BYTES)) {
      const record = this.#data.seal(plaintext, RECORD_FLAG_SEGMENT);
      if (record === HANDED_OUT) continue;
      if (typeof record === 'string') return record;
      records.push(record);
    }
    return records;
  }

  #openWith(channel: RecordChannel, record: Uint8Array, now_us: number, kind: 'frame' | 'control'): OpenedUnit {
    return this.#opened(channel.open(record, now_us), now_us, kind);
  }

  #opened(opened: OpenedRecord | RefusedRecord, now_us: number, kind: 'frame' | 'control'): OpenedUnit {
    if ('reason' in opened && opened.reason === HANDED_OUT) return { kind: 'pending' };
    if ('reason' in opened) return { kind: 'refused', reason: dropReasonOf(opened.reason), detail: opened.reason };
    if ((opened.flags & RECORD_FLAG_SEGMENT) === 0) return { kind, bytes: opened.plaintext };
    const result = this.#frames.add(opened.plaintext, now_us);
    if ('frame' in result) return { kind, bytes: result.frame };
    if ('pending' in result) return { kind: 'part' };
    return { kind: 'refused', reason: 'piece-refused', detail: result.reason };
  }

  #piece(unit: Uint8Array, now_us: number): OpenedUnit {
    const result = this.#assembler.add(unit, now_us);
    if ('pending' in result) return { kind: 'pending' };
    if ('record' in result) return this.#openWith(this.#data, result.record, now_us, 'frame');
    return { kind: 'refused', reason: 'piece-refused', detail: result.reason };
  }
}

function dropReasonOf(refusal: RecordRefusal): DropReason {
  switch (refusal) {
    case 'not-started':
    case 'unknown-epoch':
    case 'replayed':
    case 'too-old':
    case 'bad-tag':
      return refusal;
    case 'wrong-connection-id':
      return 'unknown-connection-id';
    default:
      return 'malformed';
  }
}
