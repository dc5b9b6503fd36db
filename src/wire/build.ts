/** Whole Ethernet frames with right lengths and checksums. */
import type { Ip4, Mac } from './address.ts';
import type { ArpFields } from './arp.ts';
import { ARP_BYTES, writeArp } from './arp.ts';
import { put16 } from './bytes.ts';
import { transportChecksum } from './checksum.ts';
import type { VlanTag } from './ethernet.ts';
import { EtherType, ethernetHeaderLength, writeEthernet } from './ethernet.ts';
import type { IcmpFields } from './icmp.ts';
import { ICMP_HEADER_BYTES, writeIcmp } from './icmp.ts';
import { IP4_HEADER_BYTES, IpProtocol, writeIp4 } from './ipv4.ts';
import type { TcpFields } from './tcp.ts';
import { tcpHeaderLength, writeTcp } from './tcp.ts';
import type { UdpFields } from './udp.ts';
import { UDP_HEADER_BYTES, writeUdp } from './udp.ts';

export interface LinkFields {
  destination: Mac;
  source: Mac;
  vlan?: VlanTag | undefined;
}

export interface NetworkFields {
  source: Ip4;
  destination: Ip4;
  /** Default 0. */
  id?: number;
  /** Default 64. */
  ttl?: number;
  /** Default 0. */
  tos?: number;
  /** Default true. */
  dontFragment?: boolean;
}

export interface TcpFrameFields {
  ethernet: LinkFields;
  ip: NetworkFields;
  tcp: TcpFields;
}

export interface UdpPacketFields {
  ip: NetworkFields;
  udp: UdpFields;
}

export interface UdpFrameFields extends UdpPacketFields {
  ethernet: LinkFields;
}

export interface IcmpFrameFields {
  ethernet: LinkFields;
  ip: NetworkFields;
  icmp: IcmpFields;
}

export interface ArpFrameFields {
  ethernet: LinkFields;
  arp: ArpFields;
}

interface Started {
  bytes: Uint8Array;
  ipOffset: number;
  l4Offset: number;
}

/** A frame with Ethernet and IPv4 headers written and room for `l4Length` bytes behind them. */
function startFrame(ethernet: LinkFields, ip: NetworkFields, protocol: number, l4Length: number): Started {
  const ipOffset = ethernetHeaderLength(ethernet);
  const bytes = new Uint8Array(ipOffset + IP4_HEADER_BYTES + l4Length);
  writeEthernet(bytes, 0, { ...ethernet, etherType: EtherType.IP4 });
  const l4Offset = writeIp4(bytes, ipOffset, { ...ip, dontFragment: ip.dontFragment ?? true, protocol }, l4Length);
  return { bytes, ipOffset, l4Offset };
}

/** An IPv4 TCP frame. Payload and headers together must fit an IPv4 packet (65,535 bytes). */
export function buildTcpFrame(fields: TcpFrameFields, payload: Uint8Array): Uint8Array {
  const l4Length = tcpHeaderLength(fields.tcp) + payload.length;
  const { bytes, ipOffset, l4Offset } = startFrame(fields.ethernet, fields.ip, IpProtocol.TCP, l4Length);
  bytes.set(payload, writeTcp(bytes, l4Offset, fields.tcp));
  put16(bytes, l4Offset + 16, transportChecksum(bytes, ipOffset, l4Offset, l4Length));
  return bytes;
}

/** An IPv4 UDP frame. */
export function buildUdpFrame(fields: UdpFrameFields, payload: Uint8Array): Uint8Array {
  const ipOffset = ethernetHeaderLength(fields.ethernet);
  const bytes = new Uint8Array(ipOffset + udpPacketLength(payload));
  writeEthernet(bytes, 0, { ...fields.ethernet, etherType: EtherType.IP4 });
  writeUdpPacket(bytes, ipOffset, fields, payload);
  return bytes;
}

/** An IPv4 packet with a UDP datagram, as layers above IP give it down. */
export function buildUdpPacket(fields: UdpPacketFields, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(udpPacketLength(payload));
  writeUdpPacket(bytes, 0, fields, payload);
  return bytes;
}

function udpPacketLength(payload: Uint8Array): number {
  return IP4_HEADER_BYTES + UDP_HEADER_BYTES + payload.length;
}

function writeUdpPacket(bytes: Uint8Array, ipOffset: number, { ip, udp }: UdpPacketFields, payload: Uint8Array): void {
  const l4Length = UDP_HEADER_BYTES + payload.length;
  const fields = { ...ip, dontFragment: ip.dontFragment ?? true, protocol: IpProtocol.UDP };
  const l4Offset = writeIp4(bytes, ipOffset, fields, l4Length);
  bytes.set(payload, writeUdp(bytes, l4Offset, udp, payload.length));
  put16(bytes, l4Offset + 6, transportChecksum(bytes, ipOffset, l4Offset, l4Length));
}

/** An IPv4 ICMP frame; the payload is the echo data or the quoted packet. */
export function buildIcmpFrame(fields: IcmpFrameFields, payload: Uint8Array): Uint8Array {
  const l4Length = ICMP_HEADER_BYTES + payload.length;
  const { bytes, l4Offset } = startFrame(fields.ethernet, fields.ip, IpProtocol.ICMP, l4Length);
  bytes.set(payload, l4Offset + ICMP_HEADER_BYTES);
  writeIcmp(bytes, l4Offset, fields.icmp, l4Offset + l4Length);
  return bytes;
}

/** An ARP frame, not padded. */
export function buildArpFrame(fields: ArpFrameFields): Uint8Array {
  const offset = ethernetHeaderLength(fields.ethernet);
  const bytes = new Uint8Array(offset + ARP_BYTES);
  writeEthernet(bytes, 0, { ...fields.ethernet, etherType: EtherType.ARP });
  writeArp(bytes, offset, fields.arp);
  return bytes;
}
