import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp4, formatMac, parseIp4, parseMac } from './address.ts';
import { buildArpFrame, buildIcmpFrame, buildTcpFrame, buildUdpFrame } from './build.ts';
import { concat, EMPTY, fromHex, put16, toHex } from './bytes.ts';
import { transportChecksum } from './checksum.ts';
import { EtherType, writeEthernet } from './ethernet.ts';
import { checksumVerdict, parseFrame } from './frame.ts';
import { icmpQuote } from './icmp.ts';
import { IpProtocol } from './ipv4.ts';
import { writeIp6 } from './ipv6.ts';
import { Flag, flagNames } from './tcp.ts';
import { writeUdp } from './udp.ts';

/** Captured between two Linux hosts (kernel TCP, checksums by software). */
const CAPTURED = {
  arpReply: '020000000701020000000702080600010800060400020200000007 02c0a80702020000000701c0a80701',
  syn:
    '02000000070202000000070108004500003c8f8940004006 1bdfc0a80701c0a80702a5ba1f902ebf00ba00000000a002' +
    'faf0180f0000020405b40402080ab79cf948000000000103030a',
  synAck:
    '02000000070102000000070208004500003c000040004006ab68c0a80702c0a807011f90a5ba6f8561fb2ebf00bba012' +
    'fe88706b0000020405b40402080a22e0af99b79cf9480103030a',
  data:
    '0200000007020200000007010800450000398f8b400040061be0c0a80701c0a80702a5ba1f902ebf00bb6f8561fc8018' +
    '003f59a500000101080ab79cf94822e0af9968656c6c6f',
  udp: '020000000702020000000701080045000021a77f4000401103f9c0a80701c0a80702ee37270f000d5b6870696e6721',
  portUnreachable:
    '020000000701020000000702080045c0003d313f00004001b96dc0a80702c0a8070103038c6f0000000045000021a77f' +
    '4000401103f9c0a80701c0a80702ee37270f000d5b6870696e6721',
  echo: '0200000007020200000007010800450000249a4c400040011139c0a80701c0a8070208005435123400016162636465666768',
};

const A = { mac: parseMac('02:00:00:00:07:01')!, ip: parseIp4('192.168.7.1')! };
const B = { mac: parseMac('02:00:00:00:07:02')!, ip: parseIp4('192.168.7.2')! };
const TO_B = { destination: B.mac, source: A.mac };
const IP_TO_B = { source: A.ip, destination: B.ip };

describe('captured frames', () => {
  it.each(Object.entries(CAPTURED).filter(([name]) => name !== 'arpReply'))(
    '%s has a good checksum until a bit is flipped',
    (_, hex) => {
      const bytes = fromHex(hex)!;
      expect(checksumVerdict(bytes, parseFrame(bytes))).toBe('good');
      bytes[bytes.length - 1] ^= 0x40;
      expect(checksumVerdict(bytes, parseFrame(bytes))).toBe('bad');
    },
  );

  it('a SYN with its options', () => {
    const parsed = parseFrame(fromHex(CAPTURED.syn)!);
    expect(parsed).toMatchObject({ ok: true, payloadOffset: 74, payloadEnd: 74 });
    expect(formatMac(parsed.ethernet!.source)).toBe('02:00:00:00:07:01');
    expect(formatIp4(parsed.ip!.destination)).toBe('192.168.7.2');
    expect(parsed.ip).toMatchObject({ ttl: 64, id: 0x8f89, dontFragment: true, protocol: IpProtocol.TCP });
    expect(parsed.tcp).toMatchObject({ sourcePort: 42426, destinationPort: 8080, window: 64240, headerLength: 40 });
    expect(flagNames(parsed.tcp!.flags)).toBe('SYN');
    const options = { mss: 1460, sackPermitted: true, timestamps: { value: 3080517960, echo: 0 }, windowScale: 10 };
    expect(parsed.tcp!.options).toEqual(options);
  });

  it('are built again byte for byte', () => {
    const tcp = { sourcePort: 42426, destinationPort: 8080, seq: 0x2ebf00bb, ack: 0x6f8561fc, window: 0x3f };
    const options = { timestamps: { value: 0xb79cf948, echo: 0x22e0af99 } };
    const data = buildTcpFrame(
      { ethernet: TO_B, ip: { ...IP_TO_B, id: 0x8f8b, ttl: 64 }, tcp: { ...tcp, flags: Flag.PSH | Flag.ACK, options } },
      new TextEncoder().encode('hello'),
    );
    expect(toHex(data)).toBe(CAPTURED.data);
    const udp = buildUdpFrame(
      { ethernet: TO_B, ip: { ...IP_TO_B, id: 0xa77f }, udp: { sourcePort: 0xee37, destinationPort: 9999 } },
      new TextEncoder().encode('ping!'),
    );
    expect(toHex(udp)).toBe(CAPTURED.udp);
    const icmp = { type: 8, code: 0, identifier: 0x1234, sequence: 1 };
    const echo = buildIcmpFrame(
      { ethernet: TO_B, ip: { ...IP_TO_B, id: 0x9a4c }, icmp },
      new TextEncoder().encode('abcdefgh'),
    );
    expect(toHex(echo)).toBe(CAPTURED.echo);
    const arp = { operation: 2, senderMac: B.mac, senderIp: B.ip, targetMac: A.mac, targetIp: A.ip };
    const reply = buildArpFrame({ ethernet: { destination: A.mac, source: B.mac }, arp });
    expect(toHex(reply)).toBe(toHex(fromHex(CAPTURED.arpReply)!));
  });

  it('a port unreachable quotes the datagram', () => {
    const bytes = fromHex(CAPTURED.portUnreachable)!;
    const { icmp } = parseFrame(bytes);
    expect(icmp).toMatchObject({ type: 3, code: 3 });
    expect(icmpQuote(bytes, icmp!)).toMatchObject({
      ...IP_TO_B,
      protocol: 17,
      sourcePort: 60983,
      destinationPort: 9999,
    });
  });

  it('an ARP reply has no checksum', () => {
    const bytes = fromHex(CAPTURED.arpReply)!;
    const parsed = parseFrame(bytes);
    expect(parsed.arp).toMatchObject({ operation: 2, senderIp: B.ip, targetIp: A.ip });
    expect(checksumVerdict(bytes, parsed)).toBe('none');
  });
});

