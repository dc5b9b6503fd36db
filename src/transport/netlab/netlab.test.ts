import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeNamespaces, runScenario } from '../../../test/support/netlab.ts';
import { exitCode, mustRun } from './command.ts';
import { createHost } from './hosts.ts';
import { inSandbox, spawnSandbox } from './sandbox.ts';

const INSIDE = fileURLToPath(new URL('../../../test/netlab/sandbox.ts', import.meta.url));
const SANDBOX = new URL('./sandbox.ts', import.meta.url).href;

it('refuses to make hosts outside a sandbox', async () => {
  expect(inSandbox()).toBe(false);
  await expect(createHost('nowhere')).rejects.toThrow(/only inside a sandbox/);
});

describeNamespaces('sandbox', () => {
  it('has an own network and passes the exit code on', async () => {
    const { events, exitCode: code } = await runScenario('sandbox.ts', ['exit']);
    expect(code).toBe(7);
    expect(events[0].inSandbox).toBe(true);
    expect(events[0].links.trim().split('\n')).toHaveLength(1);
    expect(events[0].home).toBe(process.env.HOME);
  });

  it.each([
    ['SIGTERM', 9],
    ['SIGINT', 10],
    ['SIGHUP', 129],
  ] as const)('passes %s on', async (signal, code) => {
    const sandbox = spawnSandbox([process.execPath, INSIDE, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => sandbox.child.stdout?.once('data', resolve));
    await sleep(50);
    sandbox.signal(signal);
    expect(await sandbox.exit).toBe(code);
  });

  it('passes standard input on', async () => {
    const sandbox = spawnSandbox(['cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let text = '';
    sandbox.child.stdout?.on('data', (chunk) => {
      text += String(chunk);
    });
    sandbox.child.stdin?.end('hello');
    expect(await sandbox.exit).toBe(0);
    expect(text).toBe('hello');
  });

  it('ends with all that is inside when its starter is killed by SIGKILL', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'glassgate-'));
    const file = join(folder, 'tick');
    const argv = JSON.stringify([process.execPath, INSIDE, 'tick', file]);
    const code = `import(${JSON.stringify(SANDBOX)}).then((m) => m.enterSandbox(${argv}))`;
    const starter = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => starter.stdout.once('data', resolve));
    await expect.poll(() => Date.now() - Number(readFileSync(file, 'utf8')), { timeout: 5000 }).toBeLessThan(1000);
    starter.kill('SIGKILL');
    await exitCode(starter);
    await sleep(300);
    const last = readFileSync(file, 'utf8');
    await sleep(200);
    expect(readFileSync(file, 'utf8')).toBe(last);
    rmSync(folder, { recursive: true });
  });

  it('leaves the interfaces outside as they were', async () => {
    const links = (): Promise<string> => mustRun(['ip', '-o', 'link']);
    const before = await links();
    await runScenario('sandbox.ts', ['exit']);
    expect(await links()).toBe(before);
  });
});

describeNamespaces('two-LAN network (figures 17 and 18)', () => {
  it('joins the gateways only, and counts what the firewall does', async () => {
    const { events, exitCode: code, stderr } = await runScenario('two-lan.ts');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [gateway, lan, direct, gateways, captured, stray, conntrack] = events;
    expect(gateway.text).toContain('02:00:00:00:00:20');
    expect(gateway.text).not.toContain('inet');
    expect(lan.reached).toBe(false);
    expect(direct).toMatchObject({ reached: false, counters: { invalid: 0, forwarded: 0, blocked: 2 } });
    // Two pings each way are eight packets through the firewall, and on W3.
    expect(gateways).toMatchObject({ there: true, back: true, counters: { invalid: 0, forwarded: 8, blocked: 2 } });
    expect(captured.packets).toBe(8);
    expect(stray).toMatchObject({ sent: { sent: 1 }, counters: { invalid: 1, forwarded: 8, blocked: 2 } });
    const entry = { protocol: 'icmp', source: '192.0.2.20', destination: '198.51.100.30' };
    expect(conntrack.entries).toContainEqual(expect.objectContaining(entry));
  });

  it('can have a bad line between hub and firewall', async () => {
    const options = { lossRatio: 0.1, delay_ms: 10, seed: 7 };
    const { events, exitCode: code, stderr } = await runScenario('impaired.ts', [JSON.stringify(options)]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [{ received, roundTrips_ms }, stopped] = events;
    // Each ping passes twice: 0.81 of 100 in the mean, standard deviation 4.
    expect(received).toBeGreaterThan(60);
    expect(received).toBeLessThan(98);
    expect(Math.min(...roundTrips_ms)).toBeGreaterThan(19);
    expect(stopped.received).toBe(0);
  });
}, ['dumpcap', 'tshark', 'conntrack', 'ethtool']);
