import tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { KeptSecrets } from '../../../test/support/tls-parties.ts';
import { HALF_OPEN_SESSIONS, HALF_OPEN_SESSIONS_FOR_PEERS } from '../../actors/ssl/layer.ts';
import type { TlsEvent } from '../../actors/ssl/tls-provider.ts';
import { ByteDuplex } from './byte-duplex.ts';
import { createAuthority, createCrl, issueCertificate, type KeyPairPem } from './certificates.ts';
import type { Clock } from './clock.ts';
import { classifyFailure } from './failures.ts';
import { OpensslProvider, type TlsCredentials } from './openssl.ts';

const PEER = { names: ['b'], pins: [] };
const YEAR_MS = 365 * 86_400_000;

let ca: KeyPairPem;
let pair: KeyPairPem;
let credentials: TlsCredentials;
beforeAll(async () => {
  ca = await createAuthority('CA', new Date());
  pair = await issueCertificate(ca, 'b', new Date());
  credentials = { ...pair, ca: ca.certificate };
});

/** Starts a server; `events` fills with what it tells. */
function startServer(provider: OpensslProvider) {
  const events: TlsEvent[] = [];
  const engine = provider.open({ role: 'server', peer: PEER, sessionLabel: 's' }, (event) => events.push(event));
  engine.start();
  return { engine, events };
}

describe('the openssl provider', () => {
  it('says at once when its credentials cannot be used', async () => {
    const other = await issueCertificate(ca, 'c', new Date());
    const keys = new KeptSecrets();
    const build = (change: Partial<TlsCredentials>) => () =>
      new OpensslProvider({ credentials: { ...credentials, ...change }, keys });
    expect(build({})).not.toThrow();
    expect(build({ privateKey: other.privateKey })).toThrow(/key values mismatch/);
    expect(build({ certificate: 'nothing' })).toThrow();
    expect(build({ crl: 'nothing' })).toThrow();
  });

  it('limits half-open handshakes, and frees the place of one that is over', async () => {
    const provider = new OpensslProvider({ credentials, keys: new KeptSecrets(), halfOpenLimit: 2 });
    const first = startServer(provider);
    startServer(provider);
    const third = startServer(provider);
    await provider.idle();
    expect(third.events).toEqual([{ kind: 'failed', reason: 'too-many-handshakes', detail: 's' }]);
    first.engine.destroy();
    const fourth = startServer(provider);
    const fifth = startServer(provider);
    await provider.idle();
    expect([fourth.events.length, fifth.events.length]).toEqual([0, 1]);
  });

  it('leaves it to the SSL layer how many handshakes may be under way: it does not know a renewal from a stranger', async () => {
    const provider = new OpensslProvider({ credentials, keys: new KeptSecrets() });
    const servers = Array.from({ length: HALF_OPEN_SESSIONS + HALF_OPEN_SESSIONS_FOR_PEERS + 1 }, () =>
      startServer(provider),
    );
    await provider.idle();
    expect(servers.flatMap(({ events }) => events)).toEqual([]);
    for (const { engine } of servers) engine.destroy();
  });

  it('ends a handshake that takes too long, by the clock it was given', async () => {
    const timers: { delay_ms: number; action: () => void }[] = [];
    const clock: Clock = {
      after(delay_ms, action) {
        timers.push({ delay_ms, action });
        return () => {};
      },
    };
    const provider = new OpensslProvider({ credentials, keys: new KeptSecrets(), clock, handshakeTimeout_ms: 5000 });
    const { events } = startServer(provider);
    await provider.idle();
    expect(timers.map((timer) => timer.delay_ms)).toEqual([5000]);
    timers[0].action();
    await provider.idle();
    expect(events).toEqual([{ kind: 'failed', reason: 'timeout', detail: 'no handshake within 5000 ms' }]);
  });

  it('does not resume a session, whatever ticket the client shows', async () => {
    const provider = new OpensslProvider({ credentials, keys: new KeptSecrets() });
    let session: Buffer | undefined;
    const connect = async (): Promise<boolean> => {
      const events: TlsEvent[] = [];
      const engine = provider.open({ role: 'server', peer: PEER, sessionLabel: 's' }, (event) => {
        events.push(event);
        if (event.kind === 'output') duplex.push(event.bytes);
      });
      const duplex = new ByteDuplex((bytes) => engine.receive(bytes));
      engine.start();
      const settings = { ca: ca.certificate, cert: pair.certificate, key: pair.privateKey, socket: duplex, session };
      const client = tls.connect({ ...settings, checkServerIdentity: () => undefined });
      client.on('session', (ticket) => {
        session = ticket;
      });
      client.resume();
      await provider.idle();
      await provider.idle();
      expect(events.map((event) => event.kind)).toContain('secured');
      return client.isSessionReused();
    };
    expect(await connect()).toBe(false);
    expect(session).toBeDefined();
    expect(await connect()).toBe(false);
  });

  it('refuses all peers when its revocation list is outdated', async () => {
    const crl = await createCrl(ca, [], 1, new Date(Date.now() - 4 * YEAR_MS));
    const keys = new KeptSecrets();
    const server = new OpensslProvider({ credentials, keys });
    const client = new OpensslProvider({ credentials: { ...credentials, crl }, keys });
    const events: TlsEvent[] = [];
    const far = server.open({ role: 'server', peer: PEER, sessionLabel: 's' }, (event) => {
      if (event.kind === 'output') near.receive(event.bytes);
    });
    const near = client.open({ role: 'client', peer: PEER, sessionLabel: 's' }, (event) => {
      events.push(event);
      if (event.kind === 'output') far.receive(event.bytes);
    });
    far.start();
    near.start();
    for (let round = 0; round < 3; round++) for (const provider of [client, server]) await provider.idle();
    expect(events.at(-1)).toMatchObject({ kind: 'failed', reason: 'revocation-unknown' });
  });

  it('gives the lines of a key log only when asked', async () => {
    const lines: string[] = [];
    const keyLog = (line: Uint8Array) => void lines.push(Buffer.from(line).toString());
    const provider = new OpensslProvider({ credentials, keys: new KeptSecrets(), keyLog });
    const far = provider.open({ role: 'server', peer: PEER, sessionLabel: 's' }, (event) => {
      if (event.kind === 'output') near.receive(event.bytes);
    });
    const near = provider.open({ role: 'client', peer: PEER, sessionLabel: 's' }, (event) => {
      if (event.kind === 'output') far.receive(event.bytes);
    });
    far.start();
    near.start();
    await provider.idle();
    expect(lines.filter((line) => line.startsWith('EXPORTER_SECRET '))).toHaveLength(2);
  });
});

describe('failures', () => {
  const cases: [code: string, reason: string][] = [
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'alert'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'alert'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'malformed'],
    ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'malformed'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'untrusted'],
    ['CRL_HAS_EXPIRED', 'revocation-unknown'],
    ['EOTHER', 'internal'],
  ];
  it.each(cases)('%s is %s', (code, reason) => {
    expect(classifyFailure(Object.assign(new Error('text'), { code })).reason).toBe(reason);
  });

  it('a verification code that nobody knows is untrusted', () => {
    expect(classifyFailure(new Error('text'), 'NEW_CODE')).toEqual({ reason: 'untrusted', detail: 'NEW_CODE' });
  });
});
