import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { gatewayPair, type PairMember, type PairOptions } from '../../../test/support/gateway-pair.ts';
import type { JournalData } from '../../actors/tap.ts';
import type { World } from '../../actors/world.ts';
import { gatewayBuilder } from '../../config/gateway-builder.ts';
import { verifyJournal } from '../../journal/replay.ts';
import { openJournal } from '../../journal/store.ts';
import { openReader } from '../../journal/store-reader.ts';
import { createAuthority, issueCertificate, type KeyPairPem } from '../tls/certificates.ts';

const WAIT = { timeout: 10_000, interval: 10 };
let running: PairMember[] = [];
afterEach(async () => {
  await Promise.all(running.map(({ runtime }) => runtime.stop()));
  running = [];
});

async function started(options: PairOptions = {}): Promise<{ g20: PairMember; g30: PairMember }> {
  const pair = await gatewayPair(options);
  running = [pair.g20, pair.g30];
  for (const { runtime } of running) runtime.start();
  return pair;
}

const stateOf = ({ runtime }: PairMember): string | undefined => runtime.status().peers[0]?.state;
const bothUp = async ({ g20, g30 }: { g20: PairMember; g30: PairMember }): Promise<void> => {
  await expect.poll(() => [stateOf(g20), stateOf(g30)], WAIT).toEqual(['up', 'up']);
};
const textsOf = ({ events }: PairMember): string[] => events.map(({ text }) => text);

describe.each([
  ['engine', 'tcp'],
  ['engine', 'udp'],
  ['software', 'tcp'],
  ['software', 'udp'],
] as const)('two gateways, embodiment %s, F13 %s', (embodiment, f13) => {
  it('come up in real time, tell every step, and end in order', async () => {
    const pair = await started({ embodiment, f13 });
    await bothUp(pair);
    const { g20, g30 } = pair;
    expect(g30.runtime.status().peers[0]).toMatchObject({
      name: 'gateway20',
      session: {
        role: 'client',
        remote: '10.9.0.20:4433',
        suite: 'aes-256-gcm',
        f13,
        handshake: 'hold',
        epoch: { send: 0, receive: 0 },
      },
    });
    expect(g20.runtime.status().peers[0]).toMatchObject({ session: { role: 'server' } });
    expect(g20.runtime.status().peers[0]?.since_s).toBeLessThan(10);
    const handOver =
      embodiment === 'engine'
        ? ['keys handed over to the engine', 'start command received: the engine accelerates']
        : ["keys handed over to SSL's record part"];
    const inOrder = [
      'connecting to gateway20',
      'SYN of the local TCP held',
      'HELLO sent to the far driver',
      'cookie received',
      'connection request sent',
      'connection complete received',
      'SYN+ACK given to the local TCP',
      'TLS handshake begins',
      'TLS 1.3 secured, both certificates are good',
      'OFFER sent',
      'GO received, keys derived',
      ...handOver,
    ];
    expect(textsOf(g30).filter((text) => inOrder.includes(text))).toEqual(inOrder);
    expect(textsOf(g20)).toEqual(
      expect.arrayContaining([
        'connection request accepted',
        'forged SYN given to the local TCP',
        'SYN+ACK of the local TCP taken',
        'connection complete sent',
        'GO sent',
      ]),
    );
    await g30.runtime.stop();
    await expect.poll(() => stateOf(g20), WAIT).not.toBe('up');
    expect(textsOf(g20).filter((text) => text.startsWith('tunnel'))).toEqual([
      expect.stringMatching(/^tunnel to gateway30 is up: aes-256-gcm, 10.9.0.30:\d+$/),
      'tunnel to gateway30 is down (peer)',
    ]);
    for (const { runtime } of running) expect(runtime.status().internalErrors).toBe(0);
  });
});

describe('TCP over TCP, to compare with', () => {
  it('comes up without a driver, and its journal is not replayed', async () => {
    const pair = await started({ embodiment: 'tcp-over-tcp' });
    await bothUp(pair);
    const { g20, g30 } = pair;
    expect(g30.runtime.status()).toMatchObject({ embodiment: 'tcp-over-tcp', internalErrors: 0 });
    expect(g30.device.layers.map(({ kind }) => kind)).not.toContain('intermediate-driver');
    const texts = textsOf(g30);
    expect(texts).toContain("keys handed over to SSL's record part");
    expect(texts).not.toContain('SYN of the local TCP held');
    const recorded = { mac: '02:00:00:00:01:30', config: g30.config as unknown as JournalData };
    expect(() => gatewayBuilder(recorded, {} as World)).toThrow('F13 is a true TCP there');
    await g30.runtime.stop();
    await expect.poll(() => stateOf(g20), WAIT).not.toBe('up');
  });
});

