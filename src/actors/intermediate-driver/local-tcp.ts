import { buildEthernet, EtherType } from '../../wire/ethernet.ts';
import type { F13Line } from '../records/f13-line.ts';
import { type ConnectionEvent, TcpConnection } from '../tcp/connection.ts';
import { FIN_WAIT_KEEPALIVE } from '../tcp/limits.ts';
import { HEADERS_BYTES, packetFromSegment, type TcpTuple, tupleBytes } from '../tcp/segment.ts';
import type { SessionHost, SessionStart } from './session-host.ts';

/** The local connection is over quickly: both of its ends are in this host. */
const LOCAL_TIME_WAIT_US = 1_000_000;
/** Prefix of its timers among those of the session. */
export const LOCAL_TCP_TIMER = 'tcp/';

/**
 * Block A, which speaks in the name of the far TCP: its local end is the session's remote one. Block E puts F11 on what it sends, the
 * next hop's MAC as source, as if the segments had come from there.
 */
export function localTcp(
  host: SessionHost,
  start: SessionStart,
  line: F13Line,
  onEvent: (event: ConnectionEvent) => void,
): TcpConnection {
  const { tuple, ownMac, mtu } = start;
  const ends: TcpTuple = {
    local: tuple.remote,
    localPort: tuple.remotePort,
    remote: tuple.local,
    remotePort: tuple.localPort,
  };
  return new TcpConnection(
    {
      now_us: () => host.now_us(),
      setTimer: (name, delay_us) => host.setTimer(LOCAL_TCP_TIMER + name, delay_us),
      clearTimer: (name) => host.clearTimer(LOCAL_TCP_TIMER + name),
      isn: () => host.vault.isn(tupleBytes(ends), host.now_us()),
      transmit: (segment) => {
        const link = { destination: ownMac, source: line.keeper.link.nextHop, etherType: EtherType.IP4 };
        host.toStack(buildEthernet(link, packetFromSegment(segment, ends)));
      },
      indicate: onEvent,
      observer: host.observer,
    },
    {
      name: `a-${tuple.localPort}-${tuple.remotePort}`,
      ...ends,
      mss: mtu - HEADERS_BYTES,
      holdSynAck: true,
      timeWait_us: LOCAL_TIME_WAIT_US,
      finWaitKeepalive: FIN_WAIT_KEEPALIVE,
    },
  );
}
