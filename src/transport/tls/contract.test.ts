import { beforeAll, describe, expect, it } from 'vitest';
import { Joined } from '../../../test/support/tls-joined.ts';
import {
  CLIENT_NAME,
  type Fault,
  modelParties,
  opensslParties,
  type PartyMaker,
  SERVER_NAME,
} from '../../../test/support/tls-parties.ts';
import { modelPin } from '../../actors/ssl/tls-model-certificate.ts';

const LABEL = 'EXPORTER-glassgate-data';
const CONTEXT = new Uint8Array(32).fill(9);
const GARBAGE = new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n');

const makers: [string, () => Promise<PartyMaker>][] = [
  ['openssl', opensslParties],
  ['model', async () => modelParties(modelPin)],
];

describe.each(makers)('the TLS contract, kept by %s:', (_name, prepare) => {
  let maker: PartyMaker;
  beforeAll(async () => {
    maker = await prepare();
  });

  it('both sides know the other by its name', async () => {
    const joined = await new Joined(maker).handshake();
    expect(joined.kinds('client')).toEqual(['secured']);
    expect(joined.kinds('server')).toEqual(['secured']);
    expect(joined.securedOf('client')).toMatchObject({ peerName: SERVER_NAME, matchedBy: 'name', protocol: 'TLSv1.3' });
    expect(joined.securedOf('server')).toMatchObject({ peerName: CLIENT_NAME, matchedBy: 'name', protocol: 'TLSv1.3' });
    expect(joined.securedOf('client')?.pin).toBe(maker.pinOf('server'));
    expect(joined.securedOf('server')?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it('both sides know the other by its key pin', async () => {
    const clientExpects = { names: ['somebody'], pins: [maker.pinOf('server')] };
    const serverExpects = { names: [], pins: [maker.pinOf('client')] };
    const joined = await new Joined(maker, { clientExpects, serverExpects }).handshake();
    expect(joined.securedOf('client')).toMatchObject({ peerName: maker.pinOf('server'), matchedBy: 'pin' });
    expect(joined.securedOf('server')).toMatchObject({ peerName: maker.pinOf('client'), matchedBy: 'pin' });
  });

  it('nothing happens before start', async () => {
    const joined = new Joined(maker);
    joined.server.engine.receive(GARBAGE);
    joined.server.engine.receiveEnd();
    expect(joined.client.engine.write(GARBAGE)).toBe(false);
    await joined.settled();
    expect([...joined.client.events, ...joined.server.events]).toEqual([]);
  });

  it('the flights have the record types and about the lengths of TLS 1.3 with two certificates', async () => {
    const joined = await new Joined(maker).handshake();
    const types = (role: 'client' | 'server') => joined.recordsOf(role).map((record) => record.split(':')[0]);
    expect(types('client')).toEqual(['16', '14', '17', '17', '17']);
    expect(types('server')).toEqual(['16', '14', '17', '17', '17', '17', '17', '17', '17']);
    const lengths = [...joined.recordsOf('client'), ...joined.recordsOf('server')].map((record) =>
      Number(record.split(':')[1]),
    );
    const typical = [1401, 6, 848, 101, 74, 1215, 6, 28, 103, 850, 101, 74, 79, 79];
    for (const [at, length] of lengths.entries()) expect(Math.abs(length - typical[at])).toBeLessThan(10);
  });

  it('data goes both ways, each write is answered, records are 22 bytes longer', async () => {
    const joined = await new Joined(maker).handshake();
    const before = joined.recordsOf('client').length;
    expect(joined.client.engine.write(Buffer.from('offer'))).toBe(true);
    expect(joined.server.engine.write(Buffer.from('go'))).toBe(true);
    await joined.settled();
    expect(joined.dataOf('server').toString()).toBe('offer');
    expect(joined.dataOf('client').toString()).toBe('go');
    expect(joined.recordsOf('client').slice(before)).toEqual([`17:${'offer'.length + 22}`]);
    expect(joined.client.events).toContainEqual({ kind: 'written', length: 5 });
    expect(joined.server.events).toContainEqual({ kind: 'written', length: 2 });
  });

  it('64 KB and many small writes arrive whole and in order', async () => {
    const joined = await new Joined(maker).handshake();
    const big = Buffer.from(Array.from({ length: 65_536 }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
    joined.client.engine.write(big);
    for (let at = 0; at < 100; at++) joined.client.engine.write(Uint8Array.of(at));
    await joined.settled();
    expect(
      joined.dataOf('server').equals(Buffer.concat([big, Buffer.from(Array.from({ length: 100 }, (_, at) => at))])),
    ).toBe(true);
    expect(joined.kinds('client').filter((kind) => kind === 'written')).toHaveLength(101);
  });

  it('the caller may use its buffer again at once', async () => {
    const joined = await new Joined(maker).handshake();
    const buffer = Buffer.from('offer');
    joined.client.engine.write(buffer);
    buffer.fill(0);
    await joined.settled();
    expect(joined.dataOf('server').toString()).toBe('offer');
  });

  it('bytes may come one at a time', async () => {
    const joined = await new Joined(maker, { piece: 1 }).handshake();
    joined.client.engine.write(Buffer.from('offer'));
    joined.server.engine.write(Buffer.from('go'));
    await joined.settled();
    expect(joined.dataOf('server').toString()).toBe('offer');
    expect(joined.dataOf('client').toString()).toBe('go');
  });

  it('both ends export the same secret, another for another context or session, and no event holds one', async () => {
    const joined = await new Joined(maker).handshake();
    const other = await new Joined(maker, { clientExpects: { names: [SERVER_NAME, 'x'], pins: [] } }).handshake();
    for (const { engine } of [joined.client, joined.server, other.client]) {
      expect(engine.exportSecret(LABEL, CONTEXT, 32)).toBe(1);
      expect(engine.exportSecret(LABEL, CONTEXT.slice(1), 32)).toBe(2);
    }
    const [client, server] = [joined.client.keys.secrets, joined.server.keys.secrets];
    expect(client[0]).toHaveLength(32);
    expect(client).toEqual(server);
    expect(client[0]).not.toEqual(client[1]);
    if (maker.name === 'openssl') expect(other.client.keys.secrets[0]).not.toEqual(client[0]);
    const told = Buffer.concat([...joined.client.events, ...joined.server.events].map(eventBytes));
    for (const secret of client) expect(told.includes(Buffer.from(secret))).toBe(false);
  });

  it('no secret is exported before the peer is known', async () => {
    const joined = new Joined(maker);
    expect(joined.client.engine.exportSecret(LABEL, CONTEXT, 32)).toBeUndefined();
    joined.client.engine.start();
    await joined.settled();
    expect(joined.client.engine.exportSecret(LABEL, CONTEXT, 32)).toBeUndefined();
    expect(joined.client.keys.secrets).toEqual([]);
  });

  const refused: [Fault, string][] = [
    ['untrusted', 'untrusted'],
    ['expired', 'expired'],
    ['not-yet-valid', 'not-yet-valid'],
    ['revoked', 'revoked'],
    ['no-certificate', 'no-certificate'],
    ['tls-1.2', 'protocol-version'],
  ];
  it.each(refused)('the server refuses a client that is %s: %s', async (clientFault, reason) => {
    const joined = await new Joined(maker, { clientFault }).handshake();
    expect(joined.kinds('server')).toEqual(['failed']);
    expect(joined.failureOf('server')).toBe(reason);
    expect(joined.failureOf('client')).toBeDefined();
  });

  it.each(['untrusted', 'expired', 'not-yet-valid', 'revoked'] as const)(
    'the client refuses a server that is %s',
    async (serverFault) => {
      const joined = await new Joined(maker, { serverFault }).handshake();
      expect(joined.kinds('client')).toEqual(['failed']);
      expect(joined.failureOf('client')).toBe(serverFault);
      expect(joined.failureOf('server')).toBe('closed-early');
    },
  );

  it.each(['client', 'server'] as const)('the %s refuses a good certificate of somebody else', async (role) => {
    const nobody = { names: ['gateway99', '.', '*', ''], pins: ['sha256/', maker.pinOf(role)] };
    const expects = role === 'client' ? { clientExpects: nobody } : { serverExpects: nobody };
    const joined = await new Joined(maker, expects).handshake();
    expect(joined.kinds(role)).toEqual(['failed']);
    expect(joined.failureOf(role)).toBe('wrong-peer');
  });

  it('data that a client sends before the server refuses it is not delivered', async () => {
    const joined = new Joined(maker, { clientFault: 'untrusted' });
    joined.server.engine.start();
    joined.client.engine.start();
    for (let turn = 0; turn < 50 && !joined.client.engine.write(Buffer.from('evil')); turn++) {
      await new Promise(setImmediate);
    }
    await joined.settled();
    expect(joined.dataOf('server')).toHaveLength(0);
    expect(joined.kinds('server')).toEqual(['failed']);
  });

  it.each(['client', 'server'] as const)('the %s survives garbage instead of a hello', async (role) => {
    const joined = new Joined(maker);
    joined[role].engine.start();
    joined[role].engine.receive(GARBAGE);
    await joined.settled();
    expect(joined.kinds(role)).toEqual(['failed']);
    expect(joined.failureOf(role)).toBe('malformed');
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'a bit flipped in flight, place %i, ends the session with a reason',
    async (place) => {
      let left = 2 + place * 300;
      const joined = await new Joined(maker, {
        tamper: (_from, bytes) => {
          const hit = left >= 0 && left < bytes.length;
          const copy = Uint8Array.from(bytes);
          if (hit) copy[left] ^= 0x10;
          left -= bytes.length;
          return copy;
        },
      }).handshake();
      joined.client.engine.receiveEnd();
      joined.server.engine.receiveEnd();
      await joined.settled();
      expect(joined.failureOf('client')).toBeDefined();
      expect(joined.failureOf('server')).toBeDefined();
    },
  );

  it('a damaged data record fails the session and is not delivered', async () => {
    let damage = false;
    const tamper = (_from: string, bytes: Uint8Array) => {
      const copy = Uint8Array.from(bytes);
      if (damage) copy[7] ^= 1;
      return copy;
    };
    const joined = await new Joined(maker, { tamper }).handshake();
    damage = true;
    joined.client.engine.write(Buffer.from('offer'));
    await joined.settled();
    expect(joined.kinds('server')).toEqual(['secured', 'failed']);
    expect(joined.failureOf('server')).toBe('malformed');
  });

  it.each([0, 3, 700])('a stream that ends %i bytes into the handshake is closed-early', async (cut) => {
    const joined = new Joined(maker);
    joined.client.engine.start();
    await joined.settled();
    const [hello] = joined.client.events;
    joined.server.engine.start();
    joined.server.engine.receive(hello.kind === 'output' ? hello.bytes.subarray(0, cut) : GARBAGE);
    joined.server.engine.receiveEnd();
    await joined.settled();
    expect(joined.kinds('server')).toEqual(['failed']);
    expect(joined.failureOf('server')).toBe('closed-early');
  });

  it('an end without close_notify is closed-early, an end with it is ended; data before it arrives', async () => {
    const cut = await new Joined(maker).handshake();
    cut.server.engine.receiveEnd();
    await cut.settled();
    expect(cut.failureOf('server')).toBe('closed-early');

    const whole = await new Joined(maker).handshake();
    whole.client.engine.write(Buffer.alloc(30_000, 1));
    whole.client.engine.end();
    expect(whole.client.engine.write(GARBAGE)).toBe(false);
    await whole.settled();
    expect(whole.dataOf('server')).toHaveLength(30_000);
    expect(whole.kinds('server').at(-1)).toBe('ended');
    expect(whole.kinds('client').at(-1)).toBe('ended');
    expect(whole.failureOf('server') ?? whole.failureOf('client')).toBeUndefined();
    expect(whole.recordsOf('client').at(-1)).toBe('17:24');
    expect(whole.recordsOf('server').at(-1)).toBe('17:24');
  });

  it('nothing follows the last event, nor destroy', async () => {
    const joined = await new Joined(maker).handshake();
    const before = joined.client.events.length;
    joined.client.engine.destroy();
    joined.client.engine.receive(GARBAGE);
    joined.client.engine.receiveEnd();
    joined.client.engine.end();
    expect(joined.client.engine.write(GARBAGE)).toBe(false);
    expect(joined.client.engine.exportSecret(LABEL, CONTEXT, 32)).toBeUndefined();
    joined.server.engine.receive(GARBAGE);
    joined.server.engine.receive(GARBAGE);
    await joined.settled();
    expect(joined.client.events).toHaveLength(before);
    expect(joined.server.events.at(-1)?.kind).toBe('failed');
  });
});

function eventBytes(event: object): Uint8Array {
  return 'bytes' in event ? (event.bytes as Uint8Array) : Buffer.from(JSON.stringify(event));
}
