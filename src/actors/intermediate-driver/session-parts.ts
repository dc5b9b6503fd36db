import { LegStream, type LegStreamHost } from '../leg/leg-stream.ts';
import { F13Line } from '../records/f13-line.ts';
import { PeerTrust, type PeerTrustHost } from '../records/peer-trust.ts';
import type { ConnectionEvent, TcpConnection } from '../tcp/connection.ts';
import { HEADERS_BYTES } from '../tcp/segment.ts';
import { LOCAL_TCP_TIMER, localTcp } from './local-tcp.ts';
import type { SessionHost, SessionStart } from './session-host.ts';

/** Block D: the session's F13 towards the line, on the timer `f13`. */
export function legLine(
  host: SessionHost,
  { tuple, shape, ownMac, nextHopMac, next, acknowledged }: SessionStart,
): F13Line {
  return new F13Line(
    {
      setTimer: (delay_us) => host.setTimer('f13', delay_us),
      clearTimer: () => host.clearTimer('f13'),
      transmit: (frame) => host.toLine(frame),
    },
    tuple,
    shape,
    { own: ownMac, nextHop: nextHopMac },
    { next, acknowledged },
  );
}

/** What rumours about the peer are worth, on the timer `trust`. */
export function legTrust(
  host: SessionHost,
  { tuple }: SessionStart,
  on: Pick<PeerTrustHost, 'probe' | 'lost'>,
): PeerTrust {
  return new PeerTrust(
    {
      observer: host.observer,
      setTimer: (delay_us) => host.setTimer('trust', delay_us),
      clearTimer: () => host.clearTimer('trust'),
      ...on,
    },
    `trust-${tuple.localPort}-${tuple.remotePort}`,
  );
}

/** Handshake bytes both ways, on the timer `stream`. */
export function legStream(
  host: SessionHost,
  on: Pick<LegStreamHost, 'sendData' | 'sendAcknowledge' | 'failed'>,
): LegStream {
  return new LegStream({
    armRetry: (delay_us) => host.setTimer('stream', delay_us),
    disarmRetry: () => host.clearTimer('stream'),
    ...on,
  });
}

/** Block A. */
export function legLocalTcp(
  host: SessionHost,
  { tuple, ownMac, mtu }: SessionStart,
  { keeper }: F13Line,
  onEvent: (event: ConnectionEvent) => void,
): TcpConnection {
  const timers: Pick<SessionHost, 'setTimer' | 'clearTimer'> = {
    setTimer: (name, delay_us) => host.setTimer(LOCAL_TCP_TIMER + name, delay_us),
    clearTimer: (name) => host.clearTimer(LOCAL_TCP_TIMER + name),
  };
  const link = () => ({ own: ownMac, nextHop: keeper.link.nextHop });
  return localTcp({ ...host, ...timers }, { tuple, link, mss: mtu - HEADERS_BYTES }, onEvent);
}
