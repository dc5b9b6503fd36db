import { UNIT_CONTROL, UNIT_DATA } from '../../wire/record.ts';
import type { Purpose } from '../crypto/key-schedule.ts';
import type { KeyId } from '../crypto/vault.ts';
import type { RecordCipher } from './cipher.ts';
import { RECORD_LIMITS, type RecordLimits } from './limits.ts';
import {
  type OpenedRecord,
  type ReceiveCounters,
  type RecordNumbers,
  RecordReceiver,
  type RecordRefusal,
  type RefusedRecord,
  type SavedReceiver,
} from './receiving.ts';
import {
  type AdvanceResult,
  RecordSender,
  type SavedSender,
  type SealRefusal,
  type SendRekeyReason,
} from './sending.ts';

/** What a channel is made from. */
export interface RecordChannelOptions {
  /** Seals and opens; a vault does it at once. */
  readonly cipher: RecordCipher;
  readonly purpose: Purpose;
  /** The peer's receive id: stands in what we send. */
  readonly sendConnectionId: number;
  /** Our receive id: must stand in what we open. */
  readonly receiveConnectionId: number;
  /** Overrides for tests and for configs. */
  readonly limits?: Partial<RecordLimits>;
}

/** Why keys should be replaced. 'failed-opens' is about the receive key, which only a new session replaces. */
export type RekeyReason = SendRekeyReason | 'failed-opens';

/** Plain data of a channel, without keys. */
export interface SavedRecordChannel {
  readonly version: 1;
  readonly sender: SavedSender;
  readonly receiver: SavedReceiver;
}

/**
 * The records of one purpose (data or control) between two ends: a sender and a receiver, each with its own epochs
 * (docs/PROTOCOL.md section 3). It holds numbers and key ids; the keys are the vault's. Times are microseconds.
 * A new session over the same leg is a new channel with new connection ids; the old one is stopped after its time.
 */
export class RecordChannel {
  readonly #sender: RecordSender;
  readonly #receiver: RecordReceiver;

  constructor({ cipher, purpose, sendConnectionId, receiveConnectionId, limits }: RecordChannelOptions) {
    const common = {
      cipher,
      type: purpose === 'data' ? UNIT_DATA : UNIT_CONTROL,
      limits: { ...RECORD_LIMITS, ...limits },
    } as const;
    this.#sender = new RecordSender({ ...common, connectionId: sendConnectionId });
    this.#receiver = new RecordReceiver({ ...common, connectionId: receiveConnectionId });
  }

  get sendEpoch(): number {
    return this.#sender.epoch;
  }

  get receiveEpoch(): number {
    return this.#receiver.epoch;
  }

  /** Highest sequence number opened in the receive epoch, 0 when none was. */
  get highestReceived(): number {
    return this.#receiver.highest;
  }

  get counters(): ReceiveCounters {
    return this.#receiver.counters;
  }

  /** Installs the send key of epoch 0; before it, `seal` answers 'not-started'. */
  startSending(key: KeyId, now_us: number): void {
    this.#sender.start(key, now_us);
  }

  /** Installs the receive key of epoch 0; before it, records are refused as 'not-started'. */
  startReceiving(key: KeyId): void {
    this.#receiver.start(key);
  }

  /** Seals one plaintext (at most 65,000 bytes) with the next number: the whole record, or why there is none. */
  seal(plaintext: Uint8Array, flags = 0): Uint8Array | SealRefusal {
    return this.#sender.seal(plaintext, flags);
  }

  /** Opens one whole record. `reason` stands in the answer only when it was refused. */
  open(record: Uint8Array, now_us: number): OpenedRecord | RefusedRecord {
    return this.#receiver.open(record, now_us);
  }

  /** What a cipher elsewhere has made of a record handed out by {@link open}; no plaintext: it did not authenticate. */
  settle(header: RecordNumbers, plaintext: Uint8Array | undefined, now_us: number): OpenedRecord | RefusedRecord {
    return this.#receiver.settle(header, plaintext, now_us);
  }

  /** Why a record with these numbers would be refused unseen (the test for pieces); undefined when it might open. */
  wouldRefuse(epoch: number, sequence: number): RecordRefusal | undefined {
    return this.#receiver.wouldRefuse(epoch, sequence);
  }

  /** Seals with the key of the next epoch from now on. */
  advanceSendEpoch(now_us: number): AdvanceResult {
    return this.#sender.advance(now_us);
  }

  /** Why keys should be replaced now; undefined when they need not be. */
  needsRekey(now_us: number): RekeyReason | undefined {
    return this.#sender.needsRekey(now_us) ?? (this.#receiver.hasTooManyFailures() ? 'failed-opens' : undefined);
  }

  /** Drops the receive epoch before the current one once its time is over; true when it was dropped now. */
  forgetOldEpoch(now_us: number): boolean {
    return this.#receiver.forgetOldEpoch(now_us);
  }

  /** Forgets all keys of the channel. */
  stop(): void {
    this.#sender.stop();
    this.#receiver.stop();
  }

  /** Plain data for `restore`; names keys by id. */
  save(): SavedRecordChannel {
    return { version: 1, sender: this.#sender.save(), receiver: this.#receiver.save() };
  }

  /** Takes over what `save` gave; the vault must hold the keys it names. */
  restore(saved: SavedRecordChannel): void {
    if (saved.version !== 1) throw new Error('not a saved record channel');
    this.#sender.restore(saved.sender);
    this.#receiver.restore(saved.receiver);
  }
}
