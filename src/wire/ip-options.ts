/** Source routes among the options of an IPv4 header (RFC 791 section 3.1): the only options that are looked at, or written. */
import type { Ip4 } from './address.ts';
import { put32, u32 } from './bytes.ts';

const OptionKind = { END: 0, NO_OPERATION: 1, LOOSE_ROUTE: 131, STRICT_ROUTE: 137 } as const;
const SOURCE_AT = 12;
const DESTINATION_AT = 16;
/** Where options begin: behind the fixed part of the header. */
const OPTIONS_AT = 20;
const WORD_BYTES = 4;
const ADDRESS_BYTES = 4;
/** Kind, length and pointer. */
const ROUTE_HEADER_BYTES = 3;
/** The pointer to the first address: it counts from 1. */
const FIRST_POINTER = 4;

/** Hops that 40 bytes of options can name besides the destination. */
export const MAX_ROUTE_HOPS = 9;

/** The way of a packet. */
export interface SourceRoute {
  /** Nobody else may be on the way (SSRR); otherwise others may be in between (LSRR). */
  readonly strict: boolean;
  /** Whom the packet is to pass, in this order, 1 to {@link MAX_ROUTE_HOPS}; the destination is not among them. */
  readonly hops: readonly Ip4[];
}

/** The source route option of a header that was read. */
export interface RouteView {
  /** `pending`: hops are left, so the packet is not for whom its header names. `complete`: it has passed them all. */
  readonly state: 'pending' | 'complete' | 'malformed';
  readonly strict: boolean;
  /** Where the addresses stand. */
  readonly from: number;
  readonly to: number;
}

/** The source route of the IPv4 header at `ipOffset`; undefined where there is none, or broken options stand before it. */
export function sourceRouteOf(bytes: Uint8Array, ipOffset: number): RouteView | undefined {
  const end = Math.min(bytes.length, ipOffset + (bytes[ipOffset] & 15) * WORD_BYTES);
  let found: RouteView | undefined;
  for (let at = ipOffset + OPTIONS_AT; at < end && bytes[at] !== OptionKind.END; ) {
    const kind = bytes[at];
    const length = kind === OptionKind.NO_OPERATION ? 1 : at + 1 < end ? bytes[at + 1] : 0;
    const isBroken = at + length > end || length < (kind === OptionKind.NO_OPERATION ? 1 : 2);
    if (kind === OptionKind.LOOSE_ROUTE || kind === OptionKind.STRICT_ROUTE) {
      found = routeAt(bytes, at, isBroken || found !== undefined ? 0 : length);
    }
    if (isBroken) return found;
    at += length;
  }
  return found;
}

/** Length 0 stands for one that can't be. */
function routeAt(bytes: Uint8Array, at: number, length: number): RouteView {
  const pointer = length < ROUTE_HEADER_BYTES ? 0 : bytes[at + 2];
  const isWhole = (length - ROUTE_HEADER_BYTES) % ADDRESS_BYTES === 0;
  const isGood = isWhole && pointer >= FIRST_POINTER && (pointer - FIRST_POINTER) % ADDRESS_BYTES === 0;
  const state = !isGood ? 'malformed' : pointer > length ? 'complete' : 'pending';
  return { state, strict: bytes[at] === OptionKind.STRICT_ROUTE, from: at + ROUTE_HEADER_BYTES, to: at + length };
}

/** Where the address stands that the packet is for in the end: this one belongs to the checksum of its segment, which is checked there. */
export function finalDestinationAt(bytes: Uint8Array, ipOffset: number): number {
  const route = (bytes[ipOffset] & 15) * WORD_BYTES > OPTIONS_AT ? sourceRouteOf(bytes, ipOffset) : undefined;
  return route?.state === 'pending' ? route.to - ADDRESS_BYTES : ipOffset + DESTINATION_AT;
}

/**
 * The way back to whoever has sent a packet with the complete route `route`: the same hops from the last to the first (RFC 1122 section
 * 3.2.1.8). Some hosts record themselves first; that is no hop. Undefined where no hop is left.
 */
export function returnRoute(bytes: Uint8Array, ipOffset: number, route: RouteView): SourceRoute | undefined {
  const hops: Ip4[] = [];
  for (let at = route.to - ADDRESS_BYTES; at >= route.from; at -= ADDRESS_BYTES) hops.push(u32(bytes, at));
  if (hops.at(-1) === u32(bytes, ipOffset + SOURCE_AT)) hops.pop();
  return hops.length === 0 ? undefined : { strict: route.strict, hops };
}

/** Bytes that the option takes in a header, padding included; 0 without a route. */
export function routeBytes(route: SourceRoute | null | undefined): number {
  return route ? ROUTE_HEADER_BYTES + 1 + route.hops.length * ADDRESS_BYTES : 0;
}

/** Writes the option at `at` for a packet that has not passed the first hop, which stands in the header's destination. */
export function writeRoute(bytes: Uint8Array, at: number, { strict, hops }: SourceRoute, destination: Ip4): void {
  const left = [...hops.slice(1), destination];
  bytes[at] = strict ? OptionKind.STRICT_ROUTE : OptionKind.LOOSE_ROUTE;
  bytes[at + 1] = ROUTE_HEADER_BYTES + left.length * ADDRESS_BYTES;
  bytes[at + 2] = FIRST_POINTER;
  for (const [i, hop] of left.entries()) put32(bytes, at + ROUTE_HEADER_BYTES + i * ADDRESS_BYTES, hop);
  bytes[at + bytes[at + 1]] = OptionKind.END;
}
