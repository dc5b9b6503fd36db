import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, follow } from './control-client.ts';
import type { GatewayEvent, GatewayStatus } from './control-protocol.ts';
import { type Controlled, ControlServer } from './control-server.ts';
import type { SetupError } from './setup-error.ts';

class FakeGateway implements Controlled {
  commands: string[] = [];
  listeners = new Set<(event: GatewayEvent) => void>();
  status(): GatewayStatus {
    return { name: 'fake' } as GatewayStatus;
  }
  command(command: string, peer: string): void {
    if (peer === 'nobody') throw new Error("no peer 'nobody' in the configuration; known are gateway30");
    this.commands.push(`${command} ${peer}`);
  }
  subscribe(listener: (event: GatewayEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

let folder: string;
let path: string;
let gateway: FakeGateway;
let server: ControlServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gg-control-'));
  path = join(folder, 'run', 'gateway.sock');
  gateway = new FakeGateway();
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

const start = async () => {
  server = await ControlServer.listen(path, gateway);
};
const fault = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: SetupError) => `${error.fault}: ${error.message}`,
  );

describe('control socket', () => {
  it('is for its owner alone, and gone after the end', async () => {
    await start();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'run')).mode & 0o777).toBe(0o700);
    await server!.close();
    expect(existsSync(path)).toBe(false);
  });

  it('answers status and carries out commands', async () => {
    await start();
    expect(await ask(path, { command: 'status' })).toEqual({ name: 'fake' });
    await ask(path, { command: 'connect', peer: 'gateway30' });
    await ask(path, { command: 'renew', peer: 'gateway30' });
    expect(gateway.commands).toEqual(['connect gateway30', 'renew gateway30']);
    expect(await fault(ask(path, { command: 'disconnect', peer: 'nobody' }))).toBe(
      "runtime: no peer 'nobody' in the configuration; known are gateway30",
    );
  });

  it('sends events to those who subscribed, until they leave', async () => {
    await start();
    const heard: string[] = [];
    const leave = new AbortController();
    const following = follow(path, ({ text }) => heard.push(text), leave.signal);
    await expect.poll(() => gateway.listeners.size).toBe(1);
    for (const text of ['one', 'two'])
      for (const listener of gateway.listeners) listener({ time: '', kind: 'step', text });
    await expect.poll(() => heard).toEqual(['one', 'two']);
    leave.abort();
    await following;
    await expect.poll(() => gateway.listeners.size).toBe(0);
  });

  it('lets followers end when the gateway ends', async () => {
    await start();
    const following = follow(path, () => {}, new AbortController().signal);
    await expect.poll(() => gateway.listeners.size).toBe(1);
    await server!.close();
    await following;
  });

  it.each([
    'x',
    '[]',
    '{"id":"1","command":"status"}',
    '{"id":1,"command":"stop"}',
    '{"id":1,"command":"connect"}',
    '{"id":1,"command":"connect","peer":7}',
  ])('refuses %s and lives on', async (line) => {
    await start();
    const socket = connect(path);
    const answer = new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(String(bytes))));
    socket.write(`${line}\n`);
    expect(JSON.parse(await answer)).toEqual({ id: 0, ok: false, error: 'not a request: {"id":1,"command":"status"}' });
    socket.destroy();
    expect(await ask(path, { command: 'status' })).toEqual({ name: 'fake' });
    expect(gateway.commands).toEqual([]);
  });

  it('cuts off whoever sends a line without end', async () => {
    await start();
    const socket = connect(path);
    socket.on('error', () => {});
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.write('x'.repeat(200_000));
    await closed;
    expect(await ask(path, { command: 'status' })).toEqual({ name: 'fake' });
  });

  it('says when nobody is there', async () => {
    expect(await fault(ask(path, { command: 'status' }))).toBe(
      `runtime: no gateway runs with the control socket ${path}; start one with \`glassgate up CONFIG\``,
    );
  });
});

describe('a control socket that cannot be made', () => {
  it('another gateway has it', async () => {
    await start();
    expect(await fault(ControlServer.listen(path, gateway))).toMatch(
      /^runtime: control socket .*another gateway runs with it/,
    );
    expect(await ask(path, { command: 'status' })).toEqual({ name: 'fake' });
  });

  it('one left by a killed gateway is replaced', async () => {
    const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    const { spawnSync } = await import('node:child_process');
    path = join(folder, 'stale.sock');
    spawnSync(process.execPath, ['-e', script, path]);
    expect(statSync(path).isSocket()).toBe(true);
    await start();
    expect(await ask(path, { command: 'status' })).toEqual({ name: 'fake' });
  });

  it('a file of somebody stays', async () => {
    path = join(folder, 'precious');
    writeFileSync(path, 'data');
    expect(await fault(ControlServer.listen(path, gateway))).toBe(
      `config: control socket ${path}: there is a file that is no socket; set control.socket to a free path`,
    );
    expect(statSync(path).size).toBe(4);
  });

  it('the path is too long', async () => {
    expect(await fault(ControlServer.listen(join(folder, 'x'.repeat(120)), gateway))).toMatch(
      /^config: .*longer than 107 bytes/,
    );
  });
});
