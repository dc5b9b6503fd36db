import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ADDRESS,
  CLIENT,
  isGone,
  PORT,
  rawBytes,
  SERVER,
  SslPair,
  up,
  written,
} from '../../../test/support/ssl-pair.ts';
import { SUITE_CLEAR, type SuiteId } from '../../engine/crypto/suite.ts';
import type { LabIdentity } from '../../lab/world.ts';
import { HANDSHAKE_MS } from '../../machines/ssl.ts';
import { buildNegotiation } from '../../wire/negotiation.ts';
import { SSL_SESSIONS } from './layer.ts';
import { modelPin } from './tls-model-certificate.ts';

const FRAME = Uint8Array.from({ length: 100 }, (_, at) => at);
const SECOND_US = 1_000_000;

describe('opening', () => {
  it('SSL off is never one offer among others', () => {
    const make = (suites: readonly SuiteId[]) => new SslPair({ client: { suites } });
    expect(() => make([1, SUITE_CLEAR])).toThrow('the clear suite stands alone');
    expect(() => make([SUITE_CLEAR])).not.toThrow();
  });

  it('both ends have the same parameters, mirrored, and frames pass both ways', () => {
    const pair = up();
    expect(pair.client.kinds()).toEqual(['connected', 'secured', 'authenticated']);
    expect(pair.server.kinds()).toEqual(['accepted', 'secured', 'authenticated']);
    const [[client], [server]] = [pair.client.secured(), pair.server.secured()];
    expect(client).toMatchObject({ role: 'client', peerName: SERVER, suite: 1, order: 1, pathMtu: 1500 });
    expect(server).toMatchObject({ role: 'server', peerName: CLIENT, suite: 1, order: 1, pathMtu: 1500 });
    expect(client?.receiveConnectionId).toBe(server?.sendConnectionId);
    expect(client?.sendConnectionId).toBe(server?.receiveConnectionId);
    expect(client?.receiveConnectionId).not.toBe(0);
    pair.client.sendFrame('one', FRAME);
    pair.server.sendFrame(pair.serverSession, FRAME.toReversed());
    pair.run();
    expect(pair.server.frames().map(({ bytes }) => bytes)).toEqual([FRAME]);
    expect(pair.client.frames().map(({ bytes }) => bytes)).toEqual([FRAME.toReversed()]);
    for (const { ssl } of [pair.client, pair.server])
      expect(ssl.counters).toEqual({ handshakes: 1, sealed: 1, opened: 1 });
  });

  it('the client tells where it is connected, the server who came', () => {
    const pair = up();
    expect(pair.client.probe.heard[0]).toMatchObject({ tuple: { localPort: 50_000, remotePort: PORT } });
    expect(pair.server.probe.heard[0]).toMatchObject({ tuple: { localPort: PORT, remotePort: 50_000 } });
    expect(pair.client.ssl.status()).toMatchObject([
      {
        session: 'one',
        peer: SERVER,
        state: 'ALIVE.ESTABLISHED',
        generation: 1,
        suite: 1,
        epochs: { send: 0, receive: 0 },
      },
    ]);
  });

  it('takes what the client wants most of what both have, and the smaller path MTU', () => {
    const pair = up({
      client: { suites: [3, 2, 1], orders: [0, 1], pathMtu: 1400 },
      server: { suites: [1, 2], orders: [0], pathMtu: 1450 },
    });
    for (const end of [pair.client, pair.server])
      expect(end.secured()).toMatchObject([{ suite: 2, order: 0, pathMtu: 1400 }]);
  });

  it('the server says GO only when its receiver has the keys', () => {
    const pair = new SslPair();
    pair.server.probe.saysInstalled = false;
    pair.connect();
    expect(pair.server.kinds()).toEqual(['accepted', 'secured']);
    expect(pair.client.kinds()).toEqual(['connected']);
    pair.server.ask({ kind: 'installed', session: pair.serverSession });
    pair.run();
    expect(pair.client.kinds()).toEqual(['connected', 'secured', 'authenticated']);
  });

  it('the server sends no record before it has opened one', () => {
    const pair = new SslPair();
    pair.client.probe.takesRecords = false;
    pair.connect();
    pair.server.sendFrame(pair.serverSession, FRAME);
    expect(pair.server.ssl.drops.get('not-started')).toBe(1);
    expect(written(pair, SERVER).filter((type) => type >= 0x40)).toEqual([]);
    pair.client.ask({ kind: 'records', session: 'one', parameters: pair.client.secured()[0] as never });
    pair.run();
    pair.server.sendFrame(pair.serverSession, FRAME);
    pair.run();
    expect(pair.client.frames()).toHaveLength(1);
  });

  it.each(['client', 'server'] as const)('the %s waits until it knows the leg', (side) => {
    const pair = new SslPair();
    pair[side].probe.digest = undefined;
    pair.connect();
    expect(pair[side].ssl.status()).toMatchObject([{ state: 'ALIVE.AWAITING-LEG' }]);
    expect(pair.client.secured()).toEqual([]);
    pair[side].probe.digest = new Uint8Array(32).fill(5);
    pair[side].probe.tellLeg(side === 'client' ? 'one' : pair.serverSession);
    pair[side].ask({ kind: 'listen', port: PORT });
    pair.run();
    expect(pair.client.secured()).toHaveLength(1);
    expect(pair.server.secured()).toHaveLength(1);
  });
});

