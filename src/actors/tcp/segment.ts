import type { Ip4 } from '../../wire/address.ts';
import { EMPTY, put16 } from '../../wire/bytes.ts';
import { partialChecksum, transportChecksum } from '../../wire/checksum.ts';
import { type IpAddress, ipBytes, isIp6, isSingleHost } from '../../wire/ip-address.ts';
import { returnRoute, routeBytes, type SourceRoute, sourceRouteOf } from '../../wire/ip-options.ts';
import { DEFAULT_TTL, IP4_HEADER_BYTES, IpProtocol, isFragment, parseIp4Packet, writeIp4 } from '../../wire/ipv4.ts';
import { IP6_HEADER_BYTES, ip6Destination, ip6Source, isFragment6, parseIp6Packet, writeIp6 } from '../../wire/ipv6.ts';
import {
  Flag,
  NO_TCP_OPTIONS,
  parseTcp,
  segmentLength,
  TCP_HEADER_BYTES,
  type TcpOptions,
  tcpHeaderLength,
  writeTcp,
} from '../../wire/tcp.ts';
import { DEFAULT_MSS_BYTES, DEFAULT_MSS6_BYTES } from './limits.ts';

/** A TCP segment without addresses and ports. `window` is the field as it stands on the wire, not scaled. */
export interface Segment {
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly options: TcpOptions;
  readonly payload: Uint8Array;
  /** Payload bytes of each segment on the wire that this one stands for: an interface is to cut it, or has put it together. */
  readonly segment_bytes?: number | undefined;
  /** With URG only: how far behind `seq` the first byte is that is not urgent. */
  readonly urgent?: number | undefined;
  /** Bytes right before `payload` in its buffer that belong to this segment: its headers may be written there. */
  readonly headroom_bytes?: number;
  /** ECN field of the IP header (RFC 3168 section 5); absent is 0, not ECN-capable. */
  readonly ecn?: number | undefined;
  /** Of one that arrived on a source route: the way back. */
  readonly route?: SourceRoute | undefined;
}
export type InSegment = Segment;
export type OutSegment = Segment;

/** The two ends of a connection as one of them sees them. */
export interface TcpTuple {
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
}

/** IPv4 and TCP header, both without options. */
export const HEADERS_BYTES = IP4_HEADER_BYTES + TCP_HEADER_BYTES;
/** IPv6 and TCP header, both without options. */
export const HEADERS6_BYTES = IP6_HEADER_BYTES + TCP_HEADER_BYTES;
const PORT_BYTES = 2;
/** Room for an Ethernet header, in front of a packet that is not to be copied again. */
export const HEADROOM_BYTES = 16;
/** Room in front of a payload that is not to be copied again: for the headers of IP and TCP, too. */
export const PAYLOAD_HEADROOM_BYTES = 128;
const CHECKSUM_OFFSET = 16;
/** Below it in the same byte are the two bits of ECN. */
const DIFFSERV_SHIFT = 2;
const ECN_MASK = 0b11;

/** Why an IP packet is no TCP segment. */
export type SegmentReason = 'not-ip' | 'not-tcp' | 'fragment' | 'source-route' | 'bad-tcp-header';

export type ReadSegment =
  | { readonly ok: true; readonly segment: InSegment; readonly tuple: TcpTuple }
  | { readonly ok: false; readonly reason: SegmentReason };

/**
 * Reads an IP packet that arrived; `tuple` is from the receiver's point of view. The payload is a view of `packet`. `segment_bytes`: as in
 * {@link Segment}, where the interface told it.
 */
