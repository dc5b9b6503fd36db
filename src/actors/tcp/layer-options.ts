import type { IpAddress } from '../../wire/ip-address.ts';
import type { SavedConnection } from './connection.ts';
import type { TcpConnectionOptions } from './core.ts';
import type { TcpTuple } from './segment.ts';
import type { SourceRouteUse } from './source-route.ts';

/** When a SYN is answered without keeping anything of it: when the backlog is full, always, or never (then it is dropped). */
export type SynCookieUse = 'under-pressure' | 'always' | 'never';

/** Options that all connections over one family of addresses have in common. */
export type SharedOptions = Omit<TcpConnectionOptions, 'name' | keyof TcpTuple>;

/** What a TCP layer is made with. */
export interface TcpLayerOptions {
  /** Own address: source of what is sent to addresses of its family. */
  readonly address: IpAddress;
  /** More of them, such as those of the other family. */
  readonly otherAddresses?: readonly IpAddress[];
  /**
   * Takes any address that its user names as `source` for its own: TCP 3003B of embodiment 7, which speaks in the names of terminals
   * ([0951]). What is below it must have them.
   */
  readonly anySource?: boolean;
  /** Bytes of an IP packet. */
  readonly mtu: number;
  readonly maxConnections?: number;
  /** Handshakes under way per listening port; beyond it SYN cookies are used, or the SYN is dropped. */
  readonly backlog?: number;
  readonly synCookies?: SynCookieUse;
  /** Default `refuse`. */
  readonly sourceRoutes?: SourceRouteUse;
  /** Service ports besides `upper`. */
  readonly users?: readonly string[];
  /** For all connections: congestion control, keepalive, sizes… */
  readonly connections?: Partial<Omit<TcpConnectionOptions, 'name' | keyof TcpTuple | 'mss' | 'holdSynAck'>>;
}

/** A connection of the layer in its saved form. */
export interface SavedEntry {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly tuple: TcpTuple;
  readonly listener: number | null;
  readonly told: boolean;
  readonly connection: SavedConnection;
}