describe('parseFrame', () => {
  it('leaves Ethernet padding out of the payload', () => {
    const frame = buildUdpFrame(
      { ethernet: TO_B, ip: IP_TO_B, udp: { sourcePort: 1, destinationPort: 2 } },
      Uint8Array.of(7),
    );
    const padded = concat(frame, new Uint8Array(60 - frame.length).fill(0xee));
    const parsed = parseFrame(padded);
    expect(parsed).toMatchObject({ ok: true, payloadOffset: 42, payloadEnd: 43 });
    expect(checksumVerdict(padded, parsed)).toBe('good');
  });

  it('keeps a VLAN tag apart', () => {
    const vlan = { priority: 3, dropEligible: false, id: 100 };
    const frame = buildUdpFrame(
      { ethernet: { ...TO_B, vlan }, ip: IP_TO_B, udp: { sourcePort: 1, destinationPort: 2 } },
      EMPTY,
    );
    const parsed = parseFrame(frame);
    expect(parsed).toMatchObject({ ok: true, ethernet: { vlan, etherType: EtherType.IP4 }, udp: { sourcePort: 1 } });
    expect(checksumVerdict(frame, parsed)).toBe('good');
  });

  it('does not look into fragments, nor into unknown protocols', () => {
    const frame = buildUdpFrame({ ethernet: TO_B, ip: IP_TO_B, udp: { sourcePort: 1, destinationPort: 2 } }, EMPTY);
    frame[20] = 0x20;
    expect(parseFrame(frame)).toMatchObject({
      ok: true,
      udp: undefined,
      payloadOffset: 34,
      ip: { moreFragments: true },
    });
    expect(checksumVerdict(frame, parseFrame(frame))).toBe('bad');
    const lldp = new Uint8Array(30);
    writeEthernet(lldp, 0, { ...TO_B, etherType: 0x88cc });
    expect(parseFrame(lldp)).toMatchObject({ ok: true, ip: undefined, payloadOffset: 14, payloadEnd: 30 });
    expect(checksumVerdict(lldp, parseFrame(lldp))).toBe('none');
  });

  it('keeps the headers before a broken one', () => {
    const frame = buildTcpFrame(
      { ethernet: TO_B, ip: IP_TO_B, tcp: { sourcePort: 1, destinationPort: 2, seq: 1, flags: Flag.SYN, window: 1 } },
      EMPTY,
    );
    frame[46] = 0x20;
    expect(parseFrame(frame)).toMatchObject({
      ok: false,
      reason: 'tcp-bad-header-length',
      ip: { source: A.ip },
      tcp: undefined,
    });
    expect(checksumVerdict(frame, parseFrame(frame))).toBe('none');
    expect(parseFrame(EMPTY)).toMatchObject({ ok: false, reason: 'ethernet-truncated', ethernet: undefined });
  });

  it('takes a zero UDP checksum for good over IPv4 only', () => {
    const v4 = buildUdpFrame(
      { ethernet: TO_B, ip: IP_TO_B, udp: { sourcePort: 1, destinationPort: 2 } },
      Uint8Array.of(1, 2),
    );
    put16(v4, 40, 0);
    expect(checksumVerdict(v4, parseFrame(v4))).toBe('good');
    const v6 = new Uint8Array(14 + 40 + 10);
    const l3 = writeEthernet(v6, 0, { ...TO_B, etherType: EtherType.IP6 });
    const address = '101:101::1';
    const l4 = writeIp6(v6, l3, { source: address, destination: address, nextHeader: 17 }, 10);
    writeUdp(v6, l4, { sourcePort: 1, destinationPort: 2 }, 2);
    expect(checksumVerdict(v6, parseFrame(v6))).toBe('bad');
    put16(v6, l4 + 6, transportChecksum(v6, l3, l4, 10));
    expect(checksumVerdict(v6, parseFrame(v6))).toBe('good');
  });

  it('never sends a UDP checksum of zero', () => {
    const zeroSum = fc.integer({ min: 0, max: 0xffff });
    let seen = 0;
    fc.assert(
      fc.property(zeroSum, (port) => {
        const fields = { ethernet: TO_B, ip: IP_TO_B, udp: { sourcePort: port, destinationPort: 2 } };
        const before = buildUdpFrame(fields, Uint8Array.of(0, 0));
        const checksum = parseFrame(before).udp!.checksum;
        const frame = buildUdpFrame(fields, Uint8Array.of(checksum >>> 8, checksum & 0xff));
        expect(parseFrame(frame).udp!.checksum).toBe(0xffff);
        expect(checksumVerdict(frame, parseFrame(frame))).toBe('good');
        seen += 1;
      }),
    );
    expect(seen).toBeGreaterThan(0);
  });
});
