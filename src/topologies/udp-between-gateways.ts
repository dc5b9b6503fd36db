import type { NetworkPlan, NetworkSettings, Topology } from './plan.ts';
import { type TwoLanParts, twoLanPlan } from './two-lan.ts';

/** Embodiment 11: F13 is UDP, nothing terminates it, no intermediate driver (spec 11, figure 30). */

export const E11: Topology = {
  name: 'e11',
  title: 'embodiment 11: UDP between the gateways, an engine in gateway 20, gateway 30 in software',
  figure: 30,
  plan: (settings) => udpPlan(settings, { gateway20: 'engine-udp', gateway30: 'software-udp' }),
};

export const E11_MIRRORED: Topology = {
  name: 'e11-mirrored',
  title: 'embodiment 11 mirrored: gateway 20 in software, an engine in gateway 30',
  figure: 30,
  plan: (settings) => udpPlan(settings, { gateway20: 'software-udp', gateway30: 'engine-udp' }),
};

export const E11_SWAPPED: Topology = {
  name: 'e11-swapped',
  title: 'embodiment 11, terminal and server exchanged',
  figure: 30,
  plan: (settings) => udpPlan(settings, { gateway20: 'engine-udp', gateway30: 'software-udp', swapped: true }),
};

/** There is no shape to choose and no SYN to hold. */
function udpPlan(settings: NetworkSettings, parts: TwoLanParts): NetworkPlan {
  return twoLanPlan({ ...settings, shape: 'udp', handshake: 'hold' }, { ...parts, f13: 'udp' });
}
