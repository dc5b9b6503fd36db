/** IPv6 addresses, and addresses of either family. */
import { formatIp4, type Ip4, type Mac, parseIp4 } from './address.ts';
import { put16, put32, u16, u32 } from './bytes.ts';

/**
 * An IPv6 address as its one canonical text (RFC 5952, e.g. `2001:db8::1`): equal addresses are equal strings, and it stands readable in
 * a journal. Only {@link parseIp6} and {@link readIp6} make one.
 */
export type Ip6 = string;

/** An address of either family: a number is IPv4, a text is IPv6. */
export type IpAddress = Ip4 | Ip6;

/** An IPv6 address and the length of its network prefix, in bits. */
export interface Cidr6 {
  address: Ip6;
  prefix: number;
}

/** Bytes of an IPv6 address on the wire. */
export const IP6_BYTES = 16;
/** ::, the unspecified address. */
export const UNSPECIFIED_IP6: Ip6 = '::';
/** All nodes of the link (RFC 4291 section 2.7.1). */
export const ALL_NODES_IP6: Ip6 = 'ff02::1';

const SOLICITED_NODES: Cidr6 = { address: 'ff02::1:ff00:0', prefix: 104 };
const MULTICAST_MAC6_BASE: Mac = 0x3333_0000_0000;
/** Addresses that were read lately, as text and as bytes: a few come with every packet. No result depends on these tables. */
const LATELY_ADDRESSES = 256;
const lately = new Map<Ip6, readonly number[]>();
const latelyRead: ({ a: number; b: number; c: number; d: number; text: Ip6 } | undefined)[] = new Array(
  LATELY_ADDRESSES,
);
const LOOPBACK_IP6: Ip6 = '::1';
const FIRST_MULTICAST_IP4: Ip4 = 0xe000_0000;
const GROUPS = 8;
const GROUP_TEXT = /^[0-9a-fA-F]{1,4}$/;
const PREFIX_TEXT = /^(0|[1-9][0-9]{0,2})$/;
const MAX_PREFIX = 128;
/** A group of four digits has no zeros left out in front: shorter ones, such as `ff:` or `fe8:`, are other networks. */
const MULTICAST_TEXT = /^ff[0-9a-f]{2}:/;
const LINK_LOCAL_TEXT = /^fe[89ab][0-9a-f]:/;
/** Zeros and ffff in front of an IPv4 address (RFC 4291 section 2.5.5.2). */
const MAPPED_GROUP = 0xffff;

/** Whether it is an IPv6 address. */
export function isIp6(address: IpAddress): address is Ip6 {
  return typeof address === 'string';
}

/** The address that stands in 16 bytes at `offset`. */
export function readIp6(bytes: Uint8Array, offset: number): Ip6 {
  const a = u32(bytes, offset);
  const b = u32(bytes, offset + 4);
  const c = u32(bytes, offset + 8);
  const d = u32(bytes, offset + 12);
  const place = (a ^ b ^ c ^ d ^ (d >>> 8)) & (LATELY_ADDRESSES - 1);
  const known = latelyRead[place];
  if (known !== undefined && known.d === d && known.c === c && known.b === b && known.a === a) return known.text;
  const text = textAt(bytes, offset);
  latelyRead[place] = { a, b, c, d, text };
  return text;
}

function textAt(bytes: Uint8Array, offset: number): Ip6 {
  const groups: number[] = [];
  for (let i = 0; i < IP6_BYTES; i += 2) groups.push(u16(bytes, offset + i));
  return canonical(groups);
}

/** Writes the 16 bytes of an address. */
export function putIp6(bytes: Uint8Array, offset: number, address: Ip6): void {
  const groups = groupsOf(address) ?? [];
  for (let i = 0; i < GROUPS; i++) put16(bytes, offset + 2 * i, groups[i] ?? 0);
}

/** Reads any text form of RFC 4291 section 2.2, without zone id; undefined for other text (see {@link ipFault}). */
export function parseIp6(text: string): Ip6 | undefined {
  const groups = groupsOf(text);
  return groups && canonical(groups);
}

/** Reads an address of either family; undefined for other text. */
export function parseIp(text: string): IpAddress | undefined {
  return text.includes(':') ? parseIp6(text) : parseIp4(text);
}

/** What is wrong with a text that {@link parseIp} does not take; undefined when nothing is. */
export function ipFault(text: string): string | undefined {
  if (parseIp(text) !== undefined) return undefined;
  const zone = text.indexOf('%');
  if (zone >= 0 && parseIp6(text.slice(0, zone)) !== undefined) {
    return `"${text}" has a zone id: leave "${text.slice(zone)}" out, the interface is known from elsewhere`;
  }
  return `"${text}" is neither an IPv4 address like 192.0.2.1 nor an IPv6 address like 2001:db8::1`;
}

/** Like `192.0.2.1` or `2001:db8::1`. */
export function formatIp(address: IpAddress): string {
  return isIp6(address) ? address : formatIp4(address);
}

