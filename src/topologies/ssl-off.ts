import { SUITE_CLEAR } from '../engine/crypto/suite.ts';
import type { Topology } from './plan.ts';
import { twoLanPlan } from './two-lan.ts';

/** SSL switched off at both ends ([0115], [0116]): frames pass it in clear, and both ends still know whose they are. */

const SUITES = [SUITE_CLEAR] as const;

export const E2_SSL_OFF: Topology = {
  name: 'e2-ssl-off',
  title: 'embodiment 2 with SSL off: frames in clear',
  plan: (settings) => twoLanPlan({ ...settings, suites: SUITES }, { gateway20: 'engine', gateway30: 'engine' }),
};

export const E4_SSL_OFF: Topology = {
  name: 'e4-ssl-off',
  title: 'embodiment 4 with SSL off: frames in clear',
  plan: (settings) => twoLanPlan({ ...settings, suites: SUITES }, { gateway20: 'software', gateway30: 'software' }),
};
