import type { Topology } from './plan.ts';
import { twoLanPlan } from './two-lan.ts';

/** Embodiments 2 to 4: a session straight from gateway to gateway, no TCP at F13 on the way (spec 2 to 4). */

export const E2: Topology = {
  name: 'e2',
  title: 'embodiment 2: an acceleration engine in each gateway',
  figure: 18,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'engine', gateway30: 'engine' }),
};

export const E3: Topology = {
  name: 'e3',
  title: 'embodiment 3: an engine in gateway 20, gateway 30 in software',
  figure: 19,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'engine', gateway30: 'software' }),
};

export const E3_MIRRORED: Topology = {
  name: 'e3-mirrored',
  title: 'embodiment 3 mirrored: gateway 20 in software, an engine in gateway 30',
  figure: 19,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'software', gateway30: 'engine' }),
};

export const E3_FOLDED: Topology = {
  name: 'e3-folded',
  title: 'embodiment 3, gateway 30 with bridge and virtual NIC folded into its intermediate driver',
  figure: 19,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'engine', gateway30: 'folded' }),
};

export const E4: Topology = {
  name: 'e4',
  title: 'embodiment 4: both gateways in software, F13 terminated in their intermediate drivers',
  figure: 20,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'software', gateway30: 'software' }),
};

export const E4_FOLDED: Topology = {
  name: 'e4-folded',
  title: 'embodiment 4, both gateways with bridge and virtual NIC folded into their intermediate drivers',
  figure: 20,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'folded', gateway30: 'folded' }),
};

export const TCP_OVER_TCP: Topology = {
  name: 'tcp-over-tcp',
  title: 'to compare with: F13 is a true TCP from gateway to gateway',
  plan: (settings) => twoLanPlan(settings, { gateway20: 'tcp-over-tcp', gateway30: 'tcp-over-tcp', f13: 'tcp' }),
};
