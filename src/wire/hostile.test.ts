import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseArp } from './arp.ts';
import { buildArpFrame, buildIcmpFrame, buildTcpFrame, buildUdpFrame } from './build.ts';
import { concat, EMPTY, toHex } from './bytes.ts';
import { buildControlFrame, parseControlFrame } from './control-frame.ts';
import { buildControlRecord, parseControlRecord } from './control-record.ts';
import { buildEthernet, EtherType, parseEthernet } from './ethernet.ts';
import { checksumVerdict, parseFrame } from './frame.ts';
import { icmpQuote, parseIcmp } from './icmp.ts';
import { buildIcmp6, Icmp6Type, type Icmp6View, icmp6Quote, parseIcmp6 } from './icmp6.ts';
import { buildInnerFrame } from './inner-frame.ts';
import { parseInnerUnit } from './inner-leg.ts';
import { finalDestinationAt, sourceRouteOf } from './ip-options.ts';
import { buildIp4, parseIp4Packet } from './ipv4.ts';
import { type Ip6View, isFragment6, parseIp6Packet, parseIp6Quote } from './ipv6.ts';
import { fromJournalView, journalView } from './journal-view.ts';
import { buildLeg, LegKind, parseLeg } from './leg.ts';
import { buildRequest, parseComplete, parseCookie, parseLegData, parseReasonBody, parseRequest } from './leg-body.ts';
import { buildListenerReport, parseListenerQuery } from './mld.ts';
import { neighbourAdvertisement, parseNd } from './nd.ts';
import { buildNegotiation, parseNegotiation } from './negotiation.ts';
import { buildPiece, parsePiece } from './piece.ts';
import { parseRecord, parseSegment, UNIT_DATA, writeRecordHeader } from './record.ts';
import { clampMss, completeChecksum, segmentTcpFrame, segmentUdpFrame } from './segment.ts';
import { Flag, parseTcp } from './tcp.ts';
import { parseUdp } from './udp.ts';
import { splitUnits } from './unit.ts';

type Reader = (bytes: Uint8Array, offset: number, end: number) => { ok: boolean; reason?: unknown };

/** Every parser of a byte range. */
const READERS: Record<string, Reader> = {
  parseEthernet,
  parseArp,
  parseIp4Packet,
  parseIp6Packet,
  parseIp6Quote,
  parseIcmp6,
  parseIcmp,
  parseUdp,
  parseTcp,
  parseRecord,
  parseSegment,
  parsePiece,
  parseLeg,
  parseRequest,
  parseComplete,
  parseReasonBody,
  parseCookie,
  parseLegData,
  parseNegotiation,
  parseControlRecord,
  parseInnerUnit,
};

const LINK = { destination: 0x020000000702, source: 0x020000000701 };
const NET = { source: 0xc0a80701, destination: 0xc0a80702, id: 1 };
const TCP = {
  sourcePort: 1,
  destinationPort: 2,
  seq: 3,
  window: 5,
  flags: Flag.SYN,
  options: { mss: 1460, windowScale: 3 },
};
const RECORD = new Uint8Array(50);
writeRecordHeader(RECORD, 0, { type: UNIT_DATA, connectionId: 1, epoch: 0, sequence: 1 }, 18);
const LEG_PACKET = buildLeg({ kind: LegKind.DATA, sequence: 1, acknowledgement: 2 }, new Uint8Array(9));
const PIECE = buildPiece(
  { connectionId: 1, epoch: 0, sequence: 1, recordOffset: 0, recordLength: 80 },
  new Uint8Array(9),
);
const UDP = { sourcePort: 1, destinationPort: 2 };
const REQUEST = { destination: 1, destinationPort: 2, source: 3, sourcePort: 4, cookie: new Uint8Array(4) };

