import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { CLIENT, isGone, rawBytes, SERVER, type SslEnd, SslPair, up, written } from '../../../test/support/ssl-pair.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { CLEAR_MAX_BODY_BYTES, UNIT_CLEAR_CONTROL, UNIT_CLEAR_FRAME } from '../../wire/clear-unit.ts';
import { buildControlFrame, type ControlFrameMessage, type EngineSession } from '../../wire/control-frame.ts';
import { SslLayer } from './layer.ts';

const FRAME = Uint8Array.from({ length: 100 }, (_, at) => at);
const INLINE = {
  client: { cipher: { by: 'inline', mac: 0x31 } },
  server: { cipher: { by: 'inline', mac: 0x20 } },
} as const;

const told = (end: SslEnd, kind: ControlFrameMessage['kind']): EngineSession[] =>
  end.cipher.heard.flatMap((message) => (message.kind === kind && 'session' in message ? [message.session] : []));

/** Bytes that an end wrote before its first unit in clear: what stays in clear below IP. */
function clearPart(pair: SslPair, from: string): number {
  let bytes = 0;
  for (const { from: sender, message } of pair.wire) {
    if (sender !== from || message.kind !== 'bytes') continue;
    if ([UNIT_CLEAR_CONTROL, UNIT_CLEAR_FRAME].includes(message.bytes[0] as number)) break;
    bytes += message.bytes.length;
  }
  return bytes;
}

