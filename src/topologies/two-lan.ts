import type { Device } from '../actors/device.ts';
import type { DataWatcher } from '../actors/test-application/pattern.ts';
import type { World } from '../actors/world.ts';
import {
  DEVICES,
  type DeviceName,
  FIREWALL_33_LAN,
  FIREWALL_33_WAN,
  GATEWAY_20,
  GATEWAY_30,
  PORTS,
  SERVER_31,
  TERMINAL_21,
  TRANSFER_PORT,
} from './network.ts';
import { firewall } from './parts/firewall.ts';
import { buildGateway } from './parts/gateway.ts';
import { host } from './parts/host.ts';
import { hub } from './parts/hub.ts';
import { gateway20Options, gateway30Options, type TwoLanSettings } from './two-lan-settings.ts';

/** Bits of the address of a single host. */
const HOST_PREFIX = 32;

/** Look at what the applications receive; they stand outside of the core. */
export interface TwoLanWatchers {
  readonly terminal21?: DataWatcher;
  readonly server31?: DataWatcher;
}

/** All devices of the two-LAN network (figures 17 to 20), without their cables. */
export function buildTwoLan(
  world: World,
  settings: TwoLanSettings,
  watchers: TwoLanWatchers = {},
): Readonly<Record<DeviceName, Device>> {
  const { hostMtu: mtu } = settings;
  const services = [{ port: TRANSFER_PORT, bytes: 0, seed: 0 }];
  return {
    terminal21: host(world, DEVICES.terminal21, {
      numeral: '21',
      interface: TERMINAL_21,
      mtu,
      services,
      onData: watchers.terminal21,
    }),
    hub22: hub(world, DEVICES.hub22, { bridge: '224', ports: Object.values(PORTS.hub22) }),
    gateway20: buildGateway(world, DEVICES.gateway20, gateway20Options(settings)),
    firewall33: firewall33(world),
    gateway30: buildGateway(world, DEVICES.gateway30, gateway30Options(settings)),
    hub32: hub(world, DEVICES.hub32, { bridge: '324', ports: Object.values(PORTS.hub32) }),
    server31: host(world, DEVICES.server31, {
      numeral: '31',
      interface: SERVER_31,
      mtu,
      services,
      onData: watchers.server31,
    }),
  };
}

/** Lets gateway 20 and gateway 30 open connections to each other, and nobody else ([0331]). */
function firewall33(world: World): Device {
  const only = ({ address }: { address: number }) => ({ address, prefix: HOST_PREFIX });
  return firewall(world, DEVICES.firewall33, {
    numeral: '33',
    sides: [
      { name: 'lan', interface: FIREWALL_33_LAN },
      { name: 'wan', interface: FIREWALL_33_WAN },
    ],
    rules: [
      { from: 'lan', source: only(GATEWAY_30), destination: only(GATEWAY_20), allow: true },
      { from: 'wan', source: only(GATEWAY_20), destination: only(GATEWAY_30), allow: true },
    ],
  });
}