const ENDS6 = { source: 'fe80::1', destination: 'fe80::2' };
const ADVERTISEMENT = neighbourAdvertisement('fe80::1', 5, { solicited: true, override: false });
/** Hop-by-hop options, a routing header, an atomic fragment header and destination options before 8 bytes of TCP. */
const EXTENDED = concat(
  buildIcmp6(ENDS6, { type: 0, code: 0 }, EMPTY).subarray(0, 40),
  Uint8Array.of(43, 0, 5, 2, 0, 0, 1, 0, 44, 0, 4, 0, 0, 0, 0, 0, 60, 0, 0, 0, 1, 2, 3, 4, 6, 0, 0x9e, 4, 1, 2, 3, 4),
  new Uint8Array(8),
);
EXTENDED.set([0, 40, 0], 4);

/** One valid example of each format, headers before it left off where a parser begins in the middle. */
const FRAMES = [
  buildTcpFrame({ ethernet: LINK, ip: NET, tcp: TCP }, RECORD),
  buildTcpFrame(
    { ethernet: { ...LINK, vlan: { priority: 0, dropEligible: false, id: 3 } }, ip: NET, tcp: TCP },
    LEG_PACKET,
  ),
  buildUdpFrame({ ethernet: LINK, ip: NET, udp: UDP }, concat(LEG_PACKET, RECORD, PIECE)),
  buildIcmpFrame({ ethernet: LINK, ip: NET, icmp: { type: 3, code: 4, mtu: 1400 } }, new Uint8Array(40).fill(0x45)),
  buildArpFrame({ ethernet: LINK, arp: { operation: 1, senderMac: 1, senderIp: 2, targetMac: 3, targetIp: 4 } }),
  buildEthernet(
    { ...LINK, etherType: EtherType.IP6 },
    buildIcmp6({ ...ENDS6, hopLimit: 255 }, ADVERTISEMENT.icmp, ADVERTISEMENT.payload),
  ),
  buildEthernet({ ...LINK, etherType: EtherType.IP6 }, buildListenerReport('fe80::1', 4, ['ff02::5'])),
  buildEthernet(
    { ...LINK, etherType: EtherType.IP6 },
    buildIcmp6(ENDS6, { type: Icmp6Type.PACKET_TOO_BIG, code: 0, word: 1400 }, EXTENDED),
  ),
  buildEthernet({ ...LINK, etherType: EtherType.IP6 }, EXTENDED),
  buildEthernet(
    { ...LINK, etherType: EtherType.IP4 },
    buildIp4({ ...NET, protocol: 6, route: { strict: false, hops: [7, 8] } }, new Uint8Array(20)),
  ),
  buildControlFrame({ kind: 'reserved-addresses', addresses: [1, 2] }, 5),
  buildControlFrame({ kind: 'demand', rule: { site: 1, idle_ms: 9, networks: [{ address: 1, prefix: 8 }] } }, 5),
  buildControlFrame({ kind: 'stopped', sessionId: 1, reason: 2, nextSequence: 3, acknowledgement: 4 }, 5),
];
const INNER = buildInnerFrame(
  LINK,
  { local: 1, localPort: 2, remote: 3, remotePort: 4 },
  { seq: 5, ack: 6 },
  { kind: 'data', token: 7, position: 8, bytes: new Uint8Array(9), urgent: false },
);
const VALID = [
  ...FRAMES,
  INNER,
  INNER.slice(62),
  ...FRAMES.flatMap((frame) => [frame.slice(14), frame.slice(34)]),
  RECORD,
  LEG_PACKET,
  PIECE,
  buildRequest({ protocolVersion: 1, udp: true, immediate: false, ...REQUEST }),
  buildNegotiation({ kind: 'go', connectionId: 1, pathMtu: 1500, suite: 1, order: 0, legDigest: new Uint8Array(32) }),
  buildControlRecord({ kind: 'loss-report', received: 1, missing: 2 }),
];

/** Random bytes, and valid ones cut and changed in a few places. */
const hostile = fc.oneof(
  fc.uint8Array({ maxLength: 120 }),
  fc
    .tuple(
      fc.constantFrom(...VALID),
      fc.nat(),
      fc.array(fc.tuple(fc.nat({ max: 120 }), fc.nat({ max: 255 })), { maxLength: 3 }),
    )
    .map(([valid, cut, changes]) => {
      const bytes = valid.slice(0, cut % (valid.length + 1));
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return bytes;
    }),
);

