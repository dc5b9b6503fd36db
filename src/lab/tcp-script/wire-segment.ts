import { concat, put16 } from '../../wire/bytes.ts';
import { transportChecksum } from '../../wire/checksum.ts';
import { IP4_HEADER_BYTES, IpProtocol, parseIp4Packet, writeIp4 } from '../../wire/ipv4.ts';
import { parseTcp, type TcpOptions, tcpHeaderLength, writeTcp } from '../../wire/tcp.ts';

/** Addresses and ports of a script; the TCP under test is `LOCAL`. */
export const LOCAL_IP = 0x0a00_0001;
export const PEER_IP = 0x0a00_0002;
export const LOCAL_PORT = 5_000;
export const PEER_PORT = 6_000;

const CHECKSUM_OFFSET = 16;

/** A segment as it is on the wire, numbers absolute. */
export interface WireSegment {
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  readonly options: TcpOptions;
  readonly payload: Uint8Array;
  /** ECN field of the IP header. */
  readonly ecn: number;
  /** Of the peer. */
  readonly port: number;
}

/** An IP packet from the peer to the TCP under test. Built from the wire formats alone, so that TCP's own writer is tested by what reads it. */
export function packetOf(segment: WireSegment): Uint8Array {
  const fields = { ...segment, sourcePort: segment.port, destinationPort: LOCAL_PORT };
  const length = tcpHeaderLength(fields) + segment.payload.length;
  const header = new Uint8Array(IP4_HEADER_BYTES + tcpHeaderLength(fields));
  const ip = { source: PEER_IP, destination: LOCAL_IP, protocol: IpProtocol.TCP, dontFragment: true, tos: segment.ecn };
  const at = writeIp4(header, 0, ip, length);
  writeTcp(header, at, fields);
  const packet = concat(header, segment.payload);
  put16(packet, at + CHECKSUM_OFFSET, transportChecksum(packet, 0, at, length));
  return packet;
}

/** Reads what the TCP under test has sent. @throws Error when it is no TCP segment */
export function wireSegmentOf(packet: Uint8Array): WireSegment {
  const ip = parseIp4Packet(packet, 0, packet.length);
  const tcp = ip.ok ? parseTcp(packet, ip.headerEnd, ip.end) : undefined;
  if (!ip.ok || !tcp?.ok) throw new Error('the TCP under test has sent something that is no TCP segment');
  return {
    seq: tcp.seq,
    ack: tcp.ack,
    flags: tcp.flags,
    window: tcp.window,
    urgent: tcp.urgent,
    options: tcp.options,
    payload: packet.subarray(tcp.headerEnd, tcp.end),
    ecn: (packet[1] as number) & 3,
    port: tcp.destinationPort,
  };
}

/** The byte at a place of a stream: differs from place to place, so that a shift is seen, and between the two streams. */
function byteAt(offset: number, stream: number): number {
  return (offset * 167 + (offset >>> 8) * 31 + (offset >>> 16) * 7 + stream) & 0xff;
}

/** Which of the two streams of a connection. */
export const Stream = { OURS: 17, PEERS: 91, GARBLED: 200 } as const;

/** `length` bytes of a {@link Stream} from `offset` on, counted from its first byte. */
export function streamBytes(offset: number, length: number, stream: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => byteAt(offset + at, stream));
}

/** Place of the first byte that differs from the stream; -1 when none does. */
export function firstWrongByte(bytes: Uint8Array, offset: number, stream: number): number {
  return bytes.findIndex((byte, at) => byte !== byteAt(offset + at, stream));
}