describe('what a session is refused for', () => {
  it.each([{ digest: new Uint8Array(32).fill(6) }, { shape: 'udp' as const }, { handshake: 'immediate' as const }])(
    'a leg that looks different from the other end: %o',
    (difference) => {
      const pair = new SslPair();
      Object.assign(pair.client.probe, difference);
      pair.connect();
      expect(pair.server.closedReason()).toBe('leg-tampered');
      expect(pair.client.closedReason()).toBe('leg-tampered');
      expect(pair.client.secured()).toEqual([]);
      expect(pair.notes('ssl-failed')).toMatchObject([{ reason: 'leg-tampered', detail: 'OFFER' }]);
    },
  );

  it.each([
    ['the client', { client: { suites: [SUITE_CLEAR] } }],
    ['the server', { server: { suites: [SUITE_CLEAR] } }],
  ] as const)('SSL off at %s alone', (_who, options) => {
    const pair = up(options);
    expect(pair.server.closedReason()).toBe('no-common-suite');
    expect(pair.client.closedReason()).toBe('no-common-suite');
    expect([...pair.client.secured(), ...pair.server.secured()]).toEqual([]);
  });

  it('no suite that both have', () => {
    const pair = up({ client: { suites: [1] }, server: { suites: [2, 3] } });
    expect(pair.server.closedReason()).toBe('no-common-suite');
    expect(pair.client.closedReason()).toBe('no-common-suite');
    expect(pair.server.ssl.counters).toEqual({ 'closed:no-common-suite': 1 });
  });

  const bad: [string, LabIdentity, string][] = [
    ['no certificate', { certificate: false }, 'no-certificate'],
    ['an untrusted certificate', { issuer: 'another CA' }, 'untrusted'],
    ["another peer's valid certificate", { name: 'gateway99' }, 'wrong-peer'],
    ['an expired certificate', { validity: 'expired' }, 'expired'],
    ['a certificate that is not valid yet', { validity: 'not-yet-valid' }, 'not-yet-valid'],
    ['a revoked certificate', { revoked: true }, 'revoked'],
    ['TLS 1.2', { protocol: 'TLSv1.2' }, 'protocol-version'],
  ];

  it.each(bad)('a client with %s', (_what, identity, reason) => {
    const pair = up({ identities: { [CLIENT]: identity } }).run(40 * SECOND_US);
    expect(pair.server.closedReason()).toBe(reason);
    expect(pair.client.closedReason()).toBeDefined();
    for (const end of [pair.client, pair.server]) {
      expect(end.secured()).toEqual([]);
      expect(isGone(end)).toBe(true);
    }
  });

  it.each(bad.filter(([, { certificate, protocol }]) => certificate === undefined && protocol === undefined))(
    'a server with %s',
    (_what, identity, reason) => {
      const pair = up({ identities: { [SERVER]: identity } }).run(40 * SECOND_US);
      expect(pair.client.closedReason()).toBe(reason);
      expect(pair.server.closedReason()).toBe('closed-early');
      expect(isGone(pair.client) && isGone(pair.server)).toBe(true);
    },
  );

  it('a good name, where a pin is expected and is another', () => {
    const pinned = (pin: string) => up({ client: { peers: [{ name: SERVER, pin }] } });
    expect(pinned(modelPin('another key')).client.closedReason()).toBe('wrong-peer');
    expect(pinned(modelPin(`key of ${SERVER}`)).client.secured()).toMatchObject([{ peerName: SERVER }]);
  });

  it('a port where nobody listens', () => {
    const pair = new SslPair();
    pair.server.ask({ kind: 'unlisten', port: PORT });
    pair.connect();
    expect(pair.client.closedReason()).toBe('tcp-refused');
    expect(isGone(pair.client)).toBe(true);
  });

  it.each([
    ['reset', 'tcp-reset'],
    ['timed-out', 'tcp-timed-out'],
    ['unreachable', 'tcp-unreachable'],
    ['normal', 'closed-early'],
  ] as const)("TCP's end: %s", (reason, said) => {
    const pair = up();
    pair.client.tcpEvent('closed', { connection: 'one', reason });
    expect(pair.client.closedReason()).toBe(said);
    expect(isGone(pair.client)).toBe(true);
  });

  it('an end of the stream without BYE or close_notify', () => {
    const pair = up();
    pair.client.tcpEvent('wire', { kind: 'fin', id: `one@${ADDRESS[CLIENT]}` });
    pair.run();
    expect(pair.client.closedReason()).toBe('closed-early');
  });

  it('silence during the handshake', () => {
    const pair = new SslPair({
      tamper: (_from, message) => (message.kind === 'bytes' ? undefined : message),
    }).connect();
    pair.run((HANDSHAKE_MS - 2000) * 1000);
    expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual([undefined, undefined]);
    pair.run(2 * SECOND_US);
    expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual(['timed-out', 'timed-out']);
    expect(isGone(pair.client) && isGone(pair.server)).toBe(true);
  });

  it('a TCP that never connects', () => {
    const pair = new SslPair({ tamper: () => undefined }).connect().run(HANDSHAKE_MS * 1000);
    expect(pair.client.closedReason()).toBe('timed-out');
  });

  it.each([
    ['text', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n')],
    ['a TLS record that is too long', Uint8Array.of(0x16, 3, 3, 0xff, 0xff)],
    ['a reserved flag', Uint8Array.of(0x40, 0x80, 0, 40)],
  ])('garbage in the stream: %s', (_what, bytes) => {
    for (const pair of [
      up(),
      new SslPair({ tamper: (_from, message) => (message.kind === 'bytes' ? undefined : message) }).connect(),
    ]) {
      rawBytes(pair, pair.server, bytes);
      expect(pair.server.closedReason()).toBe('malformed');
      pair.run(10 * SECOND_US);
      expect(isGone(pair.server)).toBe(true);
    }
  });

  it('any bytes at all, without throwing', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        fc.constantFrom(0x14, 0x15, 0x16, 0x17, 0x40, 0x43),
        (rest, first) => {
          const pair = up();
          rawBytes(pair, pair.server, Uint8Array.of(first, 0, 0, rest.length + 1, ...rest));
          rawBytes(pair, pair.server, rest);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('a unit while the record part is off, or of the leg', () => {
    const pair = new SslPair();
    pair.server.probe.takesRecords = false;
    pair.connect();
    expect(pair.server.ssl.drops.get('unexpected-unit')).toBeGreaterThan(0);
    const other = up();
    rawBytes(other, other.server, Uint8Array.of(0x42, 1, 0, 28, ...new Uint8Array(24)));
    expect(other.server.ssl.drops.get('unexpected-unit')).toBe(1);
    expect(other.server.closedReason()).toBeUndefined();
  });

  it('a record that does not open is dropped and nothing else happens', () => {
    const pair = up();
    const record = Uint8Array.of(0x40, 0, 0, 40, ...new Uint8Array(36));
    rawBytes(pair, pair.server, record);
    expect(pair.server.ssl.drops.get('unknown-connection-id')).toBe(1);
    expect(pair.server.closedReason()).toBeUndefined();
  });

  const offer = {
    kind: 'offer' as const,
    protocolVersion: 1,
    connectionId: 7,
    pathMtu: 1500,
    udp: false,
    immediate: false,
    suites: [1],
    orders: 3,
    legDigest: new Uint8Array(32).fill(5),
  };
  it.each([
    [
      'a GO of the client',
      buildNegotiation({
        kind: 'go',
        connectionId: 1,
        pathMtu: 1500,
        suite: 1,
        order: 1,
        legDigest: new Uint8Array(32),
      }),
    ],
    ['an unknown message', Uint8Array.of(9, 0, 0)],
    ['a connection id of 0', buildNegotiation({ ...offer, connectionId: 0 })],
    ['a path MTU without room for a record', buildNegotiation({ ...offer, pathMtu: 60 })],
    ['two offers', Uint8Array.of(...buildNegotiation(offer), ...buildNegotiation(offer))],
  ])('nonsense inside TLS: %s', (_what, bytes) => {
    const pair = new SslPair();
    pair.client.probe.digest = undefined;
    pair.server.probe.saysInstalled = false;
    pair.connect();
    pair.client.device.tlsEngine('ssl', 'one#1')?.write(bytes);
    pair.run();
    expect(pair.server.closedReason()).toBe('malformed');
  });

  it('an OFFER that comes in pieces is read all the same', () => {
    const pair = new SslPair();
    pair.client.probe.digest = undefined;
    pair.connect();
    const bytes = buildNegotiation(offer);
    for (const part of [bytes.slice(0, 2), bytes.slice(2, 20), bytes.slice(20)]) {
      pair.client.device.tlsEngine('ssl', 'one#1')?.write(part);
    }
    pair.run();
    expect(pair.server.secured()).toHaveLength(1);
  });

  it('a TLS session that ends between the offer and the keys', () => {
    const pair = new SslPair();
    pair.server.probe.digest = undefined;
    pair.connect();
    pair.server.device.tlsEngine('ssl', `${pair.serverSession}#1`)?.end();
    pair.server.ask({
      kind: 'leg',
      session: pair.serverSession,
      digest: new Uint8Array(32).fill(5),
      shape: 'tcp',
      handshake: 'hold',
    });
    expect(pair.server.closedReason()).toBe('closed-early');
    expect(pair.server.secured()).toEqual([]);
  });

  it('a GO that was not chosen from the OFFER, or of a leg that looks different: the server is told', () => {
    const go = { kind: 'go' as const, connectionId: 9, pathMtu: 1500, suite: 1, order: 1 };
    for (const [changes, reason] of [
      [{ legDigest: new Uint8Array(32).fill(6) }, 'leg-tampered'],
      [{ legDigest: new Uint8Array(32).fill(5), connectionId: 0 }, 'malformed'],
    ] as const) {
      const pair = new SslPair();
      pair.server.probe.digest = undefined;
      pair.connect();
      pair.server.device.tlsEngine('ssl', `${pair.serverSession}#1`)?.write(buildNegotiation({ ...go, ...changes }));
      pair.run(5 * SECOND_US);
      expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual([reason, reason]);
      expect(isGone(pair.client) && isGone(pair.server)).toBe(true);
    }
  });

  it('a name that is in use, and one session too many of our own', () => {
    const pair = up().connect();
    expect(pair.client.closedReason()).toBe('busy');
    const silent = new SslPair({ tamper: () => undefined });
    for (let at = 0; at < SSL_SESSIONS; at++)
      silent.client.ask({
        kind: 'connect',
        session: `s${at}`,
        peer: SERVER,
        destination: 1,
        destinationPort: 1,
        sourcePort: 1,
      });
    expect(silent.client.closedReason()).toBeUndefined();
    silent.connect();
    expect(silent.client.closedReason()).toBe('busy');
  });
});
