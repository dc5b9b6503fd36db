import { DEVICES, PORTS, TERMINAL_21 } from './network.ts';
import { gatewayPlan, gatewayTunnel } from './parts/gateway.ts';
import type { GatewayOptions, GatewayPeer, Numerals } from './parts/gateway-options.ts';
import { hostEnd, hostPlan } from './parts/host.ts';
import { hubPlan } from './parts/hub.ts';
import { type RelayOptions, relayPlan, relayTunnel } from './parts/relay.ts';
import type { DevicePlan, NetworkPlan, NetworkSettings, Topology, TunnelPlan } from './plan.ts';
import { dialling, outwardFirewall, relayOptions } from './relayed.ts';
import {
  FIREWALL_23_INTERNET,
  FIREWALL_23_LAN,
  GATEWAY_20_BEHIND_23,
  INTERNET_CABLES,
  RELAY_DEVICES,
  RELAY_PORTS,
  RELAYED_CABLES,
} from './relayed-network.ts';
import {
  type FarSite,
  farSite,
  relayCable,
  relayOf,
  type SeveralRelay,
  type SiteDigit,
  siteCables,
} from './several-network.ts';
import { endOptions } from './two-lan.ts';

/** Embodiment 12: engine 2014 has a table of sessions, and so has driver 1008 (spec 12). */

export const E12: Topology = {
  name: 'e12',
  title: 'embodiment 12: gateway 20 has several sessions at once, each to the relay of another site',
  figure: 31,
  plan: (settings) => {
    const digits = ([3, 4, 5] as const).slice(0, settings.sites ?? 2);
    return severalPlan(
      settings,
      digits.map((digit) => ({ digit, relays: [digit] })),
    );
  },
};

export const E12_REDUNDANT: Topology = {
  name: 'e12-redundant',
  title: 'embodiment 12 with one far site, to which two relays lead: each frame goes through both, and arrives once',
  figure: 31,
  plan: (settings) => severalPlan(settings, [{ digit: 3, relays: [3, 4] }]),
};

/** A far site, and the relays that its gateway dials. */
interface SitePlan {
  readonly digit: SiteDigit;
  readonly relays: readonly SiteDigit[];
}

/** Embodiment 1's network with more than one relay; gateway 20 dials all of them. */
function severalPlan(settings: NetworkSettings, plans: readonly SitePlan[]): NetworkPlan {
  const sites = plans.map(({ digit, relays }) => ({ ...farSite(digit), relays }));
  const relays = [...new Set(plans.flatMap((plan) => plan.relays))].map((digit) =>
    relayOf(
      digit,
      sites.filter((site) => site.relays.includes(digit)),
    ),
  );
  const at = (digit: SiteDigit) => sites.filter((site) => site.relays.includes(digit));
  const near = nearGateway(settings, relays, at);
  const far = sites.map((site) => farGateway(settings, site, relays));
  const built = relays.map((relay) =>
    relayOptions(settings, 'driver', relay, [DEVICES.gateway20, ...at(relay.digit).map(({ names }) => names.gateway)]),
  );
  const terminal = endOptions('21', TERMINAL_21, settings);
  return {
    devices: [
      ...nearDevices(settings, relays, sites),
      hostPlan(DEVICES.terminal21, terminal),
      ...sites.flatMap((site) => farDevices(settings, site)),
      ...built.map((relay, index) => relayPlan(relay.name, relay, relays[index].numeral)),
      gatewayPlan(near.name, near),
      ...far.map((gateway) => gatewayPlan(gateway.name, gateway)),
    ],
    cables: [...NEAR_CABLES, ...relays.map(relayCable), ...sites.flatMap(siteCables)],
    ends: [
      hostEnd(DEVICES.terminal21, terminal),
      ...sites.map((site) => hostEnd(site.names.server, server(settings, site))),
    ],
    tunnels: tunnelsOf(near, built, far),
    path: INTERNET_CABLES.map((cable) => ({ cable, share: 1 / INTERNET_CABLES.length })),
    f13: 'shape',
  };
}

/** Intranet 2 and its firewall's way to hub 11 are those of embodiment 1. */
const NEAR_CABLES = RELAYED_CABLES.filter(({ name }) => ['W1', 'W2', 'W3', 'W7'].includes(name));

function nearDevices(
  settings: NetworkSettings,
  relays: readonly SeveralRelay[],
  sites: readonly FarSite[],
): DevicePlan[] {
  const ports = [
    RELAY_PORTS.hub11.firewall23,
    ...relays.map(({ port }) => port),
    ...sites.map(({ ports: { internet } }) => internet),
  ];
  return [
    hubPlan(RELAY_DEVICES.hub11, { bridge: '114', ports }),
    hubPlan(DEVICES.hub22, { bridge: '224', ports: Object.values(PORTS.hub22) }),
    outwardFirewall(RELAY_DEVICES.firewall23, '23', settings, FIREWALL_23_LAN, FIREWALL_23_INTERNET),
  ];
}

function farDevices(settings: NetworkSettings, site: FarSite): DevicePlan[] {
  const { digit, names, ports, firewall } = site;
  return [
    hubPlan(names.hub, { bridge: `${digit}24`, ports: Object.values(ports.hub) }),
    outwardFirewall(names.firewall, `${digit}3`, settings, firewall.lan, firewall.internet),
    hostPlan(names.server, server(settings, site)),
  ];
}

function server(settings: NetworkSettings, site: FarSite) {
  return endOptions(`${site.digit}1`, site.server, settings);
}

/** Gateway 20: to the first relay always, to the others always or on demand. */
function nearGateway(
  settings: NetworkSettings,
  relays: readonly SeveralRelay[],
  sitesAt: (relay: SiteDigit) => readonly FarSite[],
): GatewayOptions {
  const which = { kind: 'engine', numerals: 2000, name: DEVICES.gateway20 } as const;
  const gateway = dialling(settings, which, GATEWAY_20_BEHIND_23, relays);
  const { demand } = settings;
  if (demand === undefined) return gateway;
  const { idle_ms, learns = false } = demand;
  const onDemand = (peer: GatewayPeer, index: number): GatewayPeer => {
    const networks = sitesAt(relays[index].digit).map((site) => ({ address: site.server.address, prefix: 32 }));
    return { ...peer, connect: false, demand: { idle_ms, ...(!learns && { networks }) } };
  };
  return { ...gateway, peers: gateway.peers.map((peer, index) => (index === 0 ? peer : onDemand(peer, index))) };
}

function farGateway(
  settings: NetworkSettings,
  { digit, names, gateway, relays: dials }: FarSite & SitePlan,
  relays: readonly SeveralRelay[],
): GatewayOptions {
  const which = { kind: 'engine', numerals: (digit * 1000) as Numerals, name: names.gateway } as const;
  return dialling(
    settings,
    which,
    gateway,
    relays.filter((relay) => dials.includes(relay.digit)),
  );
}

/** Sessions on demand are not among those that must stand. */
function tunnelsOf(
  near: GatewayOptions,
  relays: readonly RelayOptions[],
  far: readonly GatewayOptions[],
): TunnelPlan[] {
  const always = { ...near, peers: near.peers.filter(({ connect }) => connect) };
  const waits = (relay: string) => always.peers.some(({ name }) => name === relay);
  return [
    ...relays.map((relay) => {
      const peers = relay.peers.filter(({ name }) => name !== near.name || waits(relay.name));
      return relayTunnel(relay.name, { peers });
    }),
    gatewayTunnel(near.name, always),
    ...far.map((gateway) => gatewayTunnel(gateway.name, gateway)),
  ];
}
