import {
  buildClearUnit,
  CLEAR_HEADER_BYTES,
  CLEAR_MAX_BODY_BYTES,
  UNIT_CLEAR_CONTROL,
  UNIT_CLEAR_FRAME,
} from '../../wire/clear-unit.ts';
import type { DropReason } from '../drop-reason.ts';
import type { RecordParameters } from '../services.ts';
import type { OpenedUnit } from './key-generation.ts';

export interface SavedClearGeneration {
  readonly parameters: RecordParameters;
}

/**
 * Frames pass in clear, told apart by their lengths: the byte stream as a whole is encrypted below IP. The keys belong to the cipher there,
 * which still needs them when this has ended.
 */
export class ClearGeneration {
  readonly parameters: RecordParameters;
  readonly sendEpoch = 0;
  readonly receiveEpoch = 0;

  constructor(parameters: RecordParameters) {
    this.parameters = parameters;
  }

  startReceiving(): void {}

  startSending(): void {}

  sealFrame(frame: Uint8Array): readonly Uint8Array[] | DropReason {
    return frame.length > CLEAR_MAX_BODY_BYTES ? 'too-long' : [this.#unit(UNIT_CLEAR_FRAME, frame)];
  }

  units(record: Uint8Array): readonly Uint8Array[] {
    return [record];
  }

  sealControl(plaintext: Uint8Array): Uint8Array {
    return this.#unit(UNIT_CLEAR_CONTROL, plaintext);
  }

  open(unit: Uint8Array): OpenedUnit {
    const kind = KIND_OF[unit[0] as number];
    if (kind === undefined) return this.settle(unit[0] as number);
    return { kind, bytes: unit.subarray(CLEAR_HEADER_BYTES) };
  }

  /** Nothing is handed out. */
  settle(type: number): OpenedUnit {
    return { kind: 'refused', reason: 'unexpected-unit', detail: String(type) };
  }

  rekeyDue(): boolean {
    return false;
  }

  advance(): void {}

  forgetOldEpoch(): void {}

  stop(): void {}

  save(): SavedClearGeneration {
    return { parameters: this.parameters };
  }

  #unit(type: number, body: Uint8Array): Uint8Array {
    return buildClearUnit(type, this.parameters.sendConnectionId, body);
  }
}

const KIND_OF: Readonly<Record<number, 'frame' | 'control'>> = {
  [UNIT_CLEAR_FRAME]: 'frame',
  [UNIT_CLEAR_CONTROL]: 'control',
};
