import type { Topology } from './plan.ts';
import { twoLanPlan } from './two-lan.ts';

/** Embodiment 9: F13 is a true TCP from gateway to gateway, and the cipher stands in line below IP (spec 08 9). */

const E9: Topology = {
  name: 'e9',
  title: 'embodiment 9: engine Y in gateway 20, intermediate driver Y in gateway 30',
  figure: 26,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'engine-y', gateway30: 'driver-y', f13: 'tcp' }),
};

const E9_ENGINES: Topology = {
  name: 'e9-engines',
  title: 'embodiment 9 with an engine Y in each gateway',
  figure: 26,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'engine-y', gateway30: 'engine-y', f13: 'tcp' }),
};

const E9_DRIVERS: Topology = {
  name: 'e9-drivers',
  title: 'embodiment 9 with an intermediate driver Y in each gateway, and no engine',
  figure: 26,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'driver-y', gateway30: 'driver-y', f13: 'tcp' }),
};

const E9_MIRRORED: Topology = {
  name: 'e9-mirrored',
  title: 'embodiment 9 mirrored: intermediate driver Y in gateway 20, engine Y in gateway 30',
  figure: 26,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'driver-y', gateway30: 'engine-y', f13: 'tcp' }),
};

export const E9_TOPOLOGIES: readonly Topology[] = [E9, E9_ENGINES, E9_DRIVERS, E9_MIRRORED];
