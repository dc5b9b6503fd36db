import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildArpFrame, buildIcmpFrame, buildTcpFrame, buildUdpFrame } from './build.ts';
import { concat, equal, put16, toHex } from './bytes.ts';
import { buildControlFrame } from './control-frame.ts';
import { buildEthernet } from './ethernet.ts';
import { parseFrame } from './frame.ts';
import { icmpQuote } from './icmp.ts';
import { fromJournalView, journalView } from './journal-view.ts';
import { buildLeg, LegKind } from './leg.ts';
import { buildPiece } from './piece.ts';
import { UNIT_DATA, writeRecordHeader } from './record.ts';
import { Flag } from './tcp.ts';
import { splitUnits } from './unit.ts';

const LINK = { destination: 0x020000000702, source: 0x020000000701 };
const NET = { source: 0xc0a80701, destination: 0xc0a80702, id: 1 };
const TCP = { sourcePort: 1, destinationPort: 2, seq: 3, ack: 4, window: 5, flags: Flag.ACK };
const SECRET = 0xd7;
/** Where tunnel frames come from. */
const ENDS = [NET.source, NET.destination];

const tcpFrame = (payload: Uint8Array) =>
  buildTcpFrame({ ethernet: LINK, ip: NET, tcp: { ...TCP, options: { timestamps: { value: 1, echo: 2 } } } }, payload);
const udpFrame = (payload: Uint8Array) =>
  buildUdpFrame({ ethernet: LINK, ip: NET, udp: { sourcePort: 1, destinationPort: 2 } }, payload);

function record(plaintextLength: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(plaintextLength + 32).fill(SECRET);
  writeRecordHeader(bytes, 0, { type: UNIT_DATA, connectionId: 9, epoch: 0, sequence }, plaintextLength);
  return bytes;
}

const leg = buildLeg({ kind: LegKind.DATA, sequence: 1, acknowledgement: 2 }, Uint8Array.of(1, 2, 3, 4));
const piece = buildPiece(
  { connectionId: 9, epoch: 0, sequence: 5, recordOffset: 0, recordLength: 90 },
  new Uint8Array(30).fill(SECRET),
);

/** A frame as a replay sees it, for comparison: what is read of it, without the checksum that the view blanks. */
function readings(frame: Uint8Array) {
  const parsed = parseFrame(frame);
  const { tcp, udp, icmp } = parsed;
  for (const header of [tcp, udp, icmp]) if (header !== undefined) header.checksum = 0;
  const transport = tcp ?? udp;
  const units = transport === undefined ? undefined : splitUnits(frame, parsed.payloadOffset, parsed.payloadEnd);
  return { parsed, units, quote: icmp && icmpQuote(frame, icmp) };
}

