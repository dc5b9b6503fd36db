/** The Internet checksum (RFC 1071) and its incremental update (RFC 1624). */
import { put16, u16 } from './bytes.ts';
import { finalDestinationAt } from './ip-options.ts';

/** From here on a view of 32-bit words costs less than it saves. */
const LONG_BYTES = 256;
const TWO_32 = 0x1_0000_0000;
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Sum of the big-endian 16-bit words of `bytes[from..to)` plus `initial`, folded to 16 bits but not inverted.
 * An odd last byte counts as the high half of a word. `initial` is any earlier (partial) sum.
 */
export function onesComplementSum(bytes: Uint8Array, from: number, to: number, initial = 0): number {
  const isLong = to - from >= LONG_BYTES && ((bytes.byteOffset + from) & 1) === 0;
  return foldSum((isLong ? sumLong(bytes, from, to) : sumBytes(bytes, from, to)) + initial);
}

function sumBytes(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  let i = from;
  for (const last = to - 7; i < last; i += 8) {
    sum +=
      ((bytes[i] << 8) | bytes[i + 1]) +
      ((bytes[i + 2] << 8) | bytes[i + 3]) +
      ((bytes[i + 4] << 8) | bytes[i + 5]) +
      ((bytes[i + 6] << 8) | bytes[i + 7]);
  }
  for (; i + 1 < to; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
  return i < to ? sum + (bytes[i] << 8) : sum;
}

/** The sum does not depend on byte order but for a final swap (RFC 1071 section 2 B), so native words can be added. */
function sumLong(bytes: Uint8Array, from: number, to: number): number {
  const isOffWord = ((bytes.byteOffset + from) & 3) !== 0;
  const start = isOffWord ? from + 2 : from;
  const count = (to - start) >>> 3;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + start, count * 2);
  let even = 0;
  let odd = 0;
  for (let i = 0; i < words.length; i += 2) {
    even += words[i];
    odd += words[i + 1];
  }
  const native = foldSum(even + odd);
  const rest = sumBytes(bytes, start + count * 8, to);
  return (IS_LITTLE_ENDIAN ? swap16(native) : native) + rest + (isOffWord ? u16(bytes, from) : 0);
}

/** Adds the carries back until 16 bits are left. Not inverted. */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded >= TWO_32) folded = (folded % TWO_32) + Math.floor(folded / TWO_32);
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

/** The checksum that stands for a sum: folded, then inverted. */
export function fold(sum: number): number {
  return ~foldSum(sum) & 0xffff;
}

/** The checksum that the IPv4 header at `offset` ought to carry, whatever its checksum field holds (RFC 791). */
export function ip4HeaderChecksum(bytes: Uint8Array, offset: number, headerLength: number): number {
  const before = onesComplementSum(bytes, offset, offset + 10);
  return fold(onesComplementSum(bytes, offset + 12, offset + headerLength, before));
}

/**
 * Sum of the IPv4 pseudo-header: addresses from the header at `ipOffset`, `protocol`, `l4Length` bytes (RFC 9293 section 3.1). On a
 * source route that is not complete the destination is the last address of the route.
 */
export function pseudoHeaderSum4(bytes: Uint8Array, ipOffset: number, protocol: number, l4Length: number): number {
  const destinationAt = finalDestinationAt(bytes, ipOffset);
  const source = onesComplementSum(bytes, ipOffset + 12, ipOffset + 16);
  return onesComplementSum(bytes, destinationAt, destinationAt + 4, source) + protocol + l4Length;
}

/** Sum of the IPv6 pseudo-header (RFC 8200 section 8.1). */
export function pseudoHeaderSum6(bytes: Uint8Array, ipOffset: number, protocol: number, l4Length: number): number {
  return onesComplementSum(bytes, ipOffset + 8, ipOffset + 40) + protocol + l4Length;
}

const UDP = 17;
const CHECKSUM_AT_TCP = 16;
const ICMP6 = 58;
const CHECKSUM_AT: Readonly<Record<number, number>> = { [UDP]: 6, [ICMP6]: 2 };

