import { IcmpType, icmpQuote, parseIcmp } from '../../wire/icmp.ts';
import { Icmp6Type, icmp6Quote, parseIcmp6 } from '../../wire/icmp6.ts';
import type { IpAddress } from '../../wire/ip-address.ts';
import { parseIp4Packet } from '../../wire/ipv4.ts';
import { ip6Source, parseIp6Packet } from '../../wire/ipv6.ts';

/** What an ICMP or ICMPv6 packet means to whoever sent echo requests: `peer` is whom the request was for. */
export type EchoMessage =
  | {
      readonly kind: 'reply' | 'error';
      readonly peer: IpAddress;
      readonly identifier: number;
      readonly sequence: number;
    }
  | { readonly kind: 'other' }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Reads a packet that begins with its IP header. An error's quoted 5th to 8th byte are an echo's identifier and sequence. */
export function echoMessage(bytes: Uint8Array): EchoMessage {
  return bytes[0] >>> 4 === 6 ? echoMessage6(bytes) : echoMessage4(bytes);
}

function echoMessage4(bytes: Uint8Array): EchoMessage {
  const ip = parseIp4Packet(bytes, 0, bytes.length);
  if (!ip.ok) return { kind: 'malformed', reason: ip.reason };
  const icmp = parseIcmp(bytes, ip.headerEnd, ip.end);
  if (!icmp.ok) return { kind: 'malformed', reason: icmp.reason };
  const quote = icmpQuote(bytes, icmp);
  if (quote !== undefined) return errorAbout(quote.destination, quote.seq);
  if (icmp.type !== IcmpType.ECHO_REPLY) return { kind: 'other' };
  return { kind: 'reply', peer: ip.source, identifier: icmp.identifier, sequence: icmp.sequence };
}

function echoMessage6(bytes: Uint8Array): EchoMessage {
  const ip6 = parseIp6Packet(bytes, 0, bytes.length);
  if (!ip6.ok) return { kind: 'malformed', reason: ip6.reason };
  const icmp = parseIcmp6(bytes, ip6.headerEnd, ip6.end);
  if (!icmp.ok) return { kind: 'malformed', reason: icmp.reason };
  const quote = icmp6Quote(bytes, icmp);
  if (quote !== undefined) return errorAbout(quote.destination, quote.seq);
  if (icmp.type !== Icmp6Type.ECHO_REPLY) return { kind: 'other' };
  return { kind: 'reply', peer: ip6Source(bytes, ip6), identifier: icmp.identifier, sequence: icmp.sequence };
}

function errorAbout(peer: IpAddress, word: number): EchoMessage {
  return { kind: 'error', peer, identifier: word >>> 16, sequence: word & 0xffff };
}