describe('what a journal keeps', () => {
  it('of TCP and UDP of a user: headers only', () => {
    const secret = new Uint8Array(300).fill(SECRET);
    for (const [frame, headLength] of [
      [tcpFrame(secret), 66],
      [udpFrame(secret), 42],
    ] as const) {
      const view = journalView(frame);
      expect(view.head.length).toBe(headLength);
      expect(view.payloadLength).toBe(300);
      expect(view.units).toBeUndefined();
      expect(view.head.includes(SECRET)).toBe(false);
    }
  });

  it('blanks the transport checksum, which tells about the payload', () => {
    const tcp = journalView(tcpFrame(new Uint8Array(10).fill(SECRET)));
    expect(toHex(tcp.head, 50, 52)).toBe('0000');
    const udp = journalView(udpFrame(new Uint8Array(10).fill(SECRET)));
    expect(toHex(udp.head, 40, 42)).toBe('0000');
  });

  it('of a tunnel frame: the header of each unit, leg packets whole', () => {
    const first = record(100, 1);
    const frame = udpFrame(concat(first, leg, piece, record(7, 2)));
    const view = journalView(frame, ENDS);
    for (const end of ENDS) expect(journalView(frame, [end])).toEqual(view);
    expect(view.head.length).toBe(42 + 16);
    expect(view.payloadLength).toBe(frame.length - 58);
    const [second, third, fourth] = view.units!;
    expect(second).toEqual({ offset: 42 + 132, bytes: leg });
    expect(third).toEqual({ offset: 42 + 132 + leg.length, bytes: piece.slice(0, 20) });
    expect(fourth.bytes).toEqual(record(7, 2).slice(0, 16));
    expect([view.head, ...view.units!.map((unit) => unit.bytes)].some((part) => part.includes(SECRET))).toBe(false);
  });

  it('of a user whose payload begins as a unit does: headers only', () => {
    for (const build of [tcpFrame, udpFrame]) {
      const frame = build(concat(leg, new Uint8Array(300).fill(SECRET)));
      const headers = build(new Uint8Array(0)).length;
      for (const view of [journalView(frame), journalView(frame, [NET.source + 2])]) {
        expect(view.head.length).toBe(headers);
        expect(view.payloadLength).toBe(frame.length - headers);
        expect(view.units).toBeUndefined();
      }
    }
  });

  it('of an echo: the header without its checksum', () => {
    const echo = { type: 8, code: 0, identifier: 1, sequence: 2 };
    const frame = buildIcmpFrame({ ethernet: LINK, ip: NET, icmp: echo }, new Uint8Array(56).fill(SECRET));
    const view = journalView(frame);
    expect(view.payloadLength).toBe(56);
    expect(toHex(view.head, 34)).toBe('0800000000010002');
  });

  it('of an ICMP error: the quoted IP header and 8 bytes, whatever it quotes more', () => {
    const quoted = tcpFrame(new Uint8Array(200).fill(SECRET)).subarray(14);
    const frame = buildIcmpFrame({ ethernet: LINK, ip: NET, icmp: { type: 3, code: 3 } }, quoted);
    const view = journalView(frame);
    expect(view.head.length).toBe(42 + 28);
    expect(view.head.subarray(42)).toEqual(quoted.subarray(0, 28));
    for (const length of [0, 1, 27]) {
      const short = buildIcmpFrame({ ethernet: LINK, ip: NET, icmp: { type: 3, code: 3 } }, quoted.subarray(0, length));
      expect(journalView(short).head.length).toBe(42 + length);
    }
  });

  it('of ARP and control frames: everything but padding', () => {
    const arp = buildArpFrame({
      ethernet: LINK,
      arp: { operation: 1, senderMac: 1, senderIp: 2, targetMac: 3, targetIp: 4 },
    });
    const control = buildControlFrame({ kind: 'reserved-addresses', addresses: [1, 2, 3, 4] }, 1);
    expect(journalView(concat(arp, new Uint8Array(18).fill(SECRET)))).toEqual({ head: arp, payloadLength: 18 });
    expect(journalView(control)).toEqual({ head: control, payloadLength: 0 });
  });

  it('of anything else: known headers and 8 bytes', () => {
    const unknown = buildEthernet({ ...LINK, etherType: 0x88cc }, new Uint8Array(50).fill(SECRET));
    expect(journalView(unknown)).toMatchObject({ head: unknown.slice(0, 22), payloadLength: 42 });
    const esp = udpFrame(new Uint8Array(50).fill(SECRET));
    esp[23] = 50;
    expect(journalView(esp)).toMatchObject({ head: esp.slice(0, 42), payloadLength: 50 });
    const strangersControl = buildEthernet({ ...LINK, etherType: 0x88b5 }, new Uint8Array(50).fill(SECRET));
    expect(journalView(strangersControl).head.length).toBe(22);
  });

  it('of fragments: the transport header of the first, nothing of the others', () => {
    const first = udpFrame(new Uint8Array(50).fill(SECRET));
    first[20] = 0x20;
    const kept = journalView(first).head;
    expect(kept.length).toBe(42);
    expect(toHex(kept, 40, 42)).toBe('0000');
    const later = udpFrame(new Uint8Array(50).fill(SECRET));
    put16(later, 20, 10);
    expect(journalView(later).head.length).toBe(34);
  });

  it('is a copy', () => {
    const frame = tcpFrame(new Uint8Array(4));
    const view = journalView(frame);
    frame.fill(0xff);
    expect(view.head[0]).toBe(2);
  });
});

describe('a frame from the journal', () => {
  const part = fc.oneof(
    fc.integer({ min: 0, max: 99 }).map((n) => record(n, n + 1)),
    fc.constant(leg),
    fc.constant(piece),
    fc.uint8Array({ maxLength: 30 }),
  );
  const payload = fc.array(part, { maxLength: 5 }).map((parts) => concat(...parts));
  const frame = fc.oneof(
    payload.map(tcpFrame),
    payload.map(udpFrame),
    fc
      .tuple(payload, fc.constantFrom(0, 3, 8, 11))
      .map(([bytes, type]) => buildIcmpFrame({ ethernet: LINK, ip: NET, icmp: { type, code: 0 } }, bytes)),
    payload.map((bytes) => buildEthernet({ ...LINK, etherType: 0x0806 }, bytes)),
    payload.map((bytes) => buildEthernet({ ...LINK, etherType: 0x86dd }, bytes)),
    fc.tuple(payload, fc.nat()).map(([bytes, cut]) => tcpFrame(bytes).subarray(0, cut % 80)),
    fc.tuple(payload, fc.nat({ max: 60 }), fc.nat({ max: 255 })).map(([bytes, at, value]) => {
      const changed = udpFrame(bytes);
      if (at < changed.length) changed[at] = value;
      return changed;
    }),
    fc.tuple(payload, fc.nat({ max: 60 }), fc.nat({ max: 255 })).map(([bytes, at, value]) => {
      const changed = tcpFrame(bytes);
      changed[at] = value;
      return changed;
    }),
  );

  it('has the true length and reads as the original does, faults included', () => {
    fc.assert(
      fc.property(frame, (original) => {
        const rebuilt = fromJournalView(journalView(original, ENDS));
        expect(rebuilt.length).toBe(original.length);
        const before = readings(original);
        expect(readings(rebuilt)).toEqual(before);
        if (before.parsed.ok)
          expect(equal(journalView(rebuilt, ENDS).head, journalView(original, ENDS).head)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
