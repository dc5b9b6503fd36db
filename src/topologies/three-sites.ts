import type { InterfaceAddress } from '../actors/services.ts';
import { type Ip4, type Mac, parseIp4, parseMac } from '../wire/address.ts';
import { type DriverZOptions, driverZTunnel, hostWithDriverZ } from './parts/driver-z.ts';
import { hostEnd } from './parts/host.ts';
import { hubPlan } from './parts/hub.ts';
import { relayPlan, relayTunnel } from './parts/relay.ts';
import type { NetworkPlan, NetworkSettings, Topology } from './plan.ts';
import { dialling, expectedNames, RELAY, relayedPlan, relayOptions } from './relayed.ts';
import { RELAY_DEVICES, RELAY_PORTS } from './relayed-network.ts';
import { endOptions } from './two-lan.ts';

/**
 * A network that the specification does not have: the two LANs of embodiment 1 and one host on the road, all on session relay 10. The host has a whole gateway
 * inside (driver Z, embodiment 10, around the software gateway of embodiment 4); the LANs have engines.
 */

const HOST_41 = 'host41';
const HUB_PORT = '115';
const INNER: InterfaceAddress = {
  mac: parseMac('02:00:00:00:00:41') as Mac,
  address: parseIp4('10.9.0.3') as Ip4,
  prefixLength: 24,
};
/** Anywhere on the Internet: here on hub 11. */
const OUTER: InterfaceAddress = {
  mac: parseMac('02:00:00:00:00:40') as Mac,
  address: parseIp4('203.0.113.41') as Ip4,
  prefixLength: 24,
};

function plan(settings: NetworkSettings): NetworkPlan {
  const lans = relayedPlan(settings, { gateways: 'engine', relay: 'driver' });
  const host = endOptions('41', INNER, settings);
  const inside: DriverZOptions = {
    ...dialling(settings, { kind: 'software', numerals: 4000, name: HOST_41 }, OUTER),
    kind: 'software',
  };
  const relay10 = relayOptions(settings, 'driver', RELAY, [...expectedNames(settings), HOST_41]);
  const others: Readonly<Record<string, NetworkPlan['devices'][number]>> = {
    [RELAY_DEVICES.relay10]: relayPlan(RELAY_DEVICES.relay10, relay10),
    [RELAY_DEVICES.hub11]: hubPlan(RELAY_DEVICES.hub11, {
      bridge: '114',
      ports: [...Object.values(RELAY_PORTS.hub11), HUB_PORT],
    }),
  };
  return {
    ...lans,
    devices: [...lans.devices.map((device) => others[device.name] ?? device), hostWithDriverZ(HOST_41, host, inside)],
    cables: [
      ...lans.cables,
      { name: 'W10', a: { device: HOST_41, port: '4113' }, b: { device: RELAY_DEVICES.hub11, port: HUB_PORT } },
    ],
    ends: [...lans.ends, hostEnd(HOST_41, host)],
    tunnels: [
      relayTunnel(RELAY_DEVICES.relay10, relay10),
      ...lans.tunnels.filter(({ device }) => device !== RELAY_DEVICES.relay10),
      driverZTunnel(HOST_41, inside),
    ],
  };
}

export const THREE_SITES: Topology = {
  name: 'three-sites',
  title: 'two LANs and a host on the road, which has a gateway inside (driver Z), on one session relay',
  plan,
};
