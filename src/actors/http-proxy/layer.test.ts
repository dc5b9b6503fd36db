import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { ip4 } from '../../../test/support/lab.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { HTTP_HEAD_BYTES } from '../../wire/http-connect.ts';
import type { TcpIndication, TcpRequest } from '../services.ts';
import { HttpProxyLayer, type HttpProxyOptions, TUNNELS_MAX } from './layer.ts';
import { REQUEST_US } from './tunnel.ts';

const LAN = ip4('10.9.0.33');
const WAN = ip4('192.0.2.33');
const GW20 = ip4('192.0.2.20');
const OPTIONS: HttpProxyOptions = {
  address: LAN,
  port: 3128,
  outgoing: WAN,
  allowed: [
    { destination: { address: GW20, prefix: 32 }, port: 443 },
    { destination: { address: ip4('10.0.0.0'), prefix: 8 } },
  ],
};
const CLIENT = 'accepted-1';
const SERVER = 'to-accepted-1';
const REQUEST = 'CONNECT 192.0.2.20:443 HTTP/1.1\r\nHost: x\r\n\r\n';
const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const accepted = (connection = CLIENT): TcpIndication => ({
  kind: 'accepted',
  connection,
  localPort: 3128,
  remote: ip4('10.9.0.30'),
  remotePort: 5,
});

/** A proxy with one client. */
class ProxyUnderTest {
  readonly host = new TestHost();
  readonly layer: HttpProxyLayer;

  constructor() {
    this.layer = this.host.attach(new HttpProxyLayer(this.host, '3301', OPTIONS));
    this.host.start();
    this.tell(accepted());
  }

  tell(message: TcpIndication): this {
    this.host.inject('tcp', message);
    return this;
  }

  says(connection: string, text: string): this {
    return this.tell({ kind: 'data', connection, bytes: bytes(text) });
  }

  closed(connection: string, reason: 'normal' | 'reset' | 'refused' | 'timed-out' | 'aborted'): this {
    return this.tell({ kind: 'closed', connection, reason });
  }

  open(): this {
    return this.says(CLIENT, REQUEST).tell({ kind: 'connected', connection: SERVER, localPort: 7 });
  }

  asked<K extends TcpRequest['kind']>(kind: K): Extract<TcpRequest, { kind: K }>[] {
    return this.host
      .sentOn<TcpRequest>('tcp')
      .filter((each): each is Extract<TcpRequest, { kind: K }> => each.kind === kind);
  }

  written(connection: string): string {
    const parts = this.asked('write').filter((each) => each.connection === connection);
    return parts.map((each) => String.fromCharCode(...each.bytes)).join('');
  }

  consumed(connection: string): number {
    return this.asked('consumed').reduce((sum, each) => sum + (each.connection === connection ? each.bytes : 0), 0);
  }

  get states(): string[] {
    return this.layer.machines().map(({ state }) => state);
  }
}

