/** ARP for IPv4 over Ethernet (RFC 826). */
import type { Ip4, Mac } from './address.ts';
import { put16, put32, put48, u16, u32, u48 } from './bytes.ts';

export const ArpOperation = { REQUEST: 1, REPLY: 2 } as const;

/** Bytes of an ARP packet for IPv4 over Ethernet. */
export const ARP_BYTES = 28;

const HARDWARE_ETHERNET = 1;
const PROTOCOL_IP4 = 0x0800;
const LENGTHS_6_AND_4 = 0x0604;

export interface ArpFields {
  operation: number;
  senderMac: Mac;
  senderIp: Ip4;
  targetMac: Mac;
  targetIp: Ip4;
}

export interface ArpView extends ArpFields {
  ok: true;
  end: number;
}

export type ArpReason = 'arp-truncated' | 'arp-unsupported' | 'arp-bad-operation';
export interface ArpMalformed {
  ok: false;
  reason: ArpReason;
}

/** Reads an ARP packet. Only requests and replies for IPv4 over Ethernet are understood. */
export function parseArp(bytes: Uint8Array, offset: number, end: number): ArpView | ArpMalformed {
  if (end - offset < ARP_BYTES) return { ok: false, reason: 'arp-truncated' };
  const known =
    u16(bytes, offset) === HARDWARE_ETHERNET &&
    u16(bytes, offset + 2) === PROTOCOL_IP4 &&
    u16(bytes, offset + 4) === LENGTHS_6_AND_4;
  if (!known) return { ok: false, reason: 'arp-unsupported' };
  const operation = u16(bytes, offset + 6);
  if (operation !== ArpOperation.REQUEST && operation !== ArpOperation.REPLY) {
    return { ok: false, reason: 'arp-bad-operation' };
  }
  return {
    ok: true,
    operation,
    senderMac: u48(bytes, offset + 8),
    senderIp: u32(bytes, offset + 14),
    targetMac: u48(bytes, offset + 18),
    targetIp: u32(bytes, offset + 24),
    end: offset + ARP_BYTES,
  };
}

/** Writes an ARP packet at `offset`; returns the offset behind it. */
export function writeArp(bytes: Uint8Array, offset: number, fields: ArpFields): number {
  put16(bytes, offset, HARDWARE_ETHERNET);
  put16(bytes, offset + 2, PROTOCOL_IP4);
  put16(bytes, offset + 4, LENGTHS_6_AND_4);
  put16(bytes, offset + 6, fields.operation);
  put48(bytes, offset + 8, fields.senderMac);
  put32(bytes, offset + 14, fields.senderIp);
  put48(bytes, offset + 18, fields.targetMac);
  put32(bytes, offset + 24, fields.targetIp);
  return offset + ARP_BYTES;
}

/** An ARP packet of its own. */
export function buildArp(fields: ArpFields): Uint8Array {
  const bytes = new Uint8Array(ARP_BYTES);
  writeArp(bytes, 0, fields);
  return bytes;
}
