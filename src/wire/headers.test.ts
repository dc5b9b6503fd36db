import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArpOperation, buildArp, parseArp } from './arp.ts';
import { equal, fromHex } from './bytes.ts';
import { buildEthernet, EtherType, parseEthernet } from './ethernet.ts';
import { IcmpType, icmpChecksumGood, icmpQuote, parseIcmp, UnreachableCode, writeIcmp } from './icmp.ts';
import { readIp6 } from './ip-address.ts';
import { buildIp4, ip4ChecksumGood, isFragment, parseIp4Packet } from './ipv4.ts';
import { ip6Destination, ip6Source, parseIp6Packet, writeIp6 } from './ipv6.ts';
import { Flag, flagNames, parseTcp, parseTcpOptions, segmentLength, tcpHeaderLength, writeTcp } from './tcp.ts';
import { parseUdp, writeUdp } from './udp.ts';

const uint8 = fc.integer({ min: 0, max: 0xff });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const mac = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const payload = fc.uint8Array({ maxLength: 80 });

describe('Ethernet', () => {
  const vlan = fc.option(
    fc.record({
      priority: fc.integer({ min: 0, max: 7 }),
      dropEligible: fc.boolean(),
      id: fc.integer({ min: 0, max: 4095 }),
    }),
    { nil: undefined },
  );
  const fields = fc.record({
    destination: mac,
    source: mac,
    vlan,
    etherType: uint16.filter((type) => type !== EtherType.VLAN),
  });

  it('reads back what was built, tagged or not', () => {
    fc.assert(
      fc.property(fields, payload, (f, p) => {
        const bytes = buildEthernet(f, p);
        expect(parseEthernet(bytes)).toEqual({ ok: true, ...f, headerEnd: bytes.length - p.length, end: bytes.length });
        expect(equal(bytes.subarray(bytes.length - p.length), p)).toBe(true);
      }),
    );
  });

  it('takes a second tag for payload', () => {
    const tag = { priority: 1, dropEligible: false, id: 5 };
    const bytes = buildEthernet(
      { destination: 1, source: 2, vlan: tag, etherType: EtherType.VLAN },
      new Uint8Array(10),
    );
    expect(parseEthernet(bytes)).toMatchObject({ vlan: tag, etherType: EtherType.VLAN, headerEnd: 18 });
  });

  it('gives a reason for what is too short', () => {
    expect(parseEthernet(new Uint8Array(13))).toEqual({ ok: false, reason: 'ethernet-truncated' });
    const cut = buildEthernet({ destination: 1, source: 2, etherType: EtherType.VLAN }, new Uint8Array(3));
    expect(parseEthernet(cut)).toEqual({ ok: false, reason: 'vlan-truncated' });
  });
});

describe('ARP', () => {
  const operation = fc.constantFrom(ArpOperation.REQUEST, ArpOperation.REPLY);
  const fields = fc.record({ operation, senderMac: mac, senderIp: uint32, targetMac: mac, targetIp: uint32 });

  it('reads back what was built, padded or not', () => {
    fc.assert(
      fc.property(fields, (f) => {
        const bytes = new Uint8Array(46);
        bytes.set(buildArp(f));
        expect(parseArp(bytes, 0, 46)).toEqual({ ok: true, ...f, end: 28 });
        expect(parseArp(bytes, 0, 27)).toEqual({ ok: false, reason: 'arp-truncated' });
      }),
    );
  });

  it('refuses other kinds', () => {
    const packet = buildArp({ operation: 1, senderMac: 1, senderIp: 2, targetMac: 3, targetIp: 4 });
    for (const at of [0, 2, 4, 5]) {
      const other = packet.slice();
      other[at] += 1;
      expect(parseArp(other, 0, 28)).toEqual({ ok: false, reason: 'arp-unsupported' });
    }
    packet[7] = 3;
    expect(parseArp(packet, 0, 28)).toEqual({ ok: false, reason: 'arp-bad-operation' });
  });
});

