import type { InterfaceAddress } from '../actors/services.ts';
import {
  ADDRESSES,
  CABLES,
  DEVICES,
  LINK_MTU,
  LISTEN_PORT,
  PORTS,
  SERVER_31,
  TERMINAL_21,
  TRANSFER_PORT,
  type TwoLanAddresses,
} from './network.ts';
import { firewallPlan } from './parts/firewall.ts';
import { gatewayPlan, gatewayTunnel } from './parts/gateway.ts';
import type { GatewayKind, GatewayOptions, GatewayPeer } from './parts/gateway-options.ts';
import { type HostPlanOptions, hostEnd, hostPlan } from './parts/host.ts';
import { hubPlan } from './parts/hub.ts';
import type { CablePlan, DevicePlan, NetworkPlan, NetworkSettings } from './plan.ts';

/** Bits of the address of a single host. */
const HOST_PREFIX = 32;

const TERMINAL_END = { device: DEVICES.terminal21, port: PORTS.terminal };
const SERVER_END = { device: DEVICES.server31, port: PORTS.server };
const SWAPPED_CABLES: readonly CablePlan[] = CABLES.map((cable) => {
  if (cable.name === 'W1') return { ...cable, a: SERVER_END };
  return cable.name === 'W6' ? { ...cable, b: TERMINAL_END } : cable;
});

/** What differs between the embodiments on the two-LAN network of figures 17 to 20. */
export interface TwoLanParts {
  readonly gateway20: GatewayKind;
  readonly gateway30: GatewayKind;
  /** What acts at F13; default: nothing. */
  readonly f13?: NetworkPlan['f13'];
  readonly carries?: NetworkPlan['carries'];
  /** Default: hosts without anything added. */
  readonly terminal21?: (name: string, options: HostPlanOptions) => DevicePlan;
  readonly server31?: (name: string, options: HostPlanOptions) => DevicePlan;
  /** Default: firewall 33. */
  readonly firewall33?: () => DevicePlan;
  /** Default: gateways in networks of their own. */
  readonly addresses?: TwoLanAddresses;
  /** HTTP proxy that gateway 30 connects through. */
  readonly proxy?: GatewayPeer['proxy'];
  /** Of both gateways, besides what all have. */
  readonly gateways?: Partial<GatewayOptions>;
  /** Hosts on hub 22 besides terminal 21, by name. */
  readonly moreTerminals?: Readonly<Record<string, HostPlanOptions>>;
  /** Terminal and server have changed places ([0412]): server 31 on hub 22, terminal 21 on hub 32. */
  readonly swapped?: true;
}

/** Terminal 21 and gateway 20 on hub 22, server 31 and gateway 30 on hub 32, firewall 33 between the hubs. */
export function twoLanPlan(settings: NetworkSettings, parts: TwoLanParts): NetworkPlan {
  const { terminal21 = hostPlan, server31 = hostPlan, f13 = 'shape' } = parts;
  const { addresses = ADDRESSES, gateways, moreTerminals = {}, proxy } = parts;
  const { firewall33 = () => firewallBetween(settings, addresses) } = parts;
  const terminal = endOptions('21', TERMINAL_21, settings);
  const server = endOptions('31', SERVER_31, settings);
  const gateway20 = { ...gateway20Options(settings, addresses), kind: parts.gateway20, ...gateways };
  const gateway30 = { ...gateway30Options(settings, addresses, proxy), kind: parts.gateway30, ...gateways };
  const more = Object.entries(moreTerminals);
  return {
    devices: [
      hubPlan(DEVICES.hub22, { bridge: '224', ports: [...Object.values(PORTS.hub22), ...more.map(([name]) => name)] }),
      hubPlan(DEVICES.hub32, { bridge: '324', ports: Object.values(PORTS.hub32) }),
      firewall33(),
      terminal21(DEVICES.terminal21, terminal),
      ...more.map(([name, options]) => terminal21(name, options)),
      server31(DEVICES.server31, server),
      gatewayPlan(DEVICES.gateway20, gateway20),
      gatewayPlan(DEVICES.gateway30, gateway30),
    ],
    cables: [
      ...(parts.swapped ? SWAPPED_CABLES : CABLES),
      ...more.map(([name, { numeral }]) => cableToHub22(name, numeral)),
    ],
    ends: [
      hostEnd(DEVICES.terminal21, terminal),
      hostEnd(DEVICES.server31, server),
      ...more.map(([name, options]) => hostEnd(name, options)),
    ],
    tunnels: [gatewayTunnel(DEVICES.gateway20, gateway20), gatewayTunnel(DEVICES.gateway30, gateway30)],
    path: [{ cable: 'W3', share: 1 }],
    f13,
    ...(parts.carries && { carries: parts.carries }),
  };
}

