import { formatIp4 } from '../wire/address.ts';
import { ArpOperation } from '../wire/arp.ts';
import { parseControlFrame } from '../wire/control-frame.ts';
import { EtherType } from '../wire/ethernet.ts';
import { type FrameView, parseFrame } from '../wire/frame.ts';
import { IcmpType } from '../wire/icmp.ts';
import { Icmp6Type } from '../wire/icmp6.ts';
import { legKindName } from '../wire/leg.ts';
import { Flag, flagNames } from '../wire/tcp.ts';
import { splitUnits, UNIT_CONTROL, UNIT_DATA, UNIT_LEG } from '../wire/unit.ts';

/** First bytes of TLS records (RFC 8446 section 5.1). */
const TLS_NAMES: Readonly<Record<number, string>> = {
  20: 'TLS change cipher spec',
  21: 'TLS alert',
  22: 'TLS handshake',
  23: 'TLS application data',
};
const TLS_HEADER_BYTES = 5;

/** How to read a TCP or UDP packet of the tunnel's session: with leg packets and records inside, or as a true TCP's. */
export type Reading = 'f13' | 'tcp';

/** What a frame is, in few words. `reading`: see {@link Reading}. */
export function frameText(bytes: Uint8Array, reading: Reading): string {
  const parsed = parseFrame(bytes);
  if (!parsed.ok) return `malformed (${parsed.reason})`;
  if (parsed.ethernet.etherType === EtherType.CONTROL) return controlText(bytes);
  if (parsed.arp !== undefined) {
    const { operation, targetIp, senderIp } = parsed.arp;
    return operation === ArpOperation.REQUEST
      ? `ARP who has ${formatIp4(targetIp)}`
      : `ARP ${formatIp4(senderIp)} is here`;
  }
  if (parsed.icmp !== undefined) return icmpText(parsed.icmp.type);
  if (parsed.icmp6 !== undefined) return ICMP6_NAMES[parsed.icmp6.type] ?? `ICMPv6 type ${parsed.icmp6.type}`;
  if (parsed.tcp !== undefined) return reading === 'f13' ? f13TcpText(bytes, parsed) : tcpText(bytes, parsed);
  if (parsed.udp !== undefined) return `UDP ${unitsText(bytes, parsed)}`;
  return `EtherType 0x${parsed.ethernet.etherType.toString(16)}`;
}

const ICMP6_NAMES: Readonly<Record<number, string>> = {
  [Icmp6Type.ECHO_REQUEST]: 'ICMPv6 echo request',
  [Icmp6Type.ECHO_REPLY]: 'ICMPv6 echo reply',
  [Icmp6Type.NEIGHBOUR_SOLICITATION]: 'ND who has an address',
  [Icmp6Type.NEIGHBOUR_ADVERTISEMENT]: 'ND an address is here',
};

function controlText(bytes: Uint8Array): string {
  const read = parseControlFrame(bytes);
  if (!read.ok) return `CTRL malformed (${read.reason})`;
  const { message } = read;
  if (message.kind !== 'start' && message.kind !== 'renew') return `CTRL ${message.kind.toUpperCase()}`;
  const { sendDataKeyId, receiveDataKeyId, peerIp, peerPort } = message.session;
  return `CTRL ${message.kind.toUpperCase()} (peer ${formatIp4(peerIp)}:${peerPort}, key ids ${sendDataKeyId} and ${receiveDataKeyId})`;
}

function icmpText(type: number): string {
  if (type === IcmpType.ECHO_REQUEST) return 'ICMP echo request';
  return type === IcmpType.ECHO_REPLY ? 'ICMP echo reply' : `ICMP type ${type}`;
}

/** TCP-shaped F13: SYN and SYN+ACK are HELLO and COOKIE. */
function f13TcpText(bytes: Uint8Array, frame: FrameView): string {
  const flags = frame.tcp?.flags ?? 0;
  if (frame.payloadOffset < frame.payloadEnd) return `TCP-shaped ${unitsText(bytes, frame)}`;
  if ((flags & Flag.RST) !== 0) return 'TCP-shaped RST';
  if ((flags & Flag.SYN) !== 0) return (flags & Flag.ACK) !== 0 ? 'COOKIE (SYN+ACK-shaped)' : 'HELLO (SYN-shaped)';
  return 'empty ACK';
}

function unitsText(bytes: Uint8Array, { payloadOffset, payloadEnd }: FrameView): string {
  const { units, malformed } = splitUnits(bytes, payloadOffset, payloadEnd);
  const names = units.map(({ type, offset }) => {
    if (type === UNIT_LEG) return legKindName(bytes[offset + 1]);
    if (type === UNIT_DATA) return 'record';
    return type === UNIT_CONTROL ? 'control record' : 'piece of a record';
  });
  return [...names, ...(malformed === undefined ? [] : [malformed])].join(', ');
}

/** A true TCP segment, with what its payload begins with. */
function tcpText(bytes: Uint8Array, { tcp, payloadOffset, payloadEnd }: FrameView): string {
  const flags = flagNames(tcp?.flags ?? 0);
  if (payloadOffset === payloadEnd) return flags;
  const first = bytes[payloadOffset];
  const isTls = payloadEnd - payloadOffset >= TLS_HEADER_BYTES && bytes[payloadOffset + 1] === 3;
  const inside = isTls ? TLS_NAMES[first] : undefined;
  if (inside !== undefined) return `${flags} ${inside}`;
  return `${flags} ${first === UNIT_DATA || first === UNIT_CONTROL ? 'F14' : 'data'} (${payloadEnd - payloadOffset} bytes)`;
}
