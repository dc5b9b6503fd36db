import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pageLab } from '../../../test/support/page-recording.ts';
import type { JournalRecord } from '../../actors/tap.ts';
import type { PageMessages } from '../../page-model/messages.ts';
import { PageNotBuilt } from './assets.ts';
import { CLIENT_QUEUE_BYTES } from './client.ts';
import { BURST_RECORDS, HISTORY_RECORDS } from './feed.ts';
import { labSource } from './lab-source.ts';
import { PAGE_CLIENTS, type Page, startPage } from './server.ts';
import { localSource, PageTap, teeTap } from './source.ts';

let assets: string;
beforeAll(() => {
  assets = mkdtempSync(join(tmpdir(), 'gg-page-'));
  writeFileSync(join(assets, 'index.html'), '<title>page</title>');
  mkdirSync(join(assets, 'assets'));
  writeFileSync(join(assets, 'assets', 'page-1.js'), '1');
});
afterAll(() => rmSync(assets, { recursive: true }));

let tap: PageTap;
let page: Page;
beforeEach(async () => {
  tap = new PageTap();
  page = await startPage({
    sources: [localSource('test', { devices: () => [], now_us: () => 7, subscribe: tap.subscribe })],
    assets,
  });
});
afterEach(() => page.close());

const portOf = (): number => Number(new URL(page.url).port);
const tokenOf = (): string => new URL(page.url).pathname.split('/')[1];

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
}

/** `path` is sent as it is, which `fetch` would not do. */
function ask(path: string, { method = 'GET', host = `127.0.0.1:${portOf()}` } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port: portOf(), path, method, headers: { host } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
    });
    asking.on('error', reject);
    asking.end();
  });
}

type Message = { [K in keyof PageMessages]: { name: K; content: PageMessages[K] } }[keyof PageMessages];

/** Collects what a stream sends; `reads` false: leaves it where it is. */
function look(reads = true): Promise<{ messages: Message[]; status: number; read: () => void; end: () => void }> {
  return new Promise((resolve) => {
    get(`${page.url}api/events`, (answer) => {
      const messages: Message[] = [];
      let rest = '';
      const read = (): void => {
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          const blocks = (rest + part).split('\n\n');
          rest = blocks.pop() ?? '';
          for (const block of blocks) messages.push(messageOf(block));
        });
      };
      answer.on('error', () => {});
      if (reads) read();
      resolve({ messages, status: answer.statusCode ?? 0, read, end: () => answer.destroy() });
    });
  });
}

function messageOf(block: string): Message {
  const [event, data] = block.split('\n');
  return { name: event.slice('event: '.length), content: JSON.parse(data.slice('data: '.length)) } as Message;
}

const recordsOf = (messages: readonly Message[]): JournalRecord[] =>
  messages.flatMap((message) => (message.name === 'records' ? message.content.records : []));
const lostOf = (messages: readonly Message[]): number =>
  messages.reduce((sum, message) => (message.name === 'gap' ? sum + message.content.lost : sum), 0);

function note(seq: number, text = ''): JournalRecord {
  return { seq, time_us: seq, device: 'd', actor: 'a', kind: 'note', name: 'n', data: { text }, cause: 0 };
}

