/** Multicast Listener Discovery, version 2 (RFC 3810): tells switches and routers which groups are listened to on a link. */
import { put16, u16 } from './bytes.ts';
import { Icmp6Type, type Icmp6View, writeIcmp6 } from './icmp6.ts';
import { type Ip6, isLinkLocal6, putIp6, readIp6, UNSPECIFIED_IP6 } from './ip-address.ts';
import { IpProtocol } from './ipv4.ts';
import { ExtensionHeader, IP6_HEADER_BYTES, type Ip6View, ip6Source, writeIp6 } from './ipv6.ts';

/** Where reports go: all routers that know version 2. */
export const MLD_ROUTERS_IP6: Ip6 = 'ff02::16';
/** What a record of a report says: "I listen", as an answer, or because it has just begun. */
export const ListenerRecord = { IS_EXCLUDE: 2, TO_EXCLUDE: 4 } as const;

/** Hop-by-hop options: router alert for MLD, and padding. */
const ROUTER_ALERT = Uint8Array.of(IpProtocol.ICMP6, 0, 5, 2, 0, 0, 1, 0);
const RECORD_BYTES = 20;
const HEADER_BYTES = 8;
const GROUP_AT = 8;
const QUERY_BYTES = 24;
/** From here on a version 2 query's response code is a floating-point number (RFC 3810 section 5.1.3). */
const FLOAT_CODE = 0x8000;
const V2_QUERY_BYTES = 28;

/** A whole IPv6 packet that reports the groups. `source` is link-local, or unspecified as long as there is none. */
export function buildListenerReport(source: Ip6, record: number, groups: readonly Ip6[]): Uint8Array {
  const length = HEADER_BYTES + groups.length * RECORD_BYTES;
  const bytes = new Uint8Array(IP6_HEADER_BYTES + ROUTER_ALERT.length + length);
  const fields = { source, destination: MLD_ROUTERS_IP6, nextHeader: ExtensionHeader.HOP_BY_HOP, hopLimit: 1 };
  const options = writeIp6(bytes, 0, fields, ROUTER_ALERT.length + length);
  bytes.set(ROUTER_ALERT, options);
  const at = options + ROUTER_ALERT.length;
  put16(bytes, at + 6, groups.length);
  groups.forEach((group, i) => {
    bytes[at + HEADER_BYTES + i * RECORD_BYTES] = record;
    putIp6(bytes, at + HEADER_BYTES + i * RECORD_BYTES + 4, group);
  });
  writeIcmp6(bytes, 0, at, { type: Icmp6Type.LISTENER_REPORT, code: 0, word: groups.length }, bytes.length);
  return bytes;
}

export interface ListenerQuery {
  /** The group that is asked about; undefined: all. */
  group: Ip6 | undefined;
  /** Answers come within so many milliseconds. */
  maxResponse_ms: number;
}

/** Reads a query; undefined for what is not a valid one (RFC 3810 section 6.2: link-local source, hop limit 1). */
export function parseListenerQuery(bytes: Uint8Array, ip6: Ip6View, icmp: Icmp6View): ListenerQuery | undefined {
  if (icmp.type !== Icmp6Type.LISTENER_QUERY || icmp.end - icmp.offset < QUERY_BYTES) return undefined;
  if (ip6.hopLimit !== 1 || !isLinkLocal6(ip6Source(bytes, ip6))) return undefined;
  const code = u16(bytes, icmp.offset + 4);
  const isFloat = code >= FLOAT_CODE && icmp.end - icmp.offset >= V2_QUERY_BYTES;
  const group = readIp6(bytes, icmp.offset + GROUP_AT);
  return {
    group: group === UNSPECIFIED_IP6 ? undefined : group,
    maxResponse_ms: isFloat ? ((code & 0xfff) | 0x1000) << (((code >>> 12) & 7) + 3) : code,
  };
}
