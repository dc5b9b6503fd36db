import { devicePlan } from '../../src/config/device-plan.ts';
import { judge } from '../../src/config/parse.ts';
import type { DevicePlan } from '../../src/topologies/plan.ts';
import { BLOCKS_OF_A_KERNEL, layersOf } from '../../src/transport/netlab/index.ts';
import { formatMac, type Mac } from '../../src/wire/address.ts';
import { type ConfigPlace, gatewayConfigs, hostConfigs, hostGatewayConfigs, relayConfigs } from './plan-roles.ts';

/**
 * The configuration with which `glassgate up` runs a device of a plan: of all embodiments there are, the one that has the same layers and
 * joins. Throws when none has.
 */
export function configOf(device: DevicePlan, place: ConfigPlace): object {
  const mac = macOf(device);
  const base = {
    name: device.name,
    interface: { kind: 'packet', name: place.interface, mac: formatMac(mac) },
    journal: { file: place.journal, level: 'inputs' },
    control: { socket: place.socket },
  };
  for (const more of [
    ...gatewayConfigs(device, place),
    ...relayConfigs(device, place),
    ...hostConfigs(device),
    ...hostGatewayConfigs(device, place),
  ]) {
    const judged = judge({ ...base, ...more });
    if (judged.ok && isSameStack(device, devicePlan(judged.config, mac))) return { ...base, ...more };
  }
  throw new Error(`no role and embodiment has the layers of ${device.name}: ${device.layers.map(labelOf).join(', ')}`);
}

/** The own MAC of a device's lowest interface. */
function macOf(device: DevicePlan): Mac {
  return layersOf(device, 'mac').at(-1)?.options.mac ?? 0;
}

/** In a host a kernel stands for the layers above the driver. */
function isSameStack(plan: DevicePlan, built: DevicePlan): boolean {
  const own = new Set(built.layers.map(labelOf));
  const isWanted = (layer: DevicePlan['layers'][number]): boolean =>
    own.has(labelOf(layer)) || plan.kind !== 'host' || !BLOCKS_OF_A_KERNEL.includes(layer.block);
  const wanted = plan.layers.filter(isWanted).map(labelOf);
  if (wanted.toSorted().join() !== [...own].sort().join()) return false;
  return plan.kind === 'host' || plan.joins.toSorted().join() === built.joins.toSorted().join();
}

const labelOf = ({ label, block }: DevicePlan['layers'][number]): string => `${label} ${block}`;
