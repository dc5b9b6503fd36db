/** Ethernet II frames without FCS, with at most one 802.1Q tag read apart (IEEE 802.3, 802.1Q). */
import type { Mac } from './address.ts';
import { put16, put48, u16, u48 } from './bytes.ts';

/** EtherTypes used here. CONTROL and HAIRPIN are the local experimental types: control frames, and records on their way to a cipher. */
export const EtherType = {
  IP4: 0x0800,
  ARP: 0x0806,
  VLAN: 0x8100,
  IP6: 0x86dd,
  CONTROL: 0x88b5,
  HAIRPIN: 0x88b6,
} as const;

/** Bytes of an Ethernet header without tag. */
export const ETHERNET_HEADER_BYTES = 14;
/** Bytes an 802.1Q tag adds. */
export const VLAN_TAG_BYTES = 4;

/** The tag control information of an 802.1Q tag. */
export interface VlanTag {
  /** Priority code point, 0 to 7. */
  priority: number;
  /** Drop eligible indicator. */
  dropEligible: boolean;
  /** VLAN id, 0 to 4095. */
  id: number;
}

export interface EthernetFields {
  destination: Mac;
  source: Mac;
  etherType: number;
  vlan?: VlanTag | undefined;
}

/** A read header. `etherType` is that after the tag; `headerEnd` is where the payload starts. A second tag is payload. */
export interface EthernetView {
  ok: true;
  destination: Mac;
  source: Mac;
  etherType: number;
  vlan: VlanTag | undefined;
  headerEnd: number;
  end: number;
}

export type EthernetReason = 'ethernet-truncated' | 'vlan-truncated';
export interface EthernetMalformed {
  ok: false;
  reason: EthernetReason;
}

/** Reads the header at `offset`. */
export function parseEthernet(bytes: Uint8Array, offset = 0, end = bytes.length): EthernetView | EthernetMalformed {
  if (end - offset < ETHERNET_HEADER_BYTES) return { ok: false, reason: 'ethernet-truncated' };
  let etherType = u16(bytes, offset + 12);
  let vlan: VlanTag | undefined;
  let headerEnd = offset + ETHERNET_HEADER_BYTES;
  if (etherType === EtherType.VLAN) {
    if (end - headerEnd < VLAN_TAG_BYTES) return { ok: false, reason: 'vlan-truncated' };
    const tci = u16(bytes, headerEnd);
    vlan = { priority: tci >>> 13, dropEligible: (tci & 0x1000) !== 0, id: tci & 0xfff };
    etherType = u16(bytes, headerEnd + 2);
    headerEnd += VLAN_TAG_BYTES;
  }
  return { ok: true, destination: u48(bytes, offset), source: u48(bytes, offset + 6), etherType, vlan, headerEnd, end };
}

/** Bytes that the header of these fields takes. */
export function ethernetHeaderLength(fields: Pick<EthernetFields, 'vlan'>): number {
  return fields.vlan === undefined ? ETHERNET_HEADER_BYTES : ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES;
}

/** Writes a header at `offset`; returns the offset behind it. */
export function writeEthernet(bytes: Uint8Array, offset: number, fields: EthernetFields): number {
  put48(bytes, offset, fields.destination);
  put48(bytes, offset + 6, fields.source);
  let at = offset + 12;
  if (fields.vlan !== undefined) {
    const { priority, dropEligible, id } = fields.vlan;
    put16(bytes, at, EtherType.VLAN);
    put16(bytes, at + 2, ((priority & 7) << 13) | (dropEligible ? 0x1000 : 0) | (id & 0xfff));
    at += VLAN_TAG_BYTES;
  }
  put16(bytes, at, fields.etherType);
  return at + 2;
}

/** A whole frame. No padding to the minimum size is added. */
export function buildEthernet(fields: EthernetFields, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ethernetHeaderLength(fields) + payload.length);
  bytes.set(payload, writeEthernet(bytes, 0, fields));
  return bytes;
}
