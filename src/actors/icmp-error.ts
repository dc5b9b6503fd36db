import type { Ip4 } from '../wire/address.ts';
import { u32 } from '../wire/bytes.ts';
import {
  ICMP_HEADER_BYTES,
  type IcmpFields,
  IcmpType,
  type IcmpView,
  icmpQuote,
  isFragmentationNeeded,
  isIcmpError,
  parseIcmp,
  UnreachableCode,
  writeIcmp,
} from '../wire/icmp.ts';
import { type IpAddress, isSingleHost } from '../wire/ip-address.ts';
import { finalDestinationAt } from '../wire/ip-options.ts';
import { buildIp4, type Ip4View, IpProtocol, parseIp4Packet } from '../wire/ipv4.ts';
import { tcpIcmp6Error } from './icmp6-error.ts';

/** Bytes behind the IP header that an error quotes (RFC 792): the ports of TCP and UDP. */
const QUOTED_PAYLOAD_BYTES = 8;
/** Where the checksum stands in the headers whose first 8 bytes have one. */
const QUOTED_CHECKSUMS: Readonly<Record<number, number>> = { [IpProtocol.UDP]: 6, [IpProtocol.ICMP]: 2 };
const CHECKSUM_BYTES = 2;

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
  const quote = bytes.slice(ip.offset, Math.min(ip.end, ip.headerEnd + QUOTED_PAYLOAD_BYTES));
  // A checksum tells of payload, which no journal keeps: an error that quoted it could not be replayed.
  const checksum = QUOTED_CHECKSUMS[ip.protocol];
  if (checksum !== undefined) quote.fill(0, ip.ihl + checksum, ip.ihl + checksum + CHECKSUM_BYTES);
  return buildIcmpPacket({ source: from, destination: ip.source }, error, quote);
}

/** What an ICMP error tells about a TCP segment of ours that it quotes. */
export interface TcpIcmpError {
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
  /** Number of the quoted segment. Whoever has not seen the segment can only guess it (RFC 5927 section 4.1). */
  readonly seq: number;
  /** `hard`: nobody will ever answer there; `soft`: perhaps later; `too-big`: the path takes packets of `mtu` bytes; `quench`: means nothing any more. */
  readonly kind: 'hard' | 'soft' | 'too-big' | 'quench';
  readonly mtu: number;
}

/** Codes after which it is no use to try again (RFC 1122 section 4.2.3.9). */
const HARD_CODES: ReadonlySet<number> = new Set([
  UnreachableCode.PROTOCOL,
  UnreachableCode.PORT,
  UnreachableCode.ADMINISTRATIVELY_PROHIBITED,
]);

/** Reads an ICMP or ICMPv6 error about a TCP segment; undefined for any other packet. */
export function tcpIcmpError(bytes: Uint8Array): TcpIcmpError | undefined {
  return bytes[0] >>> 4 === 6 ? tcpIcmp6Error(bytes) : tcpIcmp4Error(bytes);
}

function tcpIcmp4Error(bytes: Uint8Array): TcpIcmpError | undefined {
  const ip = parseIp4Packet(bytes, 0, bytes.length);
  const icmp = ip.ok && ip.protocol === IpProtocol.ICMP ? parseIcmp(bytes, ip.headerEnd, ip.end) : undefined;
  const quote = icmp?.ok ? icmpQuote(bytes, icmp) : undefined;
  if (!icmp?.ok || quote?.protocol !== IpProtocol.TCP) return undefined;
  return {
    local: quote.source,
    localPort: quote.sourcePort,
    // Of a packet on a source route the header names the next hop alone.
    remote: u32(bytes, finalDestinationAt(bytes, icmp.headerEnd)),
    remotePort: quote.destinationPort,
    seq: quote.seq,
    kind: kindOf(icmp),
    mtu: icmp.mtu,
  };
}

function kindOf({ type, code }: IcmpView): TcpIcmpError['kind'] {
  if (isFragmentationNeeded(type, code)) return 'too-big';
  if (type === IcmpType.SOURCE_QUENCH) return 'quench';
  return type === IcmpType.UNREACHABLE && HARD_CODES.has(code) ? 'hard' : 'soft';
}
