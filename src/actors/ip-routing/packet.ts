import { type IcmpQuote, IcmpType, icmpQuote, parseIcmp, UnreachableCode } from '../../wire/icmp.ts';
import {
  type Icmp6Quote,
  Icmp6Type,
  icmp6Quote,
  ParameterCode,
  parseIcmp6,
  Unreachable6Code,
} from '../../wire/icmp6.ts';
import { type Ip6, type IpAddress, isIp6 } from '../../wire/ip-address.ts';
import { type Ip4View, IpProtocol, parseIp4Packet } from '../../wire/ipv4.ts';
import { type Ip6View, ip6Destination, ip6Source, parseIp6Packet } from '../../wire/ipv6.ts';
import { icmpErrorAbout } from '../icmp-error.ts';
import { icmp6ErrorAbout } from '../icmp6-error.ts';

/** What routing reads of an IP packet of either family. */
export interface RoutedPacket {
  readonly ok: true;
  readonly view: Ip4View | Ip6View;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: number;
  /** It is ICMP of its family. */
  readonly isIcmp: boolean;
  readonly headerEnd: number;
  readonly end: number;
}

/** Reads a packet that begins with its IP header. */
export function routedPacket(bytes: Uint8Array): RoutedPacket | { readonly ok: false; readonly reason: string } {
  if (bytes[0] >>> 4 === 6) {
    const view = parseIp6Packet(bytes, 0, bytes.length);
    if (!view.ok) return view;
    const { protocol, headerEnd, end } = view;
    const ends = { source: ip6Source(bytes, view), destination: ip6Destination(bytes, view) };
    return { ok: true, view, ...ends, protocol, isIcmp: protocol === IpProtocol.ICMP6, headerEnd, end };
  }
  const view = parseIp4Packet(bytes, 0, bytes.length);
  if (!view.ok) return view;
  const { source, destination, protocol, headerEnd, end } = view;
  return { ok: true, view, source, destination, protocol, isIcmp: protocol === IpProtocol.ICMP, headerEnd, end };
}

/** Protocol, own port and other host of the packet that an ICMP error quotes; undefined when it is no error. */
export function quotedOwner(
  bytes: Uint8Array,
  packet: RoutedPacket,
): { protocol: number; localPort: number; remote: IpAddress } | undefined {
  const quote = isIp6(packet.destination) ? quote6(bytes, packet) : quote4(bytes, packet);
  return quote && { protocol: quote.protocol, localPort: quote.sourcePort, remote: quote.destination };
}

function quote4(bytes: Uint8Array, { headerEnd, end }: RoutedPacket): IcmpQuote | undefined {
  const icmp = parseIcmp(bytes, headerEnd, end);
  return icmp.ok ? icmpQuote(bytes, icmp) : undefined;
}

function quote6(bytes: Uint8Array, { headerEnd, end }: RoutedPacket): Icmp6Quote | undefined {
  const icmp = parseIcmp6(bytes, headerEnd, end);
  return icmp.ok ? icmp6Quote(bytes, icmp) : undefined;
}

/** The ICMP error for a packet that nobody takes: no such port, or no such protocol. Undefined where none may be sent. */
export function refusalOf(bytes: Uint8Array, packet: RoutedPacket, hasPorts: boolean): Uint8Array | undefined {
  const { view, destination } = packet;
  if ('ihl' in view) {
    const code = hasPorts ? UnreachableCode.PORT : UnreachableCode.PROTOCOL;
    return icmpErrorAbout(bytes, view, destination as number, { type: IcmpType.UNREACHABLE, code });
  }
  const error = hasPorts
    ? { type: Icmp6Type.UNREACHABLE, code: Unreachable6Code.PORT }
    : { type: Icmp6Type.PARAMETER_PROBLEM, code: ParameterCode.NEXT_HEADER, word: view.protocolAt };
  return icmp6ErrorAbout(bytes, view, destination as Ip6, error);
}
