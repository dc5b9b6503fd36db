/** Neighbour Discovery (RFC 4861): what the stations of an IPv6 link tell each other by ICMPv6. */
import type { Mac } from './address.ts';
import { put48, u48 } from './bytes.ts';
import { type Icmp6Fields, Icmp6Type, type Icmp6View } from './icmp6.ts';
import {
  IP6_BYTES,
  type Ip6,
  isLinkLocal6,
  isMulticast6,
  isSolicitedNode,
  putIp6,
  readIp6,
  UNSPECIFIED_IP6,
} from './ip-address.ts';
import { type Ip6View, ip6Destination, ip6Source } from './ipv6.ts';

/** Hop limit of all these messages: one that has crossed a router has less (RFC 4861 section 11.2). */
export const ND_HOP_LIMIT = 255;

const OptionKind = { SOURCE_LINK: 1, TARGET_LINK: 2 } as const;
const OPTION_UNIT_BYTES = 8;
const SOLICITED = 0x4000_0000;
const OVERRIDE = 0x2000_0000;

/** A valid message. `source` is the IP header's; which of the rest is there depends on the type. */
export interface NdView {
  ok: true;
  type: number;
  source: Ip6;
  destination: Ip6;
  /** Of a neighbour solicitation or advertisement, or the better first hop of a redirect. */
  target: Ip6 | undefined;
  /** Flags of a neighbour advertisement. */
  solicited: boolean;
  override: boolean;
  sourceMac: Mac | undefined;
  targetMac: Mac | undefined;
}

export type NdReason =
  | 'nd-unknown-type'
  | 'nd-hop-limit'
  | 'nd-fragmented'
  | 'nd-code'
  | 'nd-truncated'
  | 'nd-bad-option'
  | 'nd-bad-target'
  | 'nd-bad-destination'
  | 'nd-bad-source';
export interface NdMalformed {
  ok: false;
  reason: NdReason;
}

/** Bytes of each type, ICMPv6 header included, before its options. */
const LENGTHS: Readonly<Record<number, number>> = {
  [Icmp6Type.ROUTER_SOLICITATION]: 8,
  [Icmp6Type.ROUTER_ADVERTISEMENT]: 16,
  [Icmp6Type.NEIGHBOUR_SOLICITATION]: 24,
  [Icmp6Type.NEIGHBOUR_ADVERTISEMENT]: 24,
  [Icmp6Type.REDIRECT]: 40,
};

/**
 * Reads a message and applies every check of RFC 4861 sections 6.1, 7.1 and 8.1 and of RFC 6980 but that of the checksum, which is known
 * from elsewhere. Unknown options are skipped.
 */
export function parseNd(bytes: Uint8Array, ip6: Ip6View, icmp: Icmp6View): NdView | NdMalformed {
  const length = LENGTHS[icmp.type];
  if (length === undefined) return { ok: false, reason: 'nd-unknown-type' };
  if (ip6.hopLimit !== ND_HOP_LIMIT) return { ok: false, reason: 'nd-hop-limit' };
  if (ip6.hasFragmentHeader) return { ok: false, reason: 'nd-fragmented' };
  if (icmp.code !== 0) return { ok: false, reason: 'nd-code' };
  if (icmp.end - icmp.offset < length) return { ok: false, reason: 'nd-truncated' };
  const options = readOptions(bytes, icmp.offset + length, icmp.end);
  if (options === undefined) return { ok: false, reason: 'nd-bad-option' };
  const view: NdView = {
    ok: true,
    type: icmp.type,
    source: ip6Source(bytes, ip6),
    destination: ip6Destination(bytes, ip6),
    target: length >= 24 ? readIp6(bytes, icmp.headerEnd) : undefined,
    solicited: (icmp.word & SOLICITED) !== 0,
    override: (icmp.word & OVERRIDE) !== 0,
    ...options,
  };
  const reason = addressFault(view, bytes, icmp);
  return reason === undefined ? view : { ok: false, reason };
}