describe('an operator', () => {
  it('disconnects, connects again and renews', async () => {
    const pair = await started();
    await bothUp(pair);
    const { g20, g30 } = pair;
    g30.runtime.command('disconnect', 'gateway20');
    await expect.poll(() => stateOf(g30), WAIT).toBe('disconnected by operator');
    await expect.poll(() => stateOf(g20), WAIT).toBe('waiting for the peer');
    await expect.poll(() => g30.runtime.status().peers[0]?.session, WAIT).toBe(null);
    g30.runtime.command('connect', 'gateway20');
    await bothUp(pair);
    g30.runtime.command('renew', 'gateway20');
    await expect
      .poll(() => textsOf(g30).filter((text) => text.startsWith('new keys')), WAIT)
      .toEqual(['new keys handed over to the engine', 'new keys received']);
    expect(stateOf(g30)).toBe('up');
    expect(g30.runtime.status().peers[0]?.session?.renewals).toBe(1);
    expect(() => g20.runtime.command('renew', 'gateway30')).toThrow('not renewed: only the end that connects renews');
    expect(() => g30.runtime.command('renew', 'gateway20')).toThrow(
      /^not renewed: too soon: the last renewal was \d s ago, wait \d\d s$/,
    );
    expect(textsOf(g30).at(-1)).toMatch(/^gateway20: not renewed: too soon: /);
    g30.runtime.command('disconnect', 'gateway20');
    expect(() => g30.runtime.command('renew', 'gateway20')).toThrow('not renewed: no session with gateway20');
  });

  it('is refused a connection where only the other end can dial, but for taking back its own word', async () => {
    const pair = await gatewayPair();
    const { g20 } = pair;
    running = [g20];
    g20.runtime.start();
    const refusal = 'not connected: only the end that has its address connects: waiting for gateway30';
    expect(() => g20.runtime.command('connect', 'gateway30')).toThrow(refusal);
    expect(stateOf(g20)).toBe('waiting for the peer');
    g20.runtime.command('disconnect', 'gateway30');
    g20.runtime.command('connect', 'gateway30');
    expect(stateOf(g20)).toBe('waiting for the peer');
    expect(() => g20.runtime.command('connect', 'gateway30')).toThrow(refusal);
  });

  it('sees since when, also for a state that nothing has changed yet', async () => {
    const { g20 } = await gatewayPair();
    running = [g20];
    g20.runtime.start();
    expect(g20.runtime.status().peers).toEqual([
      { name: 'gateway30', state: 'waiting for the peer', since_s: 0, session: null },
    ]);
  });

  it('is told when there is no such peer', async () => {
    const { g20 } = await gatewayPair();
    expect(() => g20.runtime.command('connect', 'gateway99')).toThrow(
      "no peer 'gateway99' in the configuration; known are gateway30",
    );
  });
});

