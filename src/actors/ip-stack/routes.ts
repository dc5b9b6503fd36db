import { type Ip4, inNetwork } from '../../wire/address.ts';
import type { InterfaceAddress } from '../services.ts';

/** Who on the link takes a packet to `destination`: itself, the router of its longest route, or the default one; undefined: nobody. */
export function nextHop4(own: InterfaceAddress, destination: Ip4): Ip4 | undefined {
  if (inNetwork(destination, { address: own.address, prefix: own.prefixLength })) return destination;
  const fitting = (own.routes ?? []).filter((route) => inNetwork(destination, route.destination));
  const [longest] = fitting.sort((one, other) => other.destination.prefix - one.destination.prefix);
  return longest?.gateway ?? own.gateway;
}