/** Reads `2001:db8::1/64`; undefined for other text. The address keeps its host bits. */
export function parseCidr6(text: string): Cidr6 | undefined {
  const [address, bits, ...more] = text.split('/');
  const ip6 = parseIp6(address ?? '');
  if (ip6 === undefined || more.length > 0 || !PREFIX_TEXT.test(bits ?? '') || Number(bits) > MAX_PREFIX)
    return undefined;
  return { address: ip6, prefix: Number(bits) };
}

/** Whether `address` lies in the network of `cidr`. */
export function inNetwork6(address: Ip6, cidr: Cidr6): boolean {
  const [a, b] = [groupsOf(address), groupsOf(cidr.address)];
  if (a === undefined || b === undefined) return false;
  for (let i = 0, bits = cidr.prefix; bits > 0; i++, bits -= 16) {
    const mask = bits >= 16 ? 0xffff : 0xffff << (16 - bits);
    if (((a[i] ^ b[i]) & mask & 0xffff) !== 0) return false;
  }
  return true;
}

/** Whether it names a group of hosts (ff00::/8). */
export function isMulticast6(address: Ip6): boolean {
  return MULTICAST_TEXT.test(address);
}

/** Whether it is of use on its own link only (fe80::/10). */
export function isLinkLocal6(address: Ip6): boolean {
  return LINK_LOCAL_TEXT.test(address);
}

/** Whether it can be the source of a packet on a cable that wants an answer: one host, neither multicast, unspecified nor loopback. */
export function isSingleHost(address: IpAddress): boolean {
  if (!isIp6(address)) return address !== 0 && address < FIRST_MULTICAST_IP4;
  return address !== UNSPECIFIED_IP6 && address !== LOOPBACK_IP6 && !isMulticast6(address);
}

/** The group that whoever has the address listens to, to be asked for it (RFC 4291 section 2.7.1). */
export function solicitedNode(address: Ip6): Ip6 {
  const groups = groupsOf(address) ?? [];
  return canonical([0xff02, 0, 0, 0, 0, 1, 0xff00 | ((groups[6] ?? 0) & 0xff), groups[7] ?? 0]);
}

/** Whether it is the group of {@link solicitedNode} for some address. */
export function isSolicitedNode(address: Ip6): boolean {
  return inNetwork6(address, SOLICITED_NODES);
}

/** The MAC address that stands for an IPv6 group (RFC 2464 section 7): 33:33 and its last four bytes. */
export function multicastMac6(group: Ip6): Mac {
  const groups = groupsOf(group) ?? [];
  return MULTICAST_MAC6_BASE + (groups[6] ?? 0) * 0x1_0000 + (groups[7] ?? 0);
}

/** The link-local address that an interface makes of its MAC address (RFC 4862 section 5.3, RFC 2464 section 4). */
export function linkLocalOf(mac: Mac): Ip6 {
  const high = Math.floor(mac / 2 ** 24) ^ 0x02_0000;
  const low = mac % 2 ** 24;
  return canonical([0xfe80, 0, 0, 0, high >>> 8, ((high & 0xff) << 8) | 0xff, 0xfe00 | (low >>> 16), low & 0xffff]);
}

function groupsOf(text: string): readonly number[] | undefined {
  const known = lately.get(text);
  if (known !== undefined) return known;
  const groups = parseGroups(text);
  if (groups === undefined) return undefined;
  if (lately.size >= LATELY_ADDRESSES) lately.clear();
  lately.set(text, groups);
  return groups;
}

function parseGroups(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = readGroups(halves[0] ?? '', halves.length === 1);
  const tail = halves[1] === undefined ? [] : readGroups(halves[1], true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = GROUPS - head.length - tail.length;
  if (halves.length === 1) return missing === 0 ? head : undefined;
  return missing > 0 ? [...head, ...new Array<number>(missing).fill(0), ...tail] : undefined;
}

/** Groups between colons; the last may be an IPv4 address where the text ends there. */
function readGroups(text: string, mayEndInIp4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const ip4 = mayEndInIp4 && i === parts.length - 1 ? parseIp4(part) : undefined;
    if (ip4 !== undefined) groups.push(ip4 >>> 16, ip4 & 0xffff);
    else if (GROUP_TEXT.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`, mapped IPv4 in decimal. */
function canonical(groups: readonly number[]): Ip6 {
  const { start, length } = longestZeros(groups);
  if (start === 0 && length === 5 && groups[5] === MAPPED_GROUP) {
    const bytes = (groups[6] as number) * 0x1_0000 + (groups[7] as number);
    return `::ffff:${formatIp4(bytes)}`;
  }
  const text = groups.map((group) => group.toString(16));
  if (length < 2) return text.join(':');
  return `${text.slice(0, start).join(':')}::${text.slice(start + length).join(':')}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < GROUPS; start++) {
    let length = 0;
    while (start + length < GROUPS && groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** The bytes of an address of either family: 4 or 16. */
export function ipBytes(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(isIp6(address) ? IP6_BYTES : 4);
  if (isIp6(address)) putIp6(bytes, 0, address);
  else put32(bytes, 0, address);
  return bytes;
}
