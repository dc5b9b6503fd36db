import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildTcpFrame, buildUdpFrame } from './build.ts';
import { concat, equal, put16 } from './bytes.ts';
import { pseudoHeaderSum4, transportChecksum } from './checksum.ts';
import { EtherType, writeEthernet } from './ethernet.ts';
import { checksumVerdict, parseFrame } from './frame.ts';
import { writeIp6 } from './ipv6.ts';
import { clampMss, completeChecksum, segmentTcpFrame, segmentUdpFrame } from './segment.ts';
import { seqAdd } from './seq.ts';
import type { TcpOptions } from './tcp.ts';
import { Flag, tcpHeaderLength, writeTcp } from './tcp.ts';
import { writeUdp } from './udp.ts';

const LINK = { destination: 0x020000000702, source: 0x020000000701 };
const TAGGED = { ...LINK, vlan: { priority: 1, dropEligible: false, id: 7 } };
const NET = { source: 0xc0a80701, destination: 0xc0a80702, id: 0xfffe };
const TCP = { sourcePort: 1, destinationPort: 2, seq: 0xffff_ff00, ack: 5, window: 100 };
const ALL_FLAGS = Flag.FIN | Flag.PSH | Flag.ACK | Flag.CWR | Flag.ECE;
const TIMESTAMPS: TcpOptions = { timestamps: { value: 1, echo: 2 } };

function ip6Frame(protocol: number, payload: Uint8Array, flags: number): Uint8Array {
  const tcp = { ...TCP, flags, options: TIMESTAMPS };
  const headerLength = protocol === 6 ? tcpHeaderLength(tcp) : 8;
  const bytes = new Uint8Array(54 + headerLength + payload.length);
  const l3 = writeEthernet(bytes, 0, { ...LINK, etherType: EtherType.IP6 });
  const [source, destination] = ['fdfd::fd', 'fefe::fe'];
  const l4 = writeIp6(bytes, l3, { source, destination, nextHeader: protocol }, headerLength + payload.length);
  if (protocol === 6) writeTcp(bytes, l4, tcp);
  else writeUdp(bytes, l4, { sourcePort: 1, destinationPort: 2 }, payload.length);
  bytes.set(payload, l4 + headerLength);
  put16(bytes, l4 + (protocol === 6 ? 16 : 6), transportChecksum(bytes, l3, l4, bytes.length - l4));
  return bytes;
}

function payloadOf(frame: Uint8Array): Uint8Array {
  const parsed = parseFrame(frame);
  return frame.subarray(parsed.payloadOffset, parsed.payloadEnd);
}

const payload = fc.uint8Array({ minLength: 1, maxLength: 5000, size: 'max' });
const mss = fc.integer({ min: 60, max: 1500 });
const KINDS = ['IPv4', 'IPv4 with VLAN tag', 'IPv6'] as const;

