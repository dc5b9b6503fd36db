import { describe, expect, it } from 'vitest';
import { buildIcmp6, type Icmp6Fields, Icmp6Type, icmp6Quote, ParameterCode, parseIcmp6 } from '../wire/icmp6.ts';
import { type Ip6View, parseIp6Packet, writeIp6 } from '../wire/ipv6.ts';
import { icmp6ErrorAbout } from './icmp6-error.ts';

const HERE = '2001:db8::1';
const THERE = '2001:db8::9';
const PORT: Icmp6Fields = { type: Icmp6Type.UNREACHABLE, code: 4 };
const TOO_BIG: Icmp6Fields = { type: Icmp6Type.PACKET_TOO_BIG, code: 0, word: 1400 };

function plain(length = 60, nextHeader = 99, source = THERE, destination = HERE): Uint8Array {
  const bytes = new Uint8Array(length).fill(7);
  writeIp6(bytes, 0, { source, destination, nextHeader }, length - 40);
  return bytes;
}

function about(packet: Uint8Array, error = PORT): Uint8Array | undefined {
  return icmp6ErrorAbout(packet, parseIp6Packet(packet, 0, packet.length) as Ip6View, HERE, error);
}

describe('an ICMPv6 error', () => {
  it('quotes as much as fits 1280 bytes (RFC 4443 section 2.4 c)', () => {
    expect(about(plain(60))?.subarray(48)).toEqual(plain(60));
    const long = about(plain(1500)) as Uint8Array;
    expect(long.length).toBe(1280);
    expect(long.subarray(48)).toEqual(plain(1500).subarray(0, 1232));
  });

  it('quotes the ports of UDP, and no checksum, which a replay would not know', () => {
    const bytes = about(plain(60, 17)) as Uint8Array;
    const icmp = parseIcmp6(bytes, 40, bytes.length);
    expect(icmp.ok && icmp6Quote(bytes, icmp)).toMatchObject({ sourcePort: 0x0707, seq: 0x0707_0000 });
  });

  it('is not sent about errors, redirects, later fragments, or to nobody (section 2.4 e)', () => {
    const icmp = (type: number) =>
      buildIcmp6({ source: THERE, destination: HERE }, { type, code: 0 }, new Uint8Array(8));
    const fragment = plain(60, 44);
    fragment.set([6, 0, 0, 8, 0, 0, 0, 0], 40);
    for (const packet of [
      icmp(1),
      icmp(Icmp6Type.REDIRECT),
      plain(40, 58),
      fragment,
      plain(60, 6, '::'),
      plain(60, 6, 'ff02::1'),
    ]) {
      expect(about(packet)).toBeUndefined();
    }
    expect(about(icmp(Icmp6Type.ECHO_REQUEST))).toBeDefined();
  });

  it('is sent about a packet to a group only where it helps', () => {
    const packet = plain(60, 6, THERE, 'ff02::1');
    expect(about(packet)).toBeUndefined();
    expect(about(packet, TOO_BIG)).toBeDefined();
    const problem = (code: number) => about(packet, { type: Icmp6Type.PARAMETER_PROBLEM, code });
    expect(problem(ParameterCode.OPTION)).toBeDefined();
    expect(problem(ParameterCode.HEADER)).toBeUndefined();
  });
});
