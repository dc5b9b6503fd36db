import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTROL_MAC_ENGINE } from './address.ts';
import { concat, EMPTY, put16, toHex } from './bytes.ts';
import type { ControlFrameMessage } from './control-frame.ts';
import { buildControlFrame, isToEngine, parseControlFrame } from './control-frame.ts';
import type { ControlMessage } from './control-record.ts';
import { buildControlRecord, parseControlRecord } from './control-record.ts';
import type { NegotiationMessage } from './negotiation.ts';
import { buildNegotiation, parseNegotiation } from './negotiation.ts';

const uint8 = fc.integer({ min: 0, max: 0xff });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const mac = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const suite = fc.integer({ min: 1, max: 3 });
const order = fc.integer({ min: 0, max: 1 });

describe('negotiation', () => {
  const legDigest = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const offer = fc.record({
    kind: fc.constant('offer' as const),
    protocolVersion: fc.constant(1),
    connectionId: uint32,
    pathMtu: uint16,
    udp: fc.boolean(),
    immediate: fc.boolean(),
    suites: fc.array(uint8, { minLength: 1, maxLength: 16 }),
    orders: fc.integer({ min: 1, max: 3 }),
    legDigest,
  });
  const inlineOffer = offer.map((each) => ({ ...each, inline: true as const }));
  const go = fc.record({
    kind: fc.constant('go' as const),
    connectionId: uint32,
    pathMtu: uint16,
    suite,
    order,
    legDigest,
  });
  const stop = fc.record({ kind: fc.constant('stop' as const), reason: uint8 });
  const message: fc.Arbitrary<NegotiationMessage> = fc.oneof(offer, inlineOffer, go, stop);

  it('messages read back from a stream, whole or still incomplete', () => {
    fc.assert(
      fc.property(message, fc.uint8Array({ maxLength: 9 }), fc.nat(), (m, rest, cut) => {
        const bytes = buildNegotiation(m);
        const stream = concat(bytes, rest);
        expect(parseNegotiation(stream, 0, stream.length)).toEqual({ ok: true, message: m, end: bytes.length });
        expect(parseNegotiation(stream, 0, cut % bytes.length)).toEqual({ ok: false, reason: 'incomplete' });
      }),
    );
  });

  const base = { connectionId: 1, pathMtu: 1500, legDigest: new Uint8Array(32) };
  const anOffer = buildNegotiation({
    ...base,
    kind: 'offer',
    protocolVersion: 1,
    udp: true,
    immediate: true,
    suites: [1, 2],
    orders: 3,
  });
  const aGo = buildNegotiation({ ...base, kind: 'go', suite: 1, order: 1 });

  it.each([
    ['an unknown kind', anOffer, 0, 4, 'negotiation-unknown-kind'],
    ['another version', anOffer, 3, 2, 'offer-bad-version'],
    ['a reserved flag', anOffer, 10, 8, 'offer-reserved-flags'],
    ['too many suites for its length', anOffer, 11, 3, 'offer-bad-suites'],
    ['no order', anOffer, 14, 0, 'offer-bad-orders'],
    ['an unknown order', anOffer, 14, 4, 'offer-bad-orders'],
    ['a length that no OFFER has', anOffer, 1, 1, 'negotiation-bad-length'],
    ['the length of an OFFER without suites', anOffer, 2, 42, 'negotiation-bad-length'],
    ['a suite that is unknown', aGo, 9, 5, 'go-unknown-suite'],
    ['no suite', aGo, 9, 0, 'go-unknown-suite'],
    ['an order that is unknown', aGo, 10, 2, 'go-unknown-order'],
    ['a length that no GO has', aGo, 2, 41, 'negotiation-bad-length'],
  ])('refuses %s', (_, original, at, value, reason) => {
    const bytes = original.slice();
    bytes[at] = value;
    expect(parseNegotiation(bytes, 0, bytes.length)).toEqual({ ok: false, reason });
  });
});

