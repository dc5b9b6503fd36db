import { DEVICES, PORTS, SERVER_31, TERMINAL_21 } from './network.ts';
import { type DriverZKind, type DriverZOptions, driverZTunnel, hostWithDriverZ } from './parts/driver-z.ts';
import type { GatewayOptions } from './parts/gateway-options.ts';
import { hostEnd } from './parts/host.ts';
import type { NetworkPlan, NetworkSettings, Topology } from './plan.ts';
import { endOptions, firewallBetween, gateway20Options, gateway30Options } from './two-lan.ts';

/** Embodiment 10: the gateways of embodiment 9 inside terminal and server, each host cabled straight to firewall 33 (spec 08 10). */

function plan(settings: NetworkSettings, terminal21: DriverZKind, server31: DriverZKind): NetworkPlan {
  const [terminal, server] = [endOptions('21', TERMINAL_21, settings), endOptions('31', SERVER_31, settings)];
  const near = inside(gateway20Options(settings), terminal21, DEVICES.terminal21, DEVICES.server31);
  const far = inside(gateway30Options(settings), server31, DEVICES.server31, DEVICES.terminal21);
  return {
    devices: [
      firewallBetween(settings),
      hostWithDriverZ(DEVICES.terminal21, terminal, near),
      hostWithDriverZ(DEVICES.server31, server, far),
    ],
    cables: [
      {
        name: 'W3',
        a: { device: DEVICES.terminal21, port: terminal21 === 'engine-y' ? PORTS.gateway20 : PORTS.terminal },
        b: { device: DEVICES.firewall33, port: PORTS.firewallWan },
      },
      {
        name: 'W4',
        a: { device: DEVICES.firewall33, port: PORTS.firewallLan },
        b: { device: DEVICES.server31, port: server31 === 'engine-y' ? PORTS.gateway30 : PORTS.server },
      },
    ],
    ends: [hostEnd(DEVICES.terminal21, terminal), hostEnd(DEVICES.server31, server)],
    tunnels: [driverZTunnel(DEVICES.terminal21, near), driverZTunnel(DEVICES.server31, far)],
    path: [{ cable: 'W3', share: 1 }],
    f13: terminal21 === 'software' ? 'shape' : 'tcp',
  };
}

/** A gateway's options for one that stands in a host and has that host's name; it has one peer. */
function inside(options: Omit<GatewayOptions, 'kind'>, kind: DriverZKind, name: string, peer: string): DriverZOptions {
  return { ...options, kind, name, peers: options.peers.map((each) => ({ ...each, name: peer })) };
}

const E10: Topology = {
  name: 'e10',
  title: 'embodiment 10: driver Z in terminal and server, engine Y in the terminal, driver Y in the server',
  figure: 29,
  plan: (settings) => plan(settings, 'engine-y', 'driver-y'),
};

const E10_MIRRORED: Topology = {
  name: 'e10-mirrored',
  title: 'embodiment 10 mirrored: driver Y in the terminal, engine Y in the server ([1308])',
  figure: 29,
  plan: (settings) => plan(settings, 'driver-y', 'engine-y'),
};

const E10_ENGINES: Topology = {
  name: 'e10-engines',
  title: 'embodiment 10 with an engine Y in both hosts ([1309])',
  figure: 29,
  plan: (settings) => plan(settings, 'engine-y', 'engine-y'),
};

const E10_DRIVERS: Topology = {
  name: 'e10-drivers',
  title: 'embodiment 10 with a driver Y in both hosts and no engine ([1309])',
  figure: 29,
  plan: (settings) => plan(settings, 'driver-y', 'driver-y'),
};

const E10_SEALED: Topology = {
  name: 'e10-sealed',
  title: 'driver Z with gateways of embodiment 4 inside: sealed records, no TCP acts at F13',
  plan: (settings) => plan(settings, 'software', 'software'),
};

export const E10_TOPOLOGIES: readonly Topology[] = [E10, E10_MIRRORED, E10_ENGINES, E10_DRIVERS, E10_SEALED];
