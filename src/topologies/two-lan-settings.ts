import type { HandshakeMode, InterfaceAddress } from '../actors/services.ts';
import type { SuiteId } from '../engine/crypto/suite.ts';
import type { F13Shape } from '../engine/f13.ts';
import type { RecordLimits } from '../engine/records/limits.ts';
import { DEVICES, GATEWAY_20, GATEWAY_30, HOST_MTU, LINK_MTU, LISTEN_PORT } from './network.ts';
import type { GatewayOptions, GatewayPeer } from './parts/gateway-options.ts';
import type { Topology } from './topologies.ts';

/** Everything that the devices of a two-LAN network are built from; plain data, kept in the journal's config record. */
export interface TwoLanSettings {
  readonly topology: Topology;
  readonly shape: F13Shape;
  readonly handshake: HandshakeMode;
  /** Bytes of an IP packet of terminal and server. */
  readonly hostMtu: number;
  readonly suites?: readonly SuiteId[];
  readonly orders?: readonly (0 | 1)[];
  readonly clampMss?: number;
  readonly renewal_ms?: number;
  readonly limits?: Partial<RecordLimits>;
  /** Names that gateway 30 and gateway 20 expect of each other, where a test wants others than the true ones. */
  readonly expects?: { readonly of20?: string; readonly of30?: string };
  /** False: nobody tells gateway 20 to listen. */
  readonly listens?: boolean;
}

export const TWO_LAN_DEFAULTS: Omit<TwoLanSettings, 'topology'> = {
  shape: 'tcp',
  handshake: 'hold',
  hostMtu: HOST_MTU,
};

/** Gateway 20: the server of the worked example (spec 2.4). */
export function gateway20Options(settings: TwoLanSettings): GatewayOptions {
  const { shape, handshake, listens = true } = settings;
  const peer: GatewayPeer = { name: settings.expects?.of30 ?? DEVICES.gateway30, connect: false, shape, handshake };
  return {
    ...shared(settings),
    kind: settings.topology.gateway20,
    numerals: 2000,
    name: DEVICES.gateway20,
    ...place(GATEWAY_20),
    ...(listens && { listen: { port: LISTEN_PORT, shape, handshake } }),
    peers: [peer],
  };
}

/** Gateway 30: the client. */
export function gateway30Options(settings: TwoLanSettings): GatewayOptions {
  const { shape, handshake } = settings;
  const peer: GatewayPeer = {
    name: settings.expects?.of20 ?? DEVICES.gateway20,
    address: GATEWAY_20.address,
    port: LISTEN_PORT,
    connect: true,
    shape,
    handshake,
  };
  return {
    ...shared(settings),
    kind: settings.topology.gateway30,
    numerals: 3000,
    name: DEVICES.gateway30,
    ...place(GATEWAY_30),
    peers: [peer],
  };
}

function shared({ suites, orders, clampMss, renewal_ms, limits }: TwoLanSettings) {
  return {
    mtu: LINK_MTU,
    ...(suites && { suites }),
    ...(orders && { orders }),
    ...(clampMss !== undefined && { clampMss }),
    ...(renewal_ms !== undefined && { renewal_ms }),
    ...(limits && { limits }),
  };
}

function place({ address, prefixLength, gateway, mac }: InterfaceAddress) {
  return { ip: address, prefixLength, mac, ...(gateway !== undefined && { gateway }) };
}
