import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildTcpFrame } from './build.ts';
import { concat, put16, put48, toHex } from './bytes.ts';
import { checksumVerdict, parseFrame } from './frame.ts';
import {
  buildInnerFrame,
  INNER_TCP_BYTES,
  INNER_VERSION,
  innerDataBytes,
  innerVersion,
  readInnerUnits,
} from './inner-frame.ts';
import {
  INNER_MAX_POSITION,
  INNER_MIN_DATA_BYTES,
  INNER_UNIT_BYTES,
  type InnerMessage,
  innerUnitLength,
  parseInnerUnit,
  writeInnerUnit,
} from './inner-leg.ts';
import { fromJournalView, journalView } from './journal-view.ts';
import { Flag } from './tcp.ts';

const LINK = { destination: 0x020000000702, source: 0x020000000701 };
const ENDS4 = { local: 0xc0a80701, localPort: 40000, remote: 0xc0a80702, remotePort: 80 };
const ENDS6 = { local: '2001:db8::1', localPort: 40000, remote: '2001:db8::2', remotePort: 80 };
const NUMBERS = { seq: 0xffff_fff0, ack: 77 };

const token = fc.integer({ min: 1, max: 2 ** 48 - 1 });
const position = fc.integer({ min: 0, max: INNER_MAX_POSITION });
const uint8 = fc.nat({ max: 255 });
const opening = {
  ownToken: token,
  granted: position,
  mostBytes: fc.integer({ min: INNER_MIN_DATA_BYTES, max: 65535 }),
};
const message: fc.Arbitrary<InnerMessage> = fc.oneof(
  fc.record({ kind: fc.constant('conn-req' as const), ...opening }),
  fc.record({ kind: fc.constant('conn-done' as const), token, ...opening }),
  fc.record({ kind: fc.constant('refused' as const), token, reason: uint8, code: uint8 }),
  fc.record({ kind: fc.constant('trying' as const), token }),
  fc.record({
    kind: fc.constant('data' as const),
    token,
    position: fc.integer({ min: 0, max: INNER_MAX_POSITION - 100 }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 100 }),
    urgent: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('credit' as const), token, granted: position, received: position }),
  fc.record({ kind: fc.constant('check' as const), token, sent: position }),
  fc.record({ kind: fc.constant('fin' as const), token, position }),
  fc.record({ kind: fc.constant('reset' as const), token, reason: uint8, unknown: fc.constant(0) }),
  fc.record({ kind: fc.constant('reset' as const), token: fc.constant(0), reason: uint8, unknown: token }),
);

function written(unit: InnerMessage): Uint8Array {
  const bytes = new Uint8Array(innerUnitLength(unit));
  expect(writeInnerUnit(bytes, 0, unit)).toBe(bytes.length);
  return bytes;
}

const DATA: InnerMessage = { kind: 'data', token: 5, position: 9, bytes: new Uint8Array(90).fill(0xd7), urgent: false };
const CREDIT: InnerMessage = { kind: 'credit', token: 5, granted: 7, received: 3 };
const REQUEST: InnerMessage = { kind: 'conn-req', ownToken: 1, granted: 2, mostBytes: 1432 };

/** A unit with something changed; undefined when it is read all the same. */
function reasonOf(unit: InnerMessage, change: (bytes: Uint8Array) => unknown): string | undefined {
  const bytes = written(unit);
  change(bytes);
  const read = parseInnerUnit(bytes, 0, bytes.length);
  return read.ok ? undefined : read.reason;
}

describe('units of the inner leg', () => {
  it('read back as written, wherever they stand', () => {
    fc.assert(
      fc.property(message, fc.nat({ max: 9 }), fc.nat({ max: 9 }), (unit, before, behind) => {
        const bytes = concat(new Uint8Array(before).fill(0xee), written(unit), new Uint8Array(behind).fill(0xee));
        const end = bytes.length - behind;
        expect(parseInnerUnit(bytes, before, bytes.length)).toEqual({ ok: true, message: unit, end });
      }),
    );
  });

  it('are refused when cut anywhere', () => {
    fc.assert(
      fc.property(message, fc.nat(), (unit, cut) => {
        const bytes = written(unit);
        const read = parseInnerUnit(bytes, 0, cut % bytes.length);
        expect(read).toEqual({ ok: false, reason: 'inner-truncated' });
      }),
    );
  });

  it('are refused for what no sender writes', () => {
    expect(reasonOf(CREDIT, (bytes) => bytes.fill(0, 0, 1))).toBe('inner-unknown-kind');
    expect(reasonOf(CREDIT, (bytes) => bytes.fill(10, 0, 1))).toBe('inner-unknown-kind');
    expect(reasonOf(CREDIT, (bytes) => bytes.fill(1, 1, 2))).toBe('inner-reserved-flags');
    expect(reasonOf(DATA, (bytes) => bytes.fill(2, 1, 2))).toBe('inner-reserved-flags');
    expect(reasonOf(CREDIT, (bytes) => put16(bytes, 2, INNER_UNIT_BYTES - 1))).toBe('inner-bad-length');
    expect(reasonOf(CREDIT, (bytes) => put16(bytes, 2, INNER_UNIT_BYTES + 5))).toBe('inner-bad-length');
    expect(reasonOf(DATA, (bytes) => put16(bytes, 2, INNER_UNIT_BYTES))).toBe('inner-bad-length');
    expect(reasonOf(CREDIT, (bytes) => put48(bytes, 4, 0))).toBe('inner-bad-token');
    expect(reasonOf(REQUEST, (bytes) => put48(bytes, 4, 1))).toBe('inner-bad-token');
    expect(reasonOf(REQUEST, (bytes) => put48(bytes, 16, 0))).toBe('inner-bad-value');
    expect(reasonOf(REQUEST, (bytes) => put16(bytes, 22, INNER_MIN_DATA_BYTES - 1))).toBe('inner-bad-value');
    expect(reasonOf({ kind: 'trying', token: 4 }, (bytes) => put48(bytes, 10, 1))).toBe('inner-bad-value');
    expect(reasonOf(DATA, (bytes) => put48(bytes, 10, INNER_MAX_POSITION - 89))).toBe('inner-bad-value');
    const reset: InnerMessage = { kind: 'reset', token: 4, reason: 1, unknown: 0 };
    expect(reasonOf(reset, (bytes) => put48(bytes, 17, 9))).toBe('inner-bad-token');
    expect(reasonOf(reset, (bytes) => put48(bytes, 4, 0))).toBe('inner-bad-token');
  });
});

