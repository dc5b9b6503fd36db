/** ICMP messages (RFC 792, RFC 1191 for the next hop's MTU). */
import type { Ip4 } from './address.ts';
import { put16, u16, u32 } from './bytes.ts';
import { fold, onesComplementSum } from './checksum.ts';
import { IP4_HEADER_BYTES } from './ipv4.ts';

export const IcmpType = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  /** Nobody may send it any more, and nobody listens to it (RFC 6633). */
  SOURCE_QUENCH: 4,
  ECHO_REQUEST: 8,
  TIME_EXCEEDED: 11,
  PARAMETER_PROBLEM: 12,
} as const;

const ERRORS: ReadonlySet<number> = new Set([
  IcmpType.UNREACHABLE,
  IcmpType.SOURCE_QUENCH,
  IcmpType.TIME_EXCEEDED,
  IcmpType.PARAMETER_PROBLEM,
]);

/** Codes of destination unreachable. */
export const UnreachableCode = {
  NETWORK: 0,
  HOST: 1,
  PROTOCOL: 2,
  PORT: 3,
  FRAGMENTATION_NEEDED: 4,
  SOURCE_ROUTE_FAILED: 5,
  ADMINISTRATIVELY_PROHIBITED: 13,
} as const;

/** Bytes of an ICMP header. */
export const ICMP_HEADER_BYTES = 8;

export interface IcmpFields {
  type: number;
  code: number;
  /** Echo only. */
  identifier?: number;
  /** Echo only. */
  sequence?: number;
  /** Fragmentation needed only: MTU of the next hop, in bytes. */
  mtu?: number;
}

/** A read header. `identifier` and `sequence` are the second word's halves; `mtu` is 0 unless it is fragmentation needed. */
export interface IcmpView {
  ok: true;
  offset: number;
  type: number;
  code: number;
  checksum: number;
  identifier: number;
  sequence: number;
  mtu: number;
  headerEnd: number;
  end: number;
}

export type IcmpReason = 'icmp-truncated';
export interface IcmpMalformed {
  ok: false;
  reason: IcmpReason;
}

/** Reads the header at `offset`; `end` is the end of the IP packet. */
export function parseIcmp(bytes: Uint8Array, offset: number, end: number): IcmpView | IcmpMalformed {
  if (end - offset < ICMP_HEADER_BYTES) return { ok: false, reason: 'icmp-truncated' };
  const type = bytes[offset];
  const code = bytes[offset + 1];
  return {
    ok: true,
    offset,
    type,
    code,
    checksum: u16(bytes, offset + 2),
    identifier: u16(bytes, offset + 4),
    sequence: u16(bytes, offset + 6),
    mtu: isFragmentationNeeded(type, code) ? u16(bytes, offset + 6) : 0,
    headerEnd: offset + ICMP_HEADER_BYTES,
    end,
  };
}

/** Whether type and code say that a packet with "don't fragment" was too large. */
export function isFragmentationNeeded(type: number, code: number): boolean {
  return type === IcmpType.UNREACHABLE && code === UnreachableCode.FRAGMENTATION_NEEDED;
}

/** Whether the message reports an error about a quoted packet. */
export function isIcmpError(type: number): boolean {
  return ERRORS.has(type);
}

/** Writes the header at `offset` with the checksum over it and the payload that already stands behind it up to `end`; returns the offset behind the header. */
export function writeIcmp(bytes: Uint8Array, offset: number, fields: IcmpFields, end: number): number {
  bytes[offset] = fields.type;
  bytes[offset + 1] = fields.code;
  put16(bytes, offset + 2, 0);
  put16(bytes, offset + 4, fields.identifier ?? 0);
  put16(bytes, offset + 6, fields.mtu ?? fields.sequence ?? 0);
  put16(bytes, offset + 2, fold(onesComplementSum(bytes, offset, end)));
  return offset + ICMP_HEADER_BYTES;
}

/** Whether the checksum over header and payload is right. */
export function icmpChecksumGood(bytes: Uint8Array, icmp: IcmpView): boolean {
  return onesComplementSum(bytes, icmp.offset, icmp.end) === 0xffff;
}

/** What an ICMP error quotes of the packet it is about. */
export interface IcmpQuote {
  source: Ip4;
  destination: Ip4;
  protocol: number;
  /** Bytes 0-3 of the quoted transport header: the ports of TCP and UDP. */
  sourcePort: number;
  destinationPort: number;
  /** Bytes 4-7 of the quoted transport header: the sequence number of TCP. */
  seq: number;
}

const QUOTED_TRANSPORT_BYTES = 8;

/** Bytes behind the header that {@link icmpQuote} reads: the quoted IP header and 8 bytes; 0 when the message is not an error. */
export function icmpQuotedLength(bytes: Uint8Array, icmp: IcmpView): number {
  const at = icmp.headerEnd;
  if (!isIcmpError(icmp.type) || at >= icmp.end) return 0;
  return Math.min(icmp.end - at, (bytes[at] & 15) * 4 + QUOTED_TRANSPORT_BYTES);
}

/** The quoted packet of an error message; undefined when it is not an error or quotes too little or a later fragment. */
export function icmpQuote(bytes: Uint8Array, icmp: IcmpView): IcmpQuote | undefined {
  const at = icmp.headerEnd;
  if (!isIcmpError(icmp.type) || icmp.end - at < IP4_HEADER_BYTES + QUOTED_TRANSPORT_BYTES) return undefined;
  const ihl = (bytes[at] & 15) * 4;
  const isFirst = (u16(bytes, at + 6) & 0x1fff) === 0;
  if (bytes[at] >>> 4 !== 4 || ihl < IP4_HEADER_BYTES || !isFirst) return undefined;
  const l4 = at + ihl;
  if (icmp.end - l4 < QUOTED_TRANSPORT_BYTES) return undefined;
  return {
    source: u32(bytes, at + 12),
    destination: u32(bytes, at + 16),
    protocol: bytes[at + 9],
    sourcePort: u16(bytes, l4),
    destinationPort: u16(bytes, l4 + 2),
    seq: u32(bytes, l4 + 4),
  };
}
