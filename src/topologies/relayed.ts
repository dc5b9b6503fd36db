import type { InterfaceAddress } from '../actors/services.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { DEVICES, LISTEN_PORT, PORTS, SERVER_31, TERMINAL_21 } from './network.ts';
import { firewallPlan } from './parts/firewall.ts';
import { gatewayPlan, gatewayTunnel } from './parts/gateway.ts';
import type { GatewayKind, GatewayOptions, GatewayPeer } from './parts/gateway-options.ts';
import { hostEnd, hostPlan } from './parts/host.ts';
import { hubPlan } from './parts/hub.ts';
import { type RelayKind, type RelayOptions, relayPlan, relayTunnel } from './parts/relay.ts';
import type { DevicePlan, NetworkPlan, NetworkSettings, Topology } from './plan.ts';
import {
  FIREWALL_23_INTERNET,
  FIREWALL_23_LAN,
  FIREWALL_33_INTERNET,
  FIREWALL_33_INTRANET,
  GATEWAY_20_BEHIND_23,
  GATEWAY_30_BEHIND_33,
  INTERNET_CABLES,
  RELAY_10,
  RELAY_DEVICES,
  RELAY_PORTS,
  RELAYED_CABLES,
} from './relayed-network.ts';
import { endOptions, place, sharedOptions } from './two-lan.ts';

export const RELAY: RelayPlace = { name: RELAY_DEVICES.relay10, interface: RELAY_10 };

/** Embodiment 1 and prior art 1: both gateways dial a session relay on the Internet (spec 01). */

export const E1: Topology = {
  name: 'e1',
  title: 'embodiment 1: a session relay between gateways with acceleration engines, no TCP at F13 on the way',
  figure: 1,
  plan: (settings) => relayedPlan(settings, { gateways: 'engine', relay: 'driver' }),
};

export const PRIOR_ART_1: Topology = {
  name: 'prior-art-1',
  title: 'prior art 1: a session relay between gateways in software, a true TCP at F13 on both legs',
  plan: (settings) => relayedPlan(settings, { gateways: 'tcp-over-tcp', relay: 'tcp-over-tcp', f13: 'tcp' }),
};

/** What differs between the embodiments on the network with a relay. */
export interface RelayedParts {
  readonly gateways: GatewayKind;
  readonly relay: RelayKind;
  /** What acts at F13; default: nothing. */
  readonly f13?: NetworkPlan['f13'];
}

/**
 * Terminal 21 and gateway 20 on hub 22, server 31 and gateway 30 on hub 32, each hub behind a firewall; relay 10 and the firewalls' other
 * sides on hub 11.
 */
export function relayedPlan(settings: NetworkSettings, { gateways, relay, f13 = 'shape' }: RelayedParts): NetworkPlan {
  const terminal = endOptions('21', TERMINAL_21, settings);
  const server = endOptions('31', SERVER_31, settings);
  const gateway20 = dialling(
    settings,
    { kind: gateways, numerals: 2000, name: DEVICES.gateway20 },
    GATEWAY_20_BEHIND_23,
  );
  const gateway30 = dialling(
    settings,
    { kind: gateways, numerals: 3000, name: DEVICES.gateway30 },
    GATEWAY_30_BEHIND_33,
  );
  const relay10 = relayOptions(settings, relay);
  return {
    devices: [
      hubPlan(RELAY_DEVICES.hub11, { bridge: '114', ports: Object.values(RELAY_PORTS.hub11) }),
      hubPlan(DEVICES.hub22, { bridge: '224', ports: Object.values(PORTS.hub22) }),
      hubPlan(DEVICES.hub32, { bridge: '324', ports: Object.values(PORTS.hub32) }),
      outwardFirewall(RELAY_DEVICES.firewall23, '23', settings, FIREWALL_23_LAN, FIREWALL_23_INTERNET),
      outwardFirewall(DEVICES.firewall33, '33', settings, FIREWALL_33_INTRANET, FIREWALL_33_INTERNET),
      hostPlan(DEVICES.terminal21, terminal),
      hostPlan(DEVICES.server31, server),
      relayPlan(RELAY_DEVICES.relay10, relay10),
      gatewayPlan(DEVICES.gateway20, gateway20),
      gatewayPlan(DEVICES.gateway30, gateway30),
    ],
    cables: RELAYED_CABLES,
    ends: [hostEnd(DEVICES.terminal21, terminal), hostEnd(DEVICES.server31, server)],
    tunnels: [
      relayTunnel(RELAY_DEVICES.relay10, relay10),
      gatewayTunnel(DEVICES.gateway20, gateway20),
      gatewayTunnel(DEVICES.gateway30, gateway30),
    ],
    path: INTERNET_CABLES.map((cable) => ({ cable, share: 1 / INTERNET_CABLES.length })),
    f13,
  };
}

/** A session relay and where it is. */
export interface RelayPlace {
  readonly name: string;
  readonly interface: InterfaceAddress;
}

/** A gateway that dials relays, by default relay 10. */
export function dialling(
  settings: NetworkSettings,
  which: Pick<GatewayOptions, 'kind' | 'numerals' | 'name'>,
  own: InterfaceAddress,
  relays: readonly RelayPlace[] = [RELAY],
): GatewayOptions {
  const { shape, handshake } = settings;
  const peers = relays.map(
    ({ name, interface: { address } }): GatewayPeer => ({
      name,
      address,
      port: LISTEN_PORT,
      connect: true,
      shape,
      handshake,
    }),
  );
  return { ...sharedOptions(settings), ...which, ...place(own), peers };
}

/** A relay that `names` may dial, by default relay 10 for gateways 20 and 30. */
export function relayOptions(
  settings: NetworkSettings,
  kind: RelayKind,
  { name, interface: own }: RelayPlace = RELAY,
  names: readonly string[] = expectedNames(settings),
): RelayOptions {
  const { shape, handshake } = settings;
  return {
    ...sharedOptions(settings),
    kind,
    name,
    ...place(own),
    ...(own.routes && { routes: own.routes }),
    listen: { port: LISTEN_PORT, shape, handshake },
    peers: names.map((name) => ({ name, connect: false, shape, handshake })),
  };
}

export function expectedNames({ expects = {} }: NetworkSettings): string[] {
  return [expects.of20 ?? DEVICES.gateway20, expects.of30 ?? DEVICES.gateway30];
}

/**
 * A TCP that is opened from the LAN's side passes both ways; what is opened from the Internet's side is dropped without a word. Where
 * F13 is chosen to be UDP the firewall lets that out too.
 */
export function outwardFirewall(
  name: string,
  numeral: string,
  { shape }: NetworkSettings,
  lan: InterfaceAddress,
  internet: InterfaceAddress,
): DevicePlan {
  const protocols = shape === 'udp' ? [IpProtocol.TCP, IpProtocol.UDP] : [IpProtocol.TCP];
  return firewallPlan(name, {
    numeral,
    sides: [
      { name: 'lan', interface: lan },
      { name: 'internet', interface: internet },
    ],
    rules: protocols.map((protocol) => ({ from: 'lan', protocol, allow: true })),
  });
}