describe('frames of the inner leg', () => {
  it.each([ENDS4, ENDS6])('are TCP-shaped with the true addresses, never SYN-shaped, of %o', (ends) => {
    fc.assert(
      fc.property(message, (unit) => {
        const frame = buildInnerFrame(LINK, ends, NUMBERS, unit);
        const parsed = parseFrame(frame);
        expect(parsed.ok && checksumVerdict(frame, parsed)).toBe('good');
        const tcp = parsed.tcp!;
        expect(parsed.ethernet).toMatchObject(LINK);
        expect(tcp).toMatchObject({
          sourcePort: 40000,
          destinationPort: 80,
          ...NUMBERS,
          headerLength: INNER_TCP_BYTES,
        });
        expect([tcp.flags, tcp.optionsMalformed]).toEqual([Flag.PSH | Flag.ACK, false]);
        expect(innerVersion(frame, tcp)).toBe(INNER_VERSION);
        const units = readInnerUnits(frame, parsed.payloadOffset, parsed.payloadEnd);
        expect(units).toEqual({ messages: [unit], malformed: undefined });
      }),
    );
  });

  it.each([ENDS4, ENDS6])('fill an MTU with the largest DATA unit, of %o', (ends) => {
    const bytes = new Uint8Array(innerDataBytes(1500, ends.local));
    const frame = buildInnerFrame(LINK, ends, NUMBERS, { kind: 'data', token: 1, position: 0, bytes, urgent: false });
    expect(frame.length).toBe(1514);
  });

  it('are known by the mark alone: no payload of a TCP can look like one', () => {
    const inner = buildInnerFrame(LINK, ENDS4, NUMBERS, CREDIT);
    const tcp = { sourcePort: 40000, destinationPort: 80, ...NUMBERS, flags: Flag.PSH | Flag.ACK, window: 65535 };
    const ip = { source: ENDS4.local, destination: ENDS4.remote };
    const lookalike = buildTcpFrame({ ethernet: LINK, ip, tcp }, inner.slice(54));
    expect(toHex(lookalike, 54)).toBe(toHex(inner, 54));
    expect(innerVersion(lookalike, parseFrame(lookalike).tcp!)).toBeUndefined();
    const stamped = { ...tcp, options: { timestamps: { value: 0x4747494c, echo: 1 } } };
    const withOptions = buildTcpFrame({ ethernet: LINK, ip, tcp: stamped }, inner.slice(62));
    expect(innerVersion(withOptions, parseFrame(withOptions).tcp!)).toBeUndefined();
    inner[59] ^= 1;
    expect(innerVersion(inner, parseFrame(inner).tcp!)).toBeUndefined();
  });

  it('may have been put together by an interface; the rest behind a broken unit is told apart', () => {
    const both = concat(written(DATA), written(CREDIT));
    expect(readInnerUnits(both, 0, both.length)).toEqual({ messages: [DATA, CREDIT], malformed: undefined });
    expect(readInnerUnits(both, 0, both.length - 1)).toEqual({ messages: [DATA], malformed: 'inner-truncated' });
    expect(readInnerUnits(both, 0, 0)).toEqual({ messages: [], malformed: 'inner-truncated' });
  });
});

describe('what a journal keeps of the inner leg', () => {
  const tail = (frame: Uint8Array, units: readonly Uint8Array[]) => concat(frame.slice(0, 62), ...units);

  it('is every header, and of DATA no byte of the stream', () => {
    const frame = buildInnerFrame(LINK, ENDS4, NUMBERS, DATA);
    const view = journalView(frame);
    expect([view.head.length, view.payloadLength, view.head.includes(0xd7)]).toEqual([
      62 + INNER_UNIT_BYTES,
      90,
      false,
    ]);
    const control = buildInnerFrame(LINK, ENDS6, NUMBERS, CREDIT);
    expect(journalView(control).payloadLength).toBe(0);
  });

  it('is enough to read the same units again', () => {
    const frame = tail(buildInnerFrame(LINK, ENDS4, NUMBERS, DATA), [
      written(DATA),
      written(CREDIT),
      Uint8Array.of(9, 9, 9),
    ]);
    put16(frame, 16, frame.length - 14);
    const again = fromJournalView(journalView(frame));
    const read = readInnerUnits(again, 62, again.length);
    expect(read.malformed).toBe('inner-truncated');
    expect(read.messages).toEqual([{ ...DATA, bytes: new Uint8Array(90) }, CREDIT]);
  });
});
