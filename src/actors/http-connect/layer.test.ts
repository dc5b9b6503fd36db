import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { ip4 } from '../../../test/support/lab.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { buildConnect, HTTP_HEAD_BYTES } from '../../wire/http-connect.ts';
import type { TcpIndication, TcpRequest } from '../services.ts';
import { HttpConnectLayer, PROXY_ANSWER_US } from './layer.ts';

const GW20 = ip4('192.0.2.20');
const PROXY = ip4('198.51.100.33');
const OPTIONS = { destinations: [{ address: GW20, port: 443, proxy: { address: PROXY, port: 3128 } }] };
const CONNECT = {
  kind: 'connect',
  connection: 'c',
  destination: GW20,
  destinationPort: 443,
  sourcePort: 5000,
} as const;
const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const OK = 'HTTP/1.1 200 Connection established\r\n\r\n';

function started(): TestHost {
  const host = new TestHost();
  host.attach(new HttpConnectLayer(host, '3002P', OPTIONS));
  host.start();
  return host;
}

const asked = (host: TestHost) => host.sentOn<TcpRequest>('lower');
const told = (host: TestHost) => host.sentOn<TcpIndication>('upper');

/** A connection to the proxy that stands. */
function connected(): TestHost {
  const host = started();
  host.inject('upper', CONNECT);
  host.inject('lower', { kind: 'connected', connection: 'c', localPort: 5000 });
  return host;
}

const says = (host: TestHost, text: string) =>
  host.inject('lower', { kind: 'data', connection: 'c', bytes: bytes(text) });

describe('a connection through a proxy', () => {
  it('goes to the proxy, asks for the destination, and is told when the way is open', () => {
    const host = connected();
    expect(asked(host)).toEqual([
      { ...CONNECT, destination: PROXY, destinationPort: 3128 },
      { kind: 'write', connection: 'c', bytes: buildConnect(GW20, 443) },
    ]);
    expect(told(host)).toEqual([]);
    says(host, OK.slice(0, 10));
    says(host, `${OK.slice(10)}more`);
    expect(told(host)).toEqual([
      { kind: 'connected', connection: 'c', localPort: 5000 },
      { kind: 'data', connection: 'c', bytes: bytes('more') },
    ]);
    expect(asked(host).slice(2)).toEqual([{ kind: 'consumed', connection: 'c', bytes: OK.length }]);
    expect(host.timers()).toEqual([]);
  });

  it('is then as any other', () => {
    const host = connected();
    says(host, OK);
    host.outputs.length = 0;
    const write = { kind: 'write', connection: 'c', bytes: bytes('x') };
    host.inject('upper', write);
    says(host, 'HTTP/1.1 500 no head any more\r\n\r\n');
    host.inject('lower', { kind: 'closed', connection: 'c', reason: 'reset' });
    expect(asked(host)).toEqual([write]);
    expect(told(host).map(({ kind }) => kind)).toEqual(['data', 'closed']);
  });

  it.each([
    ['a refusal', 'HTTP/1.1 403 Forbidden\r\n\r\n'],
    ['something else', 'SSH-2.0-x\r\n\r\n'],
    ['no end', 'x'.repeat(HTTP_HEAD_BYTES)],
  ])('is refused by %s', (_, answer) => {
    const host = connected();
    says(host, answer);
    expect(told(host)).toEqual([{ kind: 'closed', connection: 'c', reason: 'refused' }]);
    expect(asked(host).at(-1)).toEqual({ kind: 'abort', connection: 'c' });
    host.inject('lower', { kind: 'closed', connection: 'c', reason: 'aborted' });
    expect(told(host)).toHaveLength(1);
    expect(host.timers()).toEqual([]);
  });

  it('is refused by a proxy that hangs up, and times out with one that is silent', () => {
    const host = connected();
    host.inject('lower', { kind: 'remote-closed', connection: 'c' });
    expect(told(host)).toEqual([{ kind: 'closed', connection: 'c', reason: 'refused' }]);
    const silent = connected();
    silent.advance(PROXY_ANSWER_US);
    expect(told(silent)).toEqual([{ kind: 'closed', connection: 'c', reason: 'timed-out' }]);
  });

  it('has no use for an answer that comes when it was given up', () => {
    const host = connected();
    host.advance(PROXY_ANSWER_US);
    says(host, `${OK}more`);
    expect(told(host).map(({ kind }) => kind)).toEqual(['closed']);
    expect(asked(host).at(-1)).toEqual({ kind: 'abort', connection: 'c' });
  });

  it('ends as TCP says where it does so before', () => {
    const host = started();
    host.inject('upper', CONNECT);
    host.inject('lower', { kind: 'closed', connection: 'c', reason: 'unreachable' });
    expect(told(host)).toEqual([{ kind: 'closed', connection: 'c', reason: 'unreachable' }]);
    const later = connected();
    later.inject('lower', { kind: 'full', connection: 'c' });
    later.inject('lower', { kind: 'closed', connection: 'c', reason: 'reset' });
    expect(told(later)).toEqual([{ kind: 'closed', connection: 'c', reason: 'reset' }]);
  });
});

describe('any other connection', () => {
  it('passes', () => {
    const host = started();
    const other = { ...CONNECT, destinationPort: 80 };
    const listen = { kind: 'listen', port: 443 };
    const indication = { kind: 'accepted', connection: 'accepted-1', localPort: 443, remote: PROXY, remotePort: 9 };
    host.inject('upper', other);
    host.inject('upper', listen);
    host.inject('lower', indication);
    expect([asked(host), told(host)]).toEqual([[other, listen], [indication]]);
  });
});

layerCompliance('http-connect', (host) => new HttpConnectLayer(host, '3002P', OPTIONS), [
  { port: 'upper', message: CONNECT },
  { port: 'lower', message: { kind: 'connected', connection: 'c', localPort: 5000 } },
  { port: 'upper', message: { ...CONNECT, connection: 'd' } },
  { port: 'lower', message: { kind: 'data', connection: 'c', bytes: bytes(OK.slice(0, 9)) } },
  { wait_us: 1_000_000 },
  { port: 'lower', message: { kind: 'connected', connection: 'd', localPort: 5001 } },
  { port: 'lower', message: { kind: 'data', connection: 'c', bytes: bytes(OK.slice(9)) } },
  { wait_us: PROXY_ANSWER_US },
  { port: 'lower', message: { kind: 'closed', connection: 'd', reason: 'aborted' } },
]);