describe('an in-line cipher below SSL', () => {
  it('is given the same two points at both ends: behind OFFER and behind GO', () => {
    const pair = up(INLINE);
    const [atClient] = told(pair.client, 'start') as [EngineSession];
    const [receiving] = told(pair.server, 'start') as [EngineSession];
    const [both] = told(pair.server, 'renew') as [EngineSession];
    const [offer, go] = [clearPart(pair, CLIENT), clearPart(pair, SERVER)];
    expect([atClient.nextSequence, atClient.acknowledgement]).toEqual([offer, go]);
    expect([receiving.sendDataKeyId, receiving.acknowledgement]).toEqual([0, offer]);
    expect(both).toMatchObject({ nextSequence: go, sessionId: receiving.sessionId, ownMac: 0x20, client: false });
    expect(atClient).toMatchObject({ ownMac: 0x31, client: true, ownPort: 50_000, udp: false, sendControlKeyId: 0 });
    expect(offer).toBeGreaterThan(100);
  });

  it('carries frames in clear units and seals nothing', () => {
    const pair = up(INLINE);
    pair.client.sendFrame('one', FRAME);
    pair.server.sendFrame(pair.serverSession, FRAME);
    pair.run();
    for (const end of [pair.client, pair.server]) {
      expect(end.frames().map(({ bytes }) => [...bytes])).toEqual([[...FRAME]]);
      expect(end.ssl.counters).toMatchObject({ passedDown: 1, passedUp: 1 });
      expect(end.ssl.counters).not.toHaveProperty('sealed');
      expect(end.ssl.status()).toMatchObject([{ integrity: 'none', suite: 1 }]);
    }
    expect(written(pair, CLIENT)).toContain(UNIT_CLEAR_FRAME);
    expect(written(pair, CLIENT)).not.toContain(0x40);
  });

  it('has nothing written while the cipher is not ready: neither end leaks a byte, and frames end with a reason', () => {
    const pair = new SslPair(INLINE);
    pair.client.cipher.answer = undefined;
    pair.connect();
    const before = pair.wire.length;
    pair.client.sendFrame('one', FRAME);
    pair.run();
    expect(pair.wire.length).toBe(before);
    expect(pair.client.ssl.drops.get('queue-full')).toBe(1);
    pair.client.cipher.settings.send({ kind: 'started', sessionId: 1 });
    pair.client.tcpEvent('writable', { connection: 'one' });
    pair.run();
    expect(pair.client.kinds()).toContain('authenticated');
    expect(pair.server.kinds()).toContain('authenticated');
  });

  it('does not take room in TCP for leave to write', () => {
    const pair = new SslPair(INLINE);
    pair.client.cipher.answer = undefined;
    pair.connect();
    const before = pair.wire.length;
    pair.client.tcpEvent('full', { connection: 'one' });
    pair.client.tcpEvent('writable', { connection: 'one' });
    expect(pair.wire.length).toBe(before);
    pair.client.tcpEvent('full', { connection: 'one' });
    pair.client.cipher.settings.send({ kind: 'started', sessionId: 1 });
    pair.run();
    expect(pair.wire.length).toBe(before);
    pair.client.tcpEvent('writable', { connection: 'one' });
    expect(pair.wire.length).toBeGreaterThan(before);
  });

  it('lets the server say GO only when its cipher decrypts', () => {
    const pair = new SslPair(INLINE);
    pair.server.cipher.answer = undefined;
    pair.connect();
    expect(pair.client.kinds()).not.toContain('secured');
    pair.server.cipher.settings.send({ kind: 'started', sessionId: 1 });
    pair.server.cipher.answer = 'started';
    pair.run();
    expect(pair.client.kinds()).toContain('authenticated');
  });

  it('ends the session when the cipher does not serve it', () => {
    const pair = new SslPair(INLINE);
    pair.client.cipher.answer = 'stopped';
    pair.connect().run(40_000_000);
    expect(pair.client.closedReason()).toBe('internal');
    expect([isGone(pair.client), isGone(pair.server)]).toEqual([true, true]);
  });

  it('is stopped when TCP is through with the connection, not before', () => {
    const pair = up(INLINE);
    const stops = () => pair.client.cipher.heard.filter(({ kind }) => kind === 'stop');
    pair.client.ask({ kind: 'close', session: 'one' });
    expect(stops()).toHaveLength(0);
    pair.run(10_000_000);
    expect(stops()).toEqual([{ kind: 'stop', sessionId: 1, reason: 7 }]);
    expect([isGone(pair.client), isGone(pair.server)]).toEqual([true, true]);
  });

  it('is not stopped by a session that never came to it', () => {
    const pair = new SslPair({ ...INLINE, identities: { [CLIENT]: { issuer: 'nobody' } } }).connect().run(40_000_000);
    expect([...pair.client.cipher.heard, ...pair.server.cipher.heard]).toEqual([]);
    expect(isGone(pair.client)).toBe(true);
  });

  it('is wanted at both ends or at none', () => {
    for (const options of [{ client: INLINE.client }, { server: INLINE.server }]) {
      const pair = new SslPair(options).connect().run(10_000_000);
      expect(pair.client.closedReason()).toBe('no-common-suite');
      expect(pair.server.closedReason()).toBe('no-common-suite');
    }
  });

  it('takes AES suites alone', () => {
    const pair = up({ ...INLINE, client: { ...INLINE.client, suites: [3, 2] } });
    expect(pair.client.secured()).toMatchObject([{ suite: 2, integrity: 'none' }]);
    const none = new SslPair({ ...INLINE, server: { ...INLINE.server, suites: [3] } }).connect().run(10_000_000);
    expect(none.server.closedReason()).toBe('no-common-suite');
  });

  it('keeps its keys: neither end renews', () => {
    const pair = up(INLINE);
    pair.client.ask({ kind: 'renew', session: 'one' });
    pair.run();
    expect(pair.notes('renewal-refused')).toMatchObject([{ detail: expect.stringContaining('connect anew') }]);
    rawBytes(pair, pair.server, Uint8Array.of(0x16, 3, 3, 0, 1, 1));
    expect(pair.server.closedReason()).toBe('malformed');
  });

  it('drops a frame that no unit holds, and a unit of another kind', () => {
    const pair = up(INLINE);
    pair.client.sendFrame('one', new Uint8Array(CLEAR_MAX_BODY_BYTES + 1));
    expect(pair.client.ssl.drops.get('too-long')).toBe(1);
    const record = new Uint8Array(40);
    record.set([0x40, 0, 0, 40]);
    new DataView(record.buffer).setUint32(4, pair.server.secured()[0]?.receiveConnectionId as number);
    rawBytes(pair, pair.server, record);
    expect(pair.server.ssl.drops.get('unexpected-unit')).toBe(1);
  });
});

describe('control frames for an engine', () => {
  it('that are none are dropped', () => {
    const host = new TestHost();
    const ssl = host.attach(new SslLayer(host, 'ssl', { address: 1, peers: [], cipher: { by: 'inline', mac: 2 } }));
    host.injectBytes('nic', new Uint8Array(20));
    host.injectBytes('nic', buildControlFrame({ kind: 'started', sessionId: 9 }, 2));
    host.inject('inline', { kind: 'reserved-addresses', addresses: [] });
    expect(ssl.drops.get('foreign-control-frame')).toBe(1);
  });
});

layerCompliance(
  'ssl with an in-line cipher, nobody connected',
  (host) => new SslLayer(host, 'ssl', { address: 1, peers: [], cipher: { by: 'inline', mac: 2 } }),
  [
    { port: 'upper', message: { kind: 'listen', port: 443 } },
    { port: 'nic', frame: buildControlFrame({ kind: 'started', sessionId: 9 }, 2) },
    { port: 'nic', frame: new Uint8Array(30) },
  ],
  { framePorts: ['nic'] },
);