describe.each(KINDS)('segmentation of TCP over %s', (kind) => {
  const superFrame = (bytes: Uint8Array) =>
    kind === 'IPv6'
      ? ip6Frame(6, bytes, ALL_FLAGS)
      : buildTcpFrame(
          {
            ethernet: kind === 'IPv4' ? LINK : TAGGED,
            ip: NET,
            tcp: { ...TCP, flags: ALL_FLAGS, options: TIMESTAMPS },
          },
          bytes,
        );

  it('gives whole frames with contiguous numbers and good checksums', () => {
    fc.assert(
      fc.property(payload, mss, (bytes, size) => {
        const frames = segmentTcpFrame(superFrame(bytes), size);
        expect(frames.length).toBe(Math.ceil(bytes.length / size));
        expect(equal(concat(...frames.map(payloadOf)), bytes)).toBe(true);
        let seq = TCP.seq;
        for (const [index, frame] of frames.entries()) {
          const parsed = parseFrame(frame);
          expect(parsed.ok).toBe(true);
          expect(checksumVerdict(frame, parsed)).toBe('good');
          expect(parsed.tcp).toMatchObject({ seq, ack: 5, window: 100, options: TIMESTAMPS });
          const isLast = index === frames.length - 1;
          const flags = Flag.ACK | Flag.ECE | (isLast ? Flag.FIN | Flag.PSH : 0) | (index === 0 ? Flag.CWR : 0);
          expect(parsed.tcp!.flags).toBe(flags);
          if (kind !== 'IPv6') expect(parsed.ip!.id).toBe((NET.id + index) % 0x1_0000);
          expect(parsed.payloadEnd).toBe(frame.length);
          seq = seqAdd(seq, parsed.payloadEnd - parsed.payloadOffset);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('segmentation', () => {
  it('cuts the largest IPv4 packet', () => {
    const bytes = new Uint8Array(65_535 - 40).map((_, i) => i * 31);
    const frames = segmentTcpFrame(
      buildTcpFrame({ ethernet: LINK, ip: NET, tcp: { ...TCP, flags: Flag.ACK } }, bytes),
      1448,
    );
    expect(frames.length).toBe(46);
    expect(equal(concat(...frames.map(payloadOf)), bytes)).toBe(true);
    expect(frames.every((frame) => checksumVerdict(frame, parseFrame(frame)) === 'good')).toBe(true);
  });

  it('leaves alone what it cannot or need not cut', () => {
    const small = buildTcpFrame({ ethernet: LINK, ip: NET, tcp: { ...TCP, flags: Flag.ACK } }, new Uint8Array(100));
    expect(segmentTcpFrame(small, 100)).toEqual([small]);
    expect(segmentTcpFrame(small, 0)).toEqual([small]);
    expect(segmentUdpFrame(small, 10)).toEqual([small]);
    const fragment = small.slice();
    fragment[20] = 0x20;
    expect(segmentTcpFrame(fragment, 10)).toEqual([fragment]);
    expect(segmentTcpFrame(small.subarray(0, 40), 10)).toEqual([small.subarray(0, 40)]);
  });

  it('of UDP gives equal datagrams', () => {
    const v4 = (bytes: Uint8Array) =>
      buildUdpFrame({ ethernet: LINK, ip: NET, udp: { sourcePort: 1, destinationPort: 2 } }, bytes);
    fc.assert(
      fc.property(payload, mss, fc.boolean(), (bytes, size, isIp6) => {
        const frames = segmentUdpFrame(isIp6 ? ip6Frame(17, bytes, 0) : v4(bytes), size);
        expect(equal(concat(...frames.map(payloadOf)), bytes)).toBe(true);
        for (const [index, frame] of frames.entries()) {
          const parsed = parseFrame(frame);
          expect(checksumVerdict(frame, parsed)).toBe('good');
          expect(parsed.udp!.end).toBe(frame.length);
          if (index < frames.length - 1) expect(parsed.udp!.length).toBe(8 + size);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('completeChecksum', () => {
  it('turns a pseudo-header sum into the checksum', () => {
    fc.assert(
      fc.property(payload, (bytes) => {
        const frame = buildTcpFrame({ ethernet: LINK, ip: NET, tcp: { ...TCP, flags: Flag.ACK } }, bytes);
        const complete = frame.slice();
        put16(frame, 50, pseudoHeaderSum4(frame, 14, 6, frame.length - 34));
        expect(completeChecksum(frame, 34, 16)).toBe(true);
        expect(equal(frame, complete)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('does nothing outside the frame', () => {
    const frame = new Uint8Array(40);
    expect(completeChecksum(frame, 34, 16)).toBe(false);
    expect(completeChecksum(frame, 39, 0)).toBe(false);
    expect(frame.every((byte) => byte === 0)).toBe(true);
  });
});

describe('clampMss', () => {
  const syn = (options: TcpOptions, flags: number = Flag.SYN) =>
    buildTcpFrame({ ethernet: LINK, ip: NET, tcp: { ...TCP, flags, options } }, new Uint8Array(0));

  it('lowers the option of SYN and SYN+ACK and keeps the checksum good', () => {
    const value = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(value, value, fc.constantFrom(Flag.SYN, Flag.SYN | Flag.ACK), (mssBefore, max, flags) => {
        const frame = syn({ mss: mssBefore, sackPermitted: true, windowScale: 7 }, flags);
        expect(clampMss(frame, max)).toBe(mssBefore > max);
        const parsed = parseFrame(frame);
        expect(parsed.tcp!.options.mss).toBe(Math.min(mssBefore, max));
        expect(checksumVerdict(frame, parsed)).toBe('good');
      }),
    );
  });

  it('also where the option stands at an odd offset', () => {
    const frame = syn({ mss: 1460, windowScale: 7 });
    frame.set([1, 2, 4, 0x05, 0xb4, 3, 3, 7], 54);
    put16(frame, 50, transportChecksum(frame, 14, 34, frame.length - 34));
    expect(clampMss(frame, 1300)).toBe(true);
    expect(parseFrame(frame).tcp!.options).toEqual({ mss: 1300, windowScale: 7 });
    expect(checksumVerdict(frame, parseFrame(frame))).toBe('good');
  });

  it('leaves other segments alone', () => {
    for (const frame of [syn({}), syn({ mss: 1460 }, Flag.ACK)]) {
      const before = frame.slice();
      expect(clampMss(frame, 1000)).toBe(false);
      expect(equal(frame, before)).toBe(true);
    }
  });
});
