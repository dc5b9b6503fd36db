/** A whole Ethernet frame read through all headers. */
import type { ArpReason, ArpView } from './arp.ts';
import { parseArp } from './arp.ts';
import { transportChecksumGood } from './checksum.ts';
import type { EthernetReason, EthernetView } from './ethernet.ts';
import { EtherType, parseEthernet } from './ethernet.ts';
import type { IcmpReason, IcmpView } from './icmp.ts';
import { icmpChecksumGood, parseIcmp } from './icmp.ts';
import { type Icmp6Reason, type Icmp6View, parseIcmp6 } from './icmp6.ts';
import type { Ip4Reason, Ip4View } from './ipv4.ts';
import { IpProtocol, ip4ChecksumGood, isFragment, parseIp4Packet } from './ipv4.ts';
import type { Ip6Reason, Ip6View } from './ipv6.ts';
import { isFragment6, parseIp6Packet } from './ipv6.ts';
import type { TcpReason, TcpView } from './tcp.ts';
import { parseTcp } from './tcp.ts';
import type { UdpReason, UdpView } from './udp.ts';
import { parseUdp } from './udp.ts';

export type FrameReason =
  | EthernetReason
  | ArpReason
  | Ip4Reason
  | Ip6Reason
  | IcmpReason
  | Icmp6Reason
  | UdpReason
  | TcpReason;

interface FrameParts {
  arp: ArpView | undefined;
  /** IPv4. */
  ip: Ip4View | undefined;
  ip6: Ip6View | undefined;
  icmp: IcmpView | undefined;
  icmp6: Icmp6View | undefined;
  udp: UdpView | undefined;
  tcp: TcpView | undefined;
  /** Where the payload of the innermost header that was read begins. */
  payloadOffset: number;
  /** Where it ends; Ethernet padding is beyond. */
  payloadEnd: number;
}

/** Every header is whole. Frames of other EtherTypes or IP protocols and IP fragments end with the last known header. */
export interface FrameView extends FrameParts {
  ok: true;
  ethernet: EthernetView;
  reason: undefined;
}

/** Some header is broken; those before it are there. `ethernet` is undefined only when the Ethernet header itself is. */
export interface FrameMalformed extends FrameParts {
  ok: false;
  ethernet: EthernetView | undefined;
  reason: FrameReason;
}

export type ParsedFrame = FrameView | FrameMalformed;

interface Draft extends FrameParts {
  reason: FrameReason | undefined;
}

/** Reads a frame. Checksums are not looked at (see `checksumVerdict`). */
export function parseFrame(bytes: Uint8Array): ParsedFrame {
  const ethernet = parseEthernet(bytes);
  const draft: Draft = {
    arp: undefined,
    ip: undefined,
    ip6: undefined,
    icmp: undefined,
    icmp6: undefined,
    udp: undefined,
    tcp: undefined,
    payloadOffset: 0,
    payloadEnd: bytes.length,
    reason: undefined,
  };
  if (!ethernet.ok) return { ...draft, ok: false, ethernet: undefined, reason: ethernet.reason };
  draft.payloadOffset = ethernet.headerEnd;
  if (ethernet.etherType === EtherType.IP4) readIp4(bytes, ethernet, draft);
  else if (ethernet.etherType === EtherType.ARP) readArp(bytes, ethernet, draft);
  else if (ethernet.etherType === EtherType.IP6) readIp6(bytes, ethernet, draft);
  return finished(ethernet, draft);
}

function finished(ethernet: EthernetView, draft: Draft): ParsedFrame {
  const { arp, ip, ip6, icmp, icmp6, udp, tcp, payloadOffset, payloadEnd, reason } = draft;
  if (reason === undefined) {
    return { ok: true, ethernet, arp, ip, ip6, icmp, icmp6, udp, tcp, payloadOffset, payloadEnd, reason };
  }
  return { ok: false, ethernet, arp, ip, ip6, icmp, icmp6, udp, tcp, payloadOffset, payloadEnd, reason };
}