function readIcmp6(bytes: Uint8Array, icmp6: Icmp6View, ip6: Ip6View): void {
  icmp6Quote(bytes, icmp6);
  parseListenerQuery(bytes, ip6, icmp6);
  const nd = parseNd(bytes, ip6, icmp6);
  if (!nd.ok) expect(typeof nd.reason).toBe('string');
}

describe('hostile bytes', () => {
  it.each(Object.entries(READERS))('never make %s throw or read beyond the end', (_, read) => {
    fc.assert(
      fc.property(hostile, fc.nat({ max: 20 }), (bytes, skip) => {
        const offset = Math.min(skip, bytes.length);
        const result = read(bytes, offset, bytes.length);
        if (!result.ok) expect(typeof result.reason).toBe('string');
        // What lies beyond `end` must make no difference.
        const longer = concat(bytes, new Uint8Array(80).fill(0xff));
        expect(read(longer, offset, bytes.length)).toEqual(result);
      }),
      { numRuns: 400 },
    );
  });

  it('never make the readers of whole frames throw', () => {
    fc.assert(
      fc.property(hostile, (bytes) => {
        const parsed = parseFrame(bytes);
        expect(parsed.ok || typeof parsed.reason === 'string').toBe(true);
        expect(parsed.payloadOffset).toBeLessThanOrEqual(parsed.payloadEnd);
        expect(parsed.payloadEnd).toBeLessThanOrEqual(bytes.length);
        expect(['good', 'bad', 'none']).toContain(checksumVerdict(bytes, parsed));
        if (parsed.icmp !== undefined) icmpQuote(bytes, parsed.icmp);
        if (parsed.ip !== undefined) {
          expect(sourceRouteOf(bytes, parsed.ip.offset)?.to ?? 0).toBeLessThanOrEqual(bytes.length);
          expect(finalDestinationAt(bytes, parsed.ip.offset) + 4).toBeLessThanOrEqual(parsed.ip.headerEnd);
        }
        if (parsed.icmp6 !== undefined) readIcmp6(bytes, parsed.icmp6, parsed.ip6 as Ip6View);
        if (parsed.ip6 !== undefined && isFragment6(parsed.ip6))
          expect([parsed.tcp, parsed.icmp6]).toEqual([undefined, undefined]);
        const control = parseControlFrame(bytes);
        expect(control.ok || typeof control.reason === 'string').toBe(true);
        for (const ends of [[], [parsed.ip?.source ?? 0]])
          expect(fromJournalView(journalView(bytes, ends)).length).toBe(bytes.length);
      }),
      { numRuns: 1000 },
    );
  });

  it('never make splitUnits throw, loop or leave its range', () => {
    fc.assert(
      fc.property(hostile, fc.nat({ max: 60 }), (bytes, skip) => {
        const offset = Math.min(skip, bytes.length);
        const { units, stoppedAt, malformed } = splitUnits(bytes, offset, bytes.length);
        let at = offset;
        for (const unit of units) {
          expect(unit.offset).toBe(at);
          at += unit.length;
        }
        expect(stoppedAt).toBe(at);
        expect(malformed === undefined).toBe(stoppedAt === bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  it('never make segmentation, clamping or completion throw, or touch a malformed frame', () => {
    fc.assert(
      fc.property(
        hostile,
        fc.integer({ min: -1, max: 50 }),
        fc.nat({ max: 200 }),
        fc.nat({ max: 200 }),
        (bytes, size, start, at) => {
          const before = toHex(bytes);
          const isMalformed = !parseFrame(bytes).ok;
          const cut = [segmentTcpFrame(bytes, size), segmentUdpFrame(bytes, size)];
          const changed = clampMss(bytes, size);
          if (isMalformed) expect([cut, changed, toHex(bytes)]).toEqual([[[bytes], [bytes]], false, before]);
          else expect(cut.flat().length).toBeGreaterThan(1);
          expect(completeChecksum(bytes, start, at)).toBe(start + at + 2 <= bytes.length);
        },
      ),
      { numRuns: 500 },
    );
  });
});
