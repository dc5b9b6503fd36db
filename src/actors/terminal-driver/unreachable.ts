import { buildEthernet, ETHERNET_HEADER_BYTES, EtherType, parseEthernet } from '../../wire/ethernet.ts';
import { IcmpType } from '../../wire/icmp.ts';
import { Icmp6Type } from '../../wire/icmp6.ts';
import { parseIp4Packet } from '../../wire/ipv4.ts';
import { ip6Destination, parseIp6Packet } from '../../wire/ipv6.ts';
import { icmpErrorAbout } from '../icmp-error.ts';
import { icmp6ErrorAbout } from '../icmp6-error.ts';

/**
 * The frame with the ICMP or ICMPv6 error "destination unreachable" about a SYN, in its destination's name, as the host would have got
 * it from a router. Undefined where none is to be sent.
 */
export function unreachableFrame(syn: Uint8Array, code: number): Uint8Array | undefined {
  const ethernet = parseEthernet(syn);
  if (!ethernet.ok) return undefined;
  const { etherType } = ethernet;
  const error = etherType === EtherType.IP6 ? aboutIp6(syn, code) : aboutIp4(syn, code);
  const link = { destination: ethernet.source, source: ethernet.destination, etherType };
  return error && buildEthernet(link, error);
}

function aboutIp4(syn: Uint8Array, code: number): Uint8Array | undefined {
  const ip = parseIp4Packet(syn, ETHERNET_HEADER_BYTES, syn.length);
  return ip.ok ? icmpErrorAbout(syn, ip, ip.destination, { type: IcmpType.UNREACHABLE, code }) : undefined;
}

function aboutIp6(syn: Uint8Array, code: number): Uint8Array | undefined {
  const ip6 = parseIp6Packet(syn, ETHERNET_HEADER_BYTES, syn.length);
  if (!ip6.ok) return undefined;
  return icmp6ErrorAbout(syn, ip6, ip6Destination(syn, ip6), { type: Icmp6Type.UNREACHABLE, code });
}
