import { describe, expect, it } from 'vitest';
import { DIALLED, FAR, legsOf, NEAR, record, tls, UdpPair } from '../../../test/support/udp-pair.ts';
import { FIRST_RETRY_MS, HELLO_TRIES, LINGER_MS } from '../../machines/leg.ts';
import { PROBE_EVERY_MS, TRUST_PROBES } from '../../machines/trust.ts';
import { DOUBT_MS } from '../../machines/udp.ts';
import { concat } from '../../wire/bytes.ts';
import { IP4_HEADER_BYTES } from '../../wire/ipv4.ts';
import { LEG_HELLO_UDP_BYTES, LegKind } from '../../wire/leg.ts';
import { UDP_HEADER_BYTES } from '../../wire/udp.ts';
import { LEG_DATA_TRIES, LEG_QUEUE_BYTES } from '../leg/leg-stream.ts';

const SECOND_US = 1_000_000;
const MS_US = 1_000;
const ACCEPTED = 'accepted-1';

describe('setting a connection up', () => {
  it('takes one packet each way; the first SSL bytes bring the cookie back (11.4 steps 3-7)', () => {
    const pair = new UdpPair().connect();
    expect(pair.crossed()).toEqual(['HELLO', 'COOKIE']);
    expect(pair.near.told()).toEqual([{ kind: 'connected', connection: DIALLED, localPort: NEAR.port }]);
    expect(pair.far.told()).toEqual([]);
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: tls(1, 100) });
    pair.settle();
    expect(pair.crossed()).toEqual(['HELLO', 'COOKIE', 'OPEN', 'ACKNOWLEDGE']);
    expect(pair.far.told()).toEqual([
      { kind: 'accepted', connection: ACCEPTED, localPort: FAR.port, remote: NEAR.address, remotePort: NEAR.port },
      { kind: 'data', connection: ACCEPTED, bytes: tls(1, 100) },
    ]);
    expect([pair.near.state, pair.far.state]).toEqual(['OPEN.ESTABLISHED', 'OPEN.ESTABLISHED']);
  });

  it('costs the far end nothing before the cookie comes back, and answers with less than was asked', () => {
    const pair = new UdpPair();
    const before = JSON.stringify(pair.far.layer.save());
    pair.connect();
    expect(JSON.stringify(pair.far.layer.save())).toBe(before);
    const [hello, cookie] = pair.line.map(({ bytes }) => bytes.length);
    expect(hello).toBe(28 + LEG_HELLO_UDP_BYTES);
    expect(cookie).toBeLessThan(hello as number);
    expect(pair.far.host.timers()).toEqual([]);
  });

  it('repeats HELLO and takes the first COOKIE that comes, and only that', () => {
    const pair = new UdpPair();
    let lost = 3;
    pair.fate = () => (lost-- > 0 ? [] : [0, 0]);
    pair.connect().advance(3 * SECOND_US);
    expect(pair.near.toldKinds()).toEqual(['connected']);
    expect(pair.crossed('near').filter((name) => name === 'HELLO')).toHaveLength(4);
    expect(pair.near.host.dropReasons()).toEqual(['unknown-kind', 'unknown-kind', 'unknown-kind']);
  });

  it('gives a silent far end up in bounded time', () => {
    const pair = new UdpPair();
    pair.fate = () => [];
    pair.connect().advance(FIRST_RETRY_MS * (2 ** HELLO_TRIES - 1) * MS_US);
    expect(pair.near.toldKinds()).toEqual(['closed timed-out']);
    expect(pair.crossed('near')).toHaveLength(HELLO_TRIES);
    expect(pair.near.host.timers()).toEqual([]);
  });

  it('is refused by ICMP where nobody listens, in bounded time; a cookie wins over a forged refusal', () => {
    const refused = new UdpPair({ listens: false }).connect().advance(DOUBT_MS * MS_US);
    expect(refused.crossed()).toEqual(['HELLO', 'icmp', 'HELLO', 'icmp']);
    expect(refused.near.toldKinds()).toEqual(['closed refused']);
    const forged = new UdpPair({ listens: false }).connect();
    expect(forged.near.state).toBe('DOUBTED');
    forged.far.asks({ kind: 'listen', port: FAR.port });
    forged.forge('far', hello(forged));
    expect(forged.near.toldKinds()).toEqual(['connected']);
  });

  it('can be called off at each step', () => {
    const waiting = new UdpPair();
    waiting.fate = () => [];
    waiting.connect().near.asks({ kind: 'abort', connection: DIALLED });
    const doubted = new UdpPair({ listens: false }).connect();
    doubted.near.asks({ kind: 'close', connection: DIALLED });
    const opening = new UdpPair().connect();
    opening.near.asks({ kind: 'abort', connection: DIALLED });
    for (const { near } of [waiting, doubted, opening]) {
      expect(near.toldKinds().at(-1)).toBe('closed aborted');
      expect(near.host.timers()).toEqual([]);
    }
  });

  it('sends every packet with the cookie until the far end has answered, in whatever order they arrive', () => {
    const pair = new UdpPair().connect();
    const long = tls(7, 3000);
    pair.fate = () => [];
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: long });
    const held = pair.near.taken();
    expect(held.flatMap(legsOf).map(({ kind }) => kind)).toEqual([LegKind.OPEN, LegKind.OPEN, LegKind.OPEN]);
    pair.fate = () => [0];
    for (const bytes of held.reverse()) pair.far.host.injectBytes('lower', bytes);
    expect(pair.far.received('tls')).toEqual([long]);
    expect(pair.far.toldKinds()).toEqual(['accepted', 'data']);
  });
});

