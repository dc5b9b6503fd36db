import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { type Ip4, parseIp4 } from '../../wire/address.ts';
import { IcmpType, parseIcmp } from '../../wire/icmp.ts';
import { buildIcmp6, Icmp6Type, parseIcmp6 } from '../../wire/icmp6.ts';
import { type Ip4View, parseIp4Packet } from '../../wire/ipv4.ts';
import { type Ip6View, ip6Destination, ip6Source, parseIp6Packet } from '../../wire/ipv6.ts';
import type { Frame } from '../frame.ts';
import { buildIcmpPacket } from '../icmp-error.ts';
import { PING_TIMEOUT_US, PINGS_MAX, PingLayer } from './layer.ts';

const OWN = parseIp4('10.2.0.21') as Ip4;
const OWN6 = '2001:db8::21';
const PEER6 = '2001:db8::31';
const PEER = parseIp4('10.3.0.31') as Ip4;

function reply(sequence: number, identifier = 1): Uint8Array {
  const fields = { type: IcmpType.ECHO_REPLY, code: 0, identifier, sequence };
  return buildIcmpPacket({ source: PEER, destination: OWN }, fields, new Uint8Array(8));
}

function started(): TestHost {
  const host = new TestHost();
  host.attach(new PingLayer(host, '2103P', { addresses: [OWN, OWN6] }));
  host.start();
  return host;
}

describe('ping', () => {
  it('sends an echo request of the wanted length and tells the time to its reply', () => {
    const host = started();
    host.event('ping', { destination: PEER, id: 1, seq: 3, length: 100 });
    const { bytes } = host.sentOn('ip')[0] as Frame;
    const header = parseIp4Packet(bytes, 0, bytes.length) as Ip4View;
    expect(header).toMatchObject({ source: OWN, destination: PEER, totalLength: 128 });
    expect(parseIcmp(bytes, 20, header.end)).toMatchObject({ type: IcmpType.ECHO_REQUEST, identifier: 1, sequence: 3 });
    host.advance(1500);
    host.injectBytes('ip', reply(3));
    expect(host.notes('pong')).toEqual([{ destination: PEER, id: 1, seq: 3, rtt_us: 1500 }]);
    expect(host.timers()).toEqual([]);
  });

  it('tells of lost ones: no reply in time, or an error', () => {
    const host = started();
    host.event('ping', { destination: PEER, id: 1, seq: 1 });
    host.event('ping', { destination: PEER, id: 1, seq: 2 });
    const { bytes } = host.sentOn('ip')[1] as Frame;
    const error = { type: IcmpType.UNREACHABLE, code: 1 };
    host.injectBytes('ip', buildIcmpPacket({ source: PEER, destination: OWN }, error, bytes.subarray(0, 28)));
    expect(host.notes('ping-lost')).toEqual([{ destination: PEER, id: 1, seq: 2 }]);
    host.advance(PING_TIMEOUT_US);
    expect(host.notes('ping-lost')).toHaveLength(2);
    host.injectBytes('ip', reply(1));
    expect(host.dropReasons()).toEqual(['unexpected-unit']);
  });

  it('pings over IPv6 as well, from an address of that family', () => {
    const host = started();
    for (const seq of [1, 2]) host.event('ping', { destination: PEER6, id: 9, seq, length: 100 });
    const [first, second] = host.sentOn<Frame>('ip');
    const { bytes } = first as Frame;
    expect(bytes.length).toBe(148);
    const ip6 = parseIp6Packet(bytes, 0, bytes.length) as Ip6View;
    expect([ip6Source(bytes, ip6), ip6Destination(bytes, ip6)]).toEqual([OWN6, PEER6]);
    const request = parseIcmp6(bytes, ip6.headerEnd, ip6.end);
    expect(request).toMatchObject({ type: Icmp6Type.ECHO_REQUEST, identifier: 9, sequence: 1 });
    const ends = { source: PEER6, destination: OWN6 };
    const answer = buildIcmp6(ends, { type: Icmp6Type.ECHO_REPLY, code: 0, word: 0x9_0001 }, new Uint8Array(100));
    host.injectBytes('ip', answer);
    expect(host.notes('pong')).toEqual([{ destination: PEER6, id: 9, seq: 1, rtt_us: 0 }]);
    host.injectBytes('ip', buildIcmp6(ends, { type: Icmp6Type.UNREACHABLE, code: 3 }, (second as Frame).bytes));
    expect(host.notes('ping-lost')).toEqual([{ destination: PEER6, id: 9, seq: 2 }]);
    host.injectBytes('ip', answer.subarray(0, 44));
    host.injectBytes('ip', buildIcmp6(ends, { type: 200, code: 0 }, new Uint8Array(0)));
    expect(host.dropReasons()).toEqual(['malformed', 'unknown-kind']);
  });

  it('cannot ping where it has no address of that family', () => {
    const host = new TestHost();
    host.attach(new PingLayer(host, '2103P', { addresses: [OWN] }));
    host.event('ping', { destination: PEER6, id: 9, seq: 1 });
    expect(host.dropReasons()).toEqual(['no-route']);
  });

  it('drops what it does not know', () => {
    const host = started();
    host.event('ping', { destination: PEER, id: 1, seq: 1 });
    host.injectBytes('ip', reply(1), 'bad');
    host.injectBytes('ip', reply(2));
    host.injectBytes(
      'ip',
      buildIcmpPacket({ source: PEER, destination: OWN }, { type: 13, code: 0 }, new Uint8Array(8)),
    );
    expect(host.dropReasons()).toEqual(['bad-checksum', 'unexpected-unit', 'unknown-kind']);
    expect(host.notes('pong')).toEqual([]);
  });

  it('is bounded', () => {
    const host = started();
    for (let seq = 0; seq <= PINGS_MAX; seq++) host.event('ping', { destination: PEER, id: 1, seq, length: 0 });
    expect(host.dropReasons()).toEqual(['queue-full']);
  });
});

layerCompliance('ping', (host) => new PingLayer(host, '2103P', { addresses: [OWN, OWN6] }), [
  { event: 'ping', data: { destination: PEER, id: 1, seq: 1 } },
  { event: 'ping', data: { destination: PEER, id: 1, seq: 2 } },
  { wait_us: 700 },
  { port: 'ip', frame: reply(1) },
  { wait_us: PING_TIMEOUT_US },
  { port: 'ip', frame: reply(2) },
]);