describe('control records', () => {
  const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const challenge = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((b) => toHex(b));
  const message: fc.Arbitrary<ControlMessage> = fc.oneof(
    fc.record({ kind: fc.constant('bye' as const), reason: uint8 }),
    fc.record({ kind: fc.constantFrom('keepalive' as const, 'keepalive-answer' as const) }),
    fc.record({ kind: fc.constant('loss-report' as const), received: count, missing: count }),
    fc.record({ kind: fc.constant('order' as const), order }),
    fc.record({ kind: fc.constantFrom('path-challenge' as const, 'path-response' as const), challenge }),
  );

  it('read back as built, and only whole', () => {
    fc.assert(
      fc.property(message, (m) => {
        const bytes = buildControlRecord(m);
        expect(parseControlRecord(bytes)).toEqual({ ok: true, message: m });
        const longer = concat(bytes, Uint8Array.of(0));
        expect(parseControlRecord(longer)).toEqual({ ok: false, reason: 'control-bad-length' });
        const shorter = parseControlRecord(bytes, 0, bytes.length - 1);
        expect(shorter).toEqual({ ok: false, reason: bytes.length === 1 ? 'control-empty' : 'control-bad-length' });
      }),
    );
  });

  it('have the kind numbers of the protocol', () => {
    expect(buildControlRecord({ kind: 'bye', reason: 7 })).toEqual(Uint8Array.of(1, 7));
    expect(buildControlRecord({ kind: 'keepalive' })).toEqual(Uint8Array.of(2));
    expect(buildControlRecord({ kind: 'order', order: 1 })).toEqual(Uint8Array.of(5, 1));
    expect(buildControlRecord({ kind: 'path-response', challenge: '0102030405060708' })[0]).toBe(7);
  });

  it('are refused with a reason', () => {
    expect(parseControlRecord(EMPTY)).toEqual({ ok: false, reason: 'control-empty' });
    expect(parseControlRecord(Uint8Array.of(0))).toEqual({ ok: false, reason: 'control-unknown-kind' });
    expect(parseControlRecord(Uint8Array.of(8))).toEqual({ ok: false, reason: 'control-unknown-kind' });
    expect(parseControlRecord(Uint8Array.of(5, 2))).toEqual({ ok: false, reason: 'control-unknown-order' });
    const huge = new Uint8Array(17).fill(0xff);
    huge[0] = 4;
    expect(parseControlRecord(huge)).toEqual({ ok: false, reason: 'control-number-too-large' });
  });
});

