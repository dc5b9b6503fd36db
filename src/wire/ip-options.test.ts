import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passHop, passHops } from '../../test/support/ip-hop.ts';
import { put16, u32 } from './bytes.ts';
import { transportChecksum, transportChecksumGood } from './checksum.ts';
import {
  finalDestinationAt,
  MAX_ROUTE_HOPS,
  returnRoute,
  routeBytes,
  type SourceRoute,
  sourceRouteOf,
} from './ip-options.ts';
import { buildIp4, type Ip4View, ip4ChecksumGood, parseIp4Packet } from './ipv4.ts';

const SOURCE = 0x0a00_0001;
const DESTINATION = 0x0a00_0002;
const TCP = 6;
const TCP_CHECKSUM_AT = 16;

const address = fc.integer({ min: 1, max: 0xdfff_ffff });
const route = fc.record({
  strict: fc.boolean(),
  hops: fc.array(address, { minLength: 1, maxLength: MAX_ROUTE_HOPS }),
});

/** A packet with 24 bytes of TCP whose checksum is right. */
function routed(way: SourceRoute, source = SOURCE): Uint8Array {
  const packet = buildIp4({ source, destination: DESTINATION, protocol: TCP, route: way }, new Uint8Array(24).fill(7));
  const { headerEnd } = view(packet);
  put16(packet, headerEnd + TCP_CHECKSUM_AT, transportChecksum(packet, 0, headerEnd, 24));
  return packet;
}
const view = (packet: Uint8Array): Ip4View => parseIp4Packet(packet, 0, packet.length) as Ip4View;

/** A header with these options. */
function withOptions(...options: number[]): Uint8Array {
  const packet = new Uint8Array(20 + Math.ceil(options.length / 4) * 4);
  packet[0] = 0x40 | (packet.length >> 2);
  packet.set(options, 20);
  return packet;
}

describe('a source route', () => {
  it('is written so that the header names the first hop, and its option the others and the destination', () => {
    const packet = buildIp4(
      {
        source: SOURCE,
        destination: DESTINATION,
        protocol: TCP,
        route: { strict: false, hops: [0x01020304, 0x05060708] },
      },
      new Uint8Array(3),
    );
    expect([...packet.subarray(16, 32)]).toEqual([1, 2, 3, 4, 131, 11, 4, 5, 6, 7, 8, 10, 0, 0, 2, 0]);
    expect(view(packet)).toMatchObject({ ihl: 32, totalLength: 35, destination: 0x01020304 });
  });

  it('leads over its hops; header and TCP checksum are right at each of them', () => {
    fc.assert(
      fc.property(route, (way) => {
        let packet = routed(way);
        expect(view(packet).ihl).toBe(20 + routeBytes(way));
        const passed: number[] = [];
        for (;;) {
          const ip = view(packet);
          expect(ip4ChecksumGood(packet, ip)).toBe(true);
          expect(transportChecksumGood(packet, 0, ip.headerEnd, 24)).toBe(true);
          expect(u32(packet, finalDestinationAt(packet, 0))).toBe(DESTINATION);
          const next = passHop(packet);
          if (next === undefined) break;
          passed.push(next.hop);
          packet = next.packet;
        }
        expect(passed).toEqual(way.hops);
        expect(view(packet).destination).toBe(DESTINATION);
        expect(sourceRouteOf(packet, 0)).toMatchObject({ state: 'complete', strict: way.strict });
      }),
    );
  });

  it('has a way back: the same hops from the last to the first', () => {
    fc.assert(
      fc.property(route, (way) => {
        fc.pre(way.hops[0] !== SOURCE);
        const { packet } = passHops(routed(way));
        const back = returnRoute(packet, 0, sourceRouteOf(packet, 0)!);
        expect(back).toEqual({ strict: way.strict, hops: way.hops.toReversed() });
      }),
    );
  });

  it('has a way back without the sender, where the sender has recorded itself (RFC 1122 section 3.2.1.8, case B)', () => {
    const arrived = (...hops: number[]) => {
      const { packet } = passHops(routed({ strict: false, hops }));
      return returnRoute(packet, 0, sourceRouteOf(packet, 0)!);
    };
    expect(arrived(SOURCE, 11, 12)).toEqual({ strict: false, hops: [12, 11] });
    expect(arrived(SOURCE)).toBeUndefined();
  });

  it('is found behind other options', () => {
    const found = sourceRouteOf(withOptions(1, 7, 7, 4, 1, 1, 1, 1, 137, 7, 4, 1, 2, 3, 4), 0);
    expect(found).toEqual({ state: 'pending', strict: true, from: 31, to: 35 });
  });

  it.each([
    ['none', [], undefined],
    ['another option', [7, 7, 4, 1, 2, 3, 4], undefined],
    ['behind the end of options', [0, 131, 7, 4, 1, 2, 3, 4], undefined],
    ['behind an option of no length', [7, 0, 131, 7, 4, 1, 2, 3, 4], undefined],
    ['behind an option that is too long', [7, 200, 131, 7, 4, 1, 2, 3, 4], undefined],
    ['empty', [131, 3, 4, 0], 'complete'],
    ['pointer far behind', [131, 7, 252, 1, 2, 3, 4, 0], 'complete'],
    ['pointer before the addresses', [131, 7, 0, 1, 2, 3, 4, 0], 'malformed'],
    ['pointer in an address', [131, 11, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0], 'malformed'],
    ['part of an address', [131, 6, 4, 1, 2, 3, 0, 0], 'malformed'],
    ['without a pointer', [131, 2, 0, 0], 'malformed'],
    ['length 1', [131, 1, 4, 0], 'malformed'],
    ['without a length', [1, 1, 1, 131], 'malformed'],
    ['beyond the header', [131, 11, 4, 1, 2, 3, 4, 0], 'malformed'],
    ['two', [131, 7, 4, 1, 2, 3, 4, 137, 7, 4, 1, 2, 3, 4], 'malformed'],
  ] as const)('is %s', (_, options, state) => {
    const packet = withOptions(...options);
    expect(sourceRouteOf(packet, 0)?.state).toBe(state);
    expect(finalDestinationAt(packet, 0)).toBe(16);
  });

  it('lies within its header, whatever the options are', () => {
    const options = fc.array(fc.oneof(fc.constantFrom(1, 2, 3, 4, 7, 11, 131, 137), fc.nat({ max: 255 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(options, fc.nat({ max: 60 }), (bytes, kept) => {
        const packet = withOptions(...bytes).subarray(0, kept);
        const found = sourceRouteOf(packet, 0);
        if (found === undefined || found.state === 'malformed') return;
        expect(found.from).toBeGreaterThan(20);
        expect(found.to).toBeLessThanOrEqual(packet.length);
        expect((found.to - found.from) % 4).toBe(0);
        expect(returnRoute(packet, 0, found)?.hops.length ?? 0).toBeLessThanOrEqual(MAX_ROUTE_HOPS);
      }),
      { numRuns: 3_000 },
    );
  });
});
