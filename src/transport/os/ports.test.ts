import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { describeNamespaces, runScenario, type ScenarioEvent } from '../../../test/support/netlab.ts';
import { interfaceInfo, OsError, openPacket } from './index.ts';
import { POLL_TIMEOUT_MS } from './poller.ts';

const CLOSE_LIMIT_MS = 500;
const MEMORY_GROWTH_LIMIT_KIB = 16 * 1024;

async function scenario(file: string): Promise<(event: string) => ScenarioEvent[]> {
  const { events, exitCode, stderr } = await runScenario(file);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return (name) => events.filter(({ event }) => event === name);
}

describe('without an interface or a capability', () => {
  it('names the missing interface and where to look', () => {
    const open = (): unknown => openPacket({ interface: 'nowhere0', promiscuous: true });
    expect(open).toThrow(OsError);
    expect(open).toThrow(/nowhere0: ENODEV; no such interface here; `ip link` lists/);
  });

  it('knows the loopback interface', () => {
    expect(interfaceInfo('lo')).toMatchObject({ name: 'lo', index: 1, mac: '00:00:00:00:00:00' });
  });

  it('names the missing capability', async () => {
    const module = JSON.stringify(new URL('./index.ts', import.meta.url).href);
    const body = `import(${module}).then((m) => m.openPacket({ interface: 'lo', promiscuous: true })).catch((e) => console.log(e.message))`;
    // A new user namespace has no rights over the network it comes from, whoever makes it.
    const program = ['unshare', '--user', process.execPath, '-e', body];
    const result = await promisify(execFile)(program[0], program.slice(1)).catch((error) => error);
    if (/unshare/.test(result.stderr)) {
      console.warn(`not checked here: no user namespaces: ${result.stderr}`);
      return;
    }
    expect(result.stdout).toMatch(/open a packet socket on lo: EPERM; needs the capability CAP_NET_RAW/);
  });
});

describeNamespaces('TAP', () => {
  it('carries a ping of the kernel, follows the interface down and up, closes at once, and explains every refusal', async () => {
    const found = await scenario('tap.ts');
    const [{ info, mtu, mac }] = found('info');
    expect(info).toMatchObject({ name: 'tap0', mtu: 1400, up: true, mac });
    expect(mac).toBe('02:00:00:00:00:98');
    expect(mtu).toBe(1400);
    const [ping] = found('ping');
    expect(ping).toMatchObject({ sent: 20, received: 20, verdicts: { good: 20 } });
    expect(ping.counters).toMatchObject({ receivedMalformed: 0, receiveErrors: 0, sendDropped: 0 });
    expect(found('fragments')[0].lengths).toEqual([1410, 1410, 1290]);
    expect(found('busy')[0]).toMatchObject({ code: 'EBUSY' });
    expect(found('down')[0]).toMatchObject({ result: { dropped: 1 }, events: [{ operation: 'send', code: 'EIO' }] });
    expect(found('up')[0]).toMatchObject({ result: { sent: 1 }, events: [] });
    const [closed] = found('closed');
    expect(closed.gone).toBe(true);
    expect(closed.ms).toBeLessThan(CLOSE_LIMIT_MS);
    expect(found('after-close')[0].result).toEqual({ sent: 0, queued: 0, dropped: 1 });
    expect(found('deleted')[0].events).toContainEqual({ operation: 'receive', code: 'EBADFD', frames: 0, fatal: true });
    expect(found('bad-name')[0].message).toMatch(/1 to 15 characters/);
    expect(found('bad-mtu')[0].message).toMatch(/set MTU 12 on interface tap2: EINVAL/);
    expect(found('no-tun')[0].message).toMatch(/\/dev\/net\/tun: ENOENT; load the tun module/);
    expect(found('not-tun')[0].message).toMatch(/is not the TUN device/);
  });
}, ['/dev/net/tun']);

describeNamespaces('AF_PACKET', () => {
  it('bridges kernel TCP, cut or whole, keeps tags, survives its interface, and does not grow', async () => {
    const found = await scenario('packet.ts');
    for (const transfer of found('transfer')) checkTransfer(transfer);
    expect(found('transfer').map(({ keepSuperFrames }) => keepSuperFrames)).toEqual([false, true]);
    for (const closed of found('closed')) expect(closed.ms).toBeLessThan(CLOSE_LIMIT_MS);
    expect(found('closed')).toHaveLength(3);
    checkCrossings(found('crossed'));
    const [{ received, memory_KiB, right }] = found('memory');
    expect(received + right.kernelDropped).toBe(250_000);
    // From the second round on: what the first one fills stays.
    expect(memory_KiB.at(-2) - memory_KiB[2]).toBeLessThan(MEMORY_GROWTH_LIMIT_KIB);
    expect(memory_KiB.at(-1) - memory_KiB[3]).toBeLessThan(MEMORY_GROWTH_LIMIT_KIB);
    expect(found('too-long')[0]).toMatchObject({ result: { sent: 1, dropped: 1 }, events: [{ code: 'EMSGSIZE' }] });
    expect(found('down')[0]).toMatchObject({ result: { dropped: 2 } });
    expect(found('down')[0].events).toContainEqual({ operation: 'send', code: 'ENETDOWN', frames: 2, fatal: false });
    expect(found('up')[0]).toMatchObject({ result: { sent: 1 }, events: [] });
    expect(found('deleted')[0].events).toContainEqual({ operation: 'send', code: 'ENXIO', frames: 1, fatal: false });
  });
});

describeNamespaces('an open port', () => {
  it('does not hold up process.exit', async () => {
    const { events, exitCode } = await runScenario('exit.ts');
    expect(exitCode).toBe(3);
    expect(Date.now() - events[0].at_ms).toBeLessThan(CLOSE_LIMIT_MS);
  });

  it('holds up the end of a worker thread for one poll at most', async () => {
    const { events, exitCode } = await runScenario('exit.ts', ['worker']);
    expect(exitCode).toBe(0);
    expect(events[0].ms).toBeLessThan(POLL_TIMEOUT_MS + CLOSE_LIMIT_MS);
  });
});

function checkTransfer({ keepSuperFrames, sent, received, there, back, left }: ScenarioEvent): void {
  expect(received).toMatchObject({ bytes: 20_000_000, sha256: sent.sha256 });
  // Our own transmissions are not received again.
  expect([there.own, back.own]).toEqual([0, 0]);
  expect(left.receivedMalformed + left.receivedTruncated + left.receiveErrors).toBe(0);
  if (keepSuperFrames) {
    expect(there.superFrames).toBeGreaterThan(0);
    expect(there.longest).toBeGreaterThan(1514);
    return;
  }
  expect(left.receivedSuperFrames).toBeGreaterThan(0);
  expect(there).toMatchObject({ superFrames: 0, longest: 1514 });
  for (const { verdicts } of [there, back]) {
    expect(verdicts.bad).toBeUndefined();
    expect(verdicts.partial).toBeUndefined();
    expect(verdicts.good).toBeGreaterThan(100);
  }
}

function checkCrossings(crossings: ScenarioEvent[]): void {
  expect(crossings).toHaveLength(8);
  for (const { kind, id, sent, received } of crossings) {
    const tag = id === undefined ? {} : { tag: id, priority: 5 };
    const payloads = kind === 'tcp' || kind === 'udp' ? [1400, 1400, 200] : [100];
    expect({ kind, sent, received }).toEqual({
      kind,
      sent: 1,
      received: payloads.map((payload) => ({ ...tag, payload, verdict: 'good' })),
    });
  }
}
