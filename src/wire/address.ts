/** MAC and IPv4 addresses as numbers: cheap to compare, to keep in maps and to write as JSON. */

/** A MAC address as a 48-bit non-negative integer; the first byte on the wire is the most significant. */
export type Mac = number;

/** An IPv4 address as an unsigned 32-bit integer; the first byte on the wire is the most significant. */
export type Ip4 = number;

/** An address together with the length of its network prefix, in bits. */
export interface Cidr {
  address: Ip4;
  prefix: number;
}

/** ff:ff:ff:ff:ff:ff */
export const BROADCAST_MAC: Mac = 0xffff_ffff_ffff;
/** 255.255.255.255 */
export const BROADCAST_IP4: Ip4 = 0xffff_ffff;
/** First address of the range that names parts inside a host, never anything on a cable. */
export const CONTROL_MAC_FIRST: Mac = 0x0000_4c00_0000;
/** Last address of that range. */
export const CONTROL_MAC_LAST: Mac = 0x0000_4c00_00ff;
/** What is sent to this address, engine X encrypts and sends back. */
export const CONTROL_MAC_ENCRYPT: Mac = 0x0000_4c00_000a;
/** What is sent to this address, engine X decrypts and sends back. */
export const CONTROL_MAC_DECRYPT: Mac = 0x0000_4c00_000b;
/** The engine's address in control frames. */
export const CONTROL_MAC_ENGINE: Mac = 0x0000_4c00_000c;
/** The software's address in control frames that go through a virtual NIC and a bridge. */
export const CONTROL_MAC_SOFTWARE: Mac = 0x0000_4c00_000d;

const GROUP_BIT_WEIGHT = 2 ** 40;
const MAC_TEXT = /^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/;
const IP4_PART = /^(0|[1-9][0-9]{0,2})$/;

/** Whether the group bit is set: multicast and broadcast. */
export function isMulticast(mac: Mac): boolean {
  return Math.floor(mac / GROUP_BIT_WEIGHT) % 2 === 1;
}

/** Whether the address belongs to the control range 00:00:4C:00:00:00-FF. */
export function isControlMac(mac: Mac): boolean {
  return mac >= CONTROL_MAC_FIRST && mac <= CONTROL_MAC_LAST;
}

/** Like `02:00:00:00:00:0a`. */
export function formatMac(mac: Mac): string {
  const digits = mac.toString(16).padStart(12, '0');
  return `${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}:${digits.slice(6, 8)}:${digits.slice(8, 10)}:${digits.slice(10, 12)}`;
}

/** Reads `02:00:00:00:00:0a` or `02-00-…`; undefined for other text. */
export function parseMac(text: string): Mac | undefined {
  if (!MAC_TEXT.test(text)) return undefined;
  return Number.parseInt(text.replace(/[:-]/g, ''), 16);
}

/** Like `192.0.2.1`. */
export function formatIp4(ip: Ip4): string {
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
}

/** Reads four decimal numbers without leading zeros; undefined for other text. */
export function parseIp4(text: string): Ip4 | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let ip = 0;
  for (const part of parts) {
    if (!IP4_PART.test(part) || Number(part) > 255) return undefined;
    ip = ip * 256 + Number(part);
  }
  return ip;
}

/** Reads `192.0.2.1/24`; undefined for other text. The address keeps its host bits. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIp4(text.slice(0, slash));
  const bits = text.slice(slash + 1);
  if (address === undefined || !IP4_PART.test(bits) || Number(bits) > 32) return undefined;
  return { address, prefix: Number(bits) };
}

/** Like `192.0.2.1/24`. */
export function formatCidr(cidr: Cidr): string {
  return `${formatIp4(cidr.address)}/${cidr.prefix}`;
}

/** The netmask of a prefix length (0 to 32 bits). */
export function netmask(prefix: number): Ip4 {
  return prefix === 0 ? 0 : (0xffff_ffff << (32 - prefix)) >>> 0;
}

/** Whether `ip` lies in the network of `cidr`. */
export function inNetwork(ip: Ip4, cidr: Cidr): boolean {
  return ((ip ^ cidr.address) & netmask(cidr.prefix)) === 0;
}

/** The directed broadcast address of the network of `cidr`. */
export function networkBroadcast(cidr: Cidr): Ip4 {
  return (cidr.address | ~netmask(cidr.prefix)) >>> 0;
}
