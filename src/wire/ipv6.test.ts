import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, put16 } from './bytes.ts';
import { buildIcmp6, Icmp6Type, icmp6Quote, icmp6QuotedLength, parseIcmp6 } from './icmp6.ts';
import { isFragment6, parseIp6Packet, parseIp6Quote, unknownOptionIsTold, writeIp6 } from './ipv6.ts';

const ENDS = { source: '2001:db8::1', destination: '2001:db8::2' };
const [HOP, ROUTING, FRAGMENT, DESTINATION, TCP, NONE] = [0, 43, 44, 60, 6, 59];

/** A packet with these extension headers, each without its first byte, before `payload`. */
function packet(
  headers: readonly (readonly [number, readonly number[]])[],
  protocol = TCP,
  payload = new Uint8Array(20),
) {
  const kinds = [...headers.map(([kind]) => kind), protocol];
  const chain = concat(...headers.map(([, rest], i) => Uint8Array.of(kinds[i + 1] as number, ...rest)), payload);
  const bytes = new Uint8Array(40 + chain.length);
  bytes.set(chain, writeIp6(bytes, 0, { ...ENDS, nextHeader: kinds[0] as number }, chain.length));
  return bytes;
}

const parse = (bytes: Uint8Array) => parseIp6Packet(bytes, 0, bytes.length);
const PAD: readonly number[] = [0, 1, 4, 0, 0, 0, 0];
const option = (type: number): readonly number[] => [0, type, 4, 0, 0, 0, 0];

describe('IPv6 extension headers', () => {
  it('are followed to the transport header', () => {
    const long = [1, 1, 12, ...new Array<number>(12).fill(0)];
    const bytes = packet([
      [HOP, [0, 5, 2, 0, 0, 1, 0]],
      [DESTINATION, PAD],
      [ROUTING, [0, 0, 0, 0, 0, 0, 0]],
      [FRAGMENT, [0, 0, 0, 1, 2, 3, 4]],
      [DESTINATION, long],
    ]);
    expect(parse(bytes)).toMatchObject({
      nextHeader: HOP,
      protocol: TCP,
      headerEnd: 40 + 8 * 4 + 16,
      end: bytes.length,
      hasFragmentHeader: true,
      unknownOption: 0,
      unknownRouting: 0,
      protocolAt: 40 + 8 * 4,
    });
  });

  it('tell fragments from atomic ones, and what follows a later one is nothing', () => {
    for (const [field, offset, more] of [
      [[0, 0], 0, false],
      [[0, 1], 0, true],
      [[0, 9], 8, true],
      [[0xff, 0xf8], 0xfff8, false],
    ] as const) {
      const read = parse(packet([[FRAGMENT, [0, ...field, 1, 2, 3, 4]]], DESTINATION, Uint8Array.of(TCP, ...PAD)));
      if (!read.ok) throw new Error(read.reason);
      expect([read.fragmentOffset, read.moreFragments, isFragment6(read)]).toEqual([offset, more, offset > 0 || more]);
      expect(read.protocol).toBe(offset > 0 ? DESTINATION : TCP);
    }
  });

  it('are refused when there are too many, they leave the packet, or stand where they must not', () => {
    const options = (count: number) => new Array(count).fill([DESTINATION, PAD] as const);
    expect(parse(packet(options(8)))).toMatchObject({ ok: true });
    expect(parse(packet(options(9)))).toMatchObject({ ok: false, reason: 'ipv6-too-many-extensions' });
    expect(
      parse(
        packet([
          [DESTINATION, PAD],
          [HOP, PAD],
        ]),
      ),
    ).toMatchObject({ reason: 'ipv6-misplaced-hop-by-hop' });
    expect(parse(packet([], DESTINATION, Uint8Array.of(TCP, 0, 1, 2)))).toMatchObject({ reason: 'ipv6-bad-extension' });
    expect(parse(packet([[DESTINATION, [9, ...PAD.slice(1)]]]))).toMatchObject({ reason: 'ipv6-bad-extension' });
    expect(parse(packet([[DESTINATION, [0, 1, 5, 0, 0, 0, 0]]]))).toMatchObject({ reason: 'ipv6-bad-extension' });
    expect(parse(packet([[DESTINATION, [0, 0, 0, 0, 0, 0, 1]]]))).toMatchObject({ reason: 'ipv6-bad-extension' });
    const many = [7, ...new Array<number>(62).fill(0)];
    expect(parse(packet([[DESTINATION, many]]))).toMatchObject({ reason: 'ipv6-bad-extension' });
  });

  it('show the first option or way that is not known and must not be skipped', () => {
    expect(parse(packet([[DESTINATION, option(0x3e)]]))).toMatchObject({ unknownOption: 0 });
    for (const [type, single, group] of [
      [0x7e, false, false],
      [0xbe, true, true],
      [0xfe, true, false],
    ] as const) {
      expect(
        parse(
          packet([
            [DESTINATION, PAD],
            [DESTINATION, option(type)],
          ]),
        ),
      ).toMatchObject({ unknownOption: 50 });
      expect([unknownOptionIsTold(type, false), unknownOptionIsTold(type, true)]).toEqual([single, group]);
    }
    expect(parse(packet([[ROUTING, [0, 0, 1, 0, 0, 0, 0]]]))).toMatchObject({ unknownRouting: 42 });
  });

  it('may be cut off in a quote', () => {
    const bytes = packet([[DESTINATION, PAD]]).subarray(0, 56);
    expect(parse(bytes)).toMatchObject({ reason: 'ipv6-truncated' });
    expect(parseIp6Quote(bytes, 0, 56)).toMatchObject({ ok: true, protocol: TCP, headerEnd: 48, end: 56 });
    expect(parseIp6Quote(bytes, 0, 44)).toMatchObject({ reason: 'ipv6-bad-extension' });
    expect(parseIp6Quote(bytes, 0, 39)).toMatchObject({ reason: 'ipv6-truncated' });
  });
});