describe('a runtime', () => {
  it('survives every frame that a stranger may send, and counts it', async () => {
    const pair = await started();
    await bothUp(pair);
    const { g20 } = pair;
    const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
    const ownMac = g20.runtime
      .status()
      .interface.mac.split(':')
      .map((byte) => Number.parseInt(byte, 16));
    for (let round = 0; round < 300; round++) {
      const bytes = random(round % 200);
      if (bytes.length > 14) bytes.set(ownMac);
      if (bytes.length > 40) bytes.set([0x08, 0x00, 0x45], 12);
      g20.port.deliver([{ bytes }]);
    }
    expect(stateOf(g20)).toBe('up');
    expect(g20.runtime.status().internalErrors).toBe(0);
    const dropped = g20.runtime.status().drops.reduce((sum, { count }) => sum + count, 0);
    expect(dropped).toBeGreaterThan(100);
  });

  it('stops within its limit when the peer is silent', async () => {
    const pair = await started();
    await bothUp(pair);
    pair.g30.port.other = undefined;
    const before_ms = performance.now();
    await pair.g30.runtime.stop();
    expect(performance.now() - before_ms).toBeLessThan(3_500);
  });

  it.each(['engine', 'software'] as const)(
    'leaves a journal that replays equal and holds no secret (%s)',
    async (embodiment) => {
      const folder = mkdtempSync(join(tmpdir(), 'gg-runtime-'));
      const secrets: Uint8Array[] = [];
      try {
        const pair = await started({
          embodiment,
          journal: (name, snapshot) => openJournal(join(folder, name), { level: 'inputs', tls: 'openssl', snapshot }),
          onSecret: (bytes) => secrets.push(bytes),
        });
        await bothUp(pair);
        for (const { runtime } of running) expect(runtime.status().journal).toMatchObject({ level: 'inputs', lost: 0 });
        await Promise.all(running.map(({ runtime }) => runtime.stop()));
        for (const { config } of running) {
          const path = join(folder, config.name);
          const reader = openReader(path);
          const result = verifyJournal(reader, gatewayBuilder);
          reader.close();
          expect(result).toMatchObject({ equal: true });
          expectNone(secrets, readFileSync(path));
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});

/** A secret in a journal would be base64, hex or plain. */
function expectNone(secrets: readonly Uint8Array[], file: Buffer): void {
  const texts = secrets
    .map((bytes) => Buffer.from(bytes))
    .flatMap((bytes) => [bytes, bytes.toString('hex'), bytes.toString('base64').slice(0, -2)]);
  expect(texts.length).toBeGreaterThan(30);
  expect(texts.filter((text) => file.includes(text))).toEqual([]);
}

describe('ends that are configured differently', () => {
  it("the connecting end's handshake mode counts", async () => {
    const pair = await started({ of30: { handshake: 'immediate' } });
    await bothUp(pair);
    const texts = textsOf(pair.g30);
    expect(texts.indexOf('SYN+ACK given to the local TCP')).toBeLessThan(texts.indexOf('HELLO sent to the far driver'));
  });

  it('a port that nobody listens on: told, and tried again', async () => {
    const { g30 } = await started({ of30: { port: 99 } });
    await expect
      .poll(() => textsOf(g30).filter((text) => text.startsWith('no session')), WAIT)
      .toContain('no session with gateway20 (refused by the far end: nobody listens there); it is tried again');
    expect(stateOf(g30)).toBe('waiting to connect again');
  });
});

describe('a peer that may not be one', () => {
  const DAY_MS = 86_400_000;
  const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY_MS);
  const cases = [
    ["another peer's certificate", 'wrong-peer', (ca) => issueCertificate(ca, 'gateway99', new Date())],
    ['an expired certificate', 'expired', (ca) => issueCertificate(ca, 'gateway30', daysAgo(9), 5)],
    ['a certificate that is not yet valid', 'not-yet-valid', (ca) => issueCertificate(ca, 'gateway30', daysAgo(-9), 5)],
    [
      'a certificate of another CA',
      'untrusted',
      async () => issueCertificate(await createAuthority('other', new Date()), 'gateway30', new Date()),
    ],
  ] satisfies [string, string, (ca: KeyPairPem) => Promise<KeyPairPem>][];

  it.each(cases)('%s: no tunnel, the reason told at both ends, and tried again', async (_, reason, issue) => {
    const authority = await createAuthority('CA', new Date());
    const pair = await started({ authority, certificates: { gateway30: await issue(authority) } });
    const { g20, g30 } = pair;
    await expect
      .poll(() => textsOf(g30).find((text) => text.startsWith('no session with')), WAIT)
      .toMatch(/^no session with gateway20 \(\S+\); it is tried again$/);
    await expect
      .poll(() => textsOf(g20).find((text) => text.includes(reason)), WAIT)
      .toBe(`a session that was not yet anybody's ended: ${reason}`);
    for (const { runtime, events } of running) {
      expect(runtime.status()).toMatchObject({ framesSealed: 0, framesOpened: 0, internalErrors: 0 });
      expect(events.some(({ kind, state }) => kind === 'tunnel' && state === 'up')).toBe(false);
      expect(events.some(({ text }) => text.includes('keys handed over'))).toBe(false);
    }
  });
});
