import type { Ip4 } from '../../wire/address.ts';
import { put16, u16 } from '../../wire/bytes.ts';
import { updateChecksum16 } from '../../wire/checksum.ts';
import { ICMP_HEADER_BYTES, isIcmpError } from '../../wire/icmp.ts';
import { type Ip4View, IpProtocol } from '../../wire/ipv4.ts';
import type { Endpoint, FlowTuple, FoundFlow } from './flows.ts';

/** How a NAT router shows the connections of its other sides. */
export interface MasqueradeOptions {
  /** Side whose own address takes the place of the sources of connections that go out there. */
  readonly side: string;
  /** A port that is free stays what it was (RFC 4787 calls it port preservation); default true. */
  readonly keepsPorts?: boolean;
}

/** What it needs of the router that it is part of. */
export interface MasqueradeOwner {
  isUnique(tuple: FlowTuple, seenAs: Endpoint): boolean;
  randomBytes(length: number): Uint8Array;
}

/** Ports below are for those who listen. */
const FIRST_PORT = 1024;
const PORTS = 0x1_0000 - FIRST_PORT;

/** Where header fields stand, from the start of their header. */
const IP_PROTOCOL_AT = 9;
const IP_CHECKSUM_AT = 10;
const IP_SOURCE_AT = 12;
const IP_DESTINATION_AT = 16;
const TCP_CHECKSUM_AT = 16;
const UDP_CHECKSUM_AT = 6;
const ICMP_CHECKSUM_AT = 2;
const ECHO_IDENTIFIER_AT = 4;

/** Source NAT with translated ports: the address that others see, the ports that it lends, and packets rewritten to both. */
export class Masquerade {
  readonly #address: Ip4;
  readonly #keepsPorts: boolean;
  readonly #owner: MasqueradeOwner;

  constructor(address: Ip4, { keepsPorts = true }: MasqueradeOptions, owner: MasqueradeOwner) {
    this.#address = address;
    this.#keepsPorts = keepsPorts;
    this.#owner = owner;
  }

  isSeenAs(address: Ip4): boolean {
    return address === this.#address;
  }

  /** As what the opener of a new connection is seen. There are more ports than connections: one is free. */
  endpointFor(tuple: FlowTuple): Endpoint {
    const kept = { address: this.#address, port: tuple.sourcePort };
    if (this.#keepsPorts && this.#owner.isUnique(tuple, kept)) return kept;
    let offset = u16(this.#owner.randomBytes(2), 0) % PORTS;
    while (!this.#owner.isUnique(tuple, this.#lent(offset))) offset = (offset + 1) % PORTS;
    return this.#lent(offset);
  }

  #lent(offset: number): Endpoint {
    return { address: this.#address, port: FIRST_PORT + offset };
  }

  /** Rewrites a packet of a connection, in place, to what the side that it goes to sees; gives its destination then. */
  static translate(bytes: Uint8Array, ip: Ip4View, { flow, from }: FoundFlow): Ip4 {
    const { seenAs, tuple } = flow;
    if (seenAs === undefined) return ip.destination;
    const isReply = from === 'reply';
    const to = isReply ? { address: tuple.source, port: tuple.sourcePort } : seenAs;
    if (ip.protocol === IpProtocol.ICMP && isIcmpError(bytes[ip.headerEnd])) translateError(bytes, ip, isReply, to);
    else translatePacket(bytes, ip, isReply, to);
    return isReply ? to.address : ip.destination;
  }
}

/** The checksums that a word is under, and those that are over the first ones' fields too. */
interface Sums {
  readonly near: readonly number[];
  readonly far?: readonly number[];
}

/** Source of a packet on its way out, destination of one on its way back. */
function translatePacket(bytes: Uint8Array, ip: Ip4View, isDestination: boolean, to: Endpoint): void {
  const { transport, inPseudoHeader } = checksumsOf(bytes, ip.protocol, ip.headerEnd, ip.end);
  const ipSum = ip.offset + IP_CHECKSUM_AT;
  replaceAddress(bytes, addressAt(ip.offset, isDestination), to.address, { near: [ipSum, ...inPseudoHeader] });
  replaceWord(bytes, portAt(ip.protocol, ip.headerEnd, isDestination), to.port, { near: transport });
}

/** An ICMP error goes the way of the connection's packets from that end, and quotes one that came the other way. */
function translateError(bytes: Uint8Array, ip: Ip4View, isDestination: boolean, to: Endpoint): void {
  replaceAddress(bytes, addressAt(ip.offset, isDestination), to.address, { near: [ip.offset + IP_CHECKSUM_AT] });
  const far = [ip.headerEnd + ICMP_CHECKSUM_AT];
  const quoted = ip.headerEnd + ICMP_HEADER_BYTES;
  const protocol = bytes[quoted + IP_PROTOCOL_AT];
  const l4 = quoted + (bytes[quoted] & 15) * 4;
  const { transport, inPseudoHeader } = checksumsOf(bytes, protocol, l4, ip.end);
  const near = [quoted + IP_CHECKSUM_AT, ...inPseudoHeader];
  replaceAddress(bytes, addressAt(quoted, !isDestination), to.address, { near, far });
  replaceWord(bytes, portAt(protocol, l4, !isDestination), to.port, { near: transport, far });
}

function addressAt(ipAt: number, isDestination: boolean): number {
  return ipAt + (isDestination ? IP_DESTINATION_AT : IP_SOURCE_AT);
}

function portAt(protocol: number, l4: number, isDestination: boolean): number {
  if (protocol === IpProtocol.ICMP) return l4 + ECHO_IDENTIFIER_AT;
  return isDestination ? l4 + 2 : l4;
}

/** Where the checksum of a TCP, UDP or ICMP header is, if anywhere: UDP may have none, and a quote may end before it. */
function checksumsOf(bytes: Uint8Array, protocol: number, l4: number, end: number) {
  if (protocol === IpProtocol.ICMP) return { transport: [l4 + ICMP_CHECKSUM_AT], inPseudoHeader: [] };
  const at = l4 + (protocol === IpProtocol.UDP ? UDP_CHECKSUM_AT : TCP_CHECKSUM_AT);
  const isThere = at + 2 <= end && (protocol !== IpProtocol.UDP || u16(bytes, at) !== 0);
  const transport = isThere ? [at] : [];
  return { transport, inPseudoHeader: transport };
}

function replaceAddress(bytes: Uint8Array, at: number, address: Ip4, sums: Sums): void {
  replaceWord(bytes, at, address >>> 16, sums);
  replaceWord(bytes, at + 2, address & 0xffff, sums);
}

function replaceWord(bytes: Uint8Array, at: number, value: number, { near, far = [] }: Sums): void {
  const before = u16(bytes, at);
  put16(bytes, at, value);
  // Both forms of zero are right; UDP takes only this one for a checksum.
  const updated = (sum: number) => updateChecksum16(u16(bytes, sum), before, value) || 0xffff;
  for (const sum of near) replaceWord(bytes, sum, updated(sum), { near: far });
  for (const sum of far) put16(bytes, sum, updated(sum));
}
