import { BROADCAST_IP4, type Ip4 } from '../wire/address.ts';
import { ICMP_HEADER_BYTES, type IcmpFields, isIcmpError, writeIcmp } from '../wire/icmp.ts';
import { buildIp4, type Ip4View, IpProtocol } from '../wire/ipv4.ts';

/** Bytes behind the IP header that an error quotes (RFC 792): the ports of TCP and UDP. */
const QUOTED_PAYLOAD_BYTES = 8;
/** First multicast address; everything from here up is no single host. */
const FIRST_GROUP_IP4 = 0xe000_0000;

/** Errors a device may send in a second, and at once (RFC 1812 section 4.3.2.8). */
export const ICMP_ERRORS_PER_SECOND = 100;
export const ICMP_ERRORS_BURST = 50;

/** An IP packet with an ICMP message; `payload` is echo data or a quoted packet. */
export function buildIcmpPacket(
  ip: { readonly source: Ip4; readonly destination: Ip4; readonly ttl?: number },
  icmp: IcmpFields,
  payload: Uint8Array,
): Uint8Array {
  const message = new Uint8Array(ICMP_HEADER_BYTES + payload.length);
  message.set(payload, ICMP_HEADER_BYTES);
  writeIcmp(message, 0, icmp, message.length);
  return buildIp4({ ...ip, protocol: IpProtocol.ICMP, dontFragment: true }, message);
}

/**
 * An ICMP error about the packet whose header was read as `ip`, from `from` to the packet's source. Undefined where RFC 1122
 * section 3.2.2 forbids one: about an ICMP error, a later fragment, or a packet from or to no single host.
 */
export function icmpErrorAbout(bytes: Uint8Array, ip: Ip4View, from: Ip4, error: IcmpFields): Uint8Array | undefined {
  if (!isSingleHost(ip.source) || !isSingleHost(ip.destination) || ip.fragmentOffset > 0) return undefined;
  if (ip.protocol === IpProtocol.ICMP && (ip.end === ip.headerEnd || isIcmpError(bytes[ip.headerEnd])))
    return undefined;
  const quoteEnd = Math.min(ip.end, ip.headerEnd + QUOTED_PAYLOAD_BYTES);
  return buildIcmpPacket({ source: from, destination: ip.source }, error, bytes.subarray(ip.offset, quoteEnd));
}

/** Whether an address can name one host: not multicast, broadcast, reserved, or "this network". */
export function isSingleHost(address: Ip4): boolean {
  return address !== 0 && address < FIRST_GROUP_IP4 && address !== BROADCAST_IP4;
}
