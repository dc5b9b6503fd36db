import type { Vault } from '../engine/crypto/vault.ts';
import type { RandomSource } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { TlsEngine, TlsEvent, TlsOpen } from './ssl/tls-provider.ts';
import {
  type JournalData,
  type JournalRecord,
  type JournalTap,
  LEVEL_OF_KIND,
  LEVEL_RANK,
  NO_JOURNAL,
  type RecordKind,
} from './tap.ts';

/** Opens TLS engines for the devices of a world. `engine` names it for the journal. */
export interface WorldTls {
  open(device: string, engine: string, options: TlsOpen, onEvent: (event: TlsEvent) => void): TlsEngine;
  /** The engine of a restored device's session. Only a replay has it: a live TLS session cannot be restored. */
  reopen?(device: string, engine: string): TlsEngine;
}

/** How an answer of the outside is computed, written down and read back. */
export interface Answer<T> {
  readonly compute: () => T;
  readonly toData: (value: T) => JournalData;
  readonly fromData: (data: JournalData) => T;
}

/** Gives recorded answers in their order; a replay has one. Undefined: this question was not asked here, the answer is computed. */
export interface AnswerSource {
  next(device: string, actor: string, question: string): JournalData | undefined;
}

/**
 * Everything that is outside of the core, injected: time, random bytes, keys, TLS, and where the journal goes. A lab has one
 * world for all its devices, a gateway process has one for its device, a replay has one that plays recorded answers.
 */
export class World {
  readonly scheduler: Scheduler;
  readonly random: RandomSource;
  readonly vaultOf: (device: string) => Vault;
  readonly tls: WorldTls | undefined;
  readonly #tap: JournalTap;
  readonly #rank: number;
  readonly #answers: AnswerSource | undefined;
  #seq = 0;

  constructor(options: {
    scheduler: Scheduler;
    random: RandomSource;
    /** Each device has a vault of its own: keys are not shared between devices. */
    vaultOf: (device: string) => Vault;
    tls?: WorldTls;
    tap?: JournalTap;
    answers?: AnswerSource;
  }) {
    this.scheduler = options.scheduler;
    this.random = options.random;
    this.vaultOf = options.vaultOf;
    this.tls = options.tls;
    this.#tap = options.tap ?? NO_JOURNAL;
    this.#rank = LEVEL_RANK[this.#tap.level];
    this.#answers = options.answers;
  }

  wants(kind: RecordKind): boolean {
    return LEVEL_OF_KIND[kind] <= this.#rank;
  }

  /** Writes one record; its sequence number. */
  record(record: Omit<JournalRecord, 'seq'>): number {
    const seq = ++this.#seq;
    this.#tap.record({ ...record, seq });
    return seq;
  }

  /** The next record gets the number after `seq`: for a replay that begins at a snapshot. */
  continueFrom(seq: number): void {
    this.#seq = seq;
  }

  /** Asks the outside and records the answer; in a replay the recorded one is given and nothing is computed. */
  answer<T>(device: string, actor: string, question: string, cause: number, time_us: number, answer: Answer<T>): T {
    const recorded = this.#answers?.next(device, actor, question);
    const value = recorded === undefined ? answer.compute() : answer.fromData(recorded);
    if (this.wants('answer')) {
      this.record({ kind: 'answer', time_us, device, actor, name: question, data: answer.toData(value), cause });
    }
    return value;
  }
}
