/** UDP headers (RFC 768). */
import { put16, u16 } from './bytes.ts';

/** Bytes of a UDP header. */
export const UDP_HEADER_BYTES = 8;

export interface UdpFields {
  sourcePort: number;
  destinationPort: number;
}

/** A read header; `end` is where the datagram ends by its own length. */
export interface UdpView {
  ok: true;
  offset: number;
  sourcePort: number;
  destinationPort: number;
  length: number;
  checksum: number;
  headerEnd: number;
  end: number;
}

export type UdpReason = 'udp-truncated' | 'udp-bad-length';
export interface UdpMalformed {
  ok: false;
  reason: UdpReason;
}

/** Reads the header at `offset`; `end` is the end of the IP packet. */
export function parseUdp(bytes: Uint8Array, offset: number, end: number): UdpView | UdpMalformed {
  if (end - offset < UDP_HEADER_BYTES) return { ok: false, reason: 'udp-truncated' };
  const length = u16(bytes, offset + 4);
  if (length < UDP_HEADER_BYTES) return { ok: false, reason: 'udp-bad-length' };
  if (length > end - offset) return { ok: false, reason: 'udp-truncated' };
  return {
    ok: true,
    offset,
    sourcePort: u16(bytes, offset),
    destinationPort: u16(bytes, offset + 2),
    length,
    checksum: u16(bytes, offset + 6),
    headerEnd: offset + UDP_HEADER_BYTES,
    end: offset + length,
  };
}

/** Writes a header with checksum field 0 for `payloadLength` bytes behind it; returns the offset behind the header. */
export function writeUdp(bytes: Uint8Array, offset: number, fields: UdpFields, payloadLength: number): number {
  put16(bytes, offset, fields.sourcePort);
  put16(bytes, offset + 2, fields.destinationPort);
  put16(bytes, offset + 4, UDP_HEADER_BYTES + payloadLength);
  put16(bytes, offset + 6, 0);
  return offset + UDP_HEADER_BYTES;
}
