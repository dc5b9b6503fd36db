import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import {
  CLIENT,
  EngineEnd,
  EnginePair,
  engineSession,
  FIREWALL_MAC,
  SERVER,
  SOFTWARE_MAC,
} from '../../../test/support/engine-pair.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { BROADCAST_MAC, CONTROL_MAC_ENGINE } from '../../wire/address.ts';
import { ArpOperation } from '../../wire/arp.ts';
import { buildArpFrame, buildTcpFrame, buildUdpFrame } from '../../wire/build.ts';
import { buildControlFrame } from '../../wire/control-frame.ts';
import { checksumVerdict, parseFrame } from '../../wire/frame.ts';
import { buildLeg, LegKind } from '../../wire/leg.ts';
import { Flag } from '../../wire/tcp.ts';
import { Reason } from '../../wire/terms.ts';
import { EngineLayer } from './layer.ts';

const T21 = { mac: 0x02_00_0a_09_00_01, ip: 0x0a_09_00_01 };
const S31 = { mac: 0x02_00_0a_09_00_02, ip: 0x0a_09_00_02 };

function userFrame(from: typeof T21, to: { mac: number; ip: number }, length = 100): Uint8Array {
  return buildUdpFrame(
    {
      ethernet: { source: from.mac, destination: to.mac },
      ip: { source: from.ip, destination: to.ip },
      udp: { sourcePort: 5, destinationPort: 6 },
    },
    new Uint8Array(length).fill(0x5a),
  );
}

function userSyn(mss: number): Uint8Array {
  return buildTcpFrame(
    {
      ethernet: { source: T21.mac, destination: S31.mac },
      ip: { source: T21.ip, destination: S31.ip },
      tcp: { sourcePort: 5, destinationPort: 6, seq: 1, ack: 0, flags: Flag.SYN, window: 1000, options: { mss } },
    },
    new Uint8Array(0),
  );
}

const arpRequest = buildArpFrame({
  ethernet: { source: T21.mac, destination: BROADCAST_MAC },
  arp: { operation: ArpOperation.REQUEST, senderMac: T21.mac, senderIp: T21.ip, targetMac: 0, targetIp: S31.ip },
});

/** A leg packet as the driver above gives it to the engine, or the peer's driver sends it. */
function legFrame(from: typeof CLIENT, to: typeof CLIENT, destination: number, seq: number): Uint8Array {
  return buildTcpFrame(
    {
      ethernet: { source: from.mac, destination },
      ip: { source: from.ip, destination: to.ip },
      tcp: { sourcePort: from.port, destinationPort: to.port, seq, ack: 1, flags: Flag.ACK | Flag.PSH, window: 65535 },
    },
    buildLeg({ kind: LegKind.PING, sequence: 0, acknowledgement: 0 }),
  );
}

describe('engine before the start command', () => {
  it('passes everything both ways but control frames', () => {
    const end = new EngineEnd('server');
    end.host.injectBytes('lower', userFrame(T21, S31));
    end.host.injectBytes('lower', arpRequest);
    end.host.injectBytes('upper', userFrame(S31, T21));
    expect(end.host.sentOn('upper').map((frame) => frame.bytes)).toEqual([userFrame(T21, S31), arpRequest]);
    expect(end.host.sentOn('lower').map((frame) => frame.bytes)).toEqual([userFrame(S31, T21)]);
  });

  it('takes no control frame from a cable', () => {
    const end = new EngineEnd('server');
    end.host.injectBytes(
      'lower',
      buildControlFrame({ kind: 'start', session: engineSession(end.host.vault, 'server', false) }, SOFTWARE_MAC),
    );
    end.host.injectBytes('lower', userFrame({ ...T21, mac: CONTROL_MAC_ENGINE }, S31));
    expect(end.host.dropReasons()).toEqual(['foreign-control-frame', 'foreign-control-frame']);
    expect([end.host.sentOn('upper'), end.host.sentOn('lower')]).toEqual([[], []]);
  });

  it('drops a control frame that it cannot read', () => {
    const end = new EngineEnd('server');
    const broken = buildControlFrame({ kind: 'stop', sessionId: 1, reason: 1 }, SOFTWARE_MAC);
    broken[14] = 99;
    end.host.injectBytes('upper', broken);
    expect(end.host.dropReasons()).toEqual(['malformed']);
  });
});

