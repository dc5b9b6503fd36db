import type { GatewayConfig } from '../../src/actors/gateway/config.ts';
import { GATEWAYS, HOST_GATEWAYS, RELAYS, RISKS } from '../../src/config/embodiments.ts';
import { suiteById } from '../../src/engine/crypto/suite.ts';
import type { DevicePlan } from '../../src/topologies/plan.ts';
import { layersOf } from '../../src/transport/netlab/index.ts';
import { formatCidr, formatIp4, formatMac, type Ip4 } from '../../src/wire/address.ts';

/** Series of a gateway's numerals from its own: 20 and 2000. */
const GATEWAY_NUMERALS = 100;

/** What a configuration says of the place where a device runs. */
export interface ConfigPlace {
  /** Of the network interface. */
  readonly interface: string;
  readonly tls: object;
  readonly journal: string;
  readonly socket: string;
}

/** What a device's layers say of its tunnels, as keys of a configuration; undefined for a device without any. */
function tunnelKeys(device: DevicePlan, { tls }: ConfigPlace): object | undefined {
  const top = device.layers.find(({ options }) => 'peers' in options && 'name' in options)?.options as
    | GatewayConfig
    | undefined;
  const [ssl] = layersOf(device, 'ssl');
  const own = layersOf(device, 'ip-stack').find(({ options }) => options.interface.address === top?.address);
  if (top === undefined || ssl === undefined || own === undefined) return undefined;
  const { listen, peers } = top;
  const { interface: at, mtu } = own.options;
  return {
    address: cidrText(at),
    ...(at.gateway !== undefined && { gateway: formatIp4(at.gateway) }),
    mtu,
    tls,
    ...(listen && { listen: { port: listen.port, f13: listen.shape, handshake: listen.handshake } }),
    peers: peers.map(({ name, address, port, connect, shape, handshake }) => ({
      name,
      ...(address !== undefined && { address: formatIp4(address) }),
      ...(port !== undefined && { port }),
      connect,
      f13: shape,
      handshake,
    })),
    ...(ssl.options.suites && { suites: ssl.options.suites.map((id) => suiteById(id).name) }),
  };
}

/** Every configuration of role gateway that the device may have. */
export function gatewayConfigs(device: DevicePlan, place: ConfigPlace): object[] {
  const keys = tunnelKeys(device, place);
  if (keys === undefined || device.kind !== 'gateway') return [];
  const [engine] = layersOf(device, 'engine');
  const clampMss = engine?.options.clampMss ?? false;
  const numerals = Number(device.numeral) * GATEWAY_NUMERALS;
  const accept = Object.keys(RISKS);
  return Object.keys(GATEWAYS).map((embodiment) => ({
    ...keys,
    role: 'gateway',
    embodiment,
    accept,
    numerals,
    clampMss,
  }));
}

/** Every configuration of role relay that the device may have. */
export function relayConfigs(device: DevicePlan, place: ConfigPlace): object[] {
  const keys = tunnelKeys(device, place);
  if (keys === undefined || device.kind !== 'relay') return [];
  const { routes = [] } = layersOf(device, 'ip-stack')[0]?.options.interface ?? {};
  const ways = routes.map(({ destination, gateway }) => ({ to: formatCidr(destination), via: formatIp4(gateway) }));
  return Object.keys(RELAYS).map((embodiment) => ({
    ...keys,
    role: 'relay',
    embodiment,
    routes: ways,
    clampMss: false,
  }));
}

/** Every configuration of role host-gateway that the device may have: its kernel is above driver Z. */
export function hostGatewayConfigs(device: DevicePlan, place: ConfigPlace): object[] {
  const keys = tunnelKeys(device, place);
  const inner = layersOf(device, 'ip-stack')[0]?.options;
  if (keys === undefined || inner === undefined || device.kind !== 'host') return [];
  const tap = { mtu: inner.mtu, address: cidrText(inner.interface), mac: formatMac(inner.interface.mac) };
  const numerals = (Number(device.numeral) - 1) * GATEWAY_NUMERALS;
  return Object.keys(HOST_GATEWAYS).map((embodiment) => ({
    ...keys,
    role: 'host-gateway',
    embodiment,
    accept: Object.keys(RISKS),
    numerals,
    tap,
    clampMss: false,
  }));
}

/** Every configuration of role host that the device may have: its kernel's part is above the driver. */
export function hostConfigs(device: DevicePlan): object[] {
  const [driver] = layersOf(device, 'terminal-driver');
  const [stack] = layersOf(device, 'ip-stack');
  if (driver === undefined || stack === undefined) return [];
  const { mtu, handshake = 'hold' } = driver.options;
  const tap = { mtu, address: cidrText(stack.options.interface) };
  return [2000, 3000].map((numerals) => ({ role: 'host', embodiment: 'driver', numerals, tap, handshake }));
}

function cidrText({ address, prefixLength }: { readonly address: Ip4; readonly prefixLength: number }): string {
  return `${formatIp4(address)}/${prefixLength}`;
}
