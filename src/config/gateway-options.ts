import type { OnDemand } from '../actors/gateway/config.ts';
import { SUITE_CLEAR, type Suite, type SuiteId, suiteByName } from '../engine/crypto/suite.ts';
import type { DriverZOptions } from '../topologies/parts/driver-z.ts';
import type { GatewayListen, GatewayOptions, GatewayPeer } from '../topologies/parts/gateway-options.ts';
import type { RelayOptions } from '../topologies/parts/relay.ts';
import { type Cidr, type Ip4, type Mac, parseCidr, parseIp4 } from '../wire/address.ts';
import { RECORD_OVERHEAD_BYTES } from '../wire/record.ts';
import type { GatewayConfig, HostGatewayConfig, PeerConfig, RelayConfig, TunnelConfig } from './schema.ts';

/** F12 and the TCP-shaped F13 in front of a record. */
const TUNNEL_HEADERS_BYTES = 40;
/** Inner Ethernet header with one VLAN tag. */
const INNER_ETHERNET_BYTES = 18;
/** Inner IPv4 and TCP headers without options. */
const INNER_HEADERS_BYTES = 40;
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

/** Have something beside the layers of a gateway or relay with a true TCP: see `device-plan.ts`. */
const WITH_CIPHER = ['engine-x', 'look-aside'] as const;
type WithCipher = (typeof WITH_CIPHER)[number];

function kindOf<E extends string>(embodiment: E): Exclude<E, WithCipher> | 'tcp-over-tcp' {
  return WITH_CIPHER.some((name) => name === embodiment) ? 'tcp-over-tcp' : (embodiment as Exclude<E, WithCipher>);
}

/** What a gateway's device is built from. `mac` is the one that the config's `interface.mac` came to mean. */
export function gatewayOptions(config: GatewayConfig, mac: Mac): GatewayOptions {
  return { kind: kindOf(config.embodiment), numerals: config.numerals, ...tunnelOptions(config, mac) };
}

/** What driver Z is built from: a gateway inside a host. */
export function driverZOptions(config: HostGatewayConfig, mac: Mac): DriverZOptions {
  return { kind: config.embodiment, numerals: config.numerals, ...tunnelOptions(config, mac) };
}

/** What a relay's device is built from. */
export function relayOptions(config: RelayConfig, mac: Mac): RelayOptions {
  return {
    ...tunnelOptions(config, mac),
    kind: kindOf(config.embodiment),
    listen: listenOf(config.listen),
    ...(config.routes.length > 0 && { routes: config.routes.map(routeOf) }),
  };
}

/** Of every device that tunnels end at. */
function tunnelOptions(config: TunnelConfig, mac: Mac): Omit<GatewayOptions, 'kind' | 'numerals'> {
  const own = parseCidr(config.address) as Cidr;
  return {
    name: config.name,
    mac,
    ip: own.address,
    prefixLength: own.prefix,
    gateway: config.gateway === undefined ? undefined : parseIp4(config.gateway),
    mtu: config.mtu,
    listen: config.listen && listenOf(config.listen),
    peers: config.peers.map(peerOf),
    suites: suitesOf(config),
    clampMss: clampMssOf(config),
    renewal_ms: config.renewal_min * MINUTE_MS,
  };
}

/** SSL off is not one suite among others: it is offered alone. */
function suitesOf({ ssl, suites }: TunnelConfig): SuiteId[] {
  return ssl === 'off' ? [SUITE_CLEAR] : suites.map((name) => (suiteByName(name) as Suite).id);
}

function routeOf({ to, via }: RelayConfig['routes'][number]): NonNullable<RelayOptions['routes']>[number] {
  return { destination: parseCidr(to) as Cidr, gateway: parseIp4(via) as Ip4 };
}

function listenOf({ port, f13, handshake }: NonNullable<TunnelConfig['listen']>): GatewayListen {
  return { port, shape: f13, handshake };
}

function peerOf({ name, pin, address, port, connect, demand, f13, handshake }: PeerConfig): GatewayPeer {
  return {
    name,
    pin,
    address: address === undefined ? undefined : parseIp4(address),
    port,
    connect,
    ...(demand && { demand: onDemand(demand) }),
    shape: f13,
    handshake,
  };
}

function onDemand({ idle_s, networks }: NonNullable<PeerConfig['demand']>): OnDemand {
  return { idle_ms: idle_s * SECOND_MS, networks: networks.map((text) => parseCidr(text) as Cidr) };
}

/** `true` means the largest MSS whose segments travel as one record in one packet of the interface's MTU. */
function clampMssOf({ clampMss, mtu }: TunnelConfig): number | undefined {
  if (clampMss === false) return undefined;
  if (typeof clampMss === 'number') return clampMss;
  return mtu - TUNNEL_HEADERS_BYTES - RECORD_OVERHEAD_BYTES - INNER_ETHERNET_BYTES - INNER_HEADERS_BYTES;
}