interface LinkOptions {
  sourceMac: Mac | undefined;
  targetMac: Mac | undefined;
}

/** Undefined when an option has length 0 or leaves the message. */
function readOptions(bytes: Uint8Array, from: number, end: number): LinkOptions | undefined {
  const options: LinkOptions = { sourceMac: undefined, targetMac: undefined };
  let at = from;
  while (at < end) {
    const length = end - at < 2 ? 0 : bytes[at + 1] * OPTION_UNIT_BYTES;
    if (length === 0 || length > end - at) return undefined;
    if (length === OPTION_UNIT_BYTES && bytes[at] === OptionKind.SOURCE_LINK) options.sourceMac = u48(bytes, at + 2);
    if (length === OPTION_UNIT_BYTES && bytes[at] === OptionKind.TARGET_LINK) options.targetMac = u48(bytes, at + 2);
    at += length;
  }
  return options;
}

function addressFault(view: NdView, bytes: Uint8Array, icmp: Icmp6View): NdReason | undefined {
  const { type, source, destination, target, sourceMac } = view;
  if (source === UNSPECIFIED_IP6 && sourceMac !== undefined) return 'nd-bad-source';
  switch (type) {
    case Icmp6Type.NEIGHBOUR_SOLICITATION:
      if (isMulticast6(target as Ip6)) return 'nd-bad-target';
      return source === UNSPECIFIED_IP6 && !isSolicitedNode(destination) ? 'nd-bad-destination' : undefined;
    case Icmp6Type.NEIGHBOUR_ADVERTISEMENT:
      if (isMulticast6(target as Ip6)) return 'nd-bad-target';
      return isMulticast6(destination) && view.solicited ? 'nd-bad-destination' : undefined;
    case Icmp6Type.ROUTER_SOLICITATION:
      return undefined;
    case Icmp6Type.ROUTER_ADVERTISEMENT:
      return isLinkLocal6(source) ? undefined : 'nd-bad-source';
    default:
      return redirectFault(view, readIp6(bytes, icmp.headerEnd + IP6_BYTES));
  }
}

function redirectFault({ source, target }: NdView, redirected: Ip6): NdReason | undefined {
  if (!isLinkLocal6(source)) return 'nd-bad-source';
  if (isMulticast6(redirected)) return 'nd-bad-destination';
  return target === redirected || isLinkLocal6(target as Ip6) ? undefined : 'nd-bad-target';
}

/** What follows the IP header of a message: see `buildIcmp6`. */
export interface NdMessage {
  readonly icmp: Icmp6Fields;
  readonly payload: Uint8Array;
}

/** Asks who has `target`. `sourceMac` is left out where the source address is unspecified: duplicate address detection. */
export function neighbourSolicitation(target: Ip6, sourceMac?: Mac): NdMessage {
  const icmp = { type: Icmp6Type.NEIGHBOUR_SOLICITATION, code: 0 };
  return { icmp, payload: targetAndOption(target, OptionKind.SOURCE_LINK, sourceMac) };
}

/** Tells that `target` is at `mac`. */
export function neighbourAdvertisement(
  target: Ip6,
  mac: Mac | undefined,
  flags: { readonly solicited: boolean; readonly override: boolean },
): NdMessage {
  const word = (flags.solicited ? SOLICITED : 0) | (flags.override ? OVERRIDE : 0);
  const icmp = { type: Icmp6Type.NEIGHBOUR_ADVERTISEMENT, code: 0, word };
  return { icmp, payload: targetAndOption(target, OptionKind.TARGET_LINK, mac) };
}

function targetAndOption(target: Ip6, kind: number, mac: Mac | undefined): Uint8Array {
  const payload = new Uint8Array(IP6_BYTES + (mac === undefined ? 0 : OPTION_UNIT_BYTES));
  putIp6(payload, 0, target);
  if (mac === undefined) return payload;
  payload[IP6_BYTES] = kind;
  payload[IP6_BYTES + 1] = 1;
  put48(payload, IP6_BYTES + 2, mac);
  return payload;
}
