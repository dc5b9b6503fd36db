import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exitCode, run } from '../src/transport/netlab/command.ts';
import { describeNamespaces } from './support/netlab.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const BYTES = 3_000_000;
const TIME_LIMIT_MS = 120_000;

interface Step {
  step: string;
  box: string;
  ok?: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: each step has its own fields
  [field: string]: any;
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** `glassgate demo --json` with its temporary folder in `folder`; the steps it has told so far. */
function demo(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; steps: Step[]; exit: Promise<number>; told: (name: string) => Promise<Step> } {
  const argv = ['--disable-warning=ExperimentalWarning', MAIN, 'demo', '--json', ...args];
  const child = spawn(process.execPath, argv, {
    env: { ...process.env, TMPDIR: folder, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const steps: Step[] = [];
  const lines = createInterface({ input: child.stdout! });
  const closed = new Promise<void>((resolve) => lines.once('close', resolve));
  lines.on('line', (line) => steps.push(JSON.parse(line)));
  const told = (name: string): Promise<Step> =>
    new Promise((resolve, reject) => {
      lines.on('line', () => steps.at(-1)?.step === name && resolve(steps.at(-1) as Step));
      void closed.then(() =>
        reject(new Error(`the demo ended without step ${name}: ${JSON.stringify(steps.slice(-3))}`)),
      );
    });
  const exit = exitCode(child).then(async (code) => {
    await closed;
    return code;
  });
  return { child, steps, exit, told };
}

const named = (steps: Step[], name: string): Step | undefined => steps.find(({ step }) => step === name);
const names = (steps: Step[]): string[] => steps.map(({ step }) => step).filter((step) => step !== 'status');

/** Processes whose command line names the folder. */
function leftOver(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(folder) ? [line] : [];
      } catch {
        return [];
      }
    });
}

function expectAllOfIt(steps: Step[]): void {
  expect(steps.filter(({ ok }) => ok === false)).toEqual([]);
  expect(named(steps, 'ping-before')).toMatchObject({ ok: true, received: 0 });
  expect(named(steps, 'ping')).toMatchObject({ ok: true, sent: 5, received: 5 });
  expect(named(steps, 'transfer')).toMatchObject({ ok: true, bytes: BYTES });
  expect(named(steps, 'sent')?.sha256).toBe(named(steps, 'received')?.sha256);
  expect(named(steps, 'result')).toMatchObject({ ok: true });
  const order = [
    'ping-before',
    'hello',
    'cookie',
    'request',
    'syn-forged',
    'complete',
    'tunnel-up',
    'ping',
    'transfer',
    'result',
  ];
  expect(names(steps).filter((step, at, all) => order.includes(step) && all.indexOf(step) === at)).toEqual(order);
}

describeNamespaces('glassgate demo on kernels', () => {
  it.each([
    ['2', 'tcp', 'hold'],
    ['4', 'udp', 'immediate'],
  ])(
    '--once: embodiment %s, F13 %s, handshake %s',
    async (embodiment, f13, handshake) => {
      const { steps, exit } = demo([
        '--once',
        '--bytes',
        String(BYTES),
        '--embodiment',
        embodiment,
        '--f13',
        f13,
        '--handshake',
        handshake,
      ]);
      const code = await exit;
      expectAllOfIt(steps);
      expect(code).toBe(0);
      expect(named(steps, 'firewall-counters')).toMatchObject({ ok: true, invalid: 0, blocked: 0 });
      expect(named(steps, handshake === 'hold' ? 'syn-held' : 'syn-answered')?.box).toBe('gateway 30');
      expect(readdirSync(folder)).toEqual([]);
    },
    TIME_LIMIT_MS,
  );

  it(
    'stays up, lets others in and asks; Ctrl-C leaves nothing behind',
    async () => {
      const { child, exit, told } = demo(['--bytes', '1000']);
      expect(await told('result')).toMatchObject({ ok: true });
      expect(await told('status')).toMatchObject({ state: 'up' });
      const [own] = readdirSync(folder);
      const enter = join(folder, own, 'enter');
      const pinged = await run([enter, 't21', 'sh', '-c', 'ip -o addr show eth0; ls /proc/self/net/dev']);
      expect({ code: pinged.code, stderr: pinged.stderr }).toEqual({ code: 0, stderr: '' });
      expect(pinged.stdout).toContain('10.9.0.1/24');
      const status = await run([
        process.execPath,
        MAIN,
        'status',
        '--json',
        '--socket',
        join(folder, own, 'gateway30.sock'),
      ]);
      expect(JSON.parse(status.stdout)).toMatchObject({ name: 'gateway30', peers: [{ state: 'up' }] });
      child.kill('SIGINT');
      expect(await exit).toBe(0);
      expect(readdirSync(folder)).toEqual([]);
      await expect.poll(leftOver).toEqual([]);
    },
    TIME_LIMIT_MS,
  );

  it(
    'interrupted before the end is no success, and leaves nothing behind either',
    async () => {
      const { child, exit, told } = demo(['--once']);
      await told('network');
      child.kill('SIGINT');
      expect(await exit).toBe(130);
      expect(readdirSync(folder)).toEqual([]);
      await expect.poll(leftOver).toEqual([]);
    },
    TIME_LIMIT_MS,
  );
});

describe('glassgate demo in memory', () => {
  it(
    'does the same without nft, and says which package would help',
    async () => {
      const tools = join(folder, 'tools');
      // Where a program is missing the shell's "not found" is what everybody gets: 127.
      await run(['mkdir', tools]);
      for (const name of ['unshare', 'mount', 'ip'])
        writeFileSync(join(tools, name), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
      writeFileSync(join(tools, 'nft'), '#!/bin/sh\nexit 127\n', { mode: 0o755 });
      const { steps, exit } = demo(['--once', '--bytes', String(BYTES)], { PATH: tools });
      expect(await exit).toBe(0);
      expect(steps[0]).toMatchObject({ step: 'fallback' });
      expect(steps[0].reason).toContain('nft is missing');
      expect(steps[0].reason).toContain('apt install nftables');
      expectAllOfIt(steps);
    },
    TIME_LIMIT_MS,
  );
});
