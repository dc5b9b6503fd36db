/** IPv6 headers (RFC 8200): the fixed one and the extension headers behind it. */
import { put16, u16 } from './bytes.ts';
import { IP6_BYTES, type Ip6, putIp6, readIp6 } from './ip-address.ts';

/** Bytes of the fixed IPv6 header. */
export const IP6_HEADER_BYTES = 40;
/** Smallest MTU of a link (RFC 8200 section 5): every path carries packets of so many bytes. */
export const IP6_MIN_MTU_BYTES = 1280;
/** Hop limit of packets we start. */
export const DEFAULT_HOP_LIMIT = 64;

/** Next header values of extension headers, and of nothing at all. */
export const ExtensionHeader = { HOP_BY_HOP: 0, ROUTING: 43, FRAGMENT: 44, NONE: 59, DESTINATION: 60 } as const;

/** Extension headers that are followed; no honest packet comes near. */
const MAX_EXTENSION_HEADERS = 8;
/** Options that are looked at in a packet (RFC 8504 section 5.3 asks for such a limit). */
const MAX_OPTIONS = 32;
const SHORTEST_EXTENSION_BYTES = 8;
const EXTENSION_UNIT_BYTES = 8;
const PAD1 = 0;
const PADN = 1;
const ROUTER_ALERT = 5;
/** The two highest bits of an option's type: what to do where it is not known (RFC 8200 section 4.2). */
const ACTION_SHIFT = 6;

/**
 * A read header. `nextHeader` is the fixed header's; `protocol` is what stands at `headerEnd`, behind all extension headers that could be
 * followed. The addresses stand at `offset + 8` and `offset + 24`, see {@link ip6Source}.
 */
export interface Ip6View {
  ok: true;
  offset: number;
  /** DSCP and ECN. */
  trafficClass: number;
  payloadLength: number;
  nextHeader: number;
  hopLimit: number;
  protocol: number;
  headerEnd: number;
  end: number;
  /** From the fragment header, in bytes; 0 and false without one. */
  fragmentOffset: number;
  moreFragments: boolean;
  /** There is a fragment header, be it an atomic one. */
  hasFragmentHeader: boolean;
  /** Where the type of a routing header stands that asks to send the packet on; 0 without one. */
  unknownRouting: number;
  /** Where an option stands that is not known and must not be skipped; 0 without one. */
  unknownOption: number;
  /** Offset of the field that names the protocol at `headerEnd`. */
  protocolAt: number;
}

export type Ip6Reason =
  | 'ipv6-truncated'
  | 'ipv6-bad-version'
  | 'ipv6-bad-extension'
  | 'ipv6-misplaced-hop-by-hop'
  | 'ipv6-too-many-extensions';
export interface Ip6Malformed {
  ok: false;
  reason: Ip6Reason;
  /** Where the bytes end that the fault was found in, when extension headers are at fault. */
  readEnd?: number;
}

/** Reads the header at `offset` and the extension headers behind it. Bytes beyond the payload length are Ethernet padding. */
export function parseIp6Packet(bytes: Uint8Array, offset: number, end: number): Ip6View | Ip6Malformed {
  const fault = fixedFault(bytes, offset, end);
  if (fault !== undefined) return { ok: false, reason: fault };
  if (u16(bytes, offset + 4) > end - offset - IP6_HEADER_BYTES) return { ok: false, reason: 'ipv6-truncated' };
  return parseExtensions(bytes, offset, offset + IP6_HEADER_BYTES + u16(bytes, offset + 4));
}

/** The same for a packet that an ICMP error quotes: it may be cut off at `end`. */
export function parseIp6Quote(bytes: Uint8Array, offset: number, end: number): Ip6View | Ip6Malformed {
  const fault = fixedFault(bytes, offset, end);
  if (fault !== undefined) return { ok: false, reason: fault };
  return parseExtensions(bytes, offset, Math.min(end, offset + IP6_HEADER_BYTES + u16(bytes, offset + 4)));
}

/** The source address of a read header. */
export function ip6Source(bytes: Uint8Array, ip6: Ip6View): Ip6 {
  return readIp6(bytes, ip6.offset + 8);
}

/** The destination address of a read header. */
export function ip6Destination(bytes: Uint8Array, ip6: Ip6View): Ip6 {
  return readIp6(bytes, ip6.offset + 8 + IP6_BYTES);
}

/** Whether the packet is one part of a larger one; an atomic fragment is not (RFC 6946). */
export function isFragment6(ip6: Ip6View): boolean {
  return ip6.moreFragments || ip6.fragmentOffset > 0;
}

function fixedFault(bytes: Uint8Array, offset: number, end: number): Ip6Reason | undefined {
  if (end - offset < IP6_HEADER_BYTES) return 'ipv6-truncated';
  return bytes[offset] >>> 4 === 6 ? undefined : 'ipv6-bad-version';
}

