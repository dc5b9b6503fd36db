import { Device } from '../actors/device.ts';
import type { AnyPort, Layer } from '../actors/layer.ts';
import { Port } from '../actors/port.ts';
import type { World } from '../actors/world.ts';
import { makeLayer, type Outside } from './blocks.ts';
import type { DevicePlan, NetworkPlan, StackPlan } from './plan.ts';

const BOUNDARY = 'cable';

/** Makes the layers of a stack in a device and joins their ports. @throws Error for a join of a port that is not there */
export function buildStack(device: Device, { layers: plans, joins }: StackPlan, outside: Outside = {}): Layer[] {
  const layers = plans.map((plan) => makeLayer(device, plan, outside));
  const byLabel = new Map(layers.map((layer) => [layer.label, layer]));
  const portOf = (text: string): AnyPort => {
    const [label, name] = splitPort(text);
    if (label === BOUNDARY) return device.boundary(name);
    const port = byLabel.get(label)?.ports[name];
    if (port === undefined) throw new Error(`device ${device.name} has no port ${text}`);
    return port;
  };
  for (const join of joins) {
    const [one, other] = join.split(' - ') as [string, string];
    Port.join(portOf(one), portOf(other));
  }
  return layers;
}

/** Label and port name of `2013.upper`. */
export function splitPort(text: string): readonly [label: string, port: string] {
  const dot = text.indexOf('.');
  return [text.slice(0, dot), text.slice(dot + 1)];
}

export function buildDevice(world: World, plan: DevicePlan, outside: Outside = {}): Device {
  const { tunnelAddresses } = plan;
  return new Device(
    world,
    plan.name,
    (device) => buildStack(device, plan, outside),
    tunnelAddresses && { tunnelAddresses },
  );
}

/** All devices of a network in the plan's order, without their cables; `outsideOf` tells what a device is given beside its plan. */
export function buildDevices(
  world: World,
  { devices }: Pick<NetworkPlan, 'devices'>,
  outsideOf: (device: string) => Outside = () => ({}),
): Device[] {
  return devices.map((plan) => buildDevice(world, plan, outsideOf(plan.name)));
}
