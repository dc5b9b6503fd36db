import type { InterfaceAddress } from '../actors/services.ts';
import {
  CABLES,
  DEVICES,
  FIREWALL_33_LAN,
  FIREWALL_33_WAN,
  GATEWAY_20,
  GATEWAY_30,
  LINK_MTU,
  LISTEN_PORT,
  PORTS,
  SERVER_31,
  TERMINAL_21,
  TRANSFER_PORT,
} from './network.ts';
import { firewallPlan } from './parts/firewall.ts';
import { gatewayPlan, gatewayTunnel } from './parts/gateway.ts';
import type { GatewayKind, GatewayOptions, GatewayPeer } from './parts/gateway-options.ts';
import { type HostPlanOptions, hostEnd, hostPlan } from './parts/host.ts';
import { hubPlan } from './parts/hub.ts';
import type { DevicePlan, NetworkPlan, NetworkSettings } from './plan.ts';

/** Bits of the address of a single host. */
const HOST_PREFIX = 32;

/** What differs between the embodiments on the two-LAN network of figures 17 to 20. */
export interface TwoLanParts {
  readonly gateway20: GatewayKind;
  readonly gateway30: GatewayKind;
  /** What acts at F13; default: nothing. */
  readonly f13?: NetworkPlan['f13'];
  /** Default: hosts without anything added. */
  readonly terminal21?: (name: string, options: HostPlanOptions) => DevicePlan;
  readonly server31?: (name: string, options: HostPlanOptions) => DevicePlan;
  /** Default: firewall 33. */
  readonly firewall33?: () => DevicePlan;
}

/** Terminal 21 and gateway 20 on hub 22, server 31 and gateway 30 on hub 32, firewall 33 between the hubs. */
export function twoLanPlan(settings: NetworkSettings, parts: TwoLanParts): NetworkPlan {
  const { terminal21 = hostPlan, server31 = hostPlan, f13 = 'shape' } = parts;
  const { firewall33 = () => firewallBetween(settings) } = parts;
  const terminal = endOptions('21', TERMINAL_21, settings);
  const server = endOptions('31', SERVER_31, settings);
  const gateway20 = { ...gateway20Options(settings), kind: parts.gateway20 };
  const gateway30 = { ...gateway30Options(settings), kind: parts.gateway30 };
  return {
    devices: [
      hubPlan(DEVICES.hub22, { bridge: '224', ports: Object.values(PORTS.hub22) }),
      hubPlan(DEVICES.hub32, { bridge: '324', ports: Object.values(PORTS.hub32) }),
      firewall33(),
      terminal21(DEVICES.terminal21, terminal),
      server31(DEVICES.server31, server),
      gatewayPlan(DEVICES.gateway20, gateway20),
      gatewayPlan(DEVICES.gateway30, gateway30),
    ],
    cables: CABLES,
    ends: [hostEnd(DEVICES.terminal21, terminal), hostEnd(DEVICES.server31, server)],
    tunnels: [gatewayTunnel(DEVICES.gateway20, gateway20), gatewayTunnel(DEVICES.gateway30, gateway30)],
    path: [{ cable: 'W3', share: 1 }],
    f13,
  };
}

/** What a host of the lab is built from: it takes what it is sent on {@link TRANSFER_PORT}. */
export function endOptions(numeral: string, own: InterfaceAddress, { hostMtu }: NetworkSettings): HostPlanOptions {
  return { numeral, interface: own, mtu: hostMtu, services: [{ port: TRANSFER_PORT, bytes: 0, seed: 0 }] };
}

/** Gateway 20: the server of the worked example (spec 2.4). */
export function gateway20Options(settings: NetworkSettings): Omit<GatewayOptions, 'kind'> {
  const { shape, handshake, listens = true } = settings;
  const peer: GatewayPeer = { name: settings.expects?.of30 ?? DEVICES.gateway30, connect: false, shape, handshake };
  return {
    ...sharedOptions(settings),
    numerals: 2000,
    name: DEVICES.gateway20,
    ...place(GATEWAY_20),
    ...(listens && { listen: { port: LISTEN_PORT, shape, handshake } }),
    peers: [peer],
  };
}

/** Gateway 30: the client. */
export function gateway30Options(settings: NetworkSettings): Omit<GatewayOptions, 'kind'> {
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
    ...sharedOptions(settings),
    numerals: 3000,
    name: DEVICES.gateway30,
    ...place(GATEWAY_30),
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
function firewallBetween({ blockedProtocols = [] }: NetworkSettings): DevicePlan {
  const blocks = (from: string) => blockedProtocols.map((protocol) => ({ from, protocol, allow: false }));
  const only = ({ address }: { address: number }) => ({ address, prefix: HOST_PREFIX });
  return firewallPlan(DEVICES.firewall33, {
    numeral: '33',
    sides: [
      { name: 'lan', interface: FIREWALL_33_LAN },
      { name: 'wan', interface: FIREWALL_33_WAN },
    ],
    rules: [
      ...blocks('lan'),
      ...blocks('wan'),
      { from: 'lan', source: only(GATEWAY_30), destination: only(GATEWAY_20), allow: true },
      { from: 'wan', source: only(GATEWAY_20), destination: only(GATEWAY_30), allow: true },
    ],
  });
}
