import { withSecurityEngine } from './parts/with-cipher.ts';
import type { NetworkPlan, Topology } from './plan.ts';
import { PRIOR_ART_1 } from './relayed.ts';

/** Prior art 2 (spec 1): prior art 1 with a look-aside security engine beside the CPU of each gateway and of the relay. */
export const PRIOR_ART_2: Topology = {
  name: 'prior-art-2',
  title: 'prior art 2: as prior art 1, gateways and relay with a security engine beside the CPU that seals and opens',
  plan: (settings) => withSecurityEngines(PRIOR_ART_1.plan(settings)),
};

function withSecurityEngines(plan: NetworkPlan): NetworkPlan {
  const ends = plan.tunnels.map(({ device }) => device);
  return {
    ...plan,
    devices: plan.devices.map((device) => (ends.includes(device.name) ? withSecurityEngine(device) : device)),
  };
}