export function segmentFromPacket(packet: Uint8Array, segment_bytes?: number): ReadSegment {
  const ip = readIp(packet);
  if (ip === undefined) return { ok: false, reason: 'not-ip' };
  if (ip.protocol !== IpProtocol.TCP) return { ok: false, reason: 'not-tcp' };
  if (ip.isFragment) return { ok: false, reason: 'fragment' };
  const route = ip.hasOptions ? routeBack(packet) : undefined;
  if (route === null) return { ok: false, reason: 'source-route' };
  const tcp = parseTcp(packet, ip.headerEnd, ip.end);
  if (!tcp.ok || tcp.optionsMalformed) return { ok: false, reason: 'bad-tcp-header' };
  return {
    ok: true,
    segment: {
      seq: tcp.seq,
      ack: tcp.ack,
      flags: tcp.flags,
      window: tcp.window,
      options: tcp.options,
      payload: packet.subarray(tcp.headerEnd, tcp.end),
      segment_bytes,
      urgent: (tcp.flags & Flag.URG) === 0 ? undefined : tcp.urgent,
      ecn: ip.ecn === 0 ? undefined : ip.ecn,
      route,
    },
    tuple: {
      local: ip.destination,
      localPort: tcp.destinationPort,
      remote: ip.source,
      remotePort: tcp.sourcePort,
    },
  };
}

/** The way back on the source route of an IPv4 packet; undefined for none, null when it has not come to its end or can't be used. */
function routeBack(packet: Uint8Array): SourceRoute | undefined | null {
  const route = sourceRouteOf(packet, 0);
  if (route === undefined) return undefined;
  const back = route.state === 'complete' ? returnRoute(packet, 0, route) : null;
  return back?.hops.every(isSingleHost) === false ? null : back;
}

