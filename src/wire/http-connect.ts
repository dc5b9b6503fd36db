/** The CONNECT exchange of HTTP (RFC 9110 section 9.3.6, RFC 9112): heads are read as far as their first line. */
import { formatIp4, type Ip4, parseIp4 } from './address.ts';

/** Longest head that is waited for. */
export const HTTP_HEAD_BYTES = 8192;

const END = [13, 10, 13, 10];
const REQUEST = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/;
const STATUS = /^HTTP\/1\.[01] (\d{3})( |$)/;
const TARGET = /^(.+):(\d{1,5})$/;
const PORT_MAX = 65_535;

export interface HttpHead {
  readonly line: string;
  /** Bytes up to and with the empty line; what follows is not HTTP's. */
  readonly length: number;
}

/** What a CONNECT asks for, or the status that answers it. */
export type ConnectTarget = { readonly address: Ip4; readonly port: number } | { readonly status: number };

const REASONS: Readonly<Record<number, string>> = {
  200: 'Connection established',
  400: 'Bad Request',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/**
 * The head that `bytes` begin with; undefined while its end is not there, `too-long` when it will not be. `known`: so many bytes were there
 * when the end was last looked for, so that a head which comes byte by byte costs no more than another.
 */
export function httpHead(bytes: Uint8Array, known = 0): HttpHead | 'too-long' | undefined {
  const most = Math.min(bytes.length, HTTP_HEAD_BYTES);
  for (let at = Math.max(0, known - END.length + 1); at + END.length <= most; at++) {
    if (END.every((byte, index) => bytes[at + index] === byte)) {
      const head = String.fromCharCode(...bytes.subarray(0, at));
      return { line: head.split('\r\n', 1)[0], length: at + END.length };
    }
  }
  return bytes.length >= HTTP_HEAD_BYTES ? 'too-long' : undefined;
}

/** Reads a request's first line. Names are not looked up: who asks for one hears 502. */
export function connectTarget(line: string): ConnectTarget {
  const request = REQUEST.exec(line);
  if (request === null) return { status: 400 };
  if (request[1] !== 'CONNECT') return { status: 405 };
  const target = TARGET.exec(request[2]);
  const port = Number(target?.[2]);
  if (target === null || port < 1 || port > PORT_MAX) return { status: 400 };
  const address = parseIp4(target[1]);
  return address === undefined ? { status: 502 } : { address, port };
}

/** Status of a response's first line; undefined when it is none. */
export function responseStatus(line: string): number | undefined {
  const status = STATUS.exec(line)?.[1];
  return status === undefined ? undefined : Number(status);
}

export function buildConnect(address: Ip4, port: number): Uint8Array {
  const target = `${formatIp4(address)}:${port}`;
  return latin1(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
}

/** A response without a body; anything but 200 is the connection's last word. */
export function buildConnectResponse(status: number): Uint8Array {
  const rest = status === 200 ? '' : 'Content-Length: 0\r\nConnection: close\r\n';
  return latin1(`HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}\r\n${rest}\r\n`);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
