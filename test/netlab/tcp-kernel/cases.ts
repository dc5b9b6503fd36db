import { CLOSING } from './closing.ts';
import { ECN } from './ecn.ts';
import { HANDSHAKES } from './handshakes.ts';
import { IMPAIRED_LONG, IMPAIRED_QUICK } from './impaired.ts';
import { IP6 } from './ip6.ts';
import type { Lab } from './lab.ts';
import { LOAD_LONG, LOAD_QUICK } from './load.ts';
import { SILENCE_LONG, SILENCE_QUICK } from './silence.ts';
import { SOURCE_ROUTES } from './source-routes.ts';
import { TRANSFERS } from './transfers.ts';

/** Throws when something is not as it must be; what it gives back is printed. */
export type Case = (lab: Lab) => Promise<Record<string, unknown> | undefined>;
export type Cases = Readonly<Record<string, Case>>;

/** Cases by group and name. A group is run in one network, one case after the other. */
export const GROUPS: Readonly<Record<string, Cases>> = {
  handshakes: HANDSHAKES,
  transfers: TRANSFERS,
  closing: CLOSING,
  silence: SILENCE_QUICK,
  impaired: IMPAIRED_QUICK,
  ecn: ECN,
  load: LOAD_QUICK,
  ip6: IP6,
  'source-routes': SOURCE_ROUTES,
  'silence-long': SILENCE_LONG,
  'impaired-long': IMPAIRED_LONG,
  'load-long': LOAD_LONG,
};
