import { describe, expect, it } from 'vitest';
import { concat } from './bytes.ts';
import { buildEthernet, EtherType } from './ethernet.ts';
import { checksumVerdict, parseFrame } from './frame.ts';
import { buildIcmp6, Icmp6Type } from './icmp6.ts';
import { ipBytes, linkLocalOf, multicastMac6, solicitedNode } from './ip-address.ts';
import { fromJournalView, journalView } from './journal-view.ts';
import { buildListenerReport, ListenerRecord, parseListenerQuery } from './mld.ts';
import { type NdMessage, neighbourAdvertisement, neighbourSolicitation, parseNd } from './nd.ts';

const A = '2001:db8::a';
const B = '2001:db8::b';
const LOCAL = 'fe80::a';
const ALL = 'ff02::1';
const MAC = 0x0200_0000_000a;

interface Sent {
  source?: string;
  destination?: string;
  hopLimit?: number;
}

function frameOf(packet: Uint8Array): Uint8Array {
  return buildEthernet({ destination: 1, source: MAC, etherType: EtherType.IP6 }, packet);
}

function read(message: NdMessage, { source = A, destination = B, hopLimit = 255 }: Sent = {}) {
  const frame = frameOf(buildIcmp6({ source, destination, hopLimit }, message.icmp, message.payload));
  const { icmp6, ip6 } = parseFrame(frame);
  return parseNd(frame, ip6!, icmp6!);
}

const reasonOf = (message: NdMessage, sent: Sent = {}) => {
  const nd = read(message, sent);
  return nd.ok ? 'fine' : nd.reason;
};
const message = (type: number, payload: Uint8Array, word = 0, code = 0): NdMessage => ({
  icmp: { type, code, word },
  payload,
});
const flags = (solicited: boolean, override: boolean) => ({ solicited, override });

