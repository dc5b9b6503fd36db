import type { RecordParameters } from '../../src/actors/services.ts';

/** What SSL tells of a session that is secured: gateway 30 has dialled, the keys are nobody's. */
export function recordParameters(changes: Partial<RecordParameters> = {}): RecordParameters {
  return {
    role: 'server',
    peerName: 'gateway30',
    suite: 1,
    order: 1,
    pathMtu: 1500,
    receiveConnectionId: 17,
    sendConnectionId: 18,
    keys: { sendData: 1, receiveData: 2, sendControl: 3, receiveControl: 4 },
    ...changes,
  };
}
