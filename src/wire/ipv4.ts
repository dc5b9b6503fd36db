/** IPv4 headers (RFC 791). Options are tolerated when read; a source route alone is written. */
import type { Ip4 } from './address.ts';
import { put16, put32, u16, u32 } from './bytes.ts';
import { ip4HeaderChecksum, onesComplementSum } from './checksum.ts';
import { routeBytes, type SourceRoute, writeRoute } from './ip-options.ts';

/** IP protocol numbers used here. */
export const IpProtocol = { ICMP: 1, IPIP: 4, TCP: 6, UDP: 17, ESP: 50, ICMP6: 58 } as const;

/** Bytes of an IPv4 header without options. */
export const IP4_HEADER_BYTES = 20;
/** TTL of packets we start. */
export const DEFAULT_TTL = 64;

const VERSION_4 = 0x40;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;
const OFFSET_UNIT_BYTES = 8;

export interface Ip4Fields {
  source: Ip4;
  destination: Ip4;
  protocol: number;
  id?: number;
  ttl?: number;
  /** Type of service byte: DSCP and ECN. */
  tos?: number;
  dontFragment?: boolean;
  moreFragments?: boolean;
  /** In bytes, a multiple of 8. */
  fragmentOffset?: number;
  /** The way to the destination, where it is not left to routers. */
  route?: SourceRoute | null | undefined;
}

/** A read header. `ihl` is the header's length in bytes; `end` is where the packet ends by its total length. */
export interface Ip4View {
  ok: true;
  offset: number;
  ihl: number;
  tos: number;
  totalLength: number;
  id: number;
  dontFragment: boolean;
  moreFragments: boolean;
  /** In bytes. */
  fragmentOffset: number;
  ttl: number;
  protocol: number;
  checksum: number;
  source: Ip4;
  destination: Ip4;
  headerEnd: number;
  end: number;
}

export type Ip4Reason = 'ipv4-truncated' | 'ipv4-bad-version' | 'ipv4-bad-header-length' | 'ipv4-bad-total-length';
export interface Ip4Malformed {
  ok: false;
  reason: Ip4Reason;
}

/** Reads the header at `offset`. Bytes between the total length and `end` are Ethernet padding. The checksum is not verified. */
export function parseIp4Packet(bytes: Uint8Array, offset: number, end: number): Ip4View | Ip4Malformed {
  const available = end - offset;
  if (available < IP4_HEADER_BYTES) return { ok: false, reason: 'ipv4-truncated' };
  if (bytes[offset] >>> 4 !== 4) return { ok: false, reason: 'ipv4-bad-version' };
  const ihl = (bytes[offset] & 15) * 4;
  if (ihl < IP4_HEADER_BYTES) return { ok: false, reason: 'ipv4-bad-header-length' };
  if (available < ihl) return { ok: false, reason: 'ipv4-truncated' };
  const totalLength = u16(bytes, offset + 2);
  if (totalLength < ihl) return { ok: false, reason: 'ipv4-bad-total-length' };
  if (totalLength > available) return { ok: false, reason: 'ipv4-truncated' };
  const fragment = u16(bytes, offset + 6);
  return {
    ok: true,
    offset,
    ihl,
    tos: bytes[offset + 1],
    totalLength,
    id: u16(bytes, offset + 4),
    dontFragment: (fragment & DONT_FRAGMENT) !== 0,
    moreFragments: (fragment & MORE_FRAGMENTS) !== 0,
    fragmentOffset: (fragment & OFFSET_MASK) * OFFSET_UNIT_BYTES,
    ttl: bytes[offset + 8],
    protocol: bytes[offset + 9],
    checksum: u16(bytes, offset + 10),
    source: u32(bytes, offset + 12),
    destination: u32(bytes, offset + 16),
    headerEnd: offset + ihl,
    end: offset + totalLength,
  };
}

/** Whether the packet is one part of a larger one. */
export function isFragment(ip: Ip4View): boolean {
  return ip.moreFragments || ip.fragmentOffset > 0;
}

/** Whether the header's checksum is right. */
export function ip4ChecksumGood(bytes: Uint8Array, ip: Ip4View): boolean {
  return onesComplementSum(bytes, ip.offset, ip.headerEnd) === 0xffff;
}

/** Bytes of the header that {@link writeIp4} writes. */
export function ip4HeaderLength({ route }: Pick<Ip4Fields, 'route'>): number {
  return IP4_HEADER_BYTES + routeBytes(route);
}

/** Writes a header with its checksum for `payloadLength` bytes behind it; returns the offset behind the header. */
export function writeIp4(bytes: Uint8Array, offset: number, fields: Ip4Fields, payloadLength: number): number {
  const fragment =
    (fields.dontFragment ? DONT_FRAGMENT : 0) |
    (fields.moreFragments ? MORE_FRAGMENTS : 0) |
    ((fields.fragmentOffset ?? 0) / OFFSET_UNIT_BYTES);
  const { route, destination } = fields;
  const headerLength = ip4HeaderLength(fields);
  bytes[offset] = VERSION_4 | (headerLength >> 2);
  bytes[offset + 1] = fields.tos ?? 0;
  put16(bytes, offset + 2, headerLength + payloadLength);
  put16(bytes, offset + 4, fields.id ?? 0);
  put16(bytes, offset + 6, fragment);
  bytes[offset + 8] = fields.ttl ?? DEFAULT_TTL;
  bytes[offset + 9] = fields.protocol;
  put32(bytes, offset + 12, fields.source);
  put32(bytes, offset + 16, route ? route.hops[0] : destination);
  if (route) writeRoute(bytes, offset + IP4_HEADER_BYTES, route, destination);
  put16(bytes, offset + 10, ip4HeaderChecksum(bytes, offset, headerLength));
  return offset + headerLength;
}

/** A whole packet. */
export function buildIp4(fields: Ip4Fields, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ip4HeaderLength(fields) + payload.length);
  bytes.set(payload, writeIp4(bytes, 0, fields, payload.length));
  return bytes;
}
