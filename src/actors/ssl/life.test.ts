import { describe, expect, it, vi } from 'vitest';
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
import { RECORD_LIMITS } from '../../engine/records/limits.ts';
import { CLOSING_MS, LINGER_MS } from '../../machines/ssl.ts';
import { buildNegotiation } from '../../wire/negotiation.ts';
import { DEAD_AFTER_MS } from '../records/record-session.ts';
import { RENEWALS_APART_MS } from './renewal.ts';

const FRAME = Uint8Array.from({ length: 100 }, (_, at) => at);
const SECOND_US = 1_000_000;

describe('renewing', () => {
  it('brings new ids and keys while frames run, and loses none', () => {
    const pair = up();
    const sent = { client: 0, server: 0 };
    for (let round = 0; round < 300; round++) {
      if (round === 100) pair.client.ask({ kind: 'renew', session: 'one' });
      pair.client.sendFrame('one', Uint8Array.of(round >> 8, round, ...FRAME));
      pair.server.sendFrame(pair.serverSession, Uint8Array.of(round >> 8, round, ...FRAME));
      sent.client++;
      sent.server++;
      pair.run(1000);
    }
    pair.run();
    expect(pair.server.frames()).toHaveLength(sent.client);
    expect(pair.client.frames()).toHaveLength(sent.server);
    const [first, second] = pair.client.secured();
    expect(pair.server.secured()).toHaveLength(2);
    expect(second?.receiveConnectionId).not.toBe(first?.receiveConnectionId);
    expect(second?.keys).not.toEqual(first?.keys);
    for (const { ssl } of [pair.client, pair.server]) {
      expect([...ssl.drops]).toEqual([]);
      expect(ssl.status()).toMatchObject([{ generation: 2, state: 'ALIVE.ESTABLISHED' }]);
    }
    const headers = pair.wire.flatMap(({ from, message }) =>
      from === CLIENT && message.kind === 'bytes' && message.bytes[0] === 0x40 ? [message.bytes] : [],
    );
    expect(new Set(headers.map((bytes) => bytes.slice(4, 8).join())).size).toBe(2);
  });

  it('goes again after a while, not at once, and any number of times', () => {
    const pair = up();
    pair.client.ask({ kind: 'renew', session: 'one' });
    pair.run();
    pair.client.ask({ kind: 'renew', session: 'one' });
    pair.run();
    expect(pair.notes('renewal-refused')).toHaveLength(1);
    for (let round = 0; round < 4; round++) {
      pair.run(RENEWALS_APART_MS * 1000);
      pair.client.ask({ kind: 'renew', session: 'one' });
      pair.run();
    }
    expect(pair.client.ssl.status()).toMatchObject([{ generation: 6 }]);
    pair.client.sendFrame('one', FRAME);
    pair.run();
    expect(pair.server.frames()).toHaveLength(1);
  });

  it('is begun by the end that connected only', () => {
    const pair = up();
    pair.server.ask({ kind: 'renew', session: pair.serverSession });
    pair.run();
    expect(pair.notes('renewal-refused')).toHaveLength(1);
    expect(pair.server.ssl.status()).toMatchObject([{ generation: 1 }]);
  });

  it('a server that begins one is not believed', () => {
    const pair = up();
    pair.client.tcpEvent('wire', {
      kind: 'bytes',
      id: `one@${ADDRESS[CLIENT]}`,
      bytes: Uint8Array.of(0x16, 3, 3, 0, 1, 0),
    });
    expect(pair.client.closedReason()).toBe('malformed');
  });

  it('a client that begins one too soon after the last is not followed', () => {
    const pair = up();
    pair.client.ask({ kind: 'renew', session: 'one' });
    pair.run((RENEWALS_APART_MS / 2) * 1000);
    rawBytes(pair, pair.server, Uint8Array.of(0x16, 3, 3, 0, 1, 0));
    expect(pair.server.closedReason()).toBe('malformed');
  });

  it('waits for the first record of the peer', () => {
    const pair = new SslPair();
    pair.server.probe.takesRecords = false;
    pair.connect();
    pair.client.ask({ kind: 'renew', session: 'one' });
    expect(pair.notes('renewal-refused')).toHaveLength(1);
  });

  it('does not change the peer: the server expects the one that is there, no other configured one', () => {
    const pair = new SslPair({ server: { peers: [{ name: 'gateway40' }, { name: CLIENT }] } });
    const opened = vi.spyOn(pair.server.device, 'openTls');
    pair.connect();
    pair.client.ask({ kind: 'renew', session: 'one' });
    pair.run();
    expect(pair.server.secured()).toMatchObject([{ peerName: CLIENT }, { peerName: CLIENT }]);
    expect(opened.mock.calls.map(([, , { peer }]) => peer)).toEqual([
      { names: ['gateway40', CLIENT], pins: [] },
      { names: [CLIENT], pins: [] },
    ]);
  });

  it('a failed one ends the session', () => {
    let broken = false;
    const pair = up({
      tamper: (from, message) => {
        if (!broken || from !== SERVER || message.kind !== 'bytes' || message.bytes[0] !== 0x16) return message;
        const bytes = message.bytes.slice();
        bytes[bytes.length - 3] ^= 1;
        return { ...message, bytes };
      },
    });
    broken = true;
    pair.client.ask({ kind: 'renew', session: 'one' });
    pair.run(10 * SECOND_US);
    expect(pair.client.closedReason()).toBe('malformed');
    expect(pair.server.closedReason()).toBe('alert');
    expect(isGone(pair.client) && isGone(pair.server)).toBe(true);
  });

  it("a STOP that crosses the client's new hello is heard", () => {
    const pair = up();
    pair.server.ask({ kind: 'close', session: pair.serverSession });
    pair.client.ask({ kind: 'renew', session: 'one' });
    pair.run(10 * SECOND_US);
    expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual(['peer', 'local']);
  });

  it('may be closed in the middle', () => {
    const pair = up();
    pair.client.ask({ kind: 'renew', session: 'one' });
    pair.client.ask({ kind: 'close', session: 'one' });
    pair.run(10 * SECOND_US);
    expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual(['local', 'peer']);
  });
});

