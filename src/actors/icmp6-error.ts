import { put16 } from '../wire/bytes.ts';
import {
  buildIcmp6,
  ICMP6_HEADER_BYTES,
  type Icmp6Fields,
  Icmp6Type,
  icmp6Quote,
  isIcmp6Error,
  ParameterCode,
  parseIcmp6,
  Unreachable6Code,
} from '../wire/icmp6.ts';
import { type Ip6, isMulticast6, isSingleHost } from '../wire/ip-address.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import {
  IP6_HEADER_BYTES,
  IP6_MIN_MTU_BYTES,
  type Ip6View,
  ip6Destination,
  ip6Source,
  parseIp6Packet,
} from '../wire/ipv6.ts';
import type { TcpIcmpError } from './icmp-error.ts';

/** Where the checksum stands in the headers whose first 8 bytes have one: it tells of payload, which no journal keeps. */
const QUOTED_CHECKSUMS: Readonly<Record<number, number>> = { [IpProtocol.UDP]: 6, [IpProtocol.ICMP6]: 2 };

/**
 * An ICMPv6 error about the packet whose header was read as `ip6`, from `from` to the packet's source, with as much of it as fits the
 * smallest MTU. Undefined where RFC 4443 section 2.4 (e) forbids one: about an ICMPv6 error or redirect, a later fragment, a packet from no
 * single host, or one to a group unless it is too big or has an option that must be told of.
 */
export function icmp6ErrorAbout(
  bytes: Uint8Array,
  ip6: Ip6View,
  from: Ip6,
  error: Icmp6Fields,
): Uint8Array | undefined {
  const source = ip6Source(bytes, ip6);
  if (!isSingleHost(source) || ip6.fragmentOffset > 0 || isQuiet(bytes, ip6)) return undefined;
  if (isMulticast6(ip6Destination(bytes, ip6)) && !mayAnswerGroup(error)) return undefined;
  const room = IP6_MIN_MTU_BYTES - IP6_HEADER_BYTES - ICMP6_HEADER_BYTES;
  const quote = bytes.slice(ip6.offset, Math.min(ip6.end, ip6.offset + room));
  const checksum = QUOTED_CHECKSUMS[ip6.protocol];
  const field = ip6.headerEnd - ip6.offset + (checksum ?? 0);
  if (checksum !== undefined && field + 2 <= quote.length) put16(quote, field, 0);
  return buildIcmp6({ source: from, destination: source }, error, quote);
}

/** About an ICMPv6 error, a redirect, or a message whose type cannot be seen, nothing is said. */
function isQuiet(bytes: Uint8Array, ip6: Ip6View): boolean {
  if (ip6.protocol !== IpProtocol.ICMP6) return false;
  if (ip6.headerEnd === ip6.end) return true;
  const type = bytes[ip6.headerEnd];
  return isIcmp6Error(type) || type === Icmp6Type.REDIRECT;
}

function mayAnswerGroup({ type, code }: Icmp6Fields): boolean {
  const isOption = type === Icmp6Type.PARAMETER_PROBLEM && code === ParameterCode.OPTION;
  return type === Icmp6Type.PACKET_TOO_BIG || isOption;
}

/** Codes of destination unreachable after which it is no use to try again (RFC 4443 section 3.1, RFC 5461 section 2.1). */
const HARD_CODES: ReadonlySet<number> = new Set([
  Unreachable6Code.PROHIBITED,
  Unreachable6Code.PORT,
  Unreachable6Code.SOURCE_POLICY,
  Unreachable6Code.REJECT_ROUTE,
]);

/** Reads an ICMPv6 error about a TCP segment; undefined for any other packet, and for a too small MTU (RFC 8201 section 4). */
export function tcpIcmp6Error(bytes: Uint8Array): TcpIcmpError | undefined {
  const ip6 = parseIp6Packet(bytes, 0, bytes.length);
  const icmp = ip6.ok && ip6.protocol === IpProtocol.ICMP6 ? parseIcmp6(bytes, ip6.headerEnd, ip6.end) : undefined;
  const quote = icmp?.ok ? icmp6Quote(bytes, icmp) : undefined;
  if (!icmp?.ok || quote?.protocol !== IpProtocol.TCP) return undefined;
  const isTooBig = icmp.type === Icmp6Type.PACKET_TOO_BIG;
  if (isTooBig && icmp.mtu < IP6_MIN_MTU_BYTES) return undefined;
  return {
    local: quote.source,
    localPort: quote.sourcePort,
    remote: quote.destination,
    remotePort: quote.destinationPort,
    seq: quote.seq,
    kind: isTooBig ? 'too-big' : isHard(icmp.type, icmp.code) ? 'hard' : 'soft',
    mtu: icmp.mtu,
  };
}

function isHard(type: number, code: number): boolean {
  if (type === Icmp6Type.PARAMETER_PROBLEM) return code === ParameterCode.NEXT_HEADER;
  return type === Icmp6Type.UNREACHABLE && HARD_CODES.has(code);
}