describe('proxy, the way opens', () => {
  it('listens inside alone, connects outwards by its outer address, and says when it is done', () => {
    const p = new ProxyUnderTest();
    expect(p.asked('listen')).toEqual([{ kind: 'listen', port: 3128, only: { address: LAN } }]);
    p.says(CLIENT, REQUEST.slice(0, 9)).says(CLIENT, REQUEST.slice(9));
    expect(p.asked('connect')).toEqual([
      { kind: 'connect', connection: SERVER, destination: GW20, destinationPort: 443, source: WAN },
    ]);
    expect(p.written(CLIENT)).toBe('');
    p.tell({ kind: 'connected', connection: SERVER, localPort: 7 });
    expect(p.written(CLIENT)).toBe('HTTP/1.1 200 Connection established\r\n\r\n');
    expect(p.consumed(CLIENT)).toBe(REQUEST.length);
    expect(p.host.timers()).toEqual([]);
  });

  it('keeps what the client says too early, and its end', () => {
    const p = new ProxyUnderTest().says(CLIENT, `${REQUEST}abc`).says(CLIENT, 'def');
    p.tell({ kind: 'remote-closed', connection: CLIENT });
    p.tell({ kind: 'connected', connection: SERVER, localPort: 7 });
    expect(p.written(SERVER)).toBe('abcdef');
    expect(p.asked('close')).toEqual([{ kind: 'close', connection: SERVER }]);
  });

  it.each([
    ['CONNECT 192.0.2.20:80 HTTP/1.1\r\n\r\n', 403],
    ['CONNECT 192.0.2.21:443 HTTP/1.1\r\n\r\n', 403],
    ['GET / HTTP/1.1\r\n\r\n', 405],
    ['nonsense\r\n\r\n', 400],
    ['x'.repeat(HTTP_HEAD_BYTES), 431],
  ])('refuses %s by %i', (request, status) => {
    const p = new ProxyUnderTest().says(CLIENT, request);
    expect(p.written(CLIENT)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect([p.asked('connect'), p.asked('close')]).toEqual([[], [{ kind: 'close', connection: CLIENT }]]);
    p.closed(CLIENT, 'normal');
    expect([p.states, p.host.timers()]).toEqual([['RUNNING'], []]);
  });

  it('allows a network with any port', () => {
    expect(new ProxyUnderTest().says(CLIENT, 'CONNECT 10.1.2.3:22 HTTP/1.1\r\n\r\n').asked('connect')).toHaveLength(1);
  });

  it('refuses whoever hangs up half, and whoever is too slow, and resets who does not take it', () => {
    const p = new ProxyUnderTest().tell({ kind: 'remote-closed', connection: CLIENT });
    expect(p.written(CLIENT)).toMatch(/^HTTP\/1.1 400 /);
    const slow = new ProxyUnderTest();
    slow.host.advance(REQUEST_US);
    expect(slow.written(CLIENT)).toMatch(/^HTTP\/1.1 408 /);
    slow.host.advance(REQUEST_US);
    expect(slow.asked('abort')).toEqual([{ kind: 'abort', connection: CLIENT }]);
    slow.closed(CLIENT, 'aborted');
    expect(slow.states).toEqual(['RUNNING']);
  });

  it.each([
    ['refused', 502],
    ['timed-out', 504],
  ] as const)('tells the client when the server is %s', (reason, status) => {
    const p = new ProxyUnderTest().says(CLIENT, REQUEST).closed(SERVER, reason);
    expect(p.written(CLIENT)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it('forgets a client that goes before its request, or before the server answers', () => {
    const early = new ProxyUnderTest().closed(CLIENT, 'reset');
    expect(early.states).toEqual(['RUNNING']);
    const late = new ProxyUnderTest().says(CLIENT, REQUEST).closed(CLIENT, 'reset');
    expect(late.asked('abort')).toEqual([{ kind: 'abort', connection: SERVER }]);
    late.closed(SERVER, 'aborted');
    expect(late.states).toEqual(['RUNNING']);
  });
});

describe('proxy, spliced', () => {
  it('carries bytes both ways and reports as read what the other side has room for', () => {
    const p = new ProxyUnderTest().open();
    p.says(CLIENT, 'question').says(SERVER, 'answer');
    expect([p.written(SERVER), p.written(CLIENT).endsWith('answer')]).toEqual(['question', true]);
    expect([p.consumed(CLIENT) - REQUEST.length, p.consumed(SERVER)]).toEqual([8, 6]);
    p.tell({ kind: 'full', connection: SERVER }).says(CLIENT, 'more');
    expect(p.consumed(CLIENT) - REQUEST.length).toBe(8);
    p.tell({ kind: 'writable', connection: SERVER, space: 100 });
    expect(p.consumed(CLIENT) - REQUEST.length).toBe(12);
    p.tell({ kind: 'writable', connection: CLIENT, space: 100 });
    expect(p.consumed(SERVER)).toBe(6);
  });

  it('hands on each end for itself', () => {
    const p = new ProxyUnderTest().open().tell({ kind: 'remote-closed', connection: CLIENT });
    expect(p.asked('close')).toEqual([{ kind: 'close', connection: SERVER }]);
    p.says(SERVER, 'last').tell({ kind: 'remote-closed', connection: SERVER });
    expect(p.asked('close')).toHaveLength(2);
    p.closed(CLIENT, 'normal').closed(SERVER, 'normal');
    expect([p.states, p.asked('abort')]).toEqual([['RUNNING'], []]);
    const other = new ProxyUnderTest().open().closed(SERVER, 'normal').closed(CLIENT, 'normal');
    expect([other.states, other.asked('abort')]).toEqual([['RUNNING'], []]);
  });

  it.each([
    [CLIENT, SERVER],
    [SERVER, CLIENT],
  ])('resets the other when %s is reset', (from, to) => {
    const p = new ProxyUnderTest().open().closed(from, 'reset');
    expect(p.asked('abort')).toEqual([{ kind: 'abort', connection: to }]);
    p.closed(to, 'aborted');
    expect(p.states).toEqual(['RUNNING']);
  });

  it('has room for so many clients, and tells the next', () => {
    const p = new ProxyUnderTest();
    for (let n = 2; n <= TUNNELS_MAX + 1; n++) p.tell(accepted(`accepted-${n}`));
    expect(p.states).toHaveLength(1 + TUNNELS_MAX);
    expect(p.written(`accepted-${TUNNELS_MAX + 1}`)).toMatch(/^HTTP\/1.1 503 /);
    expect(p.host.dropReasons()).toEqual(['too-many-connections']);
  });

  it('resets all when it stops', () => {
    const p = new ProxyUnderTest().open();
    p.host.stop();
    expect(p.asked('abort').map(({ connection }) => connection)).toEqual([CLIENT, SERVER]);
    expect(p.asked('unlisten')).toHaveLength(1);
    p.tell(accepted('accepted-2'));
    expect(p.states).toEqual(['STOPPED']);
  });
});

layerCompliance('http-proxy', (host) => new HttpProxyLayer(host, '3301', OPTIONS), [
  { port: 'tcp', message: accepted() },
  { port: 'tcp', message: { kind: 'data', connection: CLIENT, bytes: bytes(REQUEST.slice(0, 9)) } },
  { port: 'tcp', message: accepted('accepted-2') },
  { wait_us: 1_000_000 },
  { port: 'tcp', message: { kind: 'data', connection: CLIENT, bytes: bytes(`${REQUEST.slice(9)}early`) } },
  { port: 'tcp', message: { kind: 'connected', connection: SERVER, localPort: 7 } },
  { port: 'tcp', message: { kind: 'full', connection: SERVER } },
  { port: 'tcp', message: { kind: 'data', connection: CLIENT, bytes: bytes('abc') } },
  { wait_us: REQUEST_US },
  { port: 'tcp', message: { kind: 'writable', connection: SERVER, space: 9 } },
  { port: 'tcp', message: { kind: 'closed', connection: SERVER, reason: 'reset' } },
]);