describe('an established connection', () => {
  it('carries whole TLS records both ways, and records between them as datagrams of their own', () => {
    const pair = new UdpPair().established();
    const handshake = tls(3, 2000);
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: handshake.subarray(0, 900) });
    pair.far.asks({ kind: 'write', connection: ACCEPTED, bytes: concat(record(9), tls(4, 50), record(8)) });
    pair.settle();
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: handshake.subarray(900) });
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: record(5) });
    pair.settle();
    expect(pair.far.received('tls')).toEqual([tls(1, 100), handshake]);
    expect(pair.far.received('record')).toEqual([record(5)]);
    expect(pair.near.received('tls')).toEqual([tls(4, 50)]);
    expect(pair.near.received('record')).toEqual([record(9), record(8)]);
  });

  it('neither acknowledges nor repeats records (11.7-4), and repeats handshake bytes', () => {
    const pair = new UdpPair().established();
    const from = pair.line.length;
    pair.fate = () => [];
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: concat(record(1), record(2), tls(2, 10)) });
    pair.settle().advance(2 * SECOND_US);
    const names = pair.line.slice(from).flatMap(({ bytes }) => (legsOf(bytes).length > 0 ? ['leg'] : ['record']));
    expect(names.filter((name) => name === 'record')).toHaveLength(2);
    pair.fate = () => [0];
    pair.advance(5 * SECOND_US);
    expect(pair.far.received('tls')).toEqual([tls(1, 100), tls(2, 10)]);
    expect(pair.far.received('record')).toEqual([]);
  });

  it('ends in order from either end, answers last packets for a while, and is forgotten', () => {
    const pair = new UdpPair().established();
    pair.near.asks({ kind: 'close', connection: DIALLED });
    pair.near.asks({ kind: 'close', connection: DIALLED });
    pair.settle();
    expect(pair.far.toldKinds()).toEqual(['accepted', 'data', 'remote-closed']);
    pair.far.asks({ kind: 'write', connection: ACCEPTED, bytes: tls(2, 10) });
    pair.far.asks({ kind: 'close', connection: ACCEPTED });
    pair.settle();
    expect(pair.near.toldKinds()).toEqual(['connected', 'data', 'remote-closed', 'closed normal']);
    expect(pair.far.toldKinds().at(-1)).toBe('closed normal');
    expect(pair.far.state).toBe('LINGERING');
    pair.advance(LINGER_MS * MS_US);
    for (const end of [pair.near, pair.far]) expect([end.state, end.host.timers()]).toEqual([undefined, []]);
  });

  it('tells the peer of an abort; the peer asks, and believes the silence', () => {
    const pair = new UdpPair().established();
    pair.far.asks({ kind: 'abort', connection: ACCEPTED });
    pair.settle();
    expect(pair.far.toldKinds().at(-1)).toBe('closed aborted');
    expect(pair.near.toldKinds()).toEqual(['connected']);
    pair.advance(TRUST_PROBES * PROBE_EVERY_MS * MS_US);
    expect(pair.near.toldKinds()).toEqual(['connected', 'closed reset']);
    expect(pair.crossed('near').filter((name) => name === 'PING')).toHaveLength(TRUST_PROBES);
  });

  it('does not believe a BYE in clear while the peer answers', () => {
    const pair = new UdpPair().established();
    const [bye] = bytesOfBye(pair);
    pair.near.host.injectBytes('lower', bye as Uint8Array);
    pair.settle().advance(20 * SECOND_US);
    expect([pair.near.state, pair.far.state]).toEqual(['OPEN.ESTABLISHED', 'OPEN.ESTABLISHED']);
  });

  it('asks when ICMP says that the peer is gone, and ends when it is', () => {
    const pair = new UdpPair().established();
    pair.far.layer.restore(new UdpPair({ listens: false }).far.layer.save());
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: record(1) });
    pair.settle().advance(TRUST_PROBES * PROBE_EVERY_MS * MS_US);
    expect(pair.near.toldKinds().at(-1)).toBe('closed reset');
  });

  it('gives up a stream that is not answered, in bounded time', () => {
    const pair = new UdpPair().established();
    pair.fate = () => [];
    pair.near.asks({ kind: 'write', connection: DIALLED, bytes: tls(2, 10) });
    pair.settle().advance(FIRST_RETRY_MS * 2 ** LEG_DATA_TRIES * MS_US);
    expect(pair.near.toldKinds().at(-1)).toBe('closed timed-out');
    expect(pair.near.host.timers()).toEqual([]);
  });

  it('ends when its user writes nonsense, or more than may wait', () => {
    const nonsense = new UdpPair().established();
    nonsense.near.asks({ kind: 'write', connection: DIALLED, bytes: Uint8Array.of(0xff, 1, 2) });
    const much = new UdpPair().connect();
    for (let at = 0; at <= 2 * LEG_QUEUE_BYTES; at += 16_000)
      much.near.asks({ kind: 'write', connection: DIALLED, bytes: tls(1, 16_000) });
    for (const { near } of [nonsense, much]) expect(near.toldKinds().at(-1)).toBe('closed timed-out');
  });
});

/** The HELLO that the near end sent, without its IP and UDP header. */
function hello(pair: UdpPair): Uint8Array {
  return (pair.line[0] as UdpPair['line'][number]).bytes.subarray(IP4_HEADER_BYTES + UDP_HEADER_BYTES);
}

/** A BYE of the far end, made by one that has aborted the same connection. */
function bytesOfBye(pair: UdpPair): Uint8Array[] {
  const twin = new UdpPair();
  twin.far.layer.restore(structuredClone(pair.far.layer.save()));
  twin.far.asks({ kind: 'abort', connection: ACCEPTED });
  return twin.far.taken();
}
