import type { F13Link, F13Numbers, F13Shape } from '../../engine/f13.ts';
import type { EngineSession } from '../../wire/control-frame.ts';
import type { EngineStart } from '../services.ts';

/** F11 and F13 of a session at the moment in which the engine takes it over; of no use to an engine that makes no F10 frames. */
export interface SessionF13 {
  readonly link: F13Link;
  readonly shape: F13Shape;
  readonly numbers: F13Numbers;
}

/** What a START (or RENEW) control frame says of a session. */
export function engineSessionOf(
  { sessionId, tuple, parameters, site }: EngineStart,
  { link, shape, numbers }: SessionF13,
): EngineSession {
  const { keys } = parameters;
  return {
    sessionId,
    udp: shape === 'udp',
    client: parameters.role === 'client',
    suite: parameters.suite,
    order: parameters.order,
    ownMac: link.own,
    nextHopMac: link.nextHop,
    ownIp: tuple.local,
    peerIp: tuple.remote,
    ownPort: tuple.localPort,
    peerPort: tuple.remotePort,
    pathMtu: parameters.pathMtu,
    receiveConnectionId: parameters.receiveConnectionId,
    sendConnectionId: parameters.sendConnectionId,
    sendDataKeyId: keys.sendData,
    receiveDataKeyId: keys.receiveData,
    sendControlKeyId: keys.sendControl,
    receiveControlKeyId: keys.receiveControl,
    nextSequence: numbers.next,
    acknowledgement: numbers.acknowledged,
    site,
  };
}
