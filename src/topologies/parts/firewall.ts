import { Device } from '../../actors/device.ts';
import { FirewallLayer, type FirewallOptions } from '../../actors/firewall/layer.ts';
import { IpStackLayer } from '../../actors/ip-stack/layer.ts';
import { Port } from '../../actors/port.ts';
import type { InterfaceAddress } from '../../actors/services.ts';
import type { World } from '../../actors/world.ts';
import { nic } from './nic.ts';

export interface FirewallSpec extends Pick<FirewallOptions, 'rules' | 'routes'> {
  /** The device's numeral: `23` gives 2301 … 2305 and interfaces 231 and 232. */
  readonly numeral: string;
  /** First the LAN side, then the WAN side; boundary ports `231`, `232` for numeral 23. */
  readonly sides: readonly { readonly name: string; readonly interface: InterfaceAddress; readonly mtu?: number }[];
}

/** Firewall 23 or 33: stateful rules over one IP stack, driver and network interface for each side. */
export function firewall(world: World, name: string, spec: FirewallSpec): Device {
  const { numeral, sides, ...options } = spec;
  return new Device(world, name, (device) => {
    const top = new FirewallLayer(device, `${numeral}01`, { ...options, sides });
    const branches = sides.map(({ name: side, interface: own, mtu }, index) => {
      const stack = new IpStackLayer(device, `${numeral}0${2 + index}`, {
        interface: own,
        forwarding: true,
        ...(mtu !== undefined && { mtu }),
      });
      const port = `${numeral}${1 + index}`;
      const labels = { driver: `${numeral}0${2 + sides.length + index}`, mac: `${port}M`, phy: `${port}P`, port };
      const card = nic(device, labels, { mac: own.mac });
      Port.join(top.ports[side], stack.ports.upper);
      Port.join(stack.ports.lower, card.upper);
      return [stack, ...card.layers];
    });
    return [top, ...branches.flat()];
  });
}
