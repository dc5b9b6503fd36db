import type { Device } from '../../actors/device.ts';
import type { FirewallOptions } from '../../actors/firewall/layer.ts';
import type { InterfaceAddress } from '../../actors/services.ts';
import type { World } from '../../actors/world.ts';
import { buildDevice } from '../build.ts';
import type { DevicePlan, StackPlan } from '../plan.ts';
import { nicPlan } from './nic.ts';

export interface FirewallSpec extends Pick<FirewallOptions, 'rules' | 'routes' | 'masquerade'> {
  /** The device's numeral: `23` gives 2301 … 2305 and interfaces 231 and 232. */
  readonly numeral: string;
  /** First the LAN side, then the WAN side; boundary ports `231`, `232` for numeral 23. */
  readonly sides: readonly { readonly name: string; readonly interface: InterfaceAddress; readonly mtu?: number }[];
}

type Side = FirewallSpec['sides'][number];

/** How the branches of a device with several sides are made. */
interface BranchSpec {
  /** Last digit of the first IP stack's numeral; drivers follow behind the last IP stack. */
  readonly first: number;
  readonly forwarding: boolean;
  /** The port that a side's IP stack is joined to. */
  above(side: string): string;
}

/** One IP stack, driver and network interface for each side of a device; boundary ports `231`, `232` … for numeral 23. */
export function branchPlans(
  numeral: string,
  sides: readonly Side[],
  { first, forwarding, above }: BranchSpec,
): StackPlan[] {
  return sides.map(({ name: side, interface: own, mtu }, index) => {
    const stack = `${numeral}0${first + index}`;
    const port = `${numeral}${1 + index}`;
    const driver = `${numeral}0${first + sides.length + index}`;
    const card = nicPlan({ driver, mac: `${port}M`, phy: `${port}P`, port }, { mac: own.mac });
    const options = { interface: own, ...(forwarding && { forwarding }), ...(mtu !== undefined && { mtu }) };
    return {
      layers: [{ label: stack, block: 'ip-stack' as const, options }, ...card.layers],
      joins: [`${above(side)} - ${stack}.upper`, `${stack}.lower - ${driver}.upper`, ...card.joins],
    };
  });
}

/** Firewall 23 or 33, or a NAT router in its place: stateful rules over one IP stack, driver and network interface for each side. */
export function firewallPlan(name: string, spec: FirewallSpec): DevicePlan {
  const { numeral, sides, ...options } = spec;
  const top = `${numeral}01`;
  const branches = branchPlans(numeral, sides, { first: 2, forwarding: true, above: (side) => `${top}.${side}` });
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