describe('ICMPv6', () => {
  it('reads back what was built', () => {
    const uint8 = fc.nat({ max: 255 });
    const word = fc.nat({ max: 0xffff_ffff });
    fc.assert(
      fc.property(uint8, uint8, word, fc.uint8Array({ maxLength: 9 }), (type, code, bits, payload) => {
        const bytes = buildIcmp6(ENDS, { type, code, word: bits }, payload);
        expect(parseIcmp6(bytes, 40, bytes.length)).toMatchObject({
          type,
          code,
          word: bits,
          identifier: bits >>> 16,
          sequence: bits & 0xffff,
          mtu: type === Icmp6Type.PACKET_TOO_BIG ? bits : 0,
          headerEnd: 48,
        });
        expect(parseIcmp6(bytes, 40, 47)).toEqual({ ok: false, reason: 'icmp6-truncated' });
      }),
    );
  });

  it('quotes behind extension headers, neither too little nor a later fragment', () => {
    const about = (quoted: Uint8Array, type: number = Icmp6Type.UNREACHABLE) => {
      const bytes = buildIcmp6(ENDS, { type, code: 0 }, quoted);
      const icmp = parseIcmp6(bytes, 40, bytes.length);
      if (!icmp.ok) throw new Error(icmp.reason);
      return { quote: icmp6Quote(bytes, icmp), length: icmp6QuotedLength(bytes, icmp) };
    };
    const transport = new Uint8Array(20);
    [1000, 2000, 3, 4].forEach((value, i) => {
      put16(transport, 2 * i, value);
    });
    const quoted = packet([[DESTINATION, PAD]], TCP, transport);
    expect(about(quoted)).toEqual({
      quote: { ...ENDS, protocol: TCP, sourcePort: 1000, destinationPort: 2000, seq: 0x3_0004 },
      length: 56,
    });
    expect(about(quoted.subarray(0, 55))).toEqual({ quote: undefined, length: 55 });
    expect(about(quoted, Icmp6Type.ECHO_REQUEST)).toEqual({ quote: undefined, length: 0 });
    expect(about(packet([[FRAGMENT, [0, 0, 8, 0, 0, 0, 0]]])).quote).toBeUndefined();
    expect(about(packet([], NONE, new Uint8Array(0))).quote).toBeUndefined();
  });
});
