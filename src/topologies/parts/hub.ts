import type { BridgeOptions } from '../../actors/bridge/layer.ts';
import type { Device } from '../../actors/device.ts';
import type { World } from '../../actors/world.ts';
import { buildDevice } from '../build.ts';
import type { DevicePlan } from '../plan.ts';

/** A hub and the numerals of its parts. */
export interface HubOptions extends Pick<BridgeOptions, 'groupFramesPerSecond'> {
  /** Numeral of the bridge, e.g. `224` in hub 22. */
  readonly bridge: string;
  /** Numerals of its ports, e.g. `221`. */
  readonly ports: readonly string[];
}

/** Hub 11, 22 or 32: a learning bridge, every port of which is a boundary port of the same name. */
export function hubPlan(name: string, { bridge, ports, ...options }: HubOptions): DevicePlan {
  return {
    name,
    numeral: bridge.slice(0, -1),
    kind: 'hub',
    layers: [
      {
        label: bridge,
        block: 'bridge',
        options: { ports: ports.map((port) => ({ name: port, outside: true })), ...options },
      },
    ],
    joins: ports.map((port) => `cable.${port} - ${bridge}.${port}`),
  };
}

export function hub(world: World, name: string, options: HubOptions): Device {
  return buildDevice(world, hubPlan(name, options));
}
