import type { FourTuple } from '../../engine/f13.ts';
import { IcmpType, icmpQuote, isFragmentationNeeded, parseIcmp, UnreachableCode } from '../../wire/icmp.ts';
import { type Ip4View, IpProtocol, parseIp4Packet } from '../../wire/ipv4.ts';
import { parseUdp, type UdpView } from '../../wire/udp.ts';

/** What a packet is to a UDP layer. */
export type UdpPacket =
  | { readonly kind: 'datagram'; readonly ip: Ip4View; readonly udp: UdpView; readonly tuple: FourTuple }
  /** An ICMP error about a datagram of ours. */
  | { readonly kind: 'error'; readonly tuple: FourTuple; readonly reason: 'refused' | 'unreachable' }
  | { readonly kind: 'malformed'; readonly detail: string }
  /** Nothing that says something about a connection. */
  | { readonly kind: 'other' };

/** Reads a packet that begins with its IP header. */
export function udpPacket(bytes: Uint8Array): UdpPacket {
  const ip = parseIp4Packet(bytes, 0, bytes.length);
  if (!ip.ok) return { kind: 'malformed', detail: ip.reason };
  if (ip.protocol === IpProtocol.ICMP) return icmpError(bytes, ip);
  if (ip.protocol !== IpProtocol.UDP) return { kind: 'other' };
  const udp = parseUdp(bytes, ip.headerEnd, ip.end);
  if (!udp.ok) return { kind: 'malformed', detail: udp.reason };
  const tuple = {
    local: ip.destination,
    localPort: udp.destinationPort,
    remote: ip.source,
    remotePort: udp.sourcePort,
  };
  return { kind: 'datagram', ip, udp, tuple };
}

function icmpError(bytes: Uint8Array, ip: Ip4View): UdpPacket {
  const icmp = parseIcmp(bytes, ip.headerEnd, ip.end);
  if (!icmp.ok) return { kind: 'malformed', detail: icmp.reason };
  const quote = icmpQuote(bytes, icmp);
  const isAboutPeer = icmp.type === IcmpType.UNREACHABLE && !isFragmentationNeeded(icmp.type, icmp.code);
  if (quote?.protocol !== IpProtocol.UDP || !isAboutPeer) return { kind: 'other' };
  const { source: local, sourcePort: localPort, destination: remote, destinationPort: remotePort } = quote;
  const reason = icmp.code === UnreachableCode.PORT ? 'refused' : 'unreachable';
  return { kind: 'error', tuple: { local, localPort, remote, remotePort }, reason };
}