describe('Neighbour Discovery', () => {
  it('reads back what was built', () => {
    expect(read(neighbourSolicitation(B, MAC), { destination: solicitedNode(B) })).toMatchObject({
      type: Icmp6Type.NEIGHBOUR_SOLICITATION,
      source: A,
      destination: 'ff02::1:ff00:b',
      target: B,
      sourceMac: MAC,
      targetMac: undefined,
    });
    for (const [solicited, override] of [
      [true, false],
      [false, true],
    ] as const) {
      expect(read(neighbourAdvertisement(A, MAC, { solicited, override }))).toMatchObject({
        ...{ type: Icmp6Type.NEIGHBOUR_ADVERTISEMENT, target: A, sourceMac: undefined, targetMac: MAC },
        ...{ solicited, override },
      });
    }
  });

  it('refuses what RFC 4861 sections 7.1.1 and 7.1.2 refuse', () => {
    const asks = neighbourSolicitation(B, MAC);
    const tells = neighbourAdvertisement(A, MAC, flags(true, true));
    for (const each of [asks, tells]) {
      expect(reasonOf(each)).toBe('fine');
      expect(reasonOf(each, { hopLimit: 254 })).toBe('nd-hop-limit');
      const { icmp, payload } = each;
      expect(reasonOf({ icmp: { ...icmp, code: 1 }, payload })).toBe('nd-code');
      expect(reasonOf({ icmp, payload: payload.subarray(0, 15) })).toBe('nd-truncated');
      expect(reasonOf({ icmp, payload: payload.subarray(0, 17) })).toBe('nd-bad-option');
      expect(reasonOf({ icmp, payload: payload.with(17, 0) })).toBe('nd-bad-option');
      expect(reasonOf({ icmp, payload: payload.with(17, 2) })).toBe('nd-bad-option');
      expect(reasonOf({ icmp, payload: payload.with(0, 0xff) })).toBe('nd-bad-target');
    }
    const probe = neighbourSolicitation(B);
    expect(reasonOf(probe, { source: '::', destination: solicitedNode(B) })).toBe('fine');
    expect(reasonOf(probe, { source: '::', destination: ALL })).toBe('nd-bad-destination');
    expect(reasonOf(asks, { source: '::', destination: solicitedNode(B) })).toBe('nd-bad-source');
    expect(reasonOf(tells, { destination: ALL })).toBe('nd-bad-destination');
    expect(reasonOf(neighbourAdvertisement(A, MAC, flags(false, true)), { destination: ALL })).toBe('fine');
  });

  it('skips options that it does not know', () => {
    const { icmp, payload } = neighbourSolicitation(B, MAC);
    const unknown = Uint8Array.of(14, 1, 0, 0, 0, 0, 0, 0);
    expect(read({ icmp, payload: concat(payload.subarray(0, 16), unknown, payload.subarray(16)) })).toMatchObject({
      sourceMac: MAC,
    });
  });

  it('refuses fragments (RFC 6980), atomic ones as well', () => {
    const { icmp, payload } = neighbourSolicitation(B, MAC);
    const packet = buildIcmp6({ source: A, destination: B, hopLimit: 255 }, icmp, payload);
    const header = Uint8Array.of(58, 0, 0, 0, 1, 2, 3, 4);
    const bytes = frameOf(concat(packet.subarray(0, 40), header, packet.subarray(40)));
    bytes.set([0, 40, 44], 18);
    const { icmp6, ip6 } = parseFrame(bytes);
    expect(parseNd(bytes, ip6!, icmp6!)).toEqual({ ok: false, reason: 'nd-fragmented' });
  });

  it('takes router messages and redirects from routers of the link only (sections 6.1 and 8.1)', () => {
    const option = Uint8Array.of(1, 1, 2, 0, 0, 0, 0, 0xfe);
    const solicitation = message(Icmp6Type.ROUTER_SOLICITATION, option);
    expect(read(solicitation, { source: LOCAL })).toMatchObject({ ok: true, sourceMac: 0x0200_0000_00fe });
    expect(reasonOf(solicitation, { source: '::' })).toBe('nd-bad-source');
    const advertisement = message(Icmp6Type.ROUTER_ADVERTISEMENT, concat(new Uint8Array(8), option));
    expect(read(advertisement, { source: LOCAL, destination: ALL })).toMatchObject({ sourceMac: 0x0200_0000_00fe });
    expect(reasonOf(advertisement)).toBe('nd-bad-source');
    expect(reasonOf(message(Icmp6Type.ROUTER_ADVERTISEMENT, new Uint8Array(7)), { source: LOCAL })).toBe(
      'nd-truncated',
    );
    const redirect = (target: string, destination: string) =>
      message(Icmp6Type.REDIRECT, concat(ipBytes(target), ipBytes(destination)));
    expect(reasonOf(redirect(LOCAL, B), { source: LOCAL })).toBe('fine');
    expect(reasonOf(redirect(B, B), { source: LOCAL })).toBe('fine');
    expect(reasonOf(redirect(A, B), { source: LOCAL })).toBe('nd-bad-target');
    expect(reasonOf(redirect(LOCAL, ALL), { source: LOCAL })).toBe('nd-bad-destination');
    expect(reasonOf(redirect(LOCAL, B))).toBe('nd-bad-source');
    expect(reasonOf(message(Icmp6Type.ECHO_REQUEST, new Uint8Array(40)))).toBe('nd-unknown-type');
  });

  it('is kept whole by a journal but for the checksum', () => {
    for (const { icmp, payload } of [
      neighbourSolicitation(B, MAC),
      neighbourAdvertisement(A, MAC, flags(true, true)),
    ]) {
      const bytes = frameOf(buildIcmp6({ source: A, destination: B, hopLimit: 255 }, icmp, payload));
      const view = journalView(bytes);
      expect(view.payloadLength).toBe(0);
      const again = fromJournalView(view);
      const [before, after] = [bytes, again].map((each) =>
        parseNd(each, parseFrame(each).ip6!, parseFrame(each).icmp6!),
      );
      expect(after).toEqual(before);
      expect([...again.subarray(56, 58)]).toEqual([0, 0]);
    }
  });

  it('knows the addresses that belong to others', () => {
    expect(solicitedNode('2001:db8::1234:5678')).toBe('ff02::1:ff34:5678');
    expect(multicastMac6('ff02::1:ff34:5678')).toBe(0x3333_ff34_5678);
    expect(linkLocalOf(0x0200_5e10_0001)).toBe('fe80::5eff:fe10:1');
    expect(linkLocalOf(0x34_5678_9abcde)).toBe('fe80::3656:78ff:fe9a:bcde');
  });
});

