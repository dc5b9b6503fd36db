import type { Ip4 } from '../../wire/address.ts';
import { EMPTY, put16 } from '../../wire/bytes.ts';
import { transportChecksum } from '../../wire/checksum.ts';
import { IP4_HEADER_BYTES, IpProtocol, isFragment, parseIp4Packet, writeIp4 } from '../../wire/ipv4.ts';
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

/** A TCP segment without addresses and ports. `window` is the field as it stands on the wire, not scaled. */
export interface Segment {
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly options: TcpOptions;
  readonly payload: Uint8Array;
}
export type InSegment = Segment;
export type OutSegment = Segment;

/** The two ends of a connection as one of them sees them. */
export interface TcpTuple {
  readonly local: Ip4;
  readonly localPort: number;
  readonly remote: Ip4;
  readonly remotePort: number;
}

/** IPv4 and TCP header, both without options. */
export const HEADERS_BYTES = IP4_HEADER_BYTES + TCP_HEADER_BYTES;
const TUPLE_BYTES = 12;
const CHECKSUM_OFFSET = 16;

/** Why an IP packet is no TCP segment. */
export type SegmentReason = 'not-ipv4' | 'not-tcp' | 'fragment' | 'bad-tcp-header';

export type ReadSegment =
  | { readonly ok: true; readonly segment: InSegment; readonly tuple: TcpTuple }
  | { readonly ok: false; readonly reason: SegmentReason };

/** Reads an IP packet that arrived; `tuple` is from the receiver's point of view. The payload is a view of `packet`. */
export function segmentFromPacket(packet: Uint8Array): ReadSegment {
  const ip = parseIp4Packet(packet, 0, packet.length);
  if (!ip.ok) return { ok: false, reason: 'not-ipv4' };
  if (ip.protocol !== IpProtocol.TCP) return { ok: false, reason: 'not-tcp' };
  if (isFragment(ip)) return { ok: false, reason: 'fragment' };
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
    },
    tuple: {
      local: ip.destination,
      localPort: tcp.destinationPort,
      remote: ip.source,
      remotePort: tcp.sourcePort,
    },
  };
}

/** An IP packet with right checksums; `tuple` is from the sender's point of view. */
export function packetFromSegment(segment: OutSegment, tuple: TcpTuple): Uint8Array {
  const fields = {
    sourcePort: tuple.localPort,
    destinationPort: tuple.remotePort,
    seq: segment.seq,
    ack: segment.ack,
    flags: segment.flags,
    window: segment.window,
    options: segment.options,
  };
  const length = tcpHeaderLength(fields) + segment.payload.length;
  const packet = new Uint8Array(IP4_HEADER_BYTES + length);
  const ip = { source: tuple.local, destination: tuple.remote, protocol: IpProtocol.TCP, dontFragment: true };
  const at = writeIp4(packet, 0, ip, length);
  packet.set(segment.payload, writeTcp(packet, at, fields));
  put16(packet, at + CHECKSUM_OFFSET, transportChecksum(packet, 0, at, length));
  return packet;
}

/** Addresses and ports as bytes: what an initial sequence number is computed from (RFC 6528). */
export function tupleBytes(tuple: TcpTuple): Uint8Array {
  const bytes = new Uint8Array(TUPLE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, tuple.local);
  view.setUint16(4, tuple.localPort);
  view.setUint32(6, tuple.remote);
  view.setUint16(10, tuple.remotePort);
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
