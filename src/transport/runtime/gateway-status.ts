import type { Device } from '../../actors/device.ts';
import { EngineLayer } from '../../actors/engine/layer.ts';
import type { PeerStatus as TunnelPeer, GatewayStatus as TunnelsStatus } from '../../actors/gateway/status.ts';
import { TunnelsLayer } from '../../actors/gateway/tunnels.ts';
import { tupleKey } from '../../actors/intermediate-driver/settings.ts';
import { SslLayer } from '../../actors/ssl/layer.ts';
import { TerminalDriverLayer } from '../../actors/terminal-driver/layer.ts';
import type { PeerConfig, TunnelConfig } from '../../config/schema.ts';
import { suiteById } from '../../engine/crypto/suite.ts';
import { formatIp4 } from '../../wire/address.ts';
import type { ConnectionCounts, GatewayStatus, PeerStatus, SessionStatus } from './control-protocol.ts';

const US_PER_S = 1_000_000;
const ORDERS = ['encrypt-then-fragment', 'fragment-then-encrypt'] as const;

/** States of the peer machine in an operator's words. */
const PEER_STATES: Readonly<Record<string, string>> = {
  IDLE: 'waiting for the peer',
  DIALLING: 'connecting',
  UP: 'up',
  'BACK-OFF': 'waiting to connect again',
  OFF: 'disconnected by operator',
};

/** The layer that the operator speaks to; undefined where no tunnel ends. */
export function tunnelsOf(device: Device): TunnelsLayer | undefined {
  return device.layers.find((layer) => layer instanceof TunnelsLayer);
}

/** Why `connect` has nothing to do for a peer; undefined where this end dials, and where the operator's `disconnect` is to be taken back. */
export function dialRefusal(device: Device, { name, address, port }: PeerConfig): string | undefined {
  const state = tunnelsOf(device)
    ?.status()
    .peers.find((peer) => peer.name === name)?.state;
  if ((address !== undefined && port !== undefined) || state === 'OFF') return undefined;
  return `only the end that has its address connects: ${state === 'UP' ? `${name} is up` : `waiting for ${name}`}`;
}

/** What a driver of this host did with its TCP connections; null where there is no such driver. */
export function connectionsOf(device: Device): ConnectionCounts | null {
  const driver = device.layers.find((layer) => layer instanceof TerminalDriverLayer);
  if (driver === undefined) return null;
  const { sessionsOpened = 0, sessionsTaken = 0, foundAlone = 0, foundSilent = 0, refused = 0 } = driver.counters;
  const { goneBy = 0, goneByForRoom = 0 } = driver.counters;
  return {
    now: driver.leg.sessions.size,
    carried: sessionsOpened + sessionsTaken - foundAlone - foundSilent - refused,
    leftAlone: foundAlone + foundSilent + goneBy + goneByForRoom,
    refused,
    lateFrames: driver.drops.get('no-session') ?? 0,
  };
}

/** `started_us`: when the device started; states that are older than that began then. */
export function peersOf(device: Device, config: TunnelConfig, now_us: number, started_us: number): PeerStatus[] {
  const status = tunnelsOf(device)?.status();
  if (status === undefined) return [];
  return config.peers.map((peer: PeerConfig) => {
    const told = peerStatus(device, status, peer, now_us);
    return { ...told, since_s: Math.min(told.since_s, seconds(now_us - started_us)) };
  });
}

function peerStatus(device: Device, status: TunnelsStatus, config: PeerConfig, now_us: number): PeerStatus {
  const peer = status.peers.find(({ name }) => name === config.name);
  if (peer === undefined) return { name: config.name, state: 'unknown', since_s: 0, session: null };
  return {
    name: peer.name,
    state: PEER_STATES[peer.state] ?? peer.state,
    since_s: seconds(now_us - peer.since_us),
    session: sessionStatus(device, status, peer, config, now_us),
  };
}

function sessionStatus(
  device: Device,
  status: TunnelsStatus,
  peer: TunnelPeer,
  config: PeerConfig,
  now_us: number,
): SessionStatus | null {
  if (peer.session === undefined || peer.tuple === undefined || peer.role === undefined) return null;
  return {
    state: status.sessions.find(({ session }) => session === peer.session)?.state ?? '',
    role: peer.role,
    remote: `${formatIp4(peer.tuple.remote)}:${peer.tuple.remotePort}`,
    f13: config.f13,
    handshake: config.handshake,
    suite: peer.suite === undefined ? null : suiteById(peer.suite).name,
    order: peer.order === undefined ? null : ORDERS[peer.order],
    epoch: epochsOf(device, peer) ?? null,
    renewals: renewalsOf(device, peer),
    up_s: peer.up_us === undefined ? null : seconds(now_us - peer.up_us),
  };
}

/** Epochs are known where records are sealed: in the engine, or in SSL's record part. */
function epochsOf(device: Device, peer: TunnelPeer): { send: number; receive: number } | undefined {
  for (const layer of device.layers) {
    if (layer instanceof EngineLayer && peer.tuple !== undefined) {
      const key = tupleKey(peer.tuple);
      const found = layer.status().find(({ tuple }) => tupleKey(tuple) === key);
      if (found !== undefined) return found.epochs;
    }
    if (layer instanceof SslLayer) {
      const found = layer.status().find(({ session }) => session === peer.session);
      if (found?.epochs !== undefined) return found.epochs;
    }
  }
  return undefined;
}

/** TLS sessions after the first one of a session. */
function renewalsOf(device: Device, peer: TunnelPeer): number {
  const ssl = device.layers.find((layer) => layer instanceof SslLayer);
  const generation = ssl?.status().find(({ session }) => session === peer.session)?.generation ?? 0;
  return Math.max(0, generation - 1);
}

/** LAN frames that went into records and came out of them, whoever does that here. */
export function frameCounts(device: Device): { framesSealed: number; framesOpened: number } {
  const engine = device.layers.find((layer) => layer instanceof EngineLayer);
  if (engine !== undefined)
    return { framesSealed: engine.counters.sealed ?? 0, framesOpened: engine.counters.opened ?? 0 };
  const { intoTunnel = 0, fromTunnel = 0 } = tunnelsOf(device)?.counters ?? {};
  return { framesSealed: intoTunnel, framesOpened: fromTunnel };
}

export function dropsOf(device: Device): GatewayStatus['drops'] {
  return device.layers.flatMap((layer) =>
    [...layer.drops].map(([reason, count]) => ({ layer: layer.label, kind: layer.kind, reason, count })),
  );
}

export function seconds(us: number): number {
  return Math.max(0, Math.floor(us / US_PER_S));
}
