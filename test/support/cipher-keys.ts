import type { RecordParameters } from '../../src/actors/services.ts';
import type { Direction, Purpose } from '../../src/engine/crypto/key-schedule.ts';
import type { Vault } from '../../src/engine/crypto/vault.ts';
import { RECORD_HEADER_BYTES, UNIT_CONTROL, UNIT_DATA, writeRecordHeader } from '../../src/wire/record.ts';

/** Keys of one end of a session, the same in every vault that is asked with the same number. */
export function cipherKeys(vault: Vault, role: 'client' | 'server' = 'server', seed = 1): RecordParameters['keys'] {
  const base = vault.importBase(new Uint8Array(32).fill(seed));
  const key = (direction: Direction, purpose: Purpose) => vault.deriveTraffic(base, 1, direction, purpose, 0);
  const [send, receive]: [Direction, Direction] = role === 'client' ? ['c2s', 's2c'] : ['s2c', 'c2s'];
  return {
    sendData: key(send, 'data'),
    receiveData: key(receive, 'data'),
    sendControl: key(send, 'control'),
    receiveControl: key(receive, 'control'),
  };
}

export const PLAIN = new Uint8Array(60).fill(0x5a);

/** Header and plaintext of a record. */
export function prepared({ sequence = 1, epoch = 0, control = false, plain = PLAIN } = {}): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + plain.length);
  const type = control ? UNIT_CONTROL : UNIT_DATA;
  writeRecordHeader(bytes, 0, { type, connectionId: 5, epoch, sequence }, plain.length);
  bytes.set(plain, RECORD_HEADER_BYTES);
  return bytes;
}