describe('ending', () => {
  it.each(['client', 'server'] as const)(
    'in order, by the %s: sealed BYE, STOP, close_notify, end of the stream',
    (side) => {
      const pair = up();
      const other = side === 'client' ? pair.server : pair.client;
      const from = pair.wire.length;
      pair[side].ask({ kind: 'close', session: side === 'client' ? 'one' : pair.serverSession });
      pair.run();
      expect([pair[side].closedReason(), other.closedReason()]).toEqual(['local', 'peer']);
      const ours = pair.wire.slice(from).filter((each) => each.from === pair[side].name);
      expect(ours.map(({ message }) => (message.kind === 'bytes' ? message.bytes[0] : message.kind))).toEqual([
        0x41,
        0x17,
        0x17,
        'fin',
      ]);
      for (const end of [pair.client, pair.server]) {
        expect(isGone(end)).toBe(true);
        expect(end.device.save().timers).toEqual([]);
        expect(end.device.save().tls).toEqual([]);
      }
    },
  );

  it('without a record part, by STOP', () => {
    const pair = new SslPair();
    pair.client.probe.takesRecords = false;
    pair.server.probe.takesRecords = false;
    pair.connect();
    pair.client.ask({ kind: 'close', session: 'one' });
    pair.run();
    expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual(['local', 'peer']);
  });

  it('by a STOP alone', () => {
    const pair = up();
    pair.client.device.tlsEngine('ssl', 'one#1')?.write(buildNegotiation({ kind: 'stop', reason: 7 }));
    pair.run();
    expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual(['peer', 'peer']);
  });

  it('by a close_notify alone', () => {
    const pair = up();
    pair.client.device.tlsEngine('ssl', 'one#1')?.end();
    pair.run();
    expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual(['peer', 'peer']);
  });

  it('before TCP is connected, by an abort', () => {
    const pair = new SslPair();
    pair.client.ask({
      kind: 'connect',
      session: 'one',
      peer: SERVER,
      destination: 1,
      destinationPort: PORT,
      sourcePort: 1,
    });
    pair.client.ask({ kind: 'close', session: 'one' });
    expect(pair.client.closedReason()).toBe('local');
    expect(isGone(pair.client)).toBe(true);
    expect(pair.wire.map(({ message }) => message.kind)).toEqual(['syn', 'reset']);
  });

  it('during the handshake, at once', () => {
    const pair = new SslPair();
    pair.client.ask({
      kind: 'connect',
      session: 'one',
      peer: SERVER,
      destination: 1,
      destinationPort: PORT,
      sourcePort: 1,
    });
    pair.run(35_000);
    expect(pair.client.ssl.status()).toMatchObject([{ state: 'ALIVE.HANDSHAKE' }]);
    pair.client.ask({ kind: 'close', session: 'one' });
    expect(pair.client.closedReason()).toBe('local');
    pair.run(CLOSING_MS * 1000);
    expect(pair.server.closedReason()).toBe('closed-early');
    expect(isGone(pair.client)).toBe(true);
  });

  it('without an answer of the peer, after a while', () => {
    let cut = false;
    const pair = up({ tamper: (_from, message) => (cut ? undefined : message) });
    cut = true;
    pair.client.ask({ kind: 'close', session: 'one' });
    pair.run((CLOSING_MS - 1) * 1000);
    expect(pair.client.closedReason()).toBeUndefined();
    pair.run(1000);
    expect(pair.client.closedReason()).toBe('local');
    expect(isGone(pair.client)).toBe(true);
    pair.run(DEAD_AFTER_MS * 1000);
    expect(pair.server.closedReason()).toBe('peer-dead');
    expect(isGone(pair.server)).toBe(true);
  });

  it('by the end of TCP, while the answer is waited for', () => {
    let cut = false;
    const pair = up({ tamper: (_from, message) => (cut ? undefined : message) });
    cut = true;
    pair.client.ask({ kind: 'close', session: 'one' });
    pair.client.tcpEvent('closed', { connection: 'one', reason: 'reset' });
    expect(pair.client.closedReason()).toBe('local');
    expect(isGone(pair.client)).toBe(true);
  });

  it('by a broken stream, while the answer is waited for', () => {
    let cut = false;
    const pair = up({ tamper: (_from, message) => (cut ? undefined : message) });
    cut = true;
    pair.client.ask({ kind: 'close', session: 'one' });
    pair.client.tcpEvent('wire', { kind: 'bytes', id: `one@${ADDRESS[CLIENT]}`, bytes: Uint8Array.of(0) });
    expect(pair.client.closedReason()).toBe('local');
  });

  it('a TCP that does not close is aborted', () => {
    const pair = up({ tamper: (from, message) => (from === SERVER && message.kind === 'fin' ? undefined : message) });
    pair.client.ask({ kind: 'close', session: 'one' });
    pair.run((LINGER_MS - 1000) * 1000);
    expect(pair.client.ssl.status()).toMatchObject([{ state: 'LINGERING' }]);
    pair.run(2 * SECOND_US);
    expect(isGone(pair.client)).toBe(true);
    expect(pair.wire.at(-1)).toMatchObject({ from: CLIENT, message: { kind: 'reset' } });
  });

  it('when the numbers are used up', () => {
    const limits = { ...RECORD_LIMITS, stopRecords: 5 };
    const pair = up({ client: { limits } });
    for (let at = 0; at < 6; at++) pair.client.sendFrame('one', FRAME);
    pair.run();
    expect(pair.client.ssl.drops.get('numbers-used-up')).toBe(1);
    expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual(['local', 'peer']);
  });

  it('when the layer stops', () => {
    const pair = up();
    pair.client.device.stop();
    pair.run();
    expect([pair.client.closedReason(), pair.server.closedReason()]).toEqual(['local', 'peer']);
  });

  it('frames for a session that is over are dropped', () => {
    const pair = up();
    pair.client.ask({ kind: 'close', session: 'one' });
    pair.client.sendFrame('one', FRAME);
    pair.run();
    pair.client.sendFrame('one', FRAME);
    expect(pair.client.ssl.drops.get('not-started')).toBe(1);
    expect(pair.client.ssl.drops.get('no-session')).toBe(1);
  });
});