describe('IPv4', () => {
  const fields = fc.record({
    source: uint32,
    destination: uint32,
    protocol: uint8,
    id: uint16,
    ttl: uint8,
    tos: uint8,
    dontFragment: fc.boolean(),
    moreFragments: fc.boolean(),
    fragmentOffset: fc.integer({ min: 0, max: 8191 }).map((units) => units * 8),
  });

  it('reads back what was built, with a good checksum', () => {
    fc.assert(
      fc.property(fields, payload, (f, p) => {
        const bytes = buildIp4(f, p);
        const ip = parseIp4Packet(bytes, 0, bytes.length);
        expect(ip).toMatchObject({
          ok: true,
          ...f,
          ihl: 20,
          totalLength: 20 + p.length,
          headerEnd: 20,
          end: bytes.length,
        });
        if (!ip.ok) return;
        expect(ip4ChecksumGood(bytes, ip)).toBe(true);
        expect(isFragment(ip)).toBe(f.moreFragments || f.fragmentOffset > 0);
        bytes[8] ^= 1;
        expect(ip4ChecksumGood(bytes, ip)).toBe(false);
      }),
    );
  });

  it('tolerates options and padding behind the packet', () => {
    const bytes = new Uint8Array(60);
    bytes.set(buildIp4({ source: 1, destination: 2, protocol: 6 }, new Uint8Array(12)));
    bytes[0] = 0x46;
    expect(parseIp4Packet(bytes, 0, 60)).toMatchObject({ ok: true, ihl: 24, headerEnd: 24, end: 32 });
  });

  it('gives a reason for each kind of breakage', () => {
    const whole = buildIp4({ source: 1, destination: 2, protocol: 6 }, new Uint8Array(12));
    const reasonAfter = (change: (b: Uint8Array) => void, end = whole.length) => {
      const bytes = whole.slice();
      change(bytes);
      const read = parseIp4Packet(bytes, 0, end);
      return read.ok ? 'ok' : read.reason;
    };
    expect(reasonAfter(() => {})).toBe('ok');
    expect(reasonAfter(() => {}, 19)).toBe('ipv4-truncated');
    expect(reasonAfter(() => {}, 31)).toBe('ipv4-truncated');
    expect(reasonAfter((b) => b.fill(0x4f, 0, 1))).toBe('ipv4-truncated');
    expect(reasonAfter((b) => b.fill(0x55, 0, 1))).toBe('ipv4-bad-version');
    expect(reasonAfter((b) => b.fill(0x44, 0, 1))).toBe('ipv4-bad-header-length');
    expect(reasonAfter((b) => b.fill(19, 3, 4))).toBe('ipv4-bad-total-length');
    expect(reasonAfter((b) => b.fill(33, 3, 4))).toBe('ipv4-truncated');
  });
});

describe('IPv6', () => {
  it('reads back what was built', () => {
    const address = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => readIp6(bytes, 0));
    const protocol = uint8.filter((value) => ![0, 43, 44, 60].includes(value));
    fc.assert(
      fc.property(
        address,
        address,
        protocol,
        uint8,
        uint8,
        (source, destination, nextHeader, hopLimit, trafficClass) => {
          const bytes = new Uint8Array(50);
          writeIp6(bytes, 0, { source, destination, nextHeader, hopLimit, trafficClass }, 7);
          const ends = { offset: 0, payloadLength: 7, headerEnd: 40, end: 47 };
          const view = { ok: true, ...ends, nextHeader, protocol: nextHeader, hopLimit, trafficClass };
          const read = parseIp6Packet(bytes, 0, 50);
          expect(read).toMatchObject(view);
          expect(read.ok && [ip6Source(bytes, read), ip6Destination(bytes, read)]).toEqual([source, destination]);
          expect(parseIp6Packet(bytes, 0, 46)).toEqual({ ok: false, reason: 'ipv6-truncated' });
          bytes[0] = 0x45;
          expect(parseIp6Packet(bytes, 0, 50)).toEqual({ ok: false, reason: 'ipv6-bad-version' });
        },
      ),
    );
  });
});

