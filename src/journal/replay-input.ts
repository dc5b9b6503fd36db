import { DEVICE_ACTOR, type Device, type DeviceInput } from '../actors/device.ts';
import type { ChecksumVerdict } from '../actors/frame.ts';
import { frameFromData, isLength, membersOf } from '../actors/frame-data.ts';
import type { JournalData, JournalRecord } from '../actors/tap.ts';

const VERDICTS: readonly ChecksumVerdict[] = ['good', 'bad', 'none'];

/** The input that a record tells of; a string says why it cannot be given to the device. */
export function deviceInput(device: Device, record: JournalRecord): DeviceInput | string {
  const { actor, name, data } = record;
  if (actor === DEVICE_ACTOR) return ownInput(name);
  if (name === 'frame' && device.boundaryNames.includes(actor)) return frameInput(actor, data);
  if (name === 'timer') return timerInput(device, record);
  return { kind: 'event', layer: actor, name, data };
}

function ownInput(name: string): DeviceInput | string {
  return name === 'start' || name === 'stop' ? { kind: name } : `no input of a device is called ${name}`;
}

function frameInput(port: string, data: JournalData): DeviceInput | string {
  const bytes = frameFromData(data);
  const { segment_bytes, ...members } = membersOf(data);
  const checksum = members.checksum as ChecksumVerdict;
  if (bytes === undefined || !VERDICTS.includes(checksum)) return 'the recorded frame cannot be read';
  const input = { kind: 'frame', port, bytes, checksum } as const;
  return isLength(segment_bytes) ? { ...input, segment_bytes } : input;
}

function timerInput(device: Device, { actor, data, time_us }: JournalRecord): DeviceInput | string {
  const { timer } = membersOf(data);
  if (typeof timer !== 'string') return 'the recorded timer cannot be read';
  const deadline_us = device.timerDeadline_us(actor, timer);
  if (deadline_us === undefined) return `timer ${timer} of ${actor} is not armed in the replay`;
  if (deadline_us > time_us)
    return `timer ${timer} of ${actor} is due at ${deadline_us} us in the replay, later than it fired`;
  return { kind: 'timer', layer: actor, name: timer };
}
