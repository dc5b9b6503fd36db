import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Chart } from '../../page-model/chart.ts';
import { type Assets, loadAssets } from './assets.ts';
import { EVENT_STREAM } from './client.ts';
import { newToken, refusal } from './guard.ts';
import { PageHub } from './hub.ts';
import { loadCharts } from './machines.ts';
import type { PageSource } from './source.ts';

const HOST = '127.0.0.1';
/** Browsers that look on at a time. */
export const PAGE_CLIENTS = 8;

/** What the live page shows, and where it is served. */
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
  /** Browsers that look on now. */
  readonly viewers: number;
  close(): Promise<void>;
}

/**
 * Serves the page on the loopback interface. It only shows: no request changes anything.
 * @throws PageNotBuilt when the page's files are missing; an Error with `code` when the port cannot be had
 */
export async function startPage({ sources, port = 0, token = newToken(), assets }: PageOptions): Promise<Page> {
  const [files, charts] = await Promise.all([loadAssets(assets), loadCharts()]);
  const hub = new PageHub(sources);
  const server = new PageServer({ hub, token, files, charts });
  const listening = await server.listen(port);
  const path = token === null ? '' : `${token}/`;
  return {
    url: `http://${HOST}:${listening}/${path}`,
    get viewers() {
      return hub.clients;
    },
    close: () => server.close(),
  };
}

class PageServer {
  readonly #hub: PageHub;
  readonly #token: string | null;
  readonly #files: Assets;
  readonly #machines: string;
  readonly #server: Server;

  constructor(parts: { hub: PageHub; token: string | null; files: Assets; charts: readonly Chart[] }) {
    this.#hub = parts.hub;
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
    this.#hub.open();
    return this.#port;
  }

  async close(): Promise<void> {
    this.#hub.close();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const refused = refusal(request, { port: this.#port, token: this.#token });
    if (refused !== undefined) {
      response.writeHead(refused.status, { ...PLAIN, ...refused.headers }).end(`${refused.text}\n`);
      return;
    }
    const [path] = (request.url ?? '').slice(this.#token === null ? 1 : this.#token.length + 2).split('?');
    if (path === 'api/events') this.#attach(request, response);
    else if (path === 'api/state') this.#json(response, this.#hub.state());
    else if (path === 'api/machines') this.#json(response, this.#machines);
    else this.#file(response, path);
  }

  #json(response: ServerResponse, text: string): void {
    response
      .writeHead(200, { ...COMMON_HEADERS, 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(text);
  }

  #file(response: ServerResponse, path: string): void {
    const file = this.#files.get(path === '' ? 'index.html' : path);
    if (file === undefined) response.writeHead(404, PLAIN).end('nothing here\n');
    else
      response
        .writeHead(200, { ...COMMON_HEADERS, 'content-type': file.type, 'cache-control': file.caching })
        .end(file.bytes);
  }

  #attach(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') {
      response.writeHead(405, { ...PLAIN, allow: 'GET' }).end();
      return;
    }
    if (this.#hub.clients >= PAGE_CLIENTS) {
      response.writeHead(503, PLAIN).end(`${PAGE_CLIENTS} pages are open already; close one\n`);
      return;
    }
    response.writeHead(200, { ...COMMON_HEADERS, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    this.#hub.attach(response, EVENT_STREAM);
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