describe('UDP', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(uint16, uint16, fc.integer({ min: 0, max: 40 }), (sourcePort, destinationPort, length) => {
        const bytes = new Uint8Array(8 + length + 4);
        writeUdp(bytes, 0, { sourcePort, destinationPort }, length);
        const view = { sourcePort, destinationPort, length: 8 + length, checksum: 0, headerEnd: 8, end: 8 + length };
        expect(parseUdp(bytes, 0, bytes.length)).toEqual({ ok: true, offset: 0, ...view });
      }),
    );
    const bytes = new Uint8Array(8);
    expect(parseUdp(bytes, 0, 8)).toEqual({ ok: false, reason: 'udp-bad-length' });
    writeUdp(bytes, 0, { sourcePort: 1, destinationPort: 2 }, 1);
    expect(parseUdp(bytes, 0, 8)).toEqual({ ok: false, reason: 'udp-truncated' });
    expect(parseUdp(bytes, 0, 7)).toEqual({ ok: false, reason: 'udp-truncated' });
  });
});

describe('ICMP', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(uint8, uint8, uint16, uint16, payload, (type, code, identifier, sequence, p) => {
        const bytes = new Uint8Array(8 + p.length);
        bytes.set(p, 8);
        writeIcmp(bytes, 0, { type, code, identifier, sequence }, bytes.length);
        const icmp = parseIcmp(bytes, 0, bytes.length);
        expect(icmp).toMatchObject({ ok: true, type, code, identifier, sequence, headerEnd: 8, end: bytes.length });
        if (!icmp.ok) return;
        expect(icmpChecksumGood(bytes, icmp)).toBe(true);
        bytes[bytes.length - 1] ^= 0x10;
        expect(icmpChecksumGood(bytes, icmp)).toBe(false);
      }),
    );
    expect(parseIcmp(new Uint8Array(7), 0, 7)).toEqual({ ok: false, reason: 'icmp-truncated' });
  });

  const quoted = buildIp4({ source: 3, destination: 4, protocol: 6 }, fromHex('1f90a5ba6f8561fb')!);

  function errorMessage(type: number, code: number, quote: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(8 + quote.length);
    bytes.set(quote, 8);
    writeIcmp(bytes, 0, { type, code, mtu: 1400 }, bytes.length);
    return bytes;
  }

  function quoteOf(bytes: Uint8Array) {
    const icmp = parseIcmp(bytes, 0, bytes.length);
    return icmp.ok ? icmpQuote(bytes, icmp) : undefined;
  }

  it('tells the MTU of fragmentation needed and what is quoted', () => {
    const bytes = errorMessage(IcmpType.UNREACHABLE, UnreachableCode.FRAGMENTATION_NEEDED, quoted);
    expect(parseIcmp(bytes, 0, bytes.length)).toMatchObject({ mtu: 1400 });
    const ports = { sourcePort: 0x1f90, destinationPort: 0xa5ba, seq: 0x6f8561fb };
    expect(quoteOf(bytes)).toEqual({ source: 3, destination: 4, protocol: 6, ...ports });
    expect(quoteOf(errorMessage(IcmpType.TIME_EXCEEDED, 0, quoted))).toMatchObject(ports);
    const host = errorMessage(IcmpType.UNREACHABLE, UnreachableCode.HOST, quoted);
    expect(parseIcmp(host, 0, host.length)).toMatchObject({ mtu: 0 });
  });

  it('quotes nothing of a cut, later-fragment or non-IPv4 packet, nor in an echo', () => {
    const later = buildIp4({ source: 3, destination: 4, protocol: 6, fragmentOffset: 8 }, new Uint8Array(8));
    const withOptions = quoted.slice();
    withOptions[0] = 0x46;
    for (const quote of [quoted.subarray(0, 27), later, withOptions, new Uint8Array(28)]) {
      expect(quoteOf(errorMessage(IcmpType.UNREACHABLE, 0, quote))).toBeUndefined();
    }
    expect(quoteOf(errorMessage(IcmpType.ECHO_REPLY, 0, quoted))).toBeUndefined();
  });
});

