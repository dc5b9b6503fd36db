import { devicePlan } from '../../src/config/device-plan.ts';
import { judge } from '../../src/config/parse.ts';
import type { DevicePlan } from '../../src/topologies/plan.ts';
import { layersOf } from '../../src/transport/netlab/index.ts';
import { formatMac, type Mac } from '../../src/wire/address.ts';
import { type ConfigPlace, gatewayConfigs, relayConfigs } from './plan-roles.ts';

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
  for (const more of [...gatewayConfigs(device, place), ...relayConfigs(device, place)]) {
    const judged = judge({ ...base, ...more });
    if (judged.ok && isSameStack(device, devicePlan(judged.config, mac))) return { ...base, ...more };
  }
  throw new Error(`no role and embodiment has the layers of ${device.name}: ${device.layers.map(labelOf).join(', ')}`);
}

/** The own MAC of a device's lowest interface. */
function macOf(device: DevicePlan): Mac {
  return layersOf(device, 'mac').at(-1)?.options.mac ?? 0;
}

function isSameStack(one: DevicePlan, other: DevicePlan): boolean {
  const text = ({ layers, joins }: DevicePlan): string =>
    JSON.stringify([layers.map(labelOf).sort(), joins.toSorted()]);
  return text(one) === text(other);
}

const labelOf = ({ label, block }: DevicePlan['layers'][number]): string => `${label} ${block}`;