describe('who may look', () => {
  it('needs the token, of 128 random bits', async () => {
    expect(tokenOf()).toMatch(/^[0-9a-f]{32}$/);
    expect((await ask(`/${tokenOf()}/`)).text).toBe('<title>page</title>');
    const wrong = [
      `/`,
      `/index.html`,
      `/api/state`,
      `/${'0'.repeat(32)}/`,
      `/${tokenOf().slice(1)}/`,
      `//${tokenOf()}/`,
      `/%2e%2e/${tokenOf()}/`,
    ];
    for (const path of wrong) expect([path, (await ask(path)).status]).toEqual([path, 404]);
    expect((await ask(`/${tokenOf()}`)).headers.location).toBe(`/${tokenOf()}/`);
  });

  it('has another token each time, or none where none is wanted', async () => {
    const open = await startPage({ sources: [], assets, token: null });
    const other = await startPage({ sources: [], assets });
    expect(new URL(other.url).pathname).not.toBe(new URL(page.url).pathname);
    expect(new URL(open.url).pathname).toBe('/');
    expect((await fetch(`${open.url}api/state`)).status).toBe(200);
    await Promise.all([open.close(), other.close()]);
  });

  it('must ask for this machine by its own name (DNS rebinding)', async () => {
    const path = `/${tokenOf()}/`;
    for (const host of ['evil.example', `evil.example:${portOf()}`, '127.0.0.1', `127.0.0.1.evil.example:${portOf()}`])
      expect([host, (await ask(path, { host })).status]).toEqual([host, 421]);
    for (const host of [`127.0.0.1:${portOf()}`, `localhost:${portOf()}`])
      expect((await ask(path, { host })).status).toBe(200);
  });

  it('can change nothing', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      for (const path of ['', 'api/state', 'api/machines', 'api/events']) {
        const { status, headers } = await ask(`/${tokenOf()}/${path}`, { method });
        expect([method, path, status, headers.allow]).toEqual([method, path, 405, 'GET, HEAD']);
      }
    }
  });

  it('is on this machine', async () => {
    const others = Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal),
    );
    const addresses = ['127.0.0.2', ...others.map(({ address }) => address)];
    const reached = addresses.map(
      (host) =>
        new Promise<string>((resolve) => {
          const socket = connect(portOf(), host, () => resolve(`reached by ${host}`));
          socket.on('error', () => resolve('refused')).on('connect', () => socket.destroy());
        }),
    );
    expect(new Set(await Promise.all(reached))).toEqual(new Set(['refused']));
  });

  it('gets nothing from elsewhere, in every answer', async () => {
    for (const path of [`/${tokenOf()}/`, `/${tokenOf()}/api/state`, `/${tokenOf()}/nothing`, '/']) {
      const { headers } = await ask(path);
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'/,
      );
      expect(headers).toMatchObject({ 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' });
    }
  });

  it('gets the built files and no other file', async () => {
    const { status, headers } = await ask(`/${tokenOf()}/assets/page-1.js`);
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      200,
      'text/javascript; charset=utf-8',
      'max-age=31536000, immutable',
    ]);
    for (const path of [
      '../server.ts',
      'assets/../../../../etc/passwd',
      '%2e%2e/%2e%2e/etc/passwd',
      'assets',
      'assets/',
    ])
      expect([path, (await ask(`/${tokenOf()}/${path}`)).status]).toEqual([path, 404]);
  });
});