describe('TCP', () => {
  const block = fc.record({ left: uint32, right: uint32 });
  const timestamps = fc.record({ value: uint32, echo: uint32 });
  const synOptions = fc.record(
    { mss: uint16, windowScale: uint8, sackPermitted: fc.constant(true), timestamps },
    { requiredKeys: [] },
  );
  const dataOptions = fc.record(
    { timestamps, sacks: fc.array(block, { minLength: 1, maxLength: 3 }) },
    { requiredKeys: [] },
  );
  const fields = fc.record({
    sourcePort: uint16,
    destinationPort: uint16,
    seq: uint32,
    ack: uint32,
    flags: uint8,
    window: uint16,
    urgent: uint16,
    options: fc.oneof(synOptions, dataOptions),
  });

  it('reads back what was written, with all flags and options', () => {
    fc.assert(
      fc.property(fields, (f) => {
        const bytes = new Uint8Array(tcpHeaderLength(f) + 5);
        const headerEnd = writeTcp(bytes, 0, f);
        expect(headerEnd).toBe(tcpHeaderLength(f));
        const view = { headerLength: headerEnd, headerEnd, end: bytes.length, checksum: 0, optionsMalformed: false };
        expect(parseTcp(bytes, 0, bytes.length)).toEqual({ ok: true, offset: 0, ...view, ...f });
      }),
    );
  });

  it('leaves out SACK blocks that do not fit', () => {
    const sacks = [1, 2, 3, 4, 5].map((left) => ({ left, right: left + 1 }));
    const written = (options: object) => {
      const bytes = new Uint8Array(60);
      const end = writeTcp(bytes, 0, {
        sourcePort: 1,
        destinationPort: 2,
        seq: 0,
        flags: Flag.ACK,
        window: 0,
        options,
      });
      const tcp = parseTcp(bytes, 0, end);
      return tcp.ok ? tcp.options.sacks : undefined;
    };
    expect(written({ sacks })).toEqual(sacks.slice(0, 4));
    expect(written({ sacks, timestamps: { value: 1, echo: 2 } })).toEqual(sacks.slice(0, 3));
    expect(written({ sacks: [] })).toBeUndefined();
  });

  it('reads options as the kernel writes them and skips unknown ones', () => {
    const read = (hex: string) => {
      const bytes = fromHex(hex)!;
      return parseTcpOptions(bytes, 0, bytes.length);
    };
    expect(read('020405b40402080ab79cf948000000000103030a')).toEqual({
      options: { mss: 1460, sackPermitted: true, timestamps: { value: 0xb79cf948, echo: 0 }, windowScale: 10 },
      malformed: false,
    });
    const block = { left: 1, right: 2 };
    expect(read('01011c04aaaa050a0000000100000002')).toEqual({ options: { sacks: [block] }, malformed: false });
    expect(read('00020405b4')).toEqual({ options: {}, malformed: false });
    expect(read('0203050405000000')).toEqual({ options: {}, malformed: false });
    expect(read('020405b403000101')).toEqual({ options: { mss: 1460 }, malformed: true });
    expect(read('01010102')).toEqual({ options: {}, malformed: true });
    expect(read('020805b4')).toEqual({ options: {}, malformed: true });
  });

  it('gives a reason for broken headers', () => {
    const bytes = new Uint8Array(24);
    writeTcp(bytes, 0, { sourcePort: 1, destinationPort: 2, seq: 0, flags: 0, window: 0 });
    expect(parseTcp(bytes, 0, 19)).toEqual({ ok: false, reason: 'tcp-truncated' });
    bytes[12] = 0x40;
    expect(parseTcp(bytes, 0, 24)).toEqual({ ok: false, reason: 'tcp-bad-header-length' });
    bytes[12] = 0x70;
    expect(parseTcp(bytes, 0, 24)).toEqual({ ok: false, reason: 'tcp-truncated' });
  });

  it('names flags and counts sequence numbers', () => {
    expect(flagNames(Flag.SYN | Flag.ACK)).toBe('SYN+ACK');
    expect(flagNames(Flag.FIN | Flag.PSH | Flag.ACK)).toBe('FIN+PSH+ACK');
    expect(flagNames(Flag.ECE | Flag.CWR | Flag.URG | Flag.RST)).toBe('RST+URG+ECE+CWR');
    expect(flagNames(0)).toBe('none');
    expect(segmentLength(Flag.SYN | Flag.FIN, 10)).toBe(12);
    expect(segmentLength(Flag.ACK, 10)).toBe(10);
  });
});
