import { type Ip6, inNetwork6, isLinkLocal6, linkLocalOf } from '../../wire/ip-address.ts';
import type { InterfaceAddress } from '../services.ts';

/** The link-local address of an interface; undefined when it does not speak IPv6. */
export function linkLocal(own: InterfaceAddress): Ip6 | undefined {
  return own.ip6 && (own.ip6.linkLocal ?? linkLocalOf(own.mac));
}

/** All IPv6 addresses of an interface, the link-local one last. */
export function addresses6(own: InterfaceAddress): readonly Ip6[] {
  const local = linkLocal(own);
  return local === undefined ? [] : [...(own.ip6?.addresses ?? []).map(({ address }) => address), local];
}

/** Whether an address is on the interface's own link. */
export function isOnLink6(own: InterfaceAddress, address: Ip6): boolean {
  return isLinkLocal6(address) || (own.ip6?.addresses ?? []).some((network) => inNetwork6(address, network));
}
