import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, EMPTY, fromHex, put16, put48, toHex } from './bytes.ts';
import { buildLeg, buildUdpHello, LegKind, legKindName, parseLeg } from './leg.ts';
import {
  buildComplete,
  buildLegData,
  buildOpen,
  buildReasonBody,
  buildRequest,
  parseComplete,
  parseCookie,
  parseLegData,
  parseOpen,
  parseReasonBody,
  parseRequest,
} from './leg-body.ts';
import { buildPiece, parsePiece } from './piece.ts';
import {
  parseRecord,
  parseSegment,
  RECORD_MAX_BYTES,
  UNIT_CONTROL,
  UNIT_DATA,
  writeRecordAssociated,
  writeRecordHeader,
  writeRecordNonce,
  writeSegmentHeader,
} from './record.ts';
import { NO_TOKEN, Reason, reasonName } from './terms.ts';
import { splitUnits, UNIT_LEG, UNIT_PIECE, unitHeadLength } from './unit.ts';

const uint8 = fc.integer({ min: 0, max: 0xff });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const sequence48 = fc.integer({ min: 1, max: 2 ** 48 - 1 });
const token = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((b) => toHex(b));

function record(plaintextLength: number, type: number = UNIT_DATA): Uint8Array {
  const bytes = new Uint8Array(plaintextLength + 32).fill(0xcc);
  writeRecordHeader(bytes, 0, { type, connectionId: 1, epoch: 2, sequence: 3 }, plaintextLength);
  return bytes;
}

describe('records', () => {
  const fields = fc.record({
    type: fc.constantFrom(UNIT_DATA, UNIT_CONTROL),
    flags: fc.integer({ min: 0, max: 1 }),
    connectionId: uint32,
    epoch: uint16,
    sequence: sequence48,
  });

  it('read back as written', () => {
    fc.assert(
      fc.property(fields, fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 9 }), (f, length, rest) => {
        const bytes = new Uint8Array(length + 32 + rest);
        expect(writeRecordHeader(bytes, 0, f, length)).toBe(16);
        const places = { offset: 0, length: length + 32, plaintextLength: length, ciphertextOffset: 16 };
        const view = { ...places, tagOffset: 16 + length, end: 32 + length, segment: f.flags === 1 };
        expect(parseRecord(bytes, 0, bytes.length)).toEqual({ ok: true, ...f, ...view });
      }),
    );
  });

  it('give nonce and associated data as specified', () => {
    const bytes = new Uint8Array(40);
    const header = { type: UNIT_CONTROL, flags: 1, connectionId: 0xa1a2a3a4, epoch: 0xb1b2, sequence: 0xc1c2c3c4c5c6 };
    writeRecordHeader(bytes, 2, header, 6);
    const nonce = new Uint8Array(12);
    writeRecordNonce(nonce, fromHex('d1d2d3d4')!, bytes, 2);
    expect(toHex(nonce)).toBe('d1d2d3d4b1b2c1c2c3c4c5c6');
    const associated = new Uint8Array(13).fill(0xee);
    writeRecordAssociated(associated, bytes, 2);
    expect(toHex(associated)).toBe('a1a2a3a4410100000000000006');
  });

  it('are refused with a reason', () => {
    const reasonAfter = (change: (b: Uint8Array) => void, end = 40) => {
      const bytes = record(8);
      change(bytes);
      const read = parseRecord(bytes, 0, end);
      return read.ok ? 'ok' : read.reason;
    };
    expect(reasonAfter(() => {})).toBe('ok');
    expect(reasonAfter(() => {}, 31)).toBe('record-truncated');
    expect(reasonAfter(() => {}, 39)).toBe('record-truncated');
    expect(reasonAfter((b) => b.fill(0x42, 0, 1))).toBe('record-bad-type');
    expect(reasonAfter((b) => b.fill(2, 1, 2))).toBe('record-reserved-flags');
    expect(reasonAfter((b) => put16(b, 2, 31))).toBe('record-bad-length');
    expect(reasonAfter((b) => put16(b, 2, RECORD_MAX_BYTES + 1))).toBe('record-bad-length');
    expect(reasonAfter((b) => put48(b, 10, 0))).toBe('record-sequence-zero');
  });

  it('with SEGMENT carry a part of a frame', () => {
    const bytes = new Uint8Array(18);
    writeSegmentHeader(bytes, 0, { frameId: 7, frameOffset: 100, frameLength: 110 });
    const view = { frameId: 7, frameOffset: 100, frameLength: 110, bytesOffset: 8, end: 18 };
    expect(parseSegment(bytes, 0, 18)).toEqual({ ok: true, ...view });
    expect(parseSegment(bytes, 0, 8)).toEqual({ ok: false, reason: 'segment-truncated' });
    writeSegmentHeader(bytes, 0, { frameId: 7, frameOffset: 101, frameLength: 110 });
    expect(parseSegment(bytes, 0, 18)).toEqual({ ok: false, reason: 'segment-out-of-range' });
  });
});

