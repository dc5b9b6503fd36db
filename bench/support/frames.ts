import type { InterfaceAddress } from '../../src/actors/services.ts';
import { packetFromSegment, type TcpTuple } from '../../src/actors/tcp/segment.ts';
import type { FourTuple } from '../../src/engine/f13.ts';
import { parseIp4, parseMac } from '../../src/wire/address.ts';
import { buildEthernet, ETHERNET_HEADER_BYTES, EtherType } from '../../src/wire/ethernet.ts';
import { IP4_HEADER_BYTES } from '../../src/wire/ipv4.ts';
import { Flag, NO_TCP_OPTIONS, TCP_HEADER_BYTES } from '../../src/wire/tcp.ts';

/** Lengths of a whole Ethernet frame that layers are measured with: a full one and the smallest. */
export const FRAME_SIZES_BYTES = [1500, 60] as const;
/** Bytes of a TCP frame that are not payload. */
export const HEADERS_BYTES = ETHERNET_HEADER_BYTES + IP4_HEADER_BYTES + TCP_HEADER_BYTES;
const WINDOW = 0xffff;

/** An interface of the benchmarks: one network, hosts by number. */
export function benchInterface(host: number, network = 9): InterfaceAddress {
  return {
    mac: parseMac(`02:00:00:00:00:${String(host).padStart(2, '0')}`) as number,
    address: parseIp4(`10.${network}.0.${host}`) as number,
    prefixLength: 24,
  };
}

export const OWN = benchInterface(1);
export const OTHER = benchInterface(2);
/** From {@link OTHER} to {@link OWN}. */
export const INBOUND: FourTuple = { local: OTHER.address, localPort: 40_000, remote: OWN.address, remotePort: 443 };
export const OUTBOUND: FourTuple = { local: OWN.address, localPort: 443, remote: OTHER.address, remotePort: 40_000 };

/** A TCP segment with payload, as an IP packet that makes a frame of `frame_bytes`. */
export function tcpPacket(tuple: TcpTuple, frame_bytes: number, seq = 1, ack = 1): Uint8Array {
  const payload = new Uint8Array(frame_bytes - HEADERS_BYTES).fill(frame_bytes);
  const flags = Flag.ACK | Flag.PSH;
  return packetFromSegment({ seq, ack, flags, window: WINDOW, options: NO_TCP_OPTIONS, payload }, tuple);
}

/** The same as a frame between the two interfaces. */
export function tcpFrame(
  from: InterfaceAddress,
  to: InterfaceAddress,
  tuple: TcpTuple,
  frame_bytes: number,
): Uint8Array {
  return ethernetFrame(from, to, tcpPacket(tuple, frame_bytes));
}

export function ethernetFrame(
  from: Pick<InterfaceAddress, 'mac'>,
  to: Pick<InterfaceAddress, 'mac'>,
  packet: Uint8Array,
): Uint8Array {
  return buildEthernet({ destination: to.mac, source: from.mac, etherType: EtherType.IP4 }, packet);
}
