import type { Ip4 } from '../../wire/address.ts';
import { isIp6, isSingleHost } from '../../wire/ip-address.ts';
import { MAX_ROUTE_HOPS, routeBytes, type SourceRoute } from '../../wire/ip-options.ts';
import type { ConnectionCore } from './core.ts';
import type { TcpTuple } from './segment.ts';
import type { TcpSettings } from './settings.ts';

/**
 * What becomes of packets that arrive on an IPv4 source route. `refuse`: they are dropped (RFC 7126 sections 4.3 and 4.4), but for answers to a
 * connection that we opened on a route of our own. `accept`: the way back is used (RFC 9293 MUST-53).
 */
export type SourceRouteUse = 'refuse' | 'accept';

/** The source route of a connection. */
export interface KeptRoute extends SourceRoute {
  /** The user that opened has named it: nothing that arrives changes it (RFC 9293 MUST-52). */
  readonly own: boolean;
}

/** Whether a connection between these ends can be opened on the route. */
export function isUsable({ hops }: SourceRoute, { remote }: TcpTuple): boolean {
  return !isIp6(remote) && hops.length >= 1 && hops.length <= MAX_ROUTE_HOPS && hops.every(isSingleHost);
}

/** The settings of a connection whose user has named the route (RFC 9293 MUST-51). */
export function withOwnRoute(settings: TcpSettings, { strict, hops }: SourceRoute): TcpSettings {
  return { ...settings, route: { strict, hops: [...hops], own: true } };
}

/** The other side of a passive open has come on a route, and `back` is the way back. Returns by how many bytes IP headers grow. */
export function learnRoute(core: ConnectionCore, back: SourceRoute): number {
  const before = core.settings.route;
  if (before !== null && isSame(before, back)) return 0;
  core.settings = { ...core.settings, route: { ...back, own: false } };
  return routeBytes(back) - routeBytes(before);
}

function isSame(one: SourceRoute, other: SourceRoute): boolean {
  const isEqual = (hop: Ip4, i: number): boolean => hop === other.hops[i];
  return one.strict === other.strict && one.hops.length === other.hops.length && one.hops.every(isEqual);
}