describe('pieces', () => {
  it('read back as built', () => {
    const fields = fc.record({
      connectionId: uint32,
      epoch: uint16,
      sequence: sequence48,
      recordOffset: fc.integer({ min: 0, max: 60_000 }),
    });
    fc.assert(
      fc.property(
        fields,
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        fc.integer({ min: 32, max: 99 }),
        (f, part, more) => {
          const recordLength = f.recordOffset + part.length + more;
          const bytes = buildPiece({ ...f, recordLength }, part);
          const view = { offset: 0, length: bytes.length, recordLength, bytesOffset: 20, end: bytes.length };
          expect(parsePiece(bytes, 0, bytes.length)).toEqual({ ok: true, ...f, ...view });
        },
      ),
    );
  });

  it('are refused with a reason', () => {
    const fields = { connectionId: 1, epoch: 2, sequence: 3, recordOffset: 0, recordLength: 40 };
    const reasonOf = (change: Partial<typeof fields>, patch: (b: Uint8Array) => void = () => {}, end = 30) => {
      const bytes = buildPiece({ ...fields, ...change }, new Uint8Array(10));
      patch(bytes);
      const read = parsePiece(bytes, 0, end);
      return read.ok ? 'ok' : read.reason;
    };
    expect(reasonOf({})).toBe('ok');
    expect(reasonOf({ recordOffset: 30 })).toBe('ok');
    expect(reasonOf({ recordOffset: 31 })).toBe('piece-out-of-range');
    expect(reasonOf({ recordLength: 31 })).toBe('piece-bad-record-length');
    expect(reasonOf({ recordLength: RECORD_MAX_BYTES + 1 })).toBe('piece-bad-record-length');
    expect(reasonOf({ sequence: 0 })).toBe('piece-sequence-zero');
    expect(reasonOf({}, (b) => b.fill(0x40, 0, 1))).toBe('piece-bad-type');
    expect(reasonOf({}, (b) => b.fill(1, 1, 2))).toBe('piece-reserved-flags');
    expect(reasonOf({}, (b) => put16(b, 2, 20))).toBe('piece-bad-length');
    expect(reasonOf({}, () => {}, 29)).toBe('piece-truncated');
    expect(reasonOf({}, () => {}, 20)).toBe('piece-truncated');
  });
});

describe('leg packets', () => {
  it('read back as built', () => {
    const kind = fc.constantFrom(...Object.values(LegKind));
    const fields = fc.record({
      kind,
      senderToken: token,
      receiverToken: token,
      sequence: uint32,
      acknowledgement: uint32,
    });
    fc.assert(
      fc.property(fields, fc.uint8Array({ maxLength: 60 }), (f, body) => {
        const bytes = buildLeg(f, body);
        const view = { offset: 0, length: 28 + body.length, bodyOffset: 28, end: bytes.length };
        expect(parseLeg(bytes, 0, bytes.length)).toEqual({ ok: true, ...f, ...view });
        expect(toHex(bytes, 28)).toBe(toHex(body));
      }),
    );
  });

  it('HELLO over UDP is 64 bytes and carries its own token', () => {
    const hello = buildUdpHello('0102030405060708');
    expect(hello.length).toBe(64);
    expect(parseLeg(hello, 0, 64)).toMatchObject({
      kind: LegKind.HELLO,
      senderToken: '0102030405060708',
      receiverToken: NO_TOKEN,
      length: 64,
    });
  });

  it('are refused with a reason', () => {
    const bytes = buildLeg({ kind: LegKind.PING, sequence: 1, acknowledgement: 2 });
    const reasonAt = (at: number, value: number, end = 28) => {
      const changed = bytes.slice();
      changed[at] = value;
      const read = parseLeg(changed, 0, end);
      return read.ok ? 'ok' : read.reason;
    };
    expect(reasonAt(1, LegKind.HELLO)).toBe('ok');
    expect(reasonAt(0, 0x41)).toBe('leg-bad-type');
    expect(reasonAt(1, 0)).toBe('leg-unknown-kind');
    expect(reasonAt(1, 11)).toBe('leg-unknown-kind');
    expect(reasonAt(3, 27)).toBe('leg-bad-length');
    expect(reasonAt(3, 29)).toBe('leg-truncated');
    expect(reasonAt(3, 28, 27)).toBe('leg-truncated');
  });

  it('and reasons have names', () => {
    expect(legKindName(LegKind.COOKIE)).toBe('COOKIE');
    expect(legKindName(77)).toBe('kind 77');
    expect(reasonName(Reason.PEER_NOT_ALLOWED)).toBe('peer not allowed');
    expect(reasonName(99)).toBe('reason 99');
  });
});