function readArp(bytes: Uint8Array, ethernet: EthernetView, draft: Draft): void {
  const arp = parseArp(bytes, ethernet.headerEnd, ethernet.end);
  if (!arp.ok) {
    draft.reason = arp.reason;
    return;
  }
  draft.arp = arp;
  draft.payloadOffset = arp.end;
  draft.payloadEnd = arp.end;
}

function readIp4(bytes: Uint8Array, ethernet: EthernetView, draft: Draft): void {
  const ip = parseIp4Packet(bytes, ethernet.headerEnd, ethernet.end);
  if (!ip.ok) {
    draft.reason = ip.reason;
    return;
  }
  draft.ip = ip;
  draft.payloadOffset = ip.headerEnd;
  draft.payloadEnd = ip.end;
  if (!isFragment(ip)) readTransport(bytes, ip.protocol, draft);
}

function readIp6(bytes: Uint8Array, ethernet: EthernetView, draft: Draft): void {
  const ip6 = parseIp6Packet(bytes, ethernet.headerEnd, ethernet.end);
  if (!ip6.ok) {
    draft.reason = ip6.reason;
    return;
  }
  draft.ip6 = ip6;
  draft.payloadOffset = ip6.headerEnd;
  draft.payloadEnd = ip6.end;
  if (!isFragment6(ip6)) readTransport(bytes, ip6.protocol, draft);
}

function readTransport(bytes: Uint8Array, protocol: number, draft: Draft): void {
  const { payloadOffset: offset, payloadEnd: end } = draft;
  const header = parseTransport(bytes, protocol, offset, end, draft.ip !== undefined);
  if (header === undefined) return;
  if (!header.view.ok) {
    draft.reason = header.view.reason;
    return;
  }
  if (header.kind === 'tcp') draft.tcp = header.view as TcpView;
  else if (header.kind === 'udp') draft.udp = header.view as UdpView;
  else if (header.kind === 'icmp') draft.icmp = header.view as IcmpView;
  else draft.icmp6 = header.view as Icmp6View;
  draft.payloadOffset = header.view.headerEnd;
  draft.payloadEnd = header.view.end;
}

function parseTransport(bytes: Uint8Array, protocol: number, offset: number, end: number, isIp4: boolean) {
  if (protocol === IpProtocol.TCP) return { kind: 'tcp', view: parseTcp(bytes, offset, end) } as const;
  if (protocol === IpProtocol.UDP) return { kind: 'udp', view: parseUdp(bytes, offset, end) } as const;
  if (protocol === IpProtocol.ICMP && isIp4) return { kind: 'icmp', view: parseIcmp(bytes, offset, end) } as const;
  if (protocol === IpProtocol.ICMP6 && !isIp4) return { kind: 'icmp6', view: parseIcmp6(bytes, offset, end) } as const;
  return undefined;
}

export type ChecksumVerdict = 'good' | 'bad' | 'none';

/**
 * Verifies the IPv4 header's checksum and that of TCP, UDP, ICMP or ICMPv6. `none`: nothing to verify (no IP, a fragment with a good
 * header, a protocol without a checksum known here, a malformed frame). A UDP checksum of 0 over IPv4 is good.
 */
export function checksumVerdict(bytes: Uint8Array, parsed: ParsedFrame): ChecksumVerdict {
  const { ip, ip6, icmp, icmp6, udp, tcp } = parsed;
  if (ip !== undefined && !ip4ChecksumGood(bytes, ip)) return 'bad';
  if (!parsed.ok || (ip === undefined && ip6 === undefined)) return 'none';
  if (icmp !== undefined) return icmpChecksumGood(bytes, icmp) ? 'good' : 'bad';
  if (udp !== undefined && udp.checksum === 0) return ip === undefined ? 'bad' : 'good';
  const l4 = tcp ?? udp ?? icmp6;
  if (l4 === undefined) return 'none';
  const { offset, protocol } = ip ?? (ip6 as Ip6View);
  return transportChecksumGood(bytes, offset, l4.offset, l4.end - l4.offset, protocol) ? 'good' : 'bad';
}