/** Sum of the pseudo-header for the IPv4 header, or the IPv6 header without extension headers, at `ipOffset`. */
function pseudoHeaderSum(packet: Uint8Array, ipOffset: number, protocol: number, l4Length: number): number {
  return packet[ipOffset] >>> 4 === 6
    ? pseudoHeaderSum6(packet, ipOffset, protocol, l4Length)
    : pseudoHeaderSum4(packet, ipOffset, protocol, l4Length);
}

function protocolAt(packet: Uint8Array, ipOffset: number): number {
  return packet[ipOffset] >>> 4 === 6 ? packet[ipOffset + 6] : packet[ipOffset + 9];
}

/** What the checksum field of a TCP or UDP segment holds while an interface is to complete it: the pseudo-header's sum, not inverted. */
export function partialChecksum(packet: Uint8Array, ipOffset: number, l4Length: number): number {
  return foldSum(pseudoHeaderSum(packet, ipOffset, protocolAt(packet, ipOffset), l4Length));
}

/**
 * The TCP, UDP or ICMPv6 checksum that the segment at `l4Offset` (`l4Length` bytes, header included) ought to carry, whatever its
 * checksum field holds. `protocol` (default: that of the IP header at `ipOffset`; behind IPv6 extension headers it must be
 * given) says where the field is. A UDP result of 0 is given as 0xffff (RFC 768).
 */
export function transportChecksum(
  packet: Uint8Array,
  ipOffset: number,
  l4Offset: number,
  l4Length: number,
  protocol = protocolAt(packet, ipOffset),
): number {
  const field = l4Offset + (CHECKSUM_AT[protocol] ?? CHECKSUM_AT_TCP);
  const pseudo = pseudoHeaderSum(packet, ipOffset, protocol, l4Length);
  const before = onesComplementSum(packet, l4Offset, field, pseudo);
  const checksum = fold(onesComplementSum(packet, field + 2, l4Offset + l4Length, before));
  return protocol === UDP && checksum === 0 ? 0xffff : checksum;
}

/** Whether the TCP, UDP or ICMPv6 checksum that the segment carries is right. Both forms of zero (0 and 0xffff) are. */
export function transportChecksumGood(
  packet: Uint8Array,
  ipOffset: number,
  l4Offset: number,
  l4Length: number,
  protocol = protocolAt(packet, ipOffset),
): boolean {
  const pseudo = pseudoHeaderSum(packet, ipOffset, protocol, l4Length);
  return onesComplementSum(packet, l4Offset, l4Offset + l4Length, pseudo) === 0xffff;
}

/** The checksum after one 16-bit word under it changed from `before` to `after` (RFC 1624 equation 3). */
export function updateChecksum16(checksum: number, before: number, after: number): number {
  return fold((~checksum & 0xffff) + (~before & 0xffff) + after);
}

/**
 * The checksum after `before` (bytes under it) became `after` (as many): RFC 1624 equation 3 over a whole range. A checksum that was
 * wrong stays wrong by the same. `isOdd`: the range begins at an odd distance from where the sum does.
 */
export function updateChecksumBytes(checksum: number, before: Uint8Array, after: Uint8Array, isOdd: boolean): number {
  const [old, present] = [before, after].map((bytes) => {
    const sum = onesComplementSum(bytes, 0, bytes.length);
    return isOdd ? swap16(sum) : sum;
  }) as [number, number];
  return updateChecksum16(checksum, old, present);
}

/**
 * Writes the 16-bit `value` at `at` and updates the checksum field at `checksumAt` with it. `sumStart` is where the sum
 * begins: a value at an odd distance from it counts with its bytes swapped.
 */
export function replace16(bytes: Uint8Array, at: number, value: number, checksumAt: number, sumStart: number): void {
  const isOdd = ((at - sumStart) & 1) === 1;
  const before = u16(bytes, at);
  const checksum = updateChecksum16(
    u16(bytes, checksumAt),
    isOdd ? swap16(before) : before,
    isOdd ? swap16(value) : value,
  );
  put16(bytes, checksumAt, checksum);
  put16(bytes, at, value);
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}
