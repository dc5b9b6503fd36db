import type { Ip4, Mac } from '../wire/address.ts';
import { parseFrame } from '../wire/frame.ts';

/** What a tunnel end must never put into its own tunnels (both sides of the firewall share one segment once they stand). */
export interface TunnelEnds {
  readonly ownMacs: ReadonlySet<Mac>;
  readonly nextHopMacs: ReadonlySet<Mac>;
  /** Own and peers' tunnel addresses, and others that take part in tunnels here. */
  readonly addresses: ReadonlySet<Ip4>;
}

export type LoopReason = 'own-source' | 'next-hop-source' | 'tunnel-frame' | 'tunnel-arp';

/**
 * Why a LAN frame must not enter a tunnel; undefined when it may: a source that is our own or a next hop's, a frame of
 * a tunnel between two ends (F10 in F10), ARP that asks or tells about a tunnel endpoint.
 */
export function loopReason(frame: Uint8Array, { ownMacs, nextHopMacs, addresses }: TunnelEnds): LoopReason | undefined {
  const parsed = parseFrame(frame);
  if (parsed.ethernet === undefined) return undefined;
  const { source } = parsed.ethernet;
  if (ownMacs.has(source)) return 'own-source';
  if (nextHopMacs.has(source)) return 'next-hop-source';
  const { ip, arp } = parsed;
  if (ip !== undefined && addresses.has(ip.source) && addresses.has(ip.destination)) return 'tunnel-frame';
  if (arp !== undefined && (addresses.has(arp.targetIp) || addresses.has(arp.senderIp))) return 'tunnel-arp';
  return undefined;
}
