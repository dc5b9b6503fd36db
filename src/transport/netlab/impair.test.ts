import { describe, expect, it } from 'vitest';
import { parseIp4 } from '../../wire/address.ts';
import { ETHERNET_HEADER_BYTES, EtherType } from '../../wire/ethernet.ts';
import { icmpQuote, parseIcmp } from '../../wire/icmp.ts';
import { parseIcmp6 } from '../../wire/icmp6.ts';
import { buildIp4, IpProtocol, parseIp4Packet } from '../../wire/ipv4.ts';
import { parseIp6Packet, writeIp6 } from '../../wire/ipv6.ts';
import { DelayLine } from './delay-line.ts';
import { type Fate, fateSource, type ImpairmentOptions } from './fate.ts';
import { parseConntrackLine } from './firewall.ts';
import { ImpairedLine } from './impaired-line.ts';

const FRAMES = 10_000;

function fates(options: ImpairmentOptions, direction = 0): Fate[] {
  const next = fateSource(options, direction);
  return Array.from({ length: FRAMES }, () => next());
}

function share(all: readonly Fate[], test: (fate: Fate) => boolean): number {
  return all.filter(test).length / all.length;
}

describe('fates', () => {
  it('are the same for the same seed, others for another seed or direction', () => {
    const options = { lossRatio: 0.1, duplicateRatio: 0.1, reorderRatio: 0.1, corruptRatio: 0.1, delay_ms: 5, seed: 3 };
    expect(fates(options)).toEqual(fates(options));
    expect(fates(options)).not.toEqual(fates({ ...options, seed: 4 }));
    expect(fates(options)).not.toEqual(fates(options, 1));
  });

  it('keep the ratios', () => {
    const options = { lossRatio: 0.05, duplicateRatio: 0.2, reorderRatio: 0.1, reorderDelay_ms: 3, delay_ms: 5 };
    const all = fates({ ...options, corruptRatio: 0.3 });
    expect(share(all, ({ delays_ms }) => delays_ms.length === 0)).toBeCloseTo(0.05, 1);
    expect(share(all, ({ delays_ms }) => delays_ms.length === 2)).toBeCloseTo(0.19, 1);
    expect(share(all, ({ delays_ms }) => delays_ms[0] === 8)).toBeCloseTo(0.095, 1);
    expect(share(all, ({ corrupt }) => corrupt !== undefined)).toBeCloseTo(0.3, 1);
    expect(all.every(({ delays_ms }) => delays_ms.every((delay) => delay === 5 || delay === 8))).toBe(true);
  });

  it('change for no other frame when only the loss ratio changes', () => {
    const [some, more] = [
      fates({ lossRatio: 0.05, duplicateRatio: 0.2 }),
      fates({ lossRatio: 0.1, duplicateRatio: 0.2 }),
    ];
    for (const [i, fate] of more.entries()) if (fate.delays_ms.length > 0) expect(fate).toEqual(some[i]);
  });

  it('lose in bursts, as long and as many as the probabilities say', () => {
    const all = fates({ burst: { enterRatio: 0.01, leaveRatio: 0.2, lossRatio: 1 } });
    // The bad time holds 0.01 / (0.01 + 0.2) of all frames, and lasts 5 in the mean.
    expect(share(all, ({ delays_ms }) => delays_ms.length === 0)).toBeCloseTo(0.048, 1);
    const bursts = all
      .map(({ delays_ms }) => (delays_ms.length === 0 ? 'x' : ' '))
      .join('')
      .split(/ +/)
      .filter(Boolean);
    expect(bursts.join('').length / bursts.length).toBeGreaterThan(4);
    expect(bursts.join('').length / bursts.length).toBeLessThan(6);
  });
});

const MS_US = 1_000;

/** An Ethernet frame with an IPv4 packet of so many bytes. */
function frame(packetBytes: number): Uint8Array {
  const fields = { source: 0x0a00_0001, destination: 0x0a00_0002, protocol: IpProtocol.TCP, dontFragment: true };
  const packet = buildIp4(fields, new Uint8Array(packetBytes - 20).fill(7));
  const bytes = new Uint8Array(ETHERNET_HEADER_BYTES + packet.length);
  bytes.set([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 8, 0]);
  bytes.set(packet, ETHERNET_HEADER_BYTES);
  return bytes;
}