function cableToHub22(name: string, numeral: string): CablePlan {
  return { name: `W1-${numeral}`, a: { device: name, port: `${numeral}13` }, b: { device: DEVICES.hub22, port: name } };
}

/** What a host of the lab is built from: it takes what it is sent on {@link TRANSFER_PORT}. */
export function endOptions(numeral: string, own: InterfaceAddress, { hostMtu }: NetworkSettings): HostPlanOptions {
  return { numeral, interface: own, mtu: hostMtu, services: [{ port: TRANSFER_PORT, bytes: 0, seed: 0 }] };
}

/** Gateway 20: the server of the worked example (spec 2.4). */
export function gateway20Options(
  settings: NetworkSettings,
  { gateway20 }: TwoLanAddresses = ADDRESSES,
): Omit<GatewayOptions, 'kind'> {
  const { shape, handshake, listens = true } = settings;
  const peer: GatewayPeer = { name: settings.expects?.of30 ?? DEVICES.gateway30, connect: false, shape, handshake };
  return {
    ...sharedOptions(settings),
    numerals: 2000,
    name: DEVICES.gateway20,
    ...place(gateway20),
    ...(listens && { listen: { port: LISTEN_PORT, shape, handshake } }),
    peers: [peer],
  };
}

/** Gateway 30: the client. */
export function gateway30Options(
  settings: NetworkSettings,
  { gateway20, gateway30 }: TwoLanAddresses = ADDRESSES,
  proxy?: GatewayPeer['proxy'],
): Omit<GatewayOptions, 'kind'> {
  const { shape, handshake } = settings;
  const peer: GatewayPeer = {
    name: settings.expects?.of20 ?? DEVICES.gateway20,
    address: gateway20.address,
    port: LISTEN_PORT,
    ...(proxy && { proxy }),
    connect: true,
    shape,
    handshake,
  };
  return {
    ...sharedOptions(settings),
    numerals: 3000,
    name: DEVICES.gateway30,
    ...place(gateway30),
    peers: [peer],
  };
}

/** What all gateways of a network take from its settings. */
export function sharedOptions({ suites, orders, clampMss, renewal_ms, limits }: NetworkSettings) {
  return {
    mtu: LINK_MTU,
    ...(suites && { suites }),
    ...(orders && { orders }),
    ...(clampMss !== undefined && { clampMss }),
    ...(renewal_ms !== undefined && { renewal_ms }),
    ...(limits && { limits }),
  };
}

/** A gateway's address and MAC. */
export function place({ address, prefixLength, gateway, mac }: InterfaceAddress) {
  return { ip: address, prefixLength, mac, ...(gateway !== undefined && { gateway }) };
}

/** Lets gateway 20 and gateway 30 open connections to each other, and nobody else ([0331]); none of protocols that are blocked. */
export function firewallBetween(
  { blockedProtocols = [] }: NetworkSettings,
  addresses: TwoLanAddresses = ADDRESSES,
): DevicePlan {
  const { gateway20, gateway30, firewallLan, firewallWan } = addresses;
  const blocks = (from: string) => blockedProtocols.map((protocol) => ({ from, protocol, allow: false }));
  const only = ({ address }: { address: number }) => ({ address, prefix: HOST_PREFIX });
  return firewallPlan(DEVICES.firewall33, {
    numeral: '33',
    sides: [
      { name: 'lan', interface: firewallLan },
      { name: 'wan', interface: firewallWan },
    ],
    rules: [
      ...blocks('lan'),
      ...blocks('wan'),
      { from: 'lan', source: only(gateway30), destination: only(gateway20), allow: true },
      { from: 'wan', source: only(gateway20), destination: only(gateway30), allow: true },
    ],
  });
}
