import type { RecordLimits } from '../../engine/records/limits.ts';
import type { RecordNumbers } from '../../engine/records/receiving.ts';
import type { DropReason } from '../drop-reason.ts';
import type { RecordParameters } from '../services.ts';
import type { CipherPlace } from './cipher-place.ts';
import { ClearGeneration, type SavedClearGeneration } from './clear-generation.ts';
import { KeyGeneration, type OpenedUnit, type SavedGeneration } from './key-generation.ts';

/** All that hangs on one TLS session of a record session: how frames become units and units frames. */
export interface Generation {
  readonly parameters: RecordParameters;
  readonly sendEpoch: number;
  readonly receiveEpoch: number;
  startReceiving(): void;
  startSending(now_us: number): void;
  /** What carries one LAN frame. */
  sealFrame(frame: Uint8Array): readonly Uint8Array[] | DropReason;
  /** The units that carry a record which a cipher elsewhere has sealed. */
  units(record: Uint8Array): readonly Uint8Array[];
  /** Undefined when it cannot be sent, or a cipher elsewhere has it. */
  sealControl(plaintext: Uint8Array): Uint8Array | undefined;
  open(unit: Uint8Array, now_us: number): OpenedUnit;
  /** What a cipher elsewhere has made of a record that {@link open} handed out. */
  settle(type: number, numbers: RecordNumbers, plaintext: Uint8Array | undefined, now_us: number): OpenedUnit;
  rekeyDue(now_us: number): boolean;
  /** Seals under the next epoch from now on. */
  advance(now_us: number): void;
  forgetOldEpoch(now_us: number): void;
  stop(): void;
  save(): AnySavedGeneration;
}

export type AnySavedGeneration = SavedGeneration | SavedClearGeneration;

/** Sealed records, or frames in clear where an in-line cipher is below. */
export function newGeneration(
  cipher: CipherPlace,
  parameters: RecordParameters,
  payloadBytes: number,
  limits: Partial<RecordLimits>,
): Generation {
  if (parameters.integrity === 'none') return new ClearGeneration(parameters);
  return new KeyGeneration(cipher, parameters, payloadBytes, limits);
}

export function restoredGeneration(
  cipher: CipherPlace,
  saved: AnySavedGeneration,
  limits: Partial<RecordLimits>,
): Generation {
  return 'data' in saved ? KeyGeneration.restored(cipher, saved, limits) : new ClearGeneration(saved.parameters);
}