describe('an impaired line', () => {
  it('delays, and lets no frame overtake another by jitter', () => {
    const line = new ImpairedLine({ delay_ms: 10, jitter_ms: 5 }, 0);
    for (let at = 0; at < 100; at += 1) line.arrive(frame(20 + at), at * 100);
    expect(line.due(10 * MS_US - 1)).toEqual([]);
    expect(line.next_us).toBeGreaterThanOrEqual(10 * MS_US);
    const lengths = line.due(25 * MS_US).map(({ length }) => length);
    expect(lengths).toEqual(Array.from({ length: 100 }, (_, at) => ETHERNET_HEADER_BYTES + 20 + at));
    expect(line.counters).toMatchObject({ arrived: 100, left: 100, lost: 0 });
  });

  it('has a bottleneck that takes its time and drops what its queue does not hold', () => {
    // 1 000 bytes take 1 ms; besides the frame on its way the queue holds 3 000.
    const line = new ImpairedLine({ rate_bps: 8_000_000, queueBytes: 3_000 }, 0);
    for (let at = 0; at < 5; at += 1) line.arrive(frame(986), 0);
    expect(line.counters).toMatchObject({ arrived: 5, queueDrops: 2 });
    expect(line.due(2 * MS_US)).toHaveLength(2);
    expect(line.due(3 * MS_US)).toHaveLength(1);
    line.arrive(frame(986), 10 * MS_US);
    expect(line.next_us).toBe(11 * MS_US);
  });

  it('turns one bit over, but never in an ARP packet or an Ethernet header', () => {
    const line = new ImpairedLine({ corruptRatio: 1 }, 0);
    const before = frame(40);
    for (let at = 0; at < 200; at += 1) {
      line.arrive(frame(40), 0);
      const [after] = line.due(0);
      const bits = before.map((byte, place) => (byte ^ (after?.[place] ?? 0)).toString(2).replaceAll('0', '').length);
      expect(bits.reduce((sum, each) => sum + each)).toBe(1);
      expect(bits.subarray(0, ETHERNET_HEADER_BYTES).every((each) => each === 0)).toBe(true);
    }
    const arp = frame(40);
    arp.set([EtherType.ARP >> 8, EtherType.ARP & 0xff], 12);
    line.arrive(arp.slice(), 0);
    expect(line.due(0)).toEqual([arp]);
  });

  it('drops what is too long, and tells by ICMP only where there is a router', () => {
    const hole = new ImpairedLine({ mtu: 1400 }, 0);
    expect(hole.arrive(frame(1401), 0)).toBeUndefined();
    expect(hole.arrive(frame(1400), 0)).toBeUndefined();
    expect(hole.counters).toMatchObject({ tooLong: 1 });
    expect(hole.due(0)).toHaveLength(1);
    const told = new ImpairedLine({ mtu: 1400, mtuRouter: '10.0.0.254' }, 0).arrive(frame(1500), 0) ?? new Uint8Array();
    expect([...told.subarray(0, 12)]).toEqual([2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1]);
    const ip = parseIp4Packet(told, ETHERNET_HEADER_BYTES, told.length);
    const icmp = ip.ok ? parseIcmp(told, ip.headerEnd, ip.end) : undefined;
    expect(ip).toMatchObject({ source: parseIp4('10.0.0.254'), destination: 0x0a00_0001 });
    expect(icmp).toMatchObject({ type: 3, code: 4, mtu: 1400 });
    expect(icmp?.ok && icmpQuote(told, icmp)).toMatchObject({ protocol: IpProtocol.TCP, destination: 0x0a00_0002 });
  });

  /** A frame whose packet has this ECN field. */
  function withEcn(family: 4 | 6, ecn: number): Uint8Array {
    const bytes = frame(1000);
    const ends = { source: 'fd00::1', destination: 'fd00::2', nextHeader: IpProtocol.TCP, trafficClass: 0xb8 | ecn };
    if (family === 6) {
      bytes.set([0x86, 0xdd], 12);
      writeIp6(bytes, ETHERNET_HEADER_BYTES, ends, 960);
    } else {
      const fields = { source: 0x0a00_0001, destination: 0x0a00_0002, protocol: IpProtocol.TCP, tos: 0xb8 | ecn };
      bytes.set(buildIp4(fields, new Uint8Array(980).fill(7)), ETHERNET_HEADER_BYTES);
    }
    return bytes;
  }

  it.each([4, 6] as const)('marks IPv%i packets of those who understand it, and no others', (family) => {
    const line = new ImpairedLine({ markRatio: 1 }, 0);
    const after = [0, 1, 2, 3].map((ecn) => {
      line.arrive(withEcn(family, ecn), 0);
      return line.due(0)[0];
    });
    expect(after).toEqual([0, 3, 3, 3].map((ecn) => withEcn(family, ecn)));
    expect(line.counters).toMatchObject({ marked: 2, lost: 0, left: 4 });
  });

  it('marks by chance, and leaves the other fates as they are', () => {
    const options = { lossRatio: 0.1, duplicateRatio: 0.1, jitter_ms: 3 };
    const [without, all] = [fates(options), fates({ ...options, markRatio: 0.2 })];
    expect(share(all, ({ marks }) => marks)).toBeCloseTo(0.2, 1);
    expect(all.map((fate) => ({ ...fate, marks: false }))).toEqual(without);
    expect(share(all, ({ marks, delays_ms }) => marks && delays_ms.length === 0)).toBe(0);
  });

  it('marks what finds a long queue', () => {
    // 1 000 bytes take 1 ms; the first three frames see less than 3 000 bytes, with themselves.
    const line = new ImpairedLine({ rate_bps: 8_000_000, queueBytes: 10_000, markBytes: 3_100 }, 0);
    for (let at = 0; at < 5; at += 1) line.arrive(withEcn(4, 2), 0);
    expect(line.counters).toMatchObject({ marked: 2, queueDrops: 0 });
    const marked = line.due(10 * MS_US).map((bytes) => (bytes[ETHERNET_HEADER_BYTES + 1] ?? 0) & 3);
    expect(marked).toEqual([2, 2, 2, 3, 3]);
  });

  it('tells by ICMPv6 what is too long for an IPv6 way', () => {
    const bytes = new Uint8Array(ETHERNET_HEADER_BYTES + 1500);
    bytes.set([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0x86, 0xdd]);
    const ends = { source: 'fd00::1', destination: 'fd00::2', nextHeader: IpProtocol.TCP };
    writeIp6(bytes, ETHERNET_HEADER_BYTES, ends, 1460);
    const told = new ImpairedLine({ mtu: 1400, mtuRouter: 'fd00::fe' }, 0).arrive(bytes, 0) ?? new Uint8Array();
    const ip6 = parseIp6Packet(told, ETHERNET_HEADER_BYTES, told.length);
    const icmp6 = ip6.ok ? parseIcmp6(told, ip6.headerEnd, ip6.end) : undefined;
    expect(icmp6).toMatchObject({ type: 2, code: 0, mtu: 1400 });
    expect([...told.subarray(0, 14)]).toEqual([2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 0x86, 0xdd]);
  });

  it('may change on the way, with the fates of a seed from their first', () => {
    const lost = (line: ImpairedLine): boolean[] =>
      Array.from({ length: 50 }, () => {
        const before = line.counters.lost;
        line.arrive(frame(40), 0);
        return line.counters.lost > before;
      });
    const line = new ImpairedLine({}, 0);
    expect(lost(line)).not.toContain(true);
    line.change({ lossRatio: 0.5 });
    const [unseeded, seeded] = [lost(line), lost(new ImpairedLine({ lossRatio: 0.5, seed: 9 }, 0))];
    line.change({ lossRatio: 0.5, seed: 9 });
    expect(lost(line)).toEqual(seeded);
    expect(unseeded).not.toEqual(seeded);
    expect(unseeded).toContain(true);
  });

  it('may be bad in one direction only', () => {
    const lines = [0, 1].map((direction) => new ImpairedLine({ lossRatio: 1, direction: 'far-to-near' }, direction));
    for (const line of lines) line.arrive(frame(40), 0);
    expect(lines.map(({ counters }) => counters.lost)).toEqual([0, 1]);
  });
});

it('delivers in the order of times, equal times in the order of arrival', () => {
  const line = new DelayLine<string>();
  line.push('late', 40);
  line.push('soon', 20);
  line.push('soon too', 20);
  line.push('now', 0);
  expect(line.next).toBe(0);
  expect(line.due(0)).toEqual(['now']);
  expect(line.due(19)).toEqual([]);
  expect(line.due(40)).toEqual(['soon', 'soon too', 'late']);
  expect(line.next).toBeUndefined();
});

it('reads a line of the connection tracking table', () => {
  const line =
    'tcp      6 431999 ESTABLISHED src=192.0.2.20 dst=198.51.100.30 sport=4000 dport=4500 src=198.51.100.30 dst=192.0.2.20 sport=4500 dport=4000 [ASSURED] mark=0 use=1';
  expect(parseConntrackLine(line)).toMatchObject({
    protocol: 'tcp',
    state: 'ESTABLISHED',
    source: '192.0.2.20',
    destination: '198.51.100.30',
    sourcePort: 4000,
    destinationPort: 4500,
  });
});
