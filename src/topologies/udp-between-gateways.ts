import type { GatewayKind } from './parts/gateway-options.ts';
import type { NetworkPlan, NetworkSettings, Topology } from './plan.ts';
import { twoLanPlan } from './two-lan.ts';

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

/** There is no shape to choose and no SYN to hold. */
function udpPlan(
  settings: NetworkSettings,
  kinds: { readonly gateway20: GatewayKind; readonly gateway30: GatewayKind },
): NetworkPlan {
  return twoLanPlan({ ...settings, shape: 'udp', handshake: 'hold' }, { ...kinds, f13: 'udp' });
}
