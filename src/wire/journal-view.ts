/** What a journal may keep of a frame: headers, but no payload of a user and nothing that tells about it. */
import type { Ip4 } from './address.ts';
import { ARP_BYTES } from './arp.ts';
import { put16 } from './bytes.ts';
import { parseControlFrame } from './control-frame.ts';
import { EtherType } from './ethernet.ts';
import type { ParsedFrame } from './frame.ts';
import { parseFrame } from './frame.ts';
import { icmpQuotedLength } from './icmp.ts';
import { icmp6QuotedLength, isLinkMessage } from './icmp6.ts';
import { innerVersion } from './inner-frame.ts';
import { INNER_UNIT_BYTES, innerHeadLength, parseInnerUnit } from './inner-leg.ts';
import { IP4_HEADER_BYTES, IpProtocol } from './ipv4.ts';
import { IP6_HEADER_BYTES, parseIp6Packet } from './ipv6.ts';
import { parseTcp, TCP_HEADER_BYTES } from './tcp.ts';
import { UDP_HEADER_BYTES } from './udp.ts';
import { isUnitType, splitUnits, UNIT_PREFIX_BYTES, unitHeadLength } from './unit.ts';

/** Bytes kept behind the last known header of a frame of an unknown protocol. */
const UNKNOWN_KEPT_BYTES = 8;

/** A kept part of a frame that does not begin it. */
export interface KeptPart {
  /** Where it stands in the frame. */
  offset: number;
  bytes: Uint8Array;
}

export interface JournalView {
  /** The first bytes of the frame; a TCP, UDP, ICMP or ICMPv6 checksum in it is 0. */
  head: Uint8Array;
  /** How many bytes of the frame follow the head. */
  payloadLength: number;
  /** Headers of the second and further units of a tunnel frame. */
  units?: KeptPart[];
}

/**
 * ARP, Neighbour Discovery and control frames whole; of an ICMP error all that stands before the quoted payload; for TCP, UDP and other ICMP all headers; of
 * anything else the known headers and 8 bytes. Enough of a malformed frame is kept to find the same fault again. Only in frames from
 * or to one of `tunnelAddresses` units are looked for, and their headers kept (leg packets whole): a user's payload may look like one. Of the
 * inner leg, which no user's payload looks like, the header of each unit is kept, and what is not DATA whole.
 */
export function journalView(bytes: Uint8Array, tunnelAddresses: readonly Ip4[] = []): JournalView {
  const parsed = parseFrame(bytes);
  if (isKeptWhole(bytes, parsed)) return { head: bytes.slice(), payloadLength: 0 };
  const parts = partsOf(bytes, parsed, tunnelAddresses);
  const [first, ...others] = parts;
  const headLength = first === undefined ? keptLength(bytes, parsed) : first.offset + first.bytes.length;
  const head = bytes.slice(0, Math.min(headLength, bytes.length));
  clearChecksum(head, parsed);
  const view: JournalView = { head, payloadLength: bytes.length - head.length };
  if (others.length > 0) view.units = others;
  return view;
}

/** A frame of the true length, with zeros where nothing was kept. */
export function fromJournalView(view: JournalView): Uint8Array {
  const bytes = new Uint8Array(view.head.length + view.payloadLength);
  bytes.set(view.head);
  for (const part of view.units ?? []) bytes.set(part.bytes, part.offset);
  return bytes;
}

function isKeptWhole(bytes: Uint8Array, parsed: ParsedFrame): boolean {
  if (parsed.ethernet === undefined) return true;
  return parsed.ethernet.etherType === EtherType.CONTROL && parseControlFrame(bytes).ok;
}

function mayHoldUnits({ ok, ip, tcp, udp }: ParsedFrame, tunnelAddresses: readonly Ip4[]): boolean {
  if (!ok || ip === undefined || (tcp === undefined && udp === undefined)) return false;
  return tunnelAddresses.includes(ip.source) || tunnelAddresses.includes(ip.destination);
}

function partsOf(bytes: Uint8Array, parsed: ParsedFrame, tunnelAddresses: readonly Ip4[]): KeptPart[] {
  const { ok, tcp, payloadOffset, payloadEnd } = parsed;
  if (ok && tcp !== undefined && innerVersion(bytes, tcp) !== undefined)
    return innerHeads(bytes, payloadOffset, payloadEnd);
  return mayHoldUnits(parsed, tunnelAddresses) ? unitHeads(bytes, payloadOffset, payloadEnd) : [];
}

