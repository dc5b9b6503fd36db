import type { RecordParameters } from '../../src/actors/services.ts';

/** What SSL tells of a session that is secured, with keys of nobody. */
export function recordParameters(role: 'client' | 'server', peerName: string): RecordParameters {
  return {
    role,
    peerName,
    suite: 1,
    order: 1,
    pathMtu: 1500,
    receiveConnectionId: 1,
    sendConnectionId: 2,
    keys: { sendData: 0, receiveData: 0, sendControl: 0, receiveControl: 0 },
  };
}