describe('control frames', () => {
  const session = fc.record({
    sessionId: uint32,
    udp: fc.boolean(),
    client: fc.boolean(),
    suite,
    order,
    ownMac: mac,
    nextHopMac: mac,
    ownIp: uint32,
    peerIp: uint32,
    ownPort: uint16,
    peerPort: uint16,
    pathMtu: uint16,
    receiveConnectionId: uint32,
    sendConnectionId: uint32,
    sendDataKeyId: uint32,
    receiveDataKeyId: uint32,
    sendControlKeyId: uint32,
    receiveControlKeyId: uint32,
    nextSequence: uint32,
    acknowledgement: uint32,
    site: uint16,
  });
  const networks = fc.array(fc.record({ address: uint32, prefix: fc.integer({ min: 0, max: 32 }) }), { maxLength: 64 });
  const number = (bits: number) => fc.integer({ min: 1, max: 2 ** bits - 1 });
  const message: fc.Arbitrary<ControlFrameMessage> = fc.oneof(
    fc.record({ kind: fc.constantFrom('start' as const, 'renew' as const), session }),
    fc.record({
      kind: fc.constantFrom('stop' as const, 'disconnect' as const),
      sessionId: uint32,
      reason: uint8,
    }) as fc.Arbitrary<ControlFrameMessage>,
    fc.record({
      kind: fc.constant('stopped' as const),
      sessionId: uint32,
      reason: uint8,
      nextSequence: uint32,
      acknowledgement: uint32,
    }),
    fc.record({ kind: fc.constantFrom('started' as const, 'authenticated' as const), sessionId: uint32 }),
    fc.record({ kind: fc.constant('reserved-addresses' as const), addresses: fc.array(uint32, { maxLength: 255 }) }),
    fc.record({
      kind: fc.constant('demand' as const),
      rule: fc.record({ site: number(16), idle_ms: number(32), networks }),
    }),
    fc.record({ kind: fc.constant('wanted' as const), site: uint16, destination: mac, address: uint32 }),
  );
  const softwareMac = 0x020000000701;

  it('read back as built, in their direction, padded or not', () => {
    fc.assert(
      fc.property(message, fc.integer({ min: 0, max: 20 }), (m, padding) => {
        const bytes = concat(buildControlFrame(m, softwareMac), new Uint8Array(padding));
        const ends = isToEngine(m.kind)
          ? { destination: CONTROL_MAC_ENGINE, source: softwareMac }
          : { destination: softwareMac, source: CONTROL_MAC_ENGINE };
        expect(parseControlFrame(bytes)).toEqual({ ok: true, message: m, ...ends });
      }),
    );
  });

  const start = buildControlFrame(
    { kind: 'start', session: fc.sample(session, { numRuns: 1, seed: 1 })[0] },
    softwareMac,
  );
  const started = buildControlFrame({ kind: 'started', sessionId: 1 }, softwareMac);

  it('have the kind numbers and lengths of the protocol', () => {
    expect(toHex(start, 0, 18)).toBe('00004c00000c02000000070188b501010044');
    expect(toHex(started)).toBe('02000000070100004c00000c88b50401000400000001');
  });

  it.each([
    ['another EtherType', 12, 0x08, 'ctrl-not-a-control-frame'],
    ['no control address', 5, 0x0d, 'ctrl-not-a-control-frame'],
    ['another version', 15, 2, 'ctrl-bad-version'],
    ['kind 0', 14, 0, 'ctrl-unknown-kind'],
    ['kind 11', 14, 11, 'ctrl-unknown-kind'],
    ['a kind of the other direction', 14, 4, 'ctrl-wrong-direction'],
    ['a length beyond its end', 17, 69, 'ctrl-truncated'],
    ['a length that its kind has not', 17, 67, 'ctrl-bad-length'],
    ['a reserved flag', 22, 4, 'ctrl-reserved-flags'],
    ['a reserved byte', 25, 1, 'ctrl-reserved-flags'],
    ['an unknown suite', 23, 0, 'ctrl-unknown-suite'],
    ['an unknown order', 24, 2, 'ctrl-unknown-order'],
  ])('with %s are refused', (_, at, value, reason) => {
    const bytes = start.slice();
    bytes[at] = value;
    expect(parseControlFrame(bytes)).toEqual({ ok: false, reason });
  });

  it.each([
    ['of site 0', 19, 0, 'ctrl-bad-rule'],
    ['without an idle time', 23, 0, 'ctrl-bad-rule'],
    ['with a prefix of 33 bits', 29, 33, 'ctrl-bad-rule'],
    ['with more networks than there are', 24, 2, 'ctrl-bad-length'],
    ['shorter than its head', 17, 6, 'ctrl-bad-length'],
  ])('a demand rule %s is refused', (_, at, value, reason) => {
    const rule = { site: 7, idle_ms: 9, networks: [{ address: 1, prefix: 32 }] };
    const bytes = buildControlFrame({ kind: 'demand', rule }, softwareMac);
    expect(parseControlFrame(bytes).ok).toBe(true);
    bytes[at] = value;
    expect(parseControlFrame(bytes)).toEqual({ ok: false, reason });
  });

  it('cut short are refused', () => {
    expect(parseControlFrame(start.subarray(0, 16))).toEqual({ ok: false, reason: 'ctrl-truncated' });
    expect(parseControlFrame(start.subarray(0, 10))).toEqual({ ok: false, reason: 'ctrl-not-a-control-frame' });
    const addresses = buildControlFrame({ kind: 'reserved-addresses', addresses: [1, 2] }, softwareMac);
    addresses[18] = 3;
    expect(parseControlFrame(addresses)).toEqual({ ok: false, reason: 'ctrl-bad-length' });
    put16(addresses, 16, 0);
    expect(parseControlFrame(addresses)).toEqual({ ok: false, reason: 'ctrl-bad-length' });
  });
});