describe('bodies of leg packets', () => {
  const cookie = fc.constantFrom(4, 16).chain((n) => fc.uint8Array({ minLength: n, maxLength: n }));
  const request = fc.record({
    protocolVersion: fc.constant(1),
    udp: fc.boolean(),
    immediate: fc.boolean(),
    cookie,
    destination: uint32,
    destinationPort: uint16,
    source: uint32,
    sourcePort: uint16,
  });

  it('REQUEST reads back as built', () => {
    fc.assert(
      fc.property(request, (r) => {
        const bytes = buildRequest(r);
        expect(parseRequest(bytes, 0, bytes.length)).toEqual({ ok: true, ...r });
        expect(parseRequest(bytes, 0, bytes.length - 1)).toEqual({ ok: false, reason: 'request-truncated' });
        const longer = concat(bytes, Uint8Array.of(0));
        expect(parseRequest(longer, 0, longer.length)).toEqual({ ok: false, reason: 'request-trailing-bytes' });
      }),
    );
  });

  it.each([
    [0, 2, 'request-bad-version'],
    [1, 4, 'request-reserved-mode'],
    [2, 5, 'request-bad-cookie-length'],
    [2, 255, 'request-bad-cookie-length'],
  ])('REQUEST with byte %i = %i is refused: %s', (at, value, reason) => {
    const side = { destination: 1, destinationPort: 2, source: 3, sourcePort: 4 };
    const bytes = buildRequest({ protocolVersion: 1, udp: true, immediate: false, cookie: new Uint8Array(4), ...side });
    bytes[at] = value;
    expect(parseRequest(bytes, 0, bytes.length)).toEqual({ ok: false, reason });
  });

  it('COMPLETE, REFUSED, BYE, COOKIE and DATA read back', () => {
    expect(parseComplete(buildComplete(), 0, 1)).toEqual({ ok: true, flags: 0 });
    expect(parseComplete(Uint8Array.of(1), 0, 1)).toEqual({ ok: false, reason: 'leg-body-reserved-flags' });
    expect(parseComplete(EMPTY, 0, 0)).toEqual({ ok: false, reason: 'leg-body-bad-length' });
    expect(parseReasonBody(buildReasonBody(Reason.VERSION), 0, 1)).toEqual({ ok: true, reason: 5 });
    expect(parseReasonBody(new Uint8Array(2), 0, 2)).toEqual({ ok: false, reason: 'leg-body-bad-length' });
    expect(parseCookie(new Uint8Array(16), 0, 16)).toEqual({ ok: true, cookie: new Uint8Array(16) });
    expect(parseCookie(new Uint8Array(16), 0, 15)).toEqual({ ok: false, reason: 'leg-body-bad-length' });
    fc.assert(
      fc.property(fc.boolean(), fc.uint8Array(), (fin, bytes) => {
        const body = buildLegData({ fin, bytes });
        expect(parseLegData(body, 0, body.length)).toEqual({ ok: true, fin, bytes });
      }),
    );
    expect(parseLegData(Uint8Array.of(2), 0, 1)).toEqual({ ok: false, reason: 'leg-body-reserved-flags' });
    expect(parseLegData(EMPTY, 0, 0)).toEqual({ ok: false, reason: 'leg-body-bad-length' });
  });

  it('OPEN reads back as built, and is refused with a reason', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.uint8Array(), (fin, bytes) => {
        const open = { cookie: new Uint8Array(16).fill(7), fin, bytes };
        const body = buildOpen(open);
        expect(parseOpen(body, 0, body.length)).toEqual({ ok: true, ...open });
      }),
    );
    const body = buildOpen({ cookie: new Uint8Array(16), fin: false, bytes: EMPTY });
    expect(parseOpen(body, 0, 17)).toEqual({ ok: false, reason: 'leg-body-bad-length' });
    expect(parseOpen(body, 0, 16)).toEqual({ ok: false, reason: 'leg-body-bad-length' });
    body[17] = 2;
    expect(parseOpen(body, 0, 18)).toEqual({ ok: false, reason: 'leg-body-reserved-flags' });
    body[0] = 2;
    expect(parseOpen(body, 0, 18)).toEqual({ ok: false, reason: 'open-bad-version' });
  });
});

