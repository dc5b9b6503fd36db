/** ICMPv6 messages (RFC 4443). Those of Neighbour Discovery are read further by nd.ts. */
import { put16, put32, u16, u32 } from './bytes.ts';
import { transportChecksum } from './checksum.ts';
import type { Ip6 } from './ip-address.ts';
import { IpProtocol } from './ipv4.ts';
import { IP6_HEADER_BYTES, ip6Destination, ip6Source, parseIp6Quote, writeIp6 } from './ipv6.ts';

export const Icmp6Type = {
  UNREACHABLE: 1,
  PACKET_TOO_BIG: 2,
  TIME_EXCEEDED: 3,
  PARAMETER_PROBLEM: 4,
  ECHO_REQUEST: 128,
  ECHO_REPLY: 129,
  LISTENER_QUERY: 130,
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOUR_SOLICITATION: 135,
  NEIGHBOUR_ADVERTISEMENT: 136,
  REDIRECT: 137,
  LISTENER_REPORT: 143,
} as const;

/** Codes of destination unreachable. */
export const Unreachable6Code = {
  NO_ROUTE: 0,
  PROHIBITED: 1,
  ADDRESS: 3,
  PORT: 4,
  SOURCE_POLICY: 5,
  REJECT_ROUTE: 6,
} as const;

/** Codes of parameter problem. */
export const ParameterCode = { HEADER: 0, NEXT_HEADER: 1, OPTION: 2 } as const;

/** Bytes of an ICMPv6 header. */
export const ICMP6_HEADER_BYTES = 8;

const FIRST_INFORMATIONAL_TYPE = 128;

export interface Icmp6Fields {
  type: number;
  code: number;
  /** Bytes 4-7: identifier and sequence of an echo, the MTU of packet too big, the pointer of parameter problem. Default 0. */
  word?: number;
}

/** A read header. `word` is bytes 4-7; `identifier` and `sequence` are its halves, `mtu` all of it in packet too big, else 0. */
export interface Icmp6View {
  ok: true;
  offset: number;
  type: number;
  code: number;
  checksum: number;
  word: number;
  identifier: number;
  sequence: number;
  mtu: number;
  headerEnd: number;
  end: number;
}

export type Icmp6Reason = 'icmp6-truncated';
export interface Icmp6Malformed {
  ok: false;
  reason: Icmp6Reason;
}

/** Reads the header at `offset`; `end` is the end of the IP packet. */
export function parseIcmp6(bytes: Uint8Array, offset: number, end: number): Icmp6View | Icmp6Malformed {
  if (end - offset < ICMP6_HEADER_BYTES) return { ok: false, reason: 'icmp6-truncated' };
  const type = bytes[offset];
  return {
    ok: true,
    offset,
    type,
    code: bytes[offset + 1],
    checksum: u16(bytes, offset + 2),
    word: u32(bytes, offset + 4),
    identifier: u16(bytes, offset + 4),
    sequence: u16(bytes, offset + 6),
    mtu: type === Icmp6Type.PACKET_TOO_BIG ? u32(bytes, offset + 4) : 0,
    headerEnd: offset + ICMP6_HEADER_BYTES,
    end,
  };
}

/** Whether the message reports an error about a quoted packet. */
export function isIcmp6Error(type: number): boolean {
  return type < FIRST_INFORMATIONAL_TYPE;
}

/** Whether the message is one of Neighbour Discovery or of the multicast listeners: about the link, without anything of a user. */
export function isLinkMessage(type: number): boolean {
  const isDiscovery = type >= Icmp6Type.ROUTER_SOLICITATION && type <= Icmp6Type.REDIRECT;
  return isDiscovery || type === Icmp6Type.LISTENER_QUERY || type === Icmp6Type.LISTENER_REPORT;
}

/**
 * Writes the header at `offset` with the checksum over the pseudo-header of the IPv6 header at `ipOffset`, over it, and over the payload
 * that already stands behind it up to `end`; returns the offset behind the header.
 */
export function writeIcmp6(
  bytes: Uint8Array,
  ipOffset: number,
  offset: number,
  fields: Icmp6Fields,
  end: number,
): number {
  bytes[offset] = fields.type;
  bytes[offset + 1] = fields.code;
  put32(bytes, offset + 4, fields.word ?? 0);
  put16(bytes, offset + 2, transportChecksum(bytes, ipOffset, offset, end - offset, IpProtocol.ICMP6));
  return offset + ICMP6_HEADER_BYTES;
}

/** Where an ICMPv6 message comes from and goes to. */
export interface Icmp6Ends {
  readonly source: Ip6;
  readonly destination: Ip6;
  readonly hopLimit?: number;
}

/** A whole IPv6 packet; `payload` is echo data, a quoted packet, or what else follows the first 8 bytes. */
export function buildIcmp6(ends: Icmp6Ends, icmp: Icmp6Fields, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(IP6_HEADER_BYTES + ICMP6_HEADER_BYTES + payload.length);
  const at = writeIp6(bytes, 0, { ...ends, nextHeader: IpProtocol.ICMP6 }, ICMP6_HEADER_BYTES + payload.length);
  bytes.set(payload, at + ICMP6_HEADER_BYTES);
  writeIcmp6(bytes, 0, at, icmp, bytes.length);
  return bytes;
}

/** What an ICMPv6 error quotes of the packet it is about. */
export interface Icmp6Quote {
  source: Ip6;
  destination: Ip6;
  /** The protocol behind the extension headers. */
  protocol: number;
  /** Bytes 0-3 of the quoted transport header: the ports of TCP and UDP. */
  sourcePort: number;
  destinationPort: number;
  /** Bytes 4-7 of the quoted transport header: the sequence number of TCP. */
  seq: number;
}

const QUOTED_TRANSPORT_BYTES = 8;

/** Bytes behind the header that {@link icmp6Quote} reads: the quoted IP headers and 8 bytes; 0 when the message is not an error. */
export function icmp6QuotedLength(bytes: Uint8Array, icmp: Icmp6View): number {
  if (!isIcmp6Error(icmp.type)) return 0;
  const ip6 = parseIp6Quote(bytes, icmp.headerEnd, icmp.end);
  const to = (ip6.ok ? ip6.headerEnd : (ip6.readEnd ?? icmp.headerEnd)) + QUOTED_TRANSPORT_BYTES;
  return Math.min(icmp.end, to) - icmp.headerEnd;
}

/** The quoted packet of an error message; undefined when it is not an error or quotes too little or a later fragment. */
export function icmp6Quote(bytes: Uint8Array, icmp: Icmp6View): Icmp6Quote | undefined {
  if (!isIcmp6Error(icmp.type)) return undefined;
  const ip6 = parseIp6Quote(bytes, icmp.headerEnd, icmp.end);
  if (!ip6.ok || ip6.fragmentOffset > 0 || ip6.end - ip6.headerEnd < QUOTED_TRANSPORT_BYTES) return undefined;
  const l4 = ip6.headerEnd;
  return {
    source: ip6Source(bytes, ip6),
    destination: ip6Destination(bytes, ip6),
    protocol: ip6.protocol,
    sourcePort: u16(bytes, l4),
    destinationPort: u16(bytes, l4 + 2),
    seq: u32(bytes, l4 + 4),
  };
}
