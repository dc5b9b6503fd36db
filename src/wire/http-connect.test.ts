import { describe, expect, it } from 'vitest';
import {
  buildConnect,
  buildConnectResponse,
  connectTarget,
  HTTP_HEAD_BYTES,
  httpHead,
  responseStatus,
} from './http-connect.ts';

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const text = (all: Uint8Array) => String.fromCharCode(...all);
const ADDRESS = 0xc000_0214;

describe('head', () => {
  it('is the first line, and how far HTTP goes', () => {
    expect(httpHead(bytes('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nrest'))).toEqual({
      line: 'CONNECT a:1 HTTP/1.1',
      length: 33,
    });
    expect(httpHead(bytes('X\r\n\r\n'))).toEqual({ line: 'X', length: 5 });
  });

  it('is found in the same place however it comes in', () => {
    const all = bytes('CONNECT a:1 HTTP/1.1\r\n\r\nrest');
    for (let known = 0; known < 24; known++) expect(httpHead(all, known)).toEqual(httpHead(all));
  });

  it('is awaited while its end is missing, up to a bound', () => {
    for (const part of ['', 'CONNECT', 'CONNECT a:1 HTTP/1.1\r\n\r']) expect(httpHead(bytes(part))).toBeUndefined();
    expect(httpHead(new Uint8Array(HTTP_HEAD_BYTES - 1))).toBeUndefined();
    expect(httpHead(new Uint8Array(HTTP_HEAD_BYTES))).toBe('too-long');
    expect(httpHead(bytes(`${'x'.repeat(HTTP_HEAD_BYTES)}\r\n\r\n`))).toBe('too-long');
  });
});

describe('request', () => {
  it('asks for what was built', () => {
    const head = httpHead(buildConnect(ADDRESS, 443));
    expect(head).toMatchObject({ line: 'CONNECT 192.0.2.20:443 HTTP/1.1', length: buildConnect(ADDRESS, 443).length });
    expect(connectTarget('CONNECT 192.0.2.20:443 HTTP/1.1')).toEqual({ address: ADDRESS, port: 443 });
  });

  it.each([
    ['GET http://a/ HTTP/1.1', 405],
    ['CONNECT example.net:443 HTTP/1.1', 502],
    ['CONNECT [2001:db8::1]:443 HTTP/1.1', 502],
    ['CONNECT 192.0.2.20 HTTP/1.1', 400],
    ['CONNECT 192.0.2.20:0 HTTP/1.1', 400],
    ['CONNECT 192.0.2.20:65536 HTTP/1.1', 400],
    ['CONNECT 192.0.2.20:443 HTTP/2', 400],
    ['hello', 400],
    ['', 400],
  ])('%s is answered by %i', (line, status) => expect(connectTarget(line)).toEqual({ status }));
});

describe('response', () => {
  it('tells its status', () => {
    expect(text(buildConnectResponse(200))).toBe('HTTP/1.1 200 Connection established\r\n\r\n');
    expect(text(buildConnectResponse(403))).toBe(
      'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    );
    expect(responseStatus('HTTP/1.1 407 Proxy Authentication Required')).toBe(407);
    expect(responseStatus('HTTP/1.0 200')).toBe(200);
    for (const line of ['', 'HTTP/1.1 20', 'HTTP/1.1 2000 OK', 'SSH-2.0']) expect(responseStatus(line)).toBeUndefined();
  });
});