describe('what a journal keeps of IPv6', () => {
  const SECRET = 0xd7;
  const readings = (frame: Uint8Array) => {
    const parsed = parseFrame(frame);
    for (const header of [parsed.tcp, parsed.udp, parsed.icmp6]) if (header !== undefined) header.checksum = 0;
    return parsed;
  };

  it('is no payload of a user, and enough to find the same fault again', () => {
    const secret = new Uint8Array(100).fill(SECRET);
    const echo = buildIcmp6({ source: A, destination: B }, { type: Icmp6Type.ECHO_REQUEST, code: 0, word: 5 }, secret);
    const error = buildIcmp6({ source: A, destination: B }, { type: Icmp6Type.UNREACHABLE, code: 4 }, echo);
    const options = concat(echo.subarray(0, 40), Uint8Array.of(58, 0, 1, 4, 0, 0, 0, 0), echo.subarray(40));
    options.set([0, options.length - 40, 60], 4);
    const broken = options.with(43, 9);
    for (const [packet, kept] of [
      [echo, 48],
      [error, 48 + 48],
      [options, 56],
      [broken, 48],
    ] as const) {
      const frame = frameOf(packet);
      const view = journalView(frame);
      expect(view.head.length).toBe(14 + kept);
      expect(view.head.includes(SECRET)).toBe(false);
      expect(readings(fromJournalView(view))).toEqual(readings(frame));
    }
  });
});

describe('Multicast Listener Discovery', () => {
  it('reports groups with a router alert and a right checksum (RFC 3810 section 5.2)', () => {
    const frame = frameOf(buildListenerReport(LOCAL, ListenerRecord.TO_EXCLUDE, [solicitedNode(A), solicitedNode(B)]));
    const parsed = parseFrame(frame);
    expect(parsed).toMatchObject({ ip6: { hopLimit: 1, nextHeader: 0, protocol: 58 }, icmp6: { type: 143, word: 2 } });
    expect(checksumVerdict(frame, parsed)).toBe('good');
    expect([...frame.subarray(54, 62)]).toEqual([58, 0, 5, 2, 0, 0, 1, 0]);
    expect([...frame.subarray(70, 74), ...frame.subarray(90, 94)]).toEqual([4, 0, 0, 0, 4, 0, 0, 0]);
  });

  it('reads queries of both versions', () => {
    const query = (code: number, group: string, more: number, sent: Sent = {}) => {
      const { source = LOCAL, hopLimit = 1 } = sent;
      const payload = concat(ipBytes(group), new Uint8Array(more));
      const icmp = { type: Icmp6Type.LISTENER_QUERY, code: 0, word: code * 0x1_0000 };
      const frame = frameOf(buildIcmp6({ source, destination: ALL, hopLimit }, icmp, payload));
      const { icmp6, ip6 } = parseFrame(frame);
      return parseListenerQuery(frame, ip6!, icmp6!);
    };
    expect(query(10_000, '::', 4)).toEqual({ group: undefined, maxResponse_ms: 10_000 });
    expect(query(0x9001, solicitedNode(A), 4)).toEqual({ group: solicitedNode(A), maxResponse_ms: 0x1001 << 4 });
    expect(query(0x9001, '::', 0)).toEqual({ group: undefined, maxResponse_ms: 0x9001 });
    expect(query(1, '::', 4, { source: A })).toBeUndefined();
    expect(query(1, '::', 4, { hopLimit: 2 })).toBeUndefined();
  });
});
