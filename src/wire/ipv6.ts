/** The fixed IPv6 header (RFC 8200), as much as inner traffic needs. Extension headers are payload of an unknown protocol. */
import { put16, u16 } from './bytes.ts';

/** Bytes of the fixed IPv6 header. */
export const IP6_HEADER_BYTES = 40;

/** A read header; the addresses stand at `offset + 8` and `offset + 24`, 16 bytes each. */
export interface Ip6View {
  ok: true;
  offset: number;
  payloadLength: number;
  nextHeader: number;
  hopLimit: number;
  headerEnd: number;
  end: number;
}

export type Ip6Reason = 'ipv6-truncated' | 'ipv6-bad-version';
export interface Ip6Malformed {
  ok: false;
  reason: Ip6Reason;
}

/** Reads the header at `offset`. */
export function parseIp6Packet(bytes: Uint8Array, offset: number, end: number): Ip6View | Ip6Malformed {
  if (end - offset < IP6_HEADER_BYTES) return { ok: false, reason: 'ipv6-truncated' };
  if (bytes[offset] >>> 4 !== 6) return { ok: false, reason: 'ipv6-bad-version' };
  const payloadLength = u16(bytes, offset + 4);
  const headerEnd = offset + IP6_HEADER_BYTES;
  if (payloadLength > end - headerEnd) return { ok: false, reason: 'ipv6-truncated' };
  return {
    ok: true,
    offset,
    payloadLength,
    nextHeader: bytes[offset + 6],
    hopLimit: bytes[offset + 7],
    headerEnd,
    end: headerEnd + payloadLength,
  };
}

export interface Ip6Fields {
  /** 16 bytes. */
  source: Uint8Array;
  /** 16 bytes. */
  destination: Uint8Array;
  nextHeader: number;
  hopLimit?: number;
}

const DEFAULT_HOP_LIMIT = 64;

/** Writes a fixed header for `payloadLength` bytes behind it; returns the offset behind the header. */
export function writeIp6(bytes: Uint8Array, offset: number, fields: Ip6Fields, payloadLength: number): number {
  bytes[offset] = 0x60;
  bytes.fill(0, offset + 1, offset + 4);
  put16(bytes, offset + 4, payloadLength);
  bytes[offset + 6] = fields.nextHeader;
  bytes[offset + 7] = fields.hopLimit ?? DEFAULT_HOP_LIMIT;
  bytes.set(fields.source, offset + 8);
  bytes.set(fields.destination, offset + 24);
  return offset + IP6_HEADER_BYTES;
}