function parseExtensions(bytes: Uint8Array, offset: number, end: number): Ip6View | Ip6Malformed {
  const view: Ip6View = {
    ok: true,
    offset,
    trafficClass: ((bytes[offset] & 15) << 4) | (bytes[offset + 1] >>> 4),
    payloadLength: u16(bytes, offset + 4),
    nextHeader: bytes[offset + 6],
    hopLimit: bytes[offset + 7],
    protocol: bytes[offset + 6],
    headerEnd: offset + IP6_HEADER_BYTES,
    end,
    fragmentOffset: 0,
    moreFragments: false,
    hasFragmentHeader: false,
    unknownRouting: 0,
    unknownOption: 0,
    protocolAt: offset + 6,
  };
  for (let count = 0; isExtension(view.protocol) && view.fragmentOffset === 0; count++) {
    if (count === MAX_EXTENSION_HEADERS)
      return { ok: false, reason: 'ipv6-too-many-extensions', readEnd: view.headerEnd };
    if (view.protocol === ExtensionHeader.HOP_BY_HOP && count > 0) {
      return { ok: false, reason: 'ipv6-misplaced-hop-by-hop', readEnd: view.headerEnd };
    }
    const readEnd = extensionEnd(bytes, view);
    if (!readExtension(bytes, view, readEnd)) {
      return { ok: false, reason: 'ipv6-bad-extension', readEnd: Math.min(readEnd, end) };
    }
  }
  return view;
}

function isExtension(protocol: number): boolean {
  return (
    protocol === ExtensionHeader.HOP_BY_HOP ||
    protocol === ExtensionHeader.ROUTING ||
    protocol === ExtensionHeader.FRAGMENT ||
    protocol === ExtensionHeader.DESTINATION
  );
}

/** Where the extension header at `headerEnd` ends by its own account. */
function extensionEnd(bytes: Uint8Array, { protocol, headerEnd, end }: Ip6View): number {
  if (protocol === ExtensionHeader.FRAGMENT || end - headerEnd < SHORTEST_EXTENSION_BYTES) {
    return headerEnd + SHORTEST_EXTENSION_BYTES;
  }
  return headerEnd + (bytes[headerEnd + 1] + 1) * EXTENSION_UNIT_BYTES;
}

/** Reads the extension header from `headerEnd` to `to` into the view; false when it does not fit, or its options do not. */
function readExtension(bytes: Uint8Array, view: Ip6View, to: number): boolean {
  const at = view.headerEnd;
  if (to > view.end) return false;
  if (view.protocol === ExtensionHeader.FRAGMENT) {
    view.hasFragmentHeader = true;
    view.fragmentOffset = u16(bytes, at + 2) & 0xfff8;
    view.moreFragments = (bytes[at + 3] & 1) === 1;
  } else if (view.protocol === ExtensionHeader.ROUTING) {
    if (bytes[at + 3] > 0 && view.unknownRouting === 0) view.unknownRouting = at + 2;
  } else if (!readOptions(bytes, at + 2, to, view)) return false;
  view.protocol = bytes[at];
  view.protocolAt = at;
  view.headerEnd = to;
  return true;
}

function readOptions(bytes: Uint8Array, from: number, to: number, view: Ip6View): boolean {
  let at = from;
  for (let count = 0; at < to; count++) {
    if (count === MAX_OPTIONS) return false;
    const type = bytes[at];
    if (type === PAD1) {
      at += 1;
      continue;
    }
    if (at + 2 > to || at + 2 + bytes[at + 1] > to) return false;
    const isKnown = type === PADN || type === ROUTER_ALERT;
    if (!isKnown && type >>> ACTION_SHIFT !== 0 && view.unknownOption === 0) view.unknownOption = at;
    at += 2 + bytes[at + 1];
  }
  return true;
}

/**
 * Whether there is an option or a way in the packet that is not known and must not be passed over. A node that is not its destination looks
 * at the options for each hop alone (RFC 8200 section 4).
 */
export function holdsUnknown(bytes: Uint8Array, ip6: Ip6View, isDestination: boolean): boolean {
  const { offset, nextHeader, unknownOption, unknownRouting } = ip6;
  if (isDestination) return unknownOption > 0 || unknownRouting > 0;
  if (nextHeader !== ExtensionHeader.HOP_BY_HOP || unknownOption === 0) return false;
  const start = offset + IP6_HEADER_BYTES;
  return unknownOption < start + (bytes[start + 1] + 1) * EXTENSION_UNIT_BYTES;
}

/** Whether a not known option's sender is to be told (RFC 8200 section 4.2). `isToGroup`: the packet was for a group. */
export function unknownOptionIsTold(type: number, isToGroup: boolean): boolean {
  const action = type >>> ACTION_SHIFT;
  return action === 2 || (action === 3 && !isToGroup);
}

export interface Ip6Fields {
  source: Ip6;
  destination: Ip6;
  nextHeader: number;
  /** Default {@link DEFAULT_HOP_LIMIT}. */
  hopLimit?: number;
  /** DSCP and ECN; default 0. */
  trafficClass?: number;
}

/** Writes a fixed header without flow label for `payloadLength` bytes behind it; returns the offset behind the header. */
export function writeIp6(bytes: Uint8Array, offset: number, fields: Ip6Fields, payloadLength: number): number {
  const trafficClass = fields.trafficClass ?? 0;
  bytes[offset] = 0x60 | (trafficClass >>> 4);
  bytes[offset + 1] = (trafficClass & 15) << 4;
  put16(bytes, offset + 2, 0);
  put16(bytes, offset + 4, payloadLength);
  bytes[offset + 6] = fields.nextHeader;
  bytes[offset + 7] = fields.hopLimit ?? DEFAULT_HOP_LIMIT;
  putIp6(bytes, offset + 8, fields.source);
  putIp6(bytes, offset + 8 + IP6_BYTES, fields.destination);
  return offset + IP6_HEADER_BYTES;
}