describe('splitUnits', () => {
  const leg = buildLeg({ kind: LegKind.PING, sequence: 1, acknowledgement: 2 });
  const piece = buildPiece(
    { connectionId: 1, epoch: 2, sequence: 3, recordOffset: 0, recordLength: 40 },
    new Uint8Array(9),
  );
  const unit = fc.oneof(
    fc.integer({ min: 0, max: 90 }).map((n) => record(n)),
    fc.integer({ min: 0, max: 90 }).map((n) => record(n, UNIT_CONTROL)),
    fc.constant(leg),
    fc.constant(piece),
  );

  it('finds merged units again, whatever stands around them', () => {
    fc.assert(
      fc.property(fc.array(unit), fc.integer({ min: 0, max: 5 }), uint8, (units, lead, filler) => {
        const joined = concat(new Uint8Array(lead).fill(filler), ...units, Uint8Array.of(filler));
        const read = splitUnits(joined, lead, joined.length - 1);
        expect(read.units.map((u) => toHex(joined, u.offset, u.offset + u.length))).toEqual(units.map((u) => toHex(u)));
        expect(read.units.map((u) => u.type)).toEqual(units.map((u) => u[0]));
        expect(read).toMatchObject({ stoppedAt: joined.length - 1 });
        expect(read.malformed).toBeUndefined();
      }),
    );
  });

  it('drops the rest behind a fault and says where and why', () => {
    const good = record(4);
    const reasonOf = (bad: Uint8Array) => {
      const read = splitUnits(concat(good, bad), 0, good.length + bad.length);
      expect(read.units).toEqual([{ type: UNIT_DATA, offset: 0, length: 36 }]);
      expect(read.stoppedAt).toBe(36);
      return read.malformed;
    };
    expect(reasonOf(fromHex('1603010020')!)).toBe('unit-unknown-type');
    expect(reasonOf(fromHex('50000020')!)).toBe('unit-unknown-type');
    expect(reasonOf(fromHex('44000020')!)).toBe('unit-unknown-type');
    expect(reasonOf(fromHex('400000')!)).toBe('unit-truncated');
    expect(reasonOf(record(9).subarray(0, 40))).toBe('unit-truncated');
    expect(reasonOf(fromHex('4000001f')!)).toBe('unit-too-short');
    expect(reasonOf(fromHex('4207001b')!)).toBe('unit-too-short');
    expect(reasonOf(fromHex('43000014')!)).toBe('unit-too-short');
    expect(reasonOf(fromHex('4000fe09')!)).toBe('unit-too-long');
    expect(reasonOf(fromHex('40020020')!)).toBe('unit-reserved-flags');
    expect(reasonOf(fromHex('43010020')!)).toBe('unit-reserved-flags');
  });

  it('knows how much of a unit is not opaque', () => {
    expect(unitHeadLength({ type: UNIT_DATA, offset: 0, length: 100 })).toBe(16);
    expect(unitHeadLength({ type: UNIT_CONTROL, offset: 0, length: 100 })).toBe(16);
    expect(unitHeadLength({ type: UNIT_LEG, offset: 0, length: 100 })).toBe(100);
    expect(unitHeadLength({ type: UNIT_PIECE, offset: 0, length: 100 })).toBe(20);
  });
});
