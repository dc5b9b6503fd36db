import type { RecordLimits } from '../../engine/records/limits.ts';
import type { DropReason } from '../drop-reason.ts';
import {
  type ReceivedUnit,
  RecordSession,
  type RecordSessionHost,
  type SavedRecordSession,
} from '../records/record-session.ts';
import type { RecordParameters } from '../services.ts';

const RECORDS_OFF: ReceivedUnit = { kind: 'refused', reason: 'unexpected-unit', detail: 'records are off' };

export interface SavedRecordPart {
  readonly records: SavedRecordSession;
  /** Parameters that it was turned on with. */
  readonly first: RecordParameters;
  readonly payloadBytes: number;
}

/** SSL's record part: off until the application turns it on with the parameters of the first TLS session. */
export class RecordPart {
  readonly #host: RecordSessionHost;
  readonly #limits: Partial<RecordLimits>;
  #records: RecordSession | undefined;
  #first: RecordParameters | undefined;
  #payloadBytes = 0;

  constructor(host: RecordSessionHost, limits: Partial<RecordLimits>) {
    this.#host = host;
    this.#limits = limits;
  }

  /** Undefined while it is off. */
  get session(): RecordSession | undefined {
    return this.#records;
  }

  /** True when a renewal may begin now: it is off, or the last one is over. */
  get steady(): boolean {
    return this.#records === undefined || this.#records.state === 'LIVE.STEADY';
  }

  /** Turns it on, or gives it the keys of a renewal; false when the renewal before is not over. */
  turnOn(parameters: RecordParameters, payloadBytes: number): boolean {
    if (this.#records !== undefined) return this.#records.renew(parameters, payloadBytes);
    this.#make(parameters, payloadBytes).start();
    return true;
  }

  seal(frame: Uint8Array): readonly Uint8Array[] | DropReason {
    return this.#records?.seal(frame) ?? 'not-started';
  }

  receive(unit: Uint8Array): ReceivedUnit {
    return this.#records?.receive(unit) ?? RECORDS_OFF;
  }

  /** Units of a record that a cipher elsewhere has sealed. */
  sealed(record: Uint8Array): readonly Uint8Array[] {
    return this.#records?.sealed(record) ?? [];
  }

  /** What a cipher elsewhere has made of a record that {@link receive} handed out. */
  opened(header: Uint8Array, plaintext: Uint8Array | undefined): ReceivedUnit {
    return this.#records?.opened(header, plaintext) ?? RECORDS_OFF;
  }

  /** A sealed BYE, and the end of its timers and keys. */
  stop(reason: number): void {
    this.#records?.stop(reason);
  }

  timerFired(name: string): void {
    this.#records?.timerFired(name);
  }

  save(): SavedRecordPart | undefined {
    if (this.#records === undefined || this.#first === undefined) return undefined;
    return { records: this.#records.save(), first: this.#first, payloadBytes: this.#payloadBytes };
  }

  restore(saved: SavedRecordPart | undefined): void {
    this.#records = undefined;
    if (saved !== undefined) this.#make(saved.first, saved.payloadBytes).restore(saved.records);
  }

  #make(parameters: RecordParameters, payloadBytes: number): RecordSession {
    this.#first = parameters;
    this.#payloadBytes = payloadBytes;
    this.#records = new RecordSession(this.#host, parameters, { payloadBytes, limits: this.#limits });
    return this.#records;
  }
}
