import { BridgeLayer, type BridgeOptions } from '../../actors/bridge/layer.ts';
import { Device } from '../../actors/device.ts';
import { Port } from '../../actors/port.ts';
import type { World } from '../../actors/world.ts';

/** A hub and the numerals of its parts. */
export interface HubOptions extends Pick<BridgeOptions, 'groupFramesPerSecond'> {
  /** Numeral of the bridge, e.g. `224` in hub 22. */
  readonly bridge: string;
  /** Numerals of its ports, e.g. `221`. */
  readonly ports: readonly string[];
}

/** Hub 11, 22 or 32: a learning bridge, every port of which is a boundary port of the same name. */
export function hub(world: World, name: string, { bridge, ports, ...options }: HubOptions): Device {
  return new Device(world, name, (device) => {
    const layer = new BridgeLayer(device, bridge, {
      ports: ports.map((port) => ({ name: port, outside: true })),
      ...options,
    });
    for (const port of ports) Port.join(device.boundary(port), layer.ports[port]);
    return [layer];
  });
}