describe('the API', () => {
  it('tells all machines and the present state', async () => {
    const lab = pageLab('e2');
    const shown = await startPage({ sources: [labSource(lab)], assets });
    const { machines } = (await (await fetch(`${shown.url}api/machines`)).json()) as { machines: { id: string }[] };
    expect(machines.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['leg', 'ssl', 'tcp', 'engine', 'record-session']),
    );
    const state = (await (await fetch(`${shown.url}api/state`)).json()) as PageMessages['state'];
    const { devices, cables } = state.sources[0].view;
    expect([devices.length, cables.length]).toEqual([7, 6]);
    expect(devices.find(({ name }) => name === 'gateway20')?.layers.map(({ label }) => label)).toEqual(
      lab.devices.gateway20.layers.map(({ label }) => label),
    );
    await shown.close();
  });

  it('says clearly that the page was not built', async () => {
    const missing = startPage({ sources: [], assets: join(assets, 'nowhere') });
    await expect(missing).rejects.toThrow(PageNotBuilt);
    await expect(missing).rejects.toThrow(/the page was not built: there is no .*index\.html\. Run `npm run prepare`/);
  });

  it('fails where the port is taken', async () => {
    await expect(startPage({ sources: [], assets, port: portOf() })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('the stream', () => {
  it('begins with what there is, then gives what comes', async () => {
    tap.record(note(1));
    const { messages, end } = await look();
    await expect.poll(() => messages.length).toBe(2);
    expect(messages[0]).toMatchObject({
      name: 'hello',
      content: { sources: [{ name: 'test', view: { time_us: 7, alive: true } }] },
    });
    expect(messages[1]).toMatchObject({ name: 'records', content: { source: 0, history: true, records: [note(1)] } });
    tap.record(note(2));
    await expect
      .poll(() => messages[2])
      .toMatchObject({ name: 'records', content: { source: 0, history: false, records: [note(2)] } });
    await expect.poll(() => messages.at(-1)?.name, { timeout: 3000 }).toBe('state');
    end();
  });

  it('remembers the newest decisions, a constant number, whatever is dropped meanwhile', async () => {
    for (let seq = 1; seq <= 3 * HISTORY_RECORDS.decision; seq++) tap.record(note(seq));
    for (let seq = 1; seq <= 20_000; seq++) tap.record({ ...note(100_000 + seq), kind: 'drop' });
    const { messages, end } = await look();
    await expect.poll(() => recordsOf(messages).length).toBe(HISTORY_RECORDS.decision + HISTORY_RECORDS.drop);
    const notes = recordsOf(messages).filter(({ kind }) => kind === 'note');
    expect([notes[0].seq, notes.at(-1)?.seq]).toEqual([2 * HISTORY_RECORDS.decision + 1, 3 * HISTORY_RECORDS.decision]);
    end();
  });

  it('gives no more drops than somebody could read, and says how many were left out', async () => {
    const { messages, end } = await look();
    for (let seq = 1; seq <= 20_000; seq++) tap.record({ ...note(seq), kind: 'drop' });
    await expect.poll(() => lostOf(messages)).toBeGreaterThan(0);
    expect(recordsOf(messages).length).toBe(BURST_RECORDS.drop);
    expect(recordsOf(messages).length + lostOf(messages)).toBe(20_000);
    end();
  });

  it('leaves out data that is too long, and writes bytes as the journal does', async () => {
    tap.record(note(1, 'x'.repeat(10_000)));
    tap.record({ ...note(2), data: { bytes: new Uint8Array([1, 2]) } });
    const { messages, end } = await look();
    await expect
      .poll(() => recordsOf(messages).map(({ data }) => data))
      .toEqual([{ omitted: 10_011 }, { bytes: { $b: 'AQI=' } }]);
    end();
  });

  it('makes a slow reader lose records, not the gateway its memory, and tells it', async () => {
    const slow = await look(false);
    const batch = 4_000;
    let seq = 0;
    const text = 'x'.repeat(2_000);
    // More than its queue and the kernel's buffers hold.
    for (let round = 0; round < 14; round++) {
      for (let at = 0; at < batch; at++) tap.record(note(++seq, text));
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(20 * CLIENT_QUEUE_BYTES);
    slow.read();
    await expect.poll(() => lostOf(slow.messages), { timeout: 10_000 }).toBeGreaterThan(0);
    await expect.poll(() => recordsOf(slow.messages).length + lostOf(slow.messages), { timeout: 10_000 }).toBe(seq);
    const gap = slow.messages.findIndex(({ name }) => name === 'gap');
    expect(slow.messages.slice(gap).some(({ name }) => name === 'state')).toBe(true);
    // It is up to date again.
    tap.record(note(++seq));
    await expect.poll(() => recordsOf(slow.messages).at(-1)?.seq).toBe(seq);
    slow.end();
  });

  it('serves so many readers and no more, and takes a new one when one has gone', async () => {
    const readers = await Promise.all(Array.from({ length: PAGE_CLIENTS }, () => look()));
    expect(readers.map(({ status }) => status)).toEqual(readers.map(() => 200));
    expect((await look()).status).toBe(503);
    readers[0].end();
    await expect.poll(async () => (await look()).status).toBe(200);
    for (const { end } of readers) end();
  });

  it('ends with the page', async () => {
    const { end } = await look();
    await page.close();
    await expect(fetch(page.url)).rejects.toThrow();
    end();
  });
});

describe('a tee of taps', () => {
  it('has the highest level and gives each tap what its own keeps', () => {
    const heard: string[] = [];
    const tapAt = (level: 'off' | 'control' | 'inputs') => ({
      level,
      record: ({ kind }: JournalRecord) => void heard.push(`${level} ${kind}`),
    });
    const tee = teeTap(tapAt('control'), tapAt('inputs'), tapAt('off'));
    expect(tee.level).toBe('inputs');
    tee.record({ ...note(1), kind: 'input' });
    tee.record(note(2));
    expect(heard).toEqual(['inputs input', 'control note', 'inputs note']);
  });
});
