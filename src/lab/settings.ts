import { HOST_MTU } from '../topologies/network.ts';
import type { NetworkPlan, NetworkSettings, Topology } from '../topologies/plan.ts';
import { topologyByName } from '../topologies/topologies.ts';
import type { Impairments } from '../transport/cable.ts';

/** One run of the lab. The same settings give the same run, to the last byte. */
export interface LabSettings extends NetworkSettings {
  readonly topology: string;
  readonly seed: number;
  /** Of the way between the tunnel's ends; where that is several cables they share it. */
  readonly path: Partial<Impairments>;
}

const DEFAULTS: Omit<LabSettings, 'topology'> = {
  shape: 'tcp',
  handshake: 'hold',
  hostMtu: HOST_MTU,
  seed: 1,
  path: {},
};

/** Settings of a topology by name. @throws RangeError when there is none of that name */
export function labSettings(topology: string, changes: Partial<Omit<LabSettings, 'topology'>> = {}): LabSettings {
  found(topology);
  return { ...DEFAULTS, ...changes, topology };
}

/** The network that settings name. @throws RangeError when there is none of that name */
export function labPlan(settings: LabSettings): NetworkPlan {
  return found(settings.topology).plan(settings);
}

function found(name: string): Topology {
  const topology = topologyByName(name);
  if (topology === undefined) throw new RangeError(`there is no topology ${name}`);
  return topology;
}
