import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const TOKEN_BYTES = 16;
const HTTP_PORT = 80;
const OWN_NAMES: readonly string[] = ['127.0.0.1', 'localhost'];
const READING_METHODS: readonly (string | undefined)[] = ['GET', 'HEAD'];

/** Why a request gets nothing. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('hex');
}

/**
 * Judges a request before anything else is done with it. The Host check is against pages of other sites whose name was made to
 * resolve to this machine (DNS rebinding); the token is against other users and programs of this machine.
 */
export function refusal(
  { method, url = '', headers }: IncomingMessage,
  { port, token }: { port: number; token: string | null },
): Refusal | undefined {
  if (!READING_METHODS.includes(method))
    return { status: 405, text: 'this page only shows: GET and HEAD', headers: { allow: 'GET, HEAD' } };
  if (!OWN_NAMES.includes(nameOf((headers.host ?? '').toLowerCase(), port)))
    return { status: 421, text: `ask for http://127.0.0.1:${port}/` };
  if (!url.startsWith('/')) return { status: 400, text: 'not a path' };
  if (token !== null && !isToken(url.split('/')[1], token))
    return { status: 404, text: 'nothing here; open the whole address that was printed' };
  // Relative addresses of the page's files need the slash.
  if (token !== null && url === `/${token}`) return { status: 301, text: 'moved', headers: { location: `/${token}/` } };
  return undefined;
}

/** `127.0.0.1` of `127.0.0.1:8080`; empty for another port. A browser leaves out the port of plain HTTP. */
function nameOf(host: string, port: number): string {
  const [name, given = String(HTTP_PORT)] = host.split(':');
  return Number(given) === port ? name : '';
}

function isToken(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