describe.each([
  ['TCP-shaped', false],
  ['UDP', true],
])('engine after the start command, F13 %s', (_shape, udp) => {
  it('R4, R1: a unicast frame crosses bit for bit and never reaches a MAC', () => {
    const pair = new EnginePair({ udp });
    const before = [pair.client.host.sentOn('upper').length, pair.server.host.sentOn('upper').length];
    for (const length of [1, 100, 1300]) pair.fromLan('server', userFrame(T21, S31, length));
    pair.fromLan('client', userFrame(S31, T21));
    expect(pair.lan.client).toEqual([1, 100, 1300].map((length) => userFrame(T21, S31, length)));
    expect(pair.lan.server).toEqual([userFrame(S31, T21)]);
    expect([pair.client.host.sentOn('upper').length, pair.server.host.sentOn('upper').length]).toEqual(before);
    for (const { bytes } of pair.wan) {
      const parsed = parseFrame(bytes);
      expect([checksumVerdict(bytes, parsed), parsed.ethernet?.destination]).toEqual(['good', FIREWALL_MAC]);
    }
  });

  it('R3: a broadcast goes to the MAC and through the tunnel', () => {
    const pair = new EnginePair({ udp });
    pair.fromLan('server', arpRequest);
    expect(pair.lan.client).toEqual([arpRequest]);
    expect(pair.server.host.sentOn('upper').map((frame) => frame.bytes)).toContainEqual(arpRequest);
  });

  it('R2: other frames to this node go to the MAC, and leg packets of the session too', () => {
    const pair = new EnginePair({ udp });
    const other = userFrame(T21, { mac: SERVER.mac, ip: SERVER.ip });
    pair.fromLan('server', other);
    expect(pair.server.host.sentOn('upper').at(-1)?.bytes).toEqual(other);
    if (udp) return;
    const leg = legFrame(CLIENT, SERVER, SERVER.mac, 5000);
    pair.server.host.injectBytes('lower', leg);
    expect(pair.server.host.sentOn('upper').at(-1)?.bytes).toEqual(leg);
  });

  it('cuts a frame larger than the path carries; one lost piece costs that frame only', () => {
    const pair = new EnginePair({ udp });
    pair.fromLan('server', userFrame(T21, S31, 1472));
    expect(pair.lan.client).toEqual([userFrame(T21, S31, 1472)]);
    let pieces = 0;
    pair.passes = () => ++pieces !== 2;
    pair.fromLan('server', userFrame(T21, S31, 1472));
    pair.fromLan('server', userFrame(T21, S31, 50));
    expect(pair.lan.client.length).toBe(2);
    expect(Math.max(...pair.wan.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(1514);
  });
});

describe('engine sessions', () => {
  it('reports started, authenticated, stopped with the F13 numbers, and passes everything again', () => {
    const pair = new EnginePair();
    expect(pair.server.reports().map((message) => message.kind)).toEqual(['started', 'authenticated']);
    expect(pair.client.reports().map((message) => message.kind)).toEqual(['started', 'authenticated']);
    pair.fromLan('server', userFrame(T21, S31));
    pair.server.control({ kind: 'stop', sessionId: 7, reason: 7 });
    pair.settle();
    const stopped = pair.server.reports().at(-1) as { nextSequence: number };
    expect(stopped).toMatchObject({ kind: 'stopped', reason: 7 });
    expect(stopped.nextSequence).toBeGreaterThan(2000);
    expect(pair.client.reports().at(-1)).toEqual({ kind: 'disconnect', sessionId: 7, reason: 7 });
    pair.server.host.injectBytes('lower', userFrame(T21, S31));
    expect(pair.server.host.sentOn('upper').at(-1)?.bytes).toEqual(userFrame(T21, S31));
  });

  it('after the peer has ended, nothing enters the tunnel', () => {
    const pair = new EnginePair();
    pair.server.control({ kind: 'stop', sessionId: 7, reason: 7 });
    pair.settle();
    const sent = pair.wan.length;
    pair.fromLan('client', userFrame(S31, T21));
    expect(pair.wan.length).toBe(sent);
    expect(pair.client.host.dropReasons()).toEqual(['not-started']);
  });

  it('serves several sessions until the last is stopped', () => {
    const end = new EngineEnd('client');
    end.startSession(false, 7);
    end.startSession(false, 7);
    end.startSession(false, 8);
    end.control({ kind: 'stop', sessionId: 9, reason: 0 });
    end.control({ kind: 'stop', sessionId: 7, reason: 0 });
    expect(end.layer.machines()[0]?.state).toBe('ACCELERATING');
    end.control({ kind: 'stop', sessionId: 8, reason: 0 });
    expect(end.layer.machines()[0]?.state).toBe('PASS-THROUGH');
    expect(end.reports().map((message) => message.kind)).toEqual([
      'started',
      'started',
      'stopped',
      'stopped',
      'stopped',
    ]);
    expect(end.host.dropReasons()).toEqual(['too-many-sessions']);
  });

  it('takes new keys while frames cross, only for a session it serves', () => {
    const pair = new EnginePair();
    for (const end of [pair.server, pair.client]) {
      end.control({ kind: 'renew', session: engineSession(end.host.vault, end.role, false, 2) });
      end.control({ kind: 'renew', session: engineSession(end.host.vault, end.role, false, 3, 99) });
      pair.fromLan('server', userFrame(T21, S31));
      pair.fromLan('client', userFrame(S31, T21));
    }
    pair.fromLan('server', userFrame(T21, S31));
    expect([pair.lan.client.length, pair.lan.server.length]).toEqual([3, 2]);
    expect(pair.server.layer.machines().map(({ state }) => state)).toEqual(['ACCELERATING', 'LIVE.STEADY', 'TRUSTED']);
    expect(pair.client.reports().filter(({ kind }) => kind === 'started').length).toBe(2);
    const stopped = pair.client.reports().filter(({ kind }) => kind === 'stopped');
    expect(stopped).toMatchObject([{ sessionId: 99, reason: Reason.TOO_MANY_SESSIONS }]);
  });

  it('answers STOPPED for sessions that it does not serve, and takes no keys for them', () => {
    const end = new EngineEnd('client');
    end.control({ kind: 'renew', session: engineSession(end.host.vault, 'client', false) });
    end.control({ kind: 'stop', sessionId: 7, reason: 1 });
    expect(end.reports().map(({ kind }) => kind)).toEqual(['stopped', 'stopped']);
  });

  it('does not say STARTED for a renewal that it can not take: the session ends', () => {
    const end = new EngineEnd('server');
    end.startSession();
    end.control({ kind: 'renew', session: engineSession(end.host.vault, 'server', false, 2) });
    expect(end.reports().map(({ kind }) => kind)).toEqual(['started', 'disconnect']);
  });

  it('stops all sessions in order when its device stops', () => {
    const pair = new EnginePair();
    pair.client.host.stop();
    pair.settle();
    expect(pair.server.reports().at(-1)).toMatchObject({ kind: 'disconnect' });
    expect(pair.client.host.timers()).toEqual([]);
  });

  it('tells the software when the peer is dead', () => {
    const pair = new EnginePair();
    pair.passes = () => false;
    pair.advance(45_000_000);
    expect(pair.client.reports().at(-1)).toEqual({ kind: 'disconnect', sessionId: 7, reason: 3 });
  });

  it('a plain RST of a stranger only makes it ask', () => {
    const pair = new EnginePair();
    const rst = buildTcpFrame(
      {
        ethernet: { source: FIREWALL_MAC, destination: SERVER.mac },
        ip: { source: CLIENT.ip, destination: SERVER.ip },
        tcp: { sourcePort: CLIENT.port, destinationPort: SERVER.port, seq: 5, ack: 0, flags: Flag.RST, window: 0 },
      },
      new Uint8Array(0),
    );
    const before = pair.wan.length;
    pair.fromLan('server', rst);
    expect(pair.wan.length).toBeGreaterThan(before);
    pair.advance(20_000_000);
    pair.fromLan('server', userFrame(T21, S31));
    expect(pair.lan.client.length).toBe(1);
  });
});

describe('engine on the TCP-shaped wire', () => {
  it('stamps leg packets of the software with its own numbers, and leaves other frames alone', () => {
    const pair = new EnginePair();
    pair.fromLan('client', userFrame(S31, T21));
    const last = parseFrame(pair.wan.at(-1)?.bytes as Uint8Array);
    pair.client.host.injectBytes('upper', legFrame(CLIENT, SERVER, FIREWALL_MAC, 1));
    const stamped = parseFrame(pair.client.host.sentOn('lower').at(-1)?.bytes as Uint8Array);
    expect(stamped.tcp?.seq).toBe((last.tcp?.seq as number) + last.payloadEnd - last.payloadOffset);
    const other = userSyn(1400);
    pair.client.host.injectBytes('upper', other);
    expect(pair.client.host.sentOn('lower').at(-1)?.bytes).toEqual(other);
  });

  it('acknowledges one-way traffic every 10 s, by authenticated records only', () => {
    const pair = new EnginePair();
    pair.advance(1_000_000);
    const before = pair.wan.length;
    for (let second = 0; second < 21; second++) {
      pair.fromLan('server', userFrame(T21, S31));
      pair.advance(1_000_000);
    }
    const empty = pair.wan
      .slice(before)
      .filter(
        ({ from, bytes }) => from === 'client' && parseFrame(bytes).payloadEnd === parseFrame(bytes).payloadOffset,
      );
    expect(empty.length).toBeGreaterThanOrEqual(1);
    const acknowledged = parseFrame(empty.at(-1)?.bytes as Uint8Array).tcp?.ack as number;
    const forged = pair.wan.at(-1)?.bytes.slice() as Uint8Array;
    expect(acknowledged).toBeGreaterThan(2000);
    forged[forged.length - 1] = 0;
    pair.client.host.injectBytes('lower', forged, 'bad');
  });

  it('refuses bad checksums, bad tags, replays, unknown ids and nonsense, each counted', () => {
    const pair = new EnginePair();
    pair.fromLan('server', userFrame(T21, S31));
    const good = pair.wan.at(-1)?.bytes.slice() as Uint8Array;
    good.set([2, 0, 0, 0, 0, 0x30], 0);
    pair.client.host.injectBytes('lower', good);
    pair.client.host.injectBytes('lower', good, 'bad');
    const at = parseFrame(good).payloadOffset;
    const changed = (offset: number, value: number): Uint8Array => {
      const copy = good.slice();
      copy[at + offset] = value;
      return copy;
    };
    pair.client.host.injectBytes('lower', changed(15, 77));
    pair.client.host.injectBytes('lower', changed(7, 77));
    pair.client.host.injectBytes('lower', changed(0, 0x99));
    pair.client.host.injectBytes('lower', changed(1, 0x80));
    expect(pair.client.host.dropReasons()).toEqual([
      'replayed',
      'bad-checksum',
      'bad-tag',
      'unknown-connection-id',
      'malformed',
      'malformed',
    ]);
    expect(pair.lan.client).toHaveLength(1);
  });

  it('keeps loops out of the tunnel', () => {
    const pair = new EnginePair();
    const sent = pair.wan.length;
    pair.fromLan('server', userFrame({ ...T21, mac: SERVER.mac }, S31));
    pair.fromLan('server', userFrame({ ...T21, mac: FIREWALL_MAC }, S31));
    pair.fromLan('server', userFrame({ mac: 9, ip: CLIENT.ip }, { mac: 8, ip: SERVER.ip }));
    pair.server.control({ kind: 'reserved-addresses', addresses: [S31.ip] });
    pair.fromLan('server', arpRequest);
    expect(pair.wan.length).toBe(sent);
    expect(pair.server.host.dropReasons()).toEqual(Array(4).fill('loop-guard'));
  });

  it('lowers the MSS of inner SYNs when told to', () => {
    const pair = new EnginePair({ engine: { clampMss: 1360 } });
    pair.fromLan('server', userSyn(1460));
    pair.fromLan('server', userSyn(1000));
    const seen = pair.lan.client.map((bytes) => ({
      mss: parseFrame(bytes).tcp?.options.mss,
      sum: checksumVerdict(bytes, parseFrame(bytes)),
    }));
    expect(seen).toEqual([
      { mss: 1360, sum: 'good' },
      { mss: 1000, sum: 'good' },
    ]);
  });

  it('drops what is too short for a header', () => {
    const end = new EngineEnd('server');
    end.host.injectBytes('lower', new Uint8Array(10));
    expect(end.host.dropReasons()).toEqual(['malformed']);
  });
});

layerCompliance(
  'engine',
  (host) => new EngineLayer(host, '2014', { clampMss: 1360 }),
  [
    { port: 'lower', frame: arpRequest },
    (): { port: string; frame: Uint8Array } => ({ port: 'lower', frame: userFrame(T21, S31) }),
    { port: 'upper', frame: legFrame(SERVER, CLIENT, FIREWALL_MAC, 9) },
    { wait_us: 20_000_000 },
    { port: 'upper', frame: buildControlFrame({ kind: 'stop', sessionId: 7, reason: 1 }, SOFTWARE_MAC) },
  ],
  { framePorts: ['upper', 'lower'] },
);

describe('engine, saved and restored', () => {
  it('goes on as if nothing had happened, mid session', () => {
    const pair = new EnginePair();
    pair.fromLan('server', userFrame(T21, S31, 1472));
    const saved = { layer: structuredClone(pair.server.layer.save()), host: pair.server.host.save() };
    const other = new TestHost();
    const twin = other.attach(new EngineLayer(other, '2014'));
    other.restore(saved.host);
    twin.restore(saved.layer);
    const before = pair.server.host.sentOn('lower').length;
    for (const host of [pair.server.host, other]) {
      host.injectBytes('lower', userFrame(T21, S31));
      host.injectBytes('lower', arpRequest);
      host.advance(60_000_000);
    }
    expect(other.sentOn('lower').map((frame) => frame.bytes)).toEqual(
      pair.server.host
        .sentOn('lower')
        .slice(before)
        .map((frame) => frame.bytes),
    );
    expect(twin.save()).toEqual(pair.server.layer.save());
  });
});
