import { describe, expect, it } from 'vitest';
import { ADDRESS, CLIENT, PORT, SslPair, up } from '../../../test/support/ssl-pair.ts';
import { HALF_OPEN_SESSIONS, HALF_OPEN_SESSIONS_FOR_PEERS, HALF_OPEN_SESSIONS_PER_ADDRESS } from './layer.ts';

const SECOND_US = 1_000_000;

describe('strangers who only open sessions', () => {
  const STRANGER = 0xcb00_7105;
  let port = 1024;

  function open(pair: SslPair, address: number | string, count: number): void {
    for (let at = 0; at < count; at++) {
      port += 1;
      pair.server.tcpEvent('wire', { kind: 'syn', id: `${address}:${port}`, address, port, toPort: PORT });
    }
  }

  const sessions = (pair: SslPair): number => pair.server.ssl.status().length;
  const refused = (pair: SslPair): number | undefined => pair.server.ssl.drops.get('too-many-sessions');

  it('from one address get a few, and keep nobody else out', () => {
    const pair = new SslPair();
    open(pair, STRANGER, 200);
    expect(sessions(pair)).toBe(HALF_OPEN_SESSIONS_PER_ADDRESS);
    expect(refused(pair)).toBe(200 - HALF_OPEN_SESSIONS_PER_ADDRESS);
    pair.connect();
    expect(pair.server.secured()).toHaveLength(1);
  });

  it('from an IPv6 address get none: tunnels run over IPv4', () => {
    const pair = new SslPair();
    open(pair, '2001:db8::1', 1);
    expect(sessions(pair)).toBe(0);
    expect(pair.server.ssl.drops.get('peer-not-allowed')).toBe(1);
  });

  it('from many addresses leave room for the addresses of configured peers', () => {
    const address = ADDRESS[CLIENT] as number;
    for (const known of [true, false]) {
      const pair = new SslPair({ server: { peers: [{ name: CLIENT, ...(known && { address }) }] } });
      for (let at = 0; at < 20; at++) open(pair, STRANGER + at, HALF_OPEN_SESSIONS_PER_ADDRESS);
      expect(sessions(pair)).toBe(HALF_OPEN_SESSIONS);
      pair.connect();
      expect(pair.server.secured()).toHaveLength(known ? 1 : 0);
      // A stranger who shares the peer's address gets no more than its share.
      open(pair, address, 20);
      expect(sessions(pair)).toBe(HALF_OPEN_SESSIONS + (known ? 1 + HALF_OPEN_SESSIONS_FOR_PEERS : 0));
    }
  });

  it('do not count once their handshake has failed and is forgotten, but until then', () => {
    const pair = new SslPair();
    open(pair, STRANGER, HALF_OPEN_SESSIONS_PER_ADDRESS);
    for (let at = 0; at < HALF_OPEN_SESSIONS_PER_ADDRESS; at++)
      pair.server.tcpEvent('wire', { kind: 'bytes', id: `${STRANGER}:${port - at}`, bytes: Uint8Array.of(1, 2, 3) });
    expect(pair.server.ssl.status().every(({ state }) => state === 'LINGERING')).toBe(true);
    open(pair, STRANGER, 1);
    expect(refused(pair)).toBe(1);
    pair.run(10 * SECOND_US);
    open(pair, STRANGER, 1);
    expect(refused(pair)).toBe(1);
    expect(sessions(pair)).toBe(1);
  });

  it('neither hinder the renewal of a session that stands nor sessions that we open', () => {
    const pair = up();
    for (let at = 0; at < 20; at++) open(pair, STRANGER + at, HALF_OPEN_SESSIONS_PER_ADDRESS);
    pair.client.ask({ kind: 'renew', session: 'one' });
    pair.run();
    expect(pair.server.secured()).toHaveLength(2);
    pair.server.ask({
      kind: 'connect',
      session: 'ours',
      peer: CLIENT,
      destination: 1,
      destinationPort: 1,
      sourcePort: 1,
    });
    expect(pair.server.closedReason()).toBeUndefined();
    expect(pair.server.ssl.status().some(({ session }) => session === 'ours')).toBe(true);
  });

  it('sessions that we open or renew are not half-open ones of others', () => {
    const pair = new SslPair({ tamper: () => undefined });
    for (let at = 0; at < HALF_OPEN_SESSIONS + 10; at++)
      pair.server.ask({
        kind: 'connect',
        session: `s${at}`,
        peer: CLIENT,
        destination: STRANGER,
        destinationPort: 1,
        sourcePort: at,
      });
    open(pair, STRANGER, 1);
    expect(refused(pair)).toBeUndefined();
  });
});