interface ReadIp {
  readonly protocol: number;
  readonly isFragment: boolean;
  /** Of IPv4. */
  readonly hasOptions: boolean;
  readonly ecn: number;
  readonly headerEnd: number;
  readonly end: number;
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

function readIp(packet: Uint8Array): ReadIp | undefined {
  if (packet[0] >>> 4 === 6) {
    const ip6 = parseIp6Packet(packet, 0, packet.length);
    if (!ip6.ok) return undefined;
    return {
      protocol: ip6.protocol,
      isFragment: isFragment6(ip6),
      hasOptions: false,
      ecn: ip6.trafficClass & ECN_MASK,
      headerEnd: ip6.headerEnd,
      end: ip6.end,
      source: ip6Source(packet, ip6),
      destination: ip6Destination(packet, ip6),
    };
  }
  const ip = parseIp4Packet(packet, 0, packet.length);
  if (!ip.ok) return undefined;
  const { protocol, headerEnd, end, source, destination } = ip;
  const hasOptions = ip.ihl > IP4_HEADER_BYTES;
  const ecn = ip.tos & ECN_MASK;
  return { protocol, isFragment: isFragment(ip), hasOptions, ecn, headerEnd, end, source, destination };
}

/** What of the IP header a user may choose. */
export interface IpChoices {
  /** Differentiated services code point. */
  readonly diffserv?: number;
  /** Time to live, or hop limit. */
  readonly ttl?: number;
  /** With IPv4: the way to take. */
  readonly route?: SourceRoute | null | undefined;
}

/**
 * An IP packet; `tuple` is from the sender's point of view. Its checksums are right; one with `segment_bytes` has the sum of the
 * pseudo-header alone, as an offloading interface expects, and {@link HEADROOM_BYTES} of its own in front of it.
 */
export function packetFromSegment(segment: OutSegment, tuple: TcpTuple, choices: IpChoices = {}): Uint8Array {
  const fields = {
    sourcePort: tuple.localPort,
    destinationPort: tuple.remotePort,
    seq: segment.seq,
    ack: segment.ack,
    flags: segment.flags,
    window: segment.window,
    options: segment.options,
    urgent: segment.urgent ?? 0,
  };
  const length = tcpHeaderLength(fields) + segment.payload.length;
  const isFinishedBelow = segment.segment_bytes !== undefined;
  const packet = packetAround(
    segment,
    headersBytes(tuple.local) - TCP_HEADER_BYTES + routeBytes(choices.route) + length,
  );
  const at = writeIp(packet, tuple, choices, segment.ecn ?? 0, length);
  const payloadAt = writeTcp(packet, at, fields);
  if (segment.payload.buffer !== packet.buffer) packet.set(segment.payload, payloadAt);
  const checksum = isFinishedBelow ? partialChecksum(packet, 0, length) : transportChecksum(packet, 0, at, length);
  put16(packet, at + CHECKSUM_OFFSET, checksum);
  return packet;
}

/** Where the packet is written: around the payload, which stays where it is, when there is room in front of it. */
function packetAround({ payload, segment_bytes, headroom_bytes = 0 }: OutSegment, length: number): Uint8Array {
  const headroom = segment_bytes === undefined ? 0 : HEADROOM_BYTES;
  const inFront = length - payload.length;
  if (headroom_bytes < headroom + inFront) return new Uint8Array(headroom + length).subarray(headroom);
  return new Uint8Array(payload.buffer, payload.byteOffset - inFront, length);
}

/** Writes the IP header; both addresses are of one family. Returns the offset behind it. */
function writeIp(
  packet: Uint8Array,
  { local, remote }: TcpTuple,
  { diffserv = 0, ttl = DEFAULT_TTL, route }: IpChoices,
  ecn: number,
  length: number,
): number {
  const tos = (diffserv << DIFFSERV_SHIFT) | ecn;
  if (isIp6(local) && isIp6(remote)) {
    const nextHeader = IpProtocol.TCP;
    const header = { source: local, destination: remote, nextHeader, trafficClass: tos, hopLimit: ttl };
    return writeIp6(packet, 0, header, length);
  }
  const source = local as Ip4;
  const destination = remote as Ip4;
  const protocol = IpProtocol.TCP;
  return writeIp4(packet, 0, { source, destination, protocol, dontFragment: true, tos, ttl, route }, length);
}

/** {@link HEADERS_BYTES} of the address's family: an MTU less these is the MSS. */
export function headersBytes(local: IpAddress): number {
  return isIp6(local) ? HEADERS6_BYTES : HEADERS_BYTES;
}

/** The MSS of a host that names none (RFC 9293 MUST-15). */
export function defaultMss(remote: IpAddress): number {
  return isIp6(remote) ? DEFAULT_MSS6_BYTES : DEFAULT_MSS_BYTES;
}

/** Addresses and ports as bytes: what an initial sequence number is computed from (RFC 6528). */
export function tupleBytes(tuple: TcpTuple): Uint8Array {
  const [local, remote] = [ipBytes(tuple.local), ipBytes(tuple.remote)];
  const bytes = new Uint8Array(local.length + remote.length + 2 * PORT_BYTES);
  const remoteAt = local.length + PORT_BYTES;
  bytes.set(local);
  put16(bytes, local.length, tuple.localPort);
  bytes.set(remote, remoteAt);
  put16(bytes, remoteAt + remote.length, tuple.remotePort);
  return bytes;
}

/** The same connection from the other end. */
export function reversed(tuple: TcpTuple): TcpTuple {
  return {
    local: tuple.remote,
    localPort: tuple.remotePort,
    remote: tuple.local,
    remotePort: tuple.localPort,
  };
}

/** The RST that answers a segment for which there is no connection (RFC 9293 section 3.10.7.1); none for a RST. */
export function resetFor(segment: InSegment): OutSegment | undefined {
  if ((segment.flags & Flag.RST) !== 0) return undefined;
  if ((segment.flags & Flag.ACK) !== 0) return bare(Flag.RST, segment.ack, 0);
  const ack = (segment.seq + segmentLength(segment.flags, segment.payload.length)) >>> 0;
  return bare(Flag.RST | Flag.ACK, 0, ack);
}

/** A segment without payload, options and window. */
export function bare(flags: number, seq: number, ack: number): OutSegment {
  return { seq, ack, flags, window: 0, options: NO_TCP_OPTIONS, payload: EMPTY };
}
