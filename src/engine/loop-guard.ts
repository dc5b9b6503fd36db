import type { Ip4, Mac } from '../wire/address.ts';
import { parseFrame } from '../wire/frame.ts';

/** What a tunnel end must never put into its own tunnel (both sides of the firewall share one segment once it stands). */
export interface TunnelEnds {
  readonly ownMac: Mac;
  readonly nextHopMac: Mac;
  /** Own and peer's tunnel address, and others that take part in tunnels here. */
  readonly addresses: readonly Ip4[];
}

export type LoopReason = 'own-source' | 'next-hop-source' | 'tunnel-frame' | 'tunnel-arp';

/**
 * Why a LAN frame must not enter the tunnel; undefined when it may: a source that is our own or the next hop's, a frame of
 * a tunnel between the two ends (F10 in F10), ARP that asks or tells about a tunnel endpoint.
 */
export function loopReason(frame: Uint8Array, ends: TunnelEnds): LoopReason | undefined {
  const parsed = parseFrame(frame);
  if (parsed.ethernet === undefined) return undefined;
  const { source } = parsed.ethernet;
  if (source === ends.ownMac) return 'own-source';
  if (source === ends.nextHopMac) return 'next-hop-source';
  const { ip, arp } = parsed;
  if (ip !== undefined && ends.addresses.includes(ip.source) && ends.addresses.includes(ip.destination))
    return 'tunnel-frame';
  if (arp !== undefined && (ends.addresses.includes(arp.targetIp) || ends.addresses.includes(arp.senderIp)))
    return 'tunnel-arp';
  return undefined;
}
