import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Chart } from '../../page-model/chart.ts';
import { VERSION } from '../../version.ts';
import { type Assets, loadAssets } from './assets.ts';
import { PageClient } from './client.ts';
import { SourceFeed } from './feed.ts';
import { newToken, refusal } from './guard.ts';
import { loadCharts } from './machines.ts';
import type { PageSource } from './source.ts';

const HOST = '127.0.0.1';
/** Browsers that look on at a time. */
export const PAGE_CLIENTS = 8;
/** Records are collected so long before they are sent. */
const FLUSH_MS = 50;
/** States, counters and drops are sent so often while somebody looks on. */
const STATE_MS = 1_000;

export interface PageOptions {
  readonly sources: readonly PageSource[];
  /** Default 0: any free one. */
  readonly port?: number;
  /** First part of the path, known only to whom the URL was shown. Default: 128 random bits. Null: none. */
  readonly token?: string | null;
  /** Folder of the built page. Default: the one of this package. */
  readonly assets?: string;
}

export interface Page {
  /** With the token. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the page on the loopback interface. It only shows: no request changes anything.
 * @throws PageNotBuilt when the page's files are missing; an Error with `code` when the port cannot be had
 */
export async function startPage({ sources, port = 0, token = newToken(), assets }: PageOptions): Promise<Page> {
  const [files, charts] = await Promise.all([loadAssets(assets), loadCharts()]);
  const server = new PageServer({ sources, token, files, charts });
  const listening = await server.listen(port);
  const path = token === null ? '' : `${token}/`;
  return { url: `http://${HOST}:${listening}/${path}`, close: () => server.close() };
}

class PageServer {
  readonly #feeds: readonly SourceFeed[];
  readonly #token: string | null;
  readonly #files: Assets;
  readonly #machines: string;
  readonly #server: Server;
  readonly #clients = new Set<PageClient>();
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(parts: { sources: readonly PageSource[]; token: string | null; files: Assets; charts: readonly Chart[] }) {
    this.#feeds = parts.sources.map((source) => new SourceFeed(source));
    this.#token = parts.token;
    this.#files = parts.files;
    this.#machines = JSON.stringify({ machines: parts.charts });
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, HOST, () => resolve());
    });
    for (const feed of this.#feeds) feed.open();
    this.#timers.push(
      setInterval(() => this.#flush(), FLUSH_MS),
      setInterval(() => this.#sendState(), STATE_MS),
    );
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const feed of this.#feeds) feed.close();
    for (const client of this.#clients) client.end();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { port } = this.#server.address() as AddressInfo;
    const refused = refusal(request, { port, token: this.#token });
    if (refused !== undefined) {
      response.writeHead(refused.status, { ...PLAIN, ...refused.headers }).end(`${refused.text}\n`);
      return;
    }
    const path = (request.url ?? '').slice(this.#token === null ? 1 : this.#token.length + 2).split('?')[0];
    if (path === 'api/events') this.#attach(request, response);
    else if (path === 'api/state') this.#json(response, this.#state());
    else if (path === 'api/machines') this.#json(response, this.#machines);
    else this.#file(response, path);
  }

  #json(response: ServerResponse, text: string): void {
    response.writeHead(200, { ...COMMON_HEADERS, 'content-type': 'application/json', 'cache-control': 'no-store' }).end(text);
  }

  #file(response: ServerResponse, path: string): void {
    const file = this.#files.get(path === '' ? 'index.html' : path);
    if (file === undefined) response.writeHead(404, PLAIN).end('nothing here\n');
    else response.writeHead(200, { ...COMMON_HEADERS, 'content-type': file.type, 'cache-control': file.caching }).end(file.bytes);
  }

  #attach(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') {
      response.writeHead(405, { ...PLAIN, allow: 'GET' }).end('only GET\n');
      return;
    }
    if (this.#clients.size >= PAGE_CLIENTS) {
      response.writeHead(503, PLAIN).end(`${PAGE_CLIENTS} pages are open already; close one\n`);
      return;
    }
    // What waits is part of the history that the new client gets.
    this.#flush();
    response.writeHead(200, { ...COMMON_HEADERS, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const client = new PageClient(response, () => client.send('state', this.#state()));
    client.send('hello', `{"version":${JSON.stringify(VERSION)},${this.#state().slice(1)}`);
    this.#feeds.forEach((feed, at) => {
      for (const text of feed.history()) client.send('records', `{"source":${at},"history":true,"records":${text}}`);
    });
    this.#clients.add(client);
    response.once('close', () => this.#clients.delete(client));
  }

  #state(): string {
    return JSON.stringify({ sources: this.#feeds.map(({ name, view }) => ({ name, view })) });
  }

  #sendState(): void {
    if (this.#clients.size === 0) return;
    const state = this.#state();
    for (const client of this.#clients) client.send('state', state);
  }

  #flush(): void {
    this.#feeds.forEach((feed, at) => {
      const { text, count, lost } = feed.flush(this.#clients.size > 0);
      for (const client of this.#clients) {
        if (count > 0) client.send('records', `{"source":${at},"history":false,"records":${text}}`, count);
        if (lost > 0) client.lose(lost);
      }
    });
  }
}

/** Nothing from elsewhere, nothing inline, in nobody's frame; the address with its token goes to no other site. */
const COMMON_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;
const PLAIN = { ...COMMON_HEADERS, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' } as const;
