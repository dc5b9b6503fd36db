import type { Topology } from '../topologies/topologies.ts';
import { topologyByName } from '../topologies/topologies.ts';
import { TWO_LAN_DEFAULTS, type TwoLanSettings } from '../topologies/two-lan-settings.ts';
import type { Impairments } from '../transport/cable.ts';

/** One run of the lab. The same settings give the same run, to the last byte. */
export interface LabSettings extends TwoLanSettings {
  readonly seed: number;
  /** Of cable W3, the way between the gateways. */
  readonly path: Partial<Impairments>;
}

/** Settings of a topology by name. @throws RangeError when there is none of that name */
export function labSettings(topology: string, changes: Partial<Omit<LabSettings, 'topology'>> = {}): LabSettings {
  const found = topologyByName(topology);
  if (found === undefined) throw new RangeError(`there is no topology ${topology}`);
  return { ...TWO_LAN_DEFAULTS, seed: 1, path: {}, ...changes, topology: found satisfies Topology };
}
