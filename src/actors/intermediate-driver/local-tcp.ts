import type { Mac } from '../../wire/address.ts';
import { buildEthernet, EtherType } from '../../wire/ethernet.ts';
import { isIp6 } from '../../wire/ip-address.ts';
import {
  type ConnectionEvent,
  TcpConnection,
  type TcpConnectionHost,
  type TcpConnectionOptions,
} from '../tcp/connection.ts';
import { FIN_WAIT_KEEPALIVE } from '../tcp/limits.ts';
import { packetFromSegment, reversed, type TcpTuple, tupleBytes } from '../tcp/segment.ts';
import type { SessionHost } from './session-host.ts';

/** The local connection is over quickly: both of its ends are in this host. */
const LOCAL_TIME_WAIT_US = 1_000_000;
/** Prefix of its timers among those of the session. */
export const LOCAL_TCP_TIMER = 'tcp/';

export interface LocalTcpHost
  extends Pick<SessionHost, 'vault' | 'toStack'>,
    Pick<TcpConnectionHost, 'now_us' | 'setTimer' | 'clearTimer' | 'observer'> {}

export interface LocalTcpOptions extends Partial<Omit<TcpConnectionOptions, 'mss'>> {
  readonly mss: number;
  /** The session's ends as its host sees them. */
  readonly tuple: TcpTuple;
  /** MAC addresses of the host and of the next hop, read anew for each segment. */
  link(): { readonly own: Mac; readonly nextHop: Mac };
}

/**
 * Block A, which speaks in the name of the far TCP: its local end is the session's remote one. Block E puts F11 (F21) on what it sends, the
 * next hop's MAC as source, as if the segments had come from there.
 */
export function localTcp(
  host: LocalTcpHost,
  { tuple, link, ...options }: LocalTcpOptions,
  onEvent: (event: ConnectionEvent) => void,
): TcpConnection {
  const ends = reversed(tuple);
  const etherType = isIp6(ends.local) ? EtherType.IP6 : EtherType.IP4;
  return new TcpConnection(
    {
      now_us: () => host.now_us(),
      setTimer: (name, delay_us) => host.setTimer(name, delay_us),
      clearTimer: (name) => host.clearTimer(name),
      isn: () => host.vault.isn(tupleBytes(ends), host.now_us()),
      transmit: (segment) => {
        const { own: destination, nextHop: source } = link();
        host.toStack(buildEthernet({ destination, source, etherType }, packetFromSegment(segment, ends)));
      },
      indicate: onEvent,
      observer: host.observer,
    },
    {
      name: `a-${tuple.localPort}-${tuple.remotePort}`,
      ...ends,
      holdSynAck: true,
      timeWait_us: LOCAL_TIME_WAIT_US,
      finWaitKeepalive: FIN_WAIT_KEEPALIVE,
      ...options,
    },
  );
}