/** The heads of the inner leg's units, and of a rest that is none. */
function innerHeads(bytes: Uint8Array, offset: number, end: number): KeptPart[] {
  const parts: KeptPart[] = [];
  for (let at = offset; at < end; ) {
    const unit = parseInnerUnit(bytes, at, end);
    parts.push(keptPart(bytes, at, Math.min(end, at + (unit.ok ? innerHeadLength(unit.message) : INNER_UNIT_BYTES))));
    at = unit.ok ? unit.end : end;
  }
  return parts;
}

/** The heads of all units; of a rest that is no unit only what tells why, so that a replay stops at the same place. */
function unitHeads(bytes: Uint8Array, offset: number, end: number): KeptPart[] {
  const { units, stoppedAt } = splitUnits(bytes, offset, end);
  const parts = units.map((unit) => keptPart(bytes, unit.offset, unit.offset + unitHeadLength(unit)));
  if (stoppedAt < end && isUnitType(bytes[stoppedAt])) {
    parts.push(keptPart(bytes, stoppedAt, Math.min(stoppedAt + UNIT_PREFIX_BYTES, end)));
  }
  return parts;
}

function keptPart(bytes: Uint8Array, from: number, to: number): KeptPart {
  return { offset: from, bytes: bytes.slice(from, to) };
}

function keptLength(bytes: Uint8Array, parsed: ParsedFrame): number {
  const { arp, ip, ip6, icmp, icmp6, tcp, udp, payloadOffset, payloadEnd } = parsed;
  if (arp !== undefined || tcp !== undefined || udp !== undefined) return payloadOffset;
  if (icmp !== undefined) return payloadOffset + icmpQuotedLength(bytes, icmp);
  if (icmp6 !== undefined)
    return isLinkMessage(icmp6.type) ? payloadEnd : payloadOffset + icmp6QuotedLength(bytes, icmp6);
  if (ip === undefined && ip6 === undefined) return payloadOffset + keptBehindEthernet(bytes, parsed);
  if ((ip ?? ip6!).fragmentOffset > 0) return payloadOffset;
  return payloadOffset + keptTransport(bytes, (ip ?? ip6!).protocol, payloadOffset, payloadEnd);
}

/** For a network header that could not be read, or is of an unknown kind. */
function keptBehindEthernet(bytes: Uint8Array, parsed: ParsedFrame): number {
  const etherType = parsed.ethernet?.etherType;
  if (etherType === EtherType.ARP) return ARP_BYTES;
  if (etherType === EtherType.IP4) return IP4_HEADER_BYTES;
  return etherType === EtherType.IP6 ? keptOfIp6(bytes, parsed) : UNKNOWN_KEPT_BYTES;
}

/** The fixed header, and the extension headers up to the one at fault. */
function keptOfIp6(bytes: Uint8Array, { payloadOffset, payloadEnd }: ParsedFrame): number {
  const read = parseIp6Packet(bytes, payloadOffset, payloadEnd);
  return read.ok || read.readEnd === undefined ? IP6_HEADER_BYTES : read.readEnd - payloadOffset;
}

/** For a transport header that was not read: in a first fragment, malformed, or of an unknown protocol. */
function keptTransport(bytes: Uint8Array, protocol: number, offset: number, end: number): number {
  if (protocol === IpProtocol.UDP) return UDP_HEADER_BYTES;
  if (protocol !== IpProtocol.TCP) return UNKNOWN_KEPT_BYTES;
  const tcp = parseTcp(bytes, offset, end);
  return tcp.ok ? tcp.headerLength : TCP_HEADER_BYTES;
}

/** Where the checksum stands in the header of a transport protocol. */
const CHECKSUM_OFFSETS: Readonly<Record<number, number>> = {
  [IpProtocol.TCP]: 16,
  [IpProtocol.UDP]: 6,
  [IpProtocol.ICMP]: 2,
  [IpProtocol.ICMP6]: 2,
};

function clearChecksum(head: Uint8Array, parsed: ParsedFrame): void {
  const ip = parsed.ip ?? parsed.ip6;
  if (ip === undefined || ip.fragmentOffset > 0 || !(ip.protocol in CHECKSUM_OFFSETS)) return;
  const field = ip.headerEnd + CHECKSUM_OFFSETS[ip.protocol];
  if (field + 2 <= head.length) put16(head, field, 0);
}
