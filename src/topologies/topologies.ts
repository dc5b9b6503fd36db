import { E2_SWAPPED, E3_SWAPPED, E4_SWAPPED } from './changed-places.ts';
import { E5, E5_NAT, E5_PLAIN_SERVER, E5_PROXY } from './e5.ts';
import { E8, E8_BOTH, E8_MIRRORED, E8_NAT } from './e8.ts';
import { E9_TOPOLOGIES } from './e9.ts';
import { E10_TOPOLOGIES } from './e10.ts';
import { E2, E3, E3_FOLDED, E3_MIRRORED, E4, E4_FOLDED, TCP_OVER_TCP } from './gateway-to-gateway.ts';
import { E2_NAT, E2_ROUTER, E4_NAT, E4_ROUTER } from './instead-of-firewall.ts';
import type { Topology } from './plan.ts';
import { PRIOR_ART_2 } from './prior-art-2.ts';
import { E1, PRIOR_ART_1 } from './relayed.ts';
import {
  E6,
  E6_MIRRORED,
  E6_NAT,
  E6_PROXY,
  E6_SAME_PORT,
  E7,
  E7_MIRRORED,
  E7_NAT,
  E7_PROXY,
  E7_TERMINALS,
} from './reoriginating.ts';
import { E12, E12_REDUNDANT } from './several-sessions.ts';
import { E2_SSL_OFF, E4_SSL_OFF } from './ssl-off.ts';
import { THREE_SITES } from './three-sites.ts';
import { E11, E11_MIRRORED, E11_SWAPPED } from './udp-between-gateways.ts';

const ALL: readonly Topology[] = [
  E1,
  E2,
  E3,
  E3_MIRRORED,
  E3_FOLDED,
  E4,
  E4_FOLDED,
  E5,
  E6,
  E6_SAME_PORT,
  E6_MIRRORED,
  E7,
  E7_TERMINALS,
  E7_MIRRORED,
  E11,
  E11_MIRRORED,
  E12,
  E12_REDUNDANT,
  E2_SWAPPED,
  E3_SWAPPED,
  E4_SWAPPED,
  E11_SWAPPED,
  E2_ROUTER,
  E4_ROUTER,
  E2_SSL_OFF,
  E4_SSL_OFF,
  TCP_OVER_TCP,
  E2_NAT,
  E4_NAT,
  E5_NAT,
  E5_PLAIN_SERVER,
  E6_NAT,
  E7_NAT,
  E5_PROXY,
  E6_PROXY,
  E7_PROXY,
  PRIOR_ART_1,
  PRIOR_ART_2,
  E8,
  E8_MIRRORED,
  E8_BOTH,
  E8_NAT,
  ...E9_TOPOLOGIES,
  ...E10_TOPOLOGIES,
  THREE_SITES,
];

/** Every network that can be had by name: embodiments in their order, each before its variants, then what they are compared with. */
export const TOPOLOGIES: readonly Topology[] = ALL.toSorted((one, other) =>
  one.name.localeCompare(other.name, 'en', { numeric: true }),
);

export function topologyByName(name: string): Topology | undefined {
  return TOPOLOGIES.find((topology) => topology.name === name);
}
