import type { SuiteId } from '../../engine/crypto/suite.ts';
import type { FourTuple } from '../../engine/f13.ts';
import type { GatewayConfig } from './config.ts';
import type { Peer } from './peer.ts';
import type { TunnelSession } from './session.ts';
import type { TunnelSessions } from './sessions.ts';

export interface PeerStatus {
  readonly name: string;
  readonly state: string;
  /** When the state began, microseconds of the device's clock. */
  readonly since_us: number;
  /** The session that frames take, as SSL's status names it too (epochs are there where SSL has the record part). */
  readonly session?: string;
  readonly role?: 'client' | 'server';
  readonly tuple?: FourTuple;
  readonly suite?: SuiteId;
  readonly order?: 0 | 1;
  readonly pathMtu?: number;
  /** There where nothing authenticates what arrives (an in-line cipher below IP). */
  readonly integrity?: 'none';
  readonly up_us?: number;
}

export interface GatewayStatus {
  readonly name: string;
  readonly listening?: number;
  readonly peers: readonly PeerStatus[];
  readonly sessions: readonly { readonly session: string; readonly state: string; readonly peer?: string }[];
  readonly counters: Readonly<Record<string, number>>;
}

export function statusOf(
  config: GatewayConfig,
  peers: readonly Peer[],
  sessions: TunnelSessions,
  counters: Readonly<Record<string, number>>,
): GatewayStatus {
  return {
    name: config.name,
    listening: config.listen?.port,
    peers: peers.map((peer) => peerStatus(peer, sessions.get(peer.active ?? ''))),
    sessions: sessions.all.map(({ name, state, facts }) => ({ session: name, state, peer: facts.peer })),
    counters: { ...counters },
  };
}

function peerStatus({ config, machine, since_us }: Peer, session: TunnelSession | undefined): PeerStatus {
  const base = { name: config.name, state: machine.state, since_us };
  if (session === undefined) return base;
  const { name, tuple, facts } = session;
  const { role, suite, order, pathMtu, integrity } = facts.parameters ?? {};
  return { ...base, session: name, tuple, role, suite, order, pathMtu, integrity, up_us: facts.up_us };
}
