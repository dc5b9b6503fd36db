import type { Device } from '../../actors/device.ts';
import type { FirewallOptions } from '../../actors/firewall/layer.ts';
import type { InterfaceAddress } from '../../actors/services.ts';
import type { World } from '../../actors/world.ts';
import { buildDevice } from '../build.ts';
import type { DevicePlan } from '../plan.ts';
import { nicPlan } from './nic.ts';

export interface FirewallSpec extends Pick<FirewallOptions, 'rules' | 'routes' | 'masquerade'> {
  /** The device's numeral: `23` gives 2301 … 2305 and interfaces 231 and 232. */
  readonly numeral: string;
  /** First the LAN side, then the WAN side; boundary ports `231`, `232` for numeral 23. */
  readonly sides: readonly { readonly name: string; readonly interface: InterfaceAddress; readonly mtu?: number }[];
}

/** Firewall 23 or 33, or a NAT router in its place: stateful rules over one IP stack, driver and network interface for each side. */
export function firewallPlan(name: string, spec: FirewallSpec): DevicePlan {
  const { numeral, sides, ...options } = spec;
  const top = `${numeral}01`;
  const branches = sides.map(({ name: side, interface: own, mtu }, index) => {
    const stack = `${numeral}0${2 + index}`;
    const port = `${numeral}${1 + index}`;
    const driver = `${numeral}0${2 + sides.length + index}`;
    const card = nicPlan({ driver, mac: `${port}M`, phy: `${port}P`, port }, { mac: own.mac });
    const stackOptions = { interface: own, forwarding: true, ...(mtu !== undefined && { mtu }) };
    return {
      layers: [{ label: stack, block: 'ip-stack' as const, options: stackOptions }, ...card.layers],
      joins: [`${top}.${side} - ${stack}.upper`, `${stack}.lower - ${driver}.upper`, ...card.joins],
    };
  });
  return {
    name,
    numeral,
    kind: spec.masquerade === undefined ? 'firewall' : 'router',
    layers: [
      { label: top, block: 'firewall', options: { ...options, sides } },
      ...branches.flatMap(({ layers }) => layers),
    ],
    joins: branches.flatMap(({ joins }) => joins),
  };
}

export function firewall(world: World, name: string, spec: FirewallSpec): Device {
  return buildDevice(world, firewallPlan(name, spec));
}
