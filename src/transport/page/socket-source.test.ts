import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gatewayPair } from '../../../test/support/gateway-pair.ts';
import { pageLab } from '../../../test/support/page-recording.ts';
import type { JournalRecord } from '../../actors/tap.ts';
import type { SourcedRecord } from '../../page-model/messages.ts';
import { sequenceOf } from '../../page-model/sequence.ts';
import { type Controlled, ControlServer } from '../runtime/control-server.ts';
import { PageHub } from './hub.ts';
import { labSource } from './lab-source.ts';
import { SocketSource } from './socket-source.ts';

let folder: string;
let path: string;
const ends: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gg-look-'));
  path = join(folder, 'gateway.sock');
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  rmSync(folder, { recursive: true });
});

/** A process with a lab in it, as far as its control socket goes. */
async function process(lab = pageLab('e2')) {
  const page = new PageHub([labSource(lab)]);
  page.open();
  const server = await ControlServer.listen(path, { page } as unknown as Controlled);
  const stop = async () => {
    page.close();
    await server.close();
  };
  return { lab, stop };
}

function listening(source: SocketSource): JournalRecord[] {
  const heard: JournalRecord[] = [];
  ends.push(source.subscribe((record) => heard.push(record)));
  return heard;
}

const textsOf = (source: SocketSource, records: readonly JournalRecord[]): string[] =>
  sequenceOf(
    [{ name: 'a', view: source.view() }],
    records.map((record) => ({ source: 0, record })),
    'story',
  ).rows.map(({ text }) => text);

describe('a gateway in another process', () => {
  it('is shown with its state and all that it did', async () => {
    const { lab, stop } = await process();
    ends.push(stop);
    lab.start();
    const source = new SocketSource('gateway20', path);
    expect(source.view()).toMatchObject({ alive: false, devices: [] });
    const heard = listening(source);
    await expect.poll(() => source.view().alive).toBe(true);
    lab.run(3_000_000);
    await expect.poll(() => textsOf(source, heard).at(-1)).toBe('session is up');
    expect(textsOf(source, heard)).toEqual(
      expect.arrayContaining(['SYN held', 'HELLO', 'COOKIE', 'ClientHello', 'START']),
    );
    const leg = source
      .view()
      .devices.find(({ name }) => name === 'gateway20')
      ?.layers.find(({ kind }) => kind === 'intermediate-driver');
    expect(leg?.machines[0]).toMatchObject({ machine: 'leg', state: 'OPEN.PROVEN' });
  });

  it('may come later, go, and come again as another process, and no record is told twice', async () => {
    const source = new SocketSource('gateway20', path);
    const heard = listening(source);
    const first = await process();
    first.lab.start();
    first.lab.run(3_000_000);
    await expect.poll(() => textsOf(source, heard).filter((text) => text === 'session is up')).toHaveLength(2);
    const count = heard.length;
    await first.stop();
    await expect.poll(() => source.view().alive).toBe(false);
    expect(source.view().devices).not.toEqual([]);
    const second = await process();
    ends.push(second.stop);
    await expect.poll(() => source.view().alive).toBe(true);
    expect(heard).toHaveLength(count);
    second.lab.start();
    second.lab.run(3_000_000);
    await expect.poll(() => heard.length).toBe(2 * count);
  });

  it('is asked again after its connection was lost, and its history is not told twice', async () => {
    const { lab, stop } = await process();
    ends.push(stop);
    const source = new SocketSource('gateway20', path);
    const heard = listening(source);
    await expect.poll(() => source.view().alive).toBe(true);
    lab.start();
    lab.run(3_000_000);
    await expect.poll(() => textsOf(source, heard).at(-1)).toBe('session is up');
    const again: JournalRecord[] = [];
    // Nobody listens for a moment: the connection ends and is made anew.
    for (const end of ends.splice(1)) await end();
    ends.push(source.subscribe((record) => again.push(record)));
    await expect.poll(() => source.view().alive).toBe(true);
    lab.tell('gateway30', lab.topLabel('gateway30'), 'disconnect', { peer: 'gateway20' });
    lab.run(1_000_000);
    await expect.poll(() => again.length).toBeGreaterThan(0);
    expect(again[0].seq).toBeGreaterThan(heard.at(-1)!.seq);
  });

  it.each([
    'nonsense\n',
    '{"id":1,"ok":false,"error":"no"}\n',
    '{"page":"records","content":{}}\n',
    '{"page":"hello","content":null}\n',
  ])('that answers %j is left alone until it makes sense', async (answer) => {
    let asked = 0;
    const stranger = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        asked += 1;
        socket.write(answer);
      });
    });
    await new Promise<void>((resolve) => stranger.listen(path, resolve));
    ends.push(() => new Promise((resolve) => stranger.close(resolve)));
    const source = new SocketSource('gateway20', path);
    listening(source);
    await expect.poll(() => asked, { timeout: 3000 }).toBeGreaterThan(1);
    expect(source.view()).toMatchObject({ alive: false });
  });
});

describe('two gateways that run in real time', () => {
  it('tell their common handshake over their control sockets, with true TLS', { timeout: 20_000 }, async () => {
    const { g20, g30 } = await gatewayPair({ embodiment: 'engine', f13: 'tcp' });
    const sources: SocketSource[] = [];
    const records: SourcedRecord[] = [];
    for (const [at, { runtime }] of [g20, g30].entries()) {
      const socket = join(folder, `${at}.sock`);
      const server = await ControlServer.listen(socket, runtime);
      ends.push(() => server.close());
      ends.push(() => runtime.stop());
      const source = new SocketSource(`gateway${at}`, socket);
      sources.push(source);
      ends.push(source.subscribe((record) => records.push({ source: at, record })));
    }
    for (const { runtime } of [g20, g30]) runtime.start();
    const rows = () =>
      sequenceOf(
        sources.map((source) => ({ name: source.name, view: source.view() })),
        records,
        'story',
      ).rows;
    const texts = () => rows().map(({ text }) => text);
    await expect.poll(() => texts().filter((text) => text === 'session is up').length, { timeout: 10_000 }).toBe(2);
    const order = [
      'SYN held',
      'HELLO',
      'COOKIE',
      'REQUEST',
      'forged SYN',
      'COMPLETE',
      'forged SYN+ACK',
      'OFFER',
      'START',
      'GO',
      'first record',
    ];
    expect(order.map((text) => texts().indexOf(text))).toEqual(
      order.map((text) => texts().indexOf(text)).sort((a, b) => a - b),
    );
    expect(texts()).toEqual(expect.arrayContaining(order));
    expect(rows().filter(({ arrival }) => arrival === 'missing')).toEqual([]);
  });
});
