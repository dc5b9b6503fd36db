import type { Topology } from './plan.ts';
import { twoLanPlan } from './two-lan.ts';

/** Terminal and server exchanged ([0412], [0522], [1393]): the server beside gateway 20, the terminal beside gateway 30. */

export const E2_SWAPPED: Topology = {
  name: 'e2-swapped',
  title: 'embodiment 2, terminal and server exchanged',
  figure: 18,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'engine', gateway30: 'engine', swapped: true }),
};

export const E3_SWAPPED: Topology = {
  name: 'e3-swapped',
  title: 'embodiment 3, terminal and server exchanged',
  figure: 19,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'engine', gateway30: 'software', swapped: true }),
};

export const E4_SWAPPED: Topology = {
  name: 'e4-swapped',
  title: 'embodiment 4, terminal and server exchanged',
  figure: 20,
  plan: (settings) => twoLanPlan(settings, { gateway20: 'software', gateway30: 'software', swapped: true }),
};
