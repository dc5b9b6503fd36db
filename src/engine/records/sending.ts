import {
  RECORD_HEADER_BYTES,
  RECORD_MAX_PLAINTEXT_BYTES,
  type UNIT_CONTROL,
  type UNIT_DATA,
  writeRecordHeader,
} from '../../wire/record.ts';
import type { KeyId } from '../crypto/vault.ts';
import type { HANDED_OUT, RecordCipher } from './cipher.ts';
import { blocksOf, LAST_EPOCH, type RecordLimits } from './limits.ts';

/** Why there is no sealed record now: no refusal is that a cipher elsewhere has it. */
export type SealRefusal = 'not-started' | 'too-long' | 'numbers-used-up' | typeof HANDED_OUT;

/** What became of a wish to begin the next epoch. */
export type AdvanceResult = 'advanced' | 'not-started' | 'unused' | 'epochs-used-up';

/** Why the sending key should be replaced. */
export type SendRekeyReason = 'records' | 'blocks' | 'time';

/** Plain data of a sender: a key id, no key. */
export interface SavedSender {
  readonly key: KeyId | null;
  readonly epoch: number;
  readonly records: number;
  readonly blocks: number;
  readonly since_us: number;
}

/** What a half of a channel is made from. */
export interface HalfOptions {
  readonly cipher: RecordCipher;
  readonly type: typeof UNIT_DATA | typeof UNIT_CONTROL;
  readonly connectionId: number;
  readonly limits: RecordLimits;
}

/** The sender of one direction and type: numbers from 1 in each epoch, none used twice. */
export class RecordSender {
  readonly #options: HalfOptions;
  #key: KeyId | null = null;
  #epoch = 0;
  /** Records sealed in this epoch: also the last number used. */
  #records = 0;
  #blocks = 0;
  #since_us = 0;

  constructor(options: HalfOptions) {
    this.#options = options;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Installs the key of epoch 0. */
  start(key: KeyId, now_us: number): void {
    // A second start would begin again at number 1 under a key that may have been used.
    if (this.#key !== null || this.#epoch > 0 || this.#records > 0) throw new Error('a sender is started once');
    this.#key = key;
    this.#since_us = now_us;
  }

  /** The whole record, or why there is none. */
  seal(plaintext: Uint8Array, flags: number): Uint8Array | SealRefusal {
    if (this.#key === null) return 'not-started';
    if (plaintext.length > RECORD_MAX_PLAINTEXT_BYTES) return 'too-long';
    const { cipher, limits } = this.#options;
    const blocks = this.#blocks + blocksOf(plaintext.length);
    if (this.#records >= limits.stopRecords || blocks > limits.stopBlocks) return 'numbers-used-up';
    this.#records += 1;
    this.#blocks = blocks;
    return cipher.seal(this.#key, this.#header(flags, plaintext.length), plaintext);
  }

  /**
   * Goes on with the key of the next epoch and forgets the present one. An epoch in which nothing was sent is not
   * left: the receiver tries only its current epoch and the next, and would never catch up.
   */
  advance(now_us: number): AdvanceResult {
    if (this.#key === null) return 'not-started';
    if (this.#records === 0) return 'unused';
    if (this.#epoch === LAST_EPOCH) return 'epochs-used-up';
    const next = this.#options.cipher.nextEpoch(this.#key);
    this.#options.cipher.forget(this.#key);
    this.#key = next;
    this.#epoch += 1;
    this.#records = 0;
    this.#blocks = 0;
    this.#since_us = now_us;
    return 'advanced';
  }

  /** Why the key should be replaced now; undefined when it need not be. */
  needsRekey(now_us: number): SendRekeyReason | undefined {
    const { limits } = this.#options;
    if (this.#key === null) return undefined;
    if (this.#records >= limits.rekeyRecords) return 'records';
    if (this.#blocks >= limits.rekeyBlocks) return 'blocks';
    const old = now_us - this.#since_us >= limits.rekeyAfter_us;
    return old && this.#records >= limits.rekeyLeastRecords ? 'time' : undefined;
  }

  /** Forgets the key: nothing is sealed any more. */
  stop(): void {
    if (this.#key !== null) this.#options.cipher.forget(this.#key);
    this.#key = null;
  }

  save(): SavedSender {
    return {
      key: this.#key,
      epoch: this.#epoch,
      records: this.#records,
      blocks: this.#blocks,
      since_us: this.#since_us,
    };
  }

  restore(saved: SavedSender): void {
    this.#key = saved.key;
    this.#epoch = saved.epoch;
    this.#records = saved.records;
    this.#blocks = saved.blocks;
    this.#since_us = saved.since_us;
  }

  #header(flags: number, plaintextLength: number): Uint8Array {
    const { type, connectionId } = this.#options;
    const header = new Uint8Array(RECORD_HEADER_BYTES);
    const fields = { type, flags, connectionId, epoch: this.#epoch, sequence: this.#records };
    writeRecordHeader(header, 0, fields, plaintextLength);
    return header;
  }
}
