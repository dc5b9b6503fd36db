import { put16, put32, u32 } from '../../src/wire/bytes.ts';
import { ip4HeaderChecksum } from '../../src/wire/checksum.ts';
import { sourceRouteOf } from '../../src/wire/ip-options.ts';

const FIRST_POINTER = 4;
const ADDRESS_BYTES = 4;

/**
 * What the hop that an IPv4 packet on a source route names as its destination makes of it (RFC 791 section 3.1): it goes on to the next
 * address, and the hop records itself. Undefined once the packet is for its destination.
 */
export function passHop(packet: Uint8Array): { hop: number; packet: Uint8Array } | undefined {
  const route = sourceRouteOf(packet, 0);
  if (route?.state !== 'pending') return undefined;
  const passed = packet.slice();
  const pointerAt = route.from - 1;
  const at = route.from + passed[pointerAt] - FIRST_POINTER;
  const hop = u32(packet, 16);
  put32(passed, 16, u32(packet, at));
  put32(passed, at, hop);
  passed[pointerAt] += ADDRESS_BYTES;
  put16(passed, 10, ip4HeaderChecksum(passed, 0, (passed[0] & 15) * 4));
  return { hop, packet: passed };
}

/** All hops of a packet, and what arrives behind the last. */
export function passHops(packet: Uint8Array): { hops: number[]; packet: Uint8Array } {
  const hops: number[] = [];
  let at = packet;
  for (let next = passHop(at); next !== undefined; next = passHop(at)) {
    hops.push(next.hop);
    at = next.packet;
  }
  return { hops, packet: at };
}
