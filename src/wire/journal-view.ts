/** What a journal may keep of a frame: headers, but no payload of a user and nothing that tells about it. */
import type { Ip4 } from './address.ts';
import { ARP_BYTES } from './arp.ts';
import { put16 } from './bytes.ts';
import { parseControlFrame } from './control-frame.ts';
import { EtherType } from './ethernet.ts';
import type { ParsedFrame } from './frame.ts';
import { parseFrame } from './frame.ts';
import { icmpQuotedLength } from './icmp.ts';
import { IP4_HEADER_BYTES, IpProtocol } from './ipv4.ts';
import { IP6_HEADER_BYTES } from './ipv6.ts';
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
  /** The first bytes of the frame; a TCP, UDP or ICMP checksum in it is 0. */
  head: Uint8Array;
  /** How many bytes of the frame follow the head. */
  payloadLength: number;
  /** Headers of the second and further units of a tunnel frame. */
  units?: KeptPart[];
}

/**
 * ARP; control frames whole; of an ICMP error all that stands before the quoted payload; for TCP, UDP and other ICMP all headers; of
 * anything else the known headers and 8 bytes. Enough of a malformed frame is kept to find the same fault again. Only in frames from
 * or to one of `tunnelAddresses` units are looked for, and their headers kept (leg packets whole): a user's payload may look like one.
 */
export function journalView(bytes: Uint8Array, tunnelAddresses: readonly Ip4[] = []): JournalView {
  const parsed = parseFrame(bytes);
  if (isKeptWhole(bytes, parsed)) return { head: bytes.slice(), payloadLength: 0 };
  const parts = mayHoldUnits(parsed, tunnelAddresses) ? unitHeads(bytes, parsed.payloadOffset, parsed.payloadEnd) : [];
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
  const { arp, ip, ip6, icmp, tcp, udp, payloadOffset, payloadEnd } = parsed;
  if (arp !== undefined || tcp !== undefined || udp !== undefined) return payloadOffset;
  if (icmp !== undefined) return payloadOffset + icmpQuotedLength(bytes, icmp);
  if (ip === undefined && ip6 === undefined) return payloadOffset + keptBehindEthernet(parsed);
  if (ip !== undefined && ip.fragmentOffset > 0) return payloadOffset;
  return payloadOffset + keptTransport(bytes, ip?.protocol ?? ip6!.nextHeader, payloadOffset, payloadEnd);
}

/** For a network header that could not be read, or is of an unknown kind. */
function keptBehindEthernet(parsed: ParsedFrame): number {
  const etherType = parsed.ethernet?.etherType;
  if (etherType === EtherType.ARP) return ARP_BYTES;
  if (etherType === EtherType.IP4) return IP4_HEADER_BYTES;
  return etherType === EtherType.IP6 ? IP6_HEADER_BYTES : UNKNOWN_KEPT_BYTES;
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
};

function clearChecksum(head: Uint8Array, parsed: ParsedFrame): void {
  const { ip, ip6 } = parsed;
  const protocol = ip?.protocol ?? ip6?.nextHeader;
  const l4Offset = ip?.headerEnd ?? ip6?.headerEnd;
  if (l4Offset === undefined || (ip !== undefined && ip.fragmentOffset > 0)) return;
  if (protocol === undefined || !(protocol in CHECKSUM_OFFSETS)) return;
  const field = l4Offset + CHECKSUM_OFFSETS[protocol];
  if (field + 2 <= head.length) put16(head, field, 0);
}