describe('back-pressure of TCP', () => {
  it('drops whole frames while TCP is full, and goes on when it is not', () => {
    const pair = up();
    pair.client.tcpEvent('full', { connection: 'one' });
    const before = written(pair, CLIENT).length;
    for (let at = 0; at < 3; at++) pair.client.sendFrame('one', FRAME);
    expect(written(pair, CLIENT)).toHaveLength(before);
    expect(pair.client.ssl.drops.get('queue-full')).toBe(3);
    pair.client.tcpEvent('writable', { connection: 'one' });
    pair.client.sendFrame('one', FRAME);
    pair.run();
    expect(pair.server.frames()).toHaveLength(1);
  });

  it('TLS bytes and control records wait', () => {
    const pair = up();
    pair.client.tcpEvent('full', { connection: 'one' });
    pair.client.ask({ kind: 'renew', session: 'one' });
    pair.run();
    expect(pair.server.ssl.status()).toMatchObject([{ generation: 1 }]);
    pair.client.tcpEvent('writable', { connection: 'one' });
    pair.run();
    expect(pair.server.ssl.status()).toMatchObject([{ generation: 2, state: 'ALIVE.ESTABLISHED' }]);
  });

  it('a session whose TCP never takes them ends', () => {
    const pair = up();
    pair.client.tcpEvent('full', { connection: 'one' });
    pair.client.device.tlsEngine('ssl', 'one#1')?.write(new Uint8Array(300_000));
    pair.run();
    expect(pair.client.closedReason()).toBe('busy');
  });
});
