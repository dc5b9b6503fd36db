import { describe, expect, it } from 'vitest';
import type { IntermediateDriverLayer } from '../../src/actors/intermediate-driver/layer.ts';
import type { Lab, LabOptions } from '../../src/lab/lab.ts';
import { hangUp } from '../../src/lab/run.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { GATEWAY_20, GATEWAY_30, LISTEN_PORT } from '../../src/topologies/network.ts';
import { RELAY_10 } from '../../src/topologies/relayed-network.ts';
import { farSite, relayOf } from '../../src/topologies/several-network.ts';
import { buildTcpFrame, buildUdpFrame } from '../../src/wire/build.ts';
import { buildControlFrame, parseControlFrame } from '../../src/wire/control-frame.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { Reason } from '../../src/wire/terms.ts';
import { UNIT_DATA, UNIT_PIECE } from '../../src/wire/unit.ts';
import { checkNoF13Life } from './checks.ts';
import {
  arpRequest,
  countingCiphers,
  DIGITS,
  endsOf,
  engine20,
  hexAt,
  holdsRecords,
  isF10,
  rows,
  sends,
  serverOf,
  TERMINAL,
  userFrame,
} from './several.ts';
import { type Changes, payloadLength, read, SECOND_US, SHAPES, unitsOf, upLab } from './support.ts';

const SERVER = serverOf(3);
const RELAYS = DIGITS.map((digit) => relayOf(digit, [farSite(digit)]));
const RELAY_IPS = RELAYS.map(({ interface: { address } }) => address);

/** A lab whose sessions stand, and in which every user has spoken to the terminal. */
function used(changes: Changes, options: LabOptions = {}): Lab {
  const lab = upLab('e12', changes, options);
  for (const { device } of lab.plan.ends.slice(1)) expect(ping(lab, { to: device }).rtts_us).toHaveLength(1);
  lab.run(SECOND_US);
  return lab;
}

describe.each(SHAPES)('embodiment 12, F13 %s', (shape) => {
  it.each([1, 2, 3] as const)('12.7-1 N sessions, N frames: %i, each with F12 and F13 of its session', (sites) => {
    const lab = used({ shape, sites });
    const out = lab.capture(['W2'], ({ way, bytes }) => way === 'ba' && holdsRecords(bytes));
    const arrived = lab.capture(
      DIGITS.map((digit) => (digit === 3 ? 'W6' : `W${digit - 3}6`)),
      ({ way }) => way === 'ab',
    );
    sends(lab, TERMINAL, userFrame(TERMINAL, SERVER));
    lab.run(SECOND_US);
    expect(out).toHaveLength(sites);
    expect(out.map(({ bytes }) => endsOf(bytes))).toEqual(
      rows(lab).map(({ tuple }) => ({
        from: GATEWAY_20.address,
        fromPort: tuple.localPort,
        to: tuple.remote,
        toPort: LISTEN_PORT,
      })),
    );
    expect(rows(lab).map(({ tuple }) => tuple.remote)).toEqual(RELAY_IPS.slice(0, sites));
    expect(new Set(out.map(({ bytes }) => unitsOf(bytes)[0].type))).toEqual(new Set([UNIT_DATA]));
    // Each relay has opened its copy, and sent the frame on to its site.
    expect(arrived.map(({ bytes }) => bytes)).toEqual(Array(sites).fill(userFrame(TERMINAL, SERVER)));
  });

  it('12.7-1 a record of one session opens in no other, neither under its own connection id nor under the other', () => {
    const lab = used({ shape, sites: 2 });
    const out = lab.capture(['W2'], ({ way, bytes }) => way === 'ba' && holdsRecords(bytes));
    lab.cables.W18.isCut = true;
    sends(lab, TERMINAL, userFrame(TERMINAL, SERVER));
    lab.run(SECOND_US);
    lab.cables.W18.isCut = false;
    const [own, others] = out.map(({ bytes }) => read(bytes));
    const [ofFirst, ofSecond] = out.map(({ bytes }) =>
      bytes.subarray(read(bytes).payloadOffset, read(bytes).payloadEnd),
    );
    expect(others.ip?.destination).toBe(RELAY_IPS[1]);
    const renamed = ofFirst.slice();
    renamed.set(ofSecond.subarray(4, 16), 4);
    const numbers = { seq: others.tcp?.seq ?? 0, ack: others.tcp?.ack ?? 0 };
    const before = lab.drops('relay14');
    for (const payload of [ofFirst, renamed]) {
      const head = {
        ethernet: { source: own.ethernet.source, destination: RELAYS[1].interface.mac },
        ip: { source: GATEWAY_20.address, destination: RELAY_IPS[1] },
      };
      const [sourcePort, destinationPort] = [rows(lab)[1].tuple.localPort, LISTEN_PORT];
      const bytes =
        shape === 'udp'
          ? buildUdpFrame({ ...head, udp: { sourcePort, destinationPort } }, payload)
          : buildTcpFrame(
              { ...head, tcp: { sourcePort, destinationPort, ...numbers, flags: Flag.ACK, window: 65_535 } },
              payload,
            );
      lab.devices.relay14.input({ kind: 'frame', port: '1013', bytes, checksum: 'good' });
      lab.run(SECOND_US);
    }
    const after = lab.drops('relay14');
    expect((after['unknown-connection-id'] ?? 0) - (before['unknown-connection-id'] ?? 0)).toBe(1);
    expect((after['bad-tag'] ?? 0) - (before['bad-tag'] ?? 0)).toBe(1);
    expect(ping(lab, { to: 'server41' }).rtts_us).toHaveLength(1);
  });

  it.each([1, 2, 3] as const)(
    '12.7-2 broadcast with %i: one clear copy at MAC 2011, one encrypted for each session',
    (sites) => {
      const lab = used({ shape, sites });
      const seen = lab.capture(['M20', 'W2'], ({ way }) => way === 'up' || way === 'ba');
      const question = arpRequest(TERMINAL, 0x0a09_00fe);
      sends(lab, TERMINAL, question);
      lab.run(SECOND_US);
      expect(seen.filter(({ place }) => place === 'M20').map(({ bytes }) => bytes)).toEqual([question]);
      const out = seen.filter(({ place }) => place === 'W2');
      expect(out.map(({ bytes }) => endsOf(bytes).to)).toEqual(RELAY_IPS.slice(0, sites));
      expect(out.every(({ bytes }) => holdsRecords(bytes))).toBe(true);
    },
  );

  it('12.7-3 right key on receive: frames of three sessions, interleaved, all leave on the LAN as they were', () => {
    const lab = used({ shape, sites: 3 });
    const atTerminal = lab.capture(['W1'], ({ way }) => way === 'ab' || way === 'ba');
    const before = { ...engine20(lab).counters };
    const sent = [3, 4, 5, 5, 3, 4, 3, 5, 4].map((digit, index) => ({
      from: serverOf(digit as 3 | 4 | 5),
      length: 100 + index,
    }));
    for (const { from, length } of sent) {
      sends(lab, from, userFrame(from, TERMINAL, length));
      lab.run(20_000);
    }
    lab.run(SECOND_US);
    const frames = sent.map(({ from, length }) => userFrame(from, TERMINAL, length));
    expect(atTerminal.filter(({ way }) => way === 'ba').map(({ bytes }) => bytes)).toEqual(frames);
    expect(engine20(lab).counters.opened - before.opened).toBe(sent.length);
    expect(lab.drops('gateway20')).not.toHaveProperty('bad-tag');
  });

  it('12.7-3 with the keys of two rows exchanged in the table nothing opens', () => {
    const lab = used({ shape, sites: 2 });
    const saved = structuredClone(engine20(lab).save()) as unknown as SavedTable;
    const [one, two] = saved.sessions.map(({ records }) => records.generations[0].data.receiver.current);
    [one.key, two.key] = [two.key, one.key];
    engine20(lab).restore(saved as never);
    const atTerminal = lab.capture(['W1'], ({ way }) => way === 'ba');
    for (const from of [SERVER, serverOf(4)]) sends(lab, from, userFrame(from, TERMINAL));
    lab.run(SECOND_US);
    expect(lab.drops('gateway20')['bad-tag']).toBe(2);
    expect(atTerminal).toEqual([]);
  });

  it('12.7-4 miss goes to the CPU: set-up of a third session reaches MAC 2011 unmodified, its records do not', () => {
    const lab = upLab('e12', { shape, sites: 3, demand: { idle_ms: 3_600_000 } });
    const [seen, starts] = [lab.capture(['W2', 'M20']), [] as number[]];
    const isOf = (bytes: Uint8Array) => isF10(bytes) && endsOf(bytes).from === RELAY_IPS[2];
    lab.tap('M20', ({ way, bytes }) => {
      const control = way === 'down' ? parseControlFrame(bytes) : undefined;
      if (control?.ok && control.message.kind === 'start') starts.push(seen.length);
    });
    lab.tell('gateway20', '2001', 'demand', { peer: 'relay14' });
    lab.tell('gateway20', '2001', 'demand', { peer: 'relay15' });
    expect(lab.until(() => rows(lab).length === 3, 10 * SECOND_US)).toBe(true);
    expect(starts).toHaveLength(2);
    const setUp = seen.slice(0, starts[1]).filter(({ bytes }) => isOf(bytes));
    expect(hexAt(setUp, 'M20', 'up')).toEqual(hexAt(setUp, 'W2', 'ab'));
    expect(hexAt(setUp, 'M20', 'up').length).toBeGreaterThan(5);
    lab.run(SECOND_US);
    const at = seen.length;
    expect(ping(lab, { to: 'server51' }).rtts_us).toHaveLength(1);
    const later = seen.slice(at).filter(({ bytes }) => isOf(bytes));
    expect(hexAt(later, 'W2', 'ab').length).toBeGreaterThan(0);
    expect(hexAt(later, 'M20', 'up')).toEqual([]);
  });

  it('12.7-5 independent stop: one session stops, the other goes on; frames of the first are for MAC 2011', () => {
    const lab = used({ shape, sites: 2 });
    const records = lab.capture(['W2'], ({ way, bytes }) => way === 'ab' && holdsRecords(bytes));
    sends(lab, SERVER, userFrame(SERVER, TERMINAL));
    lab.run(SECOND_US);
    const [late] = records.map(({ bytes }) => bytes);
    const { sessionId } = rows(lab)[0];
    const stop = buildControlFrame({ kind: 'stop', sessionId, reason: Reason.OPERATOR }, GATEWAY_20.mac);
    lab.layer('gateway20', '2011').ports.lower.send(lab.devices.gateway20.frame(stop));
    lab.tell('gateway20', '2001', 'nothing');
    expect(rows(lab).map(({ tuple }) => tuple.remote)).toEqual([RELAY_IPS[1]]);
    const up = lab.capture(['M20'], ({ way }) => way === 'up');
    const atTerminal = lab.capture(['W1'], ({ way }) => way === 'ba');
    lab.devices.gateway20.input({ kind: 'frame', port: '2013', bytes: late, checksum: 'good' });
    expect(up.map(({ bytes }) => bytes)).toContainEqual(late);
    expect(atTerminal).toEqual([]);
    expect(transfer(lab, { to: 'server41', bytes: 50_000, limit_us: 60 * SECOND_US })).toMatchObject({
      complete: true,
    });
  });

  it('12.7-6 driver table: 1008H and 1008I give the frames of each session to its own TCP', () => {
    const lab = used({ shape, sites: 1 });
    const driver = lab.layer('relay10', '1008') as IntermediateDriverLayer;
    const tcps = new Set([...driver.sessions.values()].map(({ local }) => local));
    expect([driver.sessions.size, tcps.size]).toEqual([2, 2]);
    const seen = lab.capture(['W8', 'S10'], ({ bytes }) => isF10(bytes));
    sends(lab, TERMINAL, userFrame(TERMINAL, SERVER));
    sends(lab, SERVER, userFrame(SERVER, TERMINAL));
    lab.run(SECOND_US);
    for (const gateway of [GATEWAY_20, GATEWAY_30]) {
      const of = (place: string, way: 'ab' | 'ba' | 'up' | 'down') =>
        seen.filter((each) => {
          const { from, to } = endsOf(each.bytes);
          return each.place === place && each.way === way && [from, to].includes(gateway.address);
        });
      const bytes = (place: string, way: 'ab' | 'ba' | 'up' | 'down') =>
        of(place, way).reduce((sum, each) => sum + payloadLength(each.bytes), 0);
      // One record came from each gateway and one went to each, over the local TCP of that gateway's session alone.
      expect(bytes('S10', 'up')).toBe(bytes('W8', 'ab'));
      expect(bytes('S10', 'down')).toBe(bytes('W8', 'ba'));
      expect(bytes('W8', 'ab')).toBeGreaterThan(154);
      for (const each of of('S10', 'up')) expect(read(each.bytes).tcp?.destinationPort).toBe(LISTEN_PORT);
    }
    expect(lab.drops('relay10')).not.toHaveProperty('bad-tag');
  });

  it('0.4 each relay has a tap of its own, named by its numeral', () => {
    const lab = used({ shape, sites: 2 });
    const seen = lab.capture(['S10', 'S14'], ({ bytes }) => isF10(bytes));
    sends(lab, TERMINAL, userFrame(TERMINAL, serverOf(4)));
    lab.run(SECOND_US);
    const places = (address: number) =>
      new Set(seen.filter(({ bytes }) => Object.values(endsOf(bytes)).includes(address)).map(({ place }) => place));
    expect(RELAY_IPS.slice(0, 2).map(places)).toEqual([new Set(['S10']), new Set(['S14'])]);
  });

  it('12.7-6 driver table: control frames are for block M, the rest goes through', () => {
    const lab = used({ shape, sites: 2 });
    const seen = lab.capture(['M20', 'S20', 'S10']);
    const { sessionId } = rows(lab)[1];
    const control = buildControlFrame({ kind: 'authenticated', sessionId }, GATEWAY_20.mac);
    lab.layer('gateway20', '2014').ports.upper.send(lab.devices.gateway20.frame(control));
    lab.tell('gateway20', '2001', 'nothing');
    expect(seen.filter(({ place }) => place === 'M20').map(({ bytes }) => bytes)).toContainEqual(control);
    expect(seen.filter(({ place }) => place === 'S20')).toEqual([]);
    const other = buildUdpFrame(
      {
        ethernet: { source: GATEWAY_20.mac, destination: RELAY_10.mac },
        ip: { source: GATEWAY_20.address, destination: RELAY_10.address },
        udp: { sourcePort: 9, destinationPort: 9 },
      },
      new Uint8Array(4),
    );
    lab.devices.relay10.input({ kind: 'frame', port: '1013', bytes: other, checksum: 'good' });
    expect(seen.filter(({ place, way }) => place === 'S10' && way === 'up').map(({ bytes }) => bytes)).toEqual([other]);
  });

  it('12.7-7 no F13 ACK on the wire: the ACKs of TCP 1003 end in driver 1008', () => {
    const lab = used({ shape, sites: 2 });
    const wire = lab.capture(['W7'], ({ bytes }) => isF10(bytes));
    const inRelay = lab.capture(
      ['S10'],
      ({ way, bytes }) => way === 'down' && isF10(bytes) && payloadLength(bytes) === 0,
    );
    for (const to of ['server31', 'server41'])
      expect(transfer(lab, { to, bytes: 100_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true });
    expect(inRelay.length).toBeGreaterThan(10);
    expect(wire.length).toBeGreaterThan(200);
    // The empty segments that keep a firewall's window moving are the leg's; nobody waits for one.
    checkNoF13Life(wire);
    const acks = new Set(inRelay.map(({ bytes }) => read(bytes).tcp?.ack));
    if (shape === 'tcp') expect(wire.some(({ bytes }) => acks.has(read(bytes).tcp?.ack))).toBe(false);
  });

  it('12.7-8 order 0, encrypt then fragment: one call of 2014G on the whole F20, several pieces, one call of 3014L', () => {
    const { aead, calls } = countingCiphers();
    const lab = used({ shape, sites: 1, orders: [0] }, { aead });
    const seen = lab.capture(['W2', 'W5', 'W6'], ({ place, way, bytes }) => isRecordOrUser(place, way, bytes));
    const big = userFrame(TERMINAL, SERVER, 1514);
    [calls.sealed, calls.opened] = [[], []];
    sends(lab, TERMINAL, big);
    lab.run(100_000);
    // Engine 2014, relay (opens, seals), engine 3014.
    expect(calls.sealed).toEqual([1514, 1514]);
    expect(calls.opened).toEqual([1530, 1530]);
    const pieces = (place: string) => seen.filter((each) => each.place === place);
    expect(pieces('W2').length).toBe(2);
    expect(pieces('W5').length).toBe(2);
    for (const { bytes } of [...pieces('W2'), ...pieces('W5')]) {
      expect(unitsOf(bytes).map(({ type }) => type)).toEqual([UNIT_PIECE]);
    }
    expect(new Set(pieces('W2').map(({ bytes }) => JSON.stringify(endsOf(bytes)))).size).toBe(1);
    expect(pieces('W6').map(({ bytes }) => bytes)).toEqual([big]);
    [calls.sealed, calls.opened] = [[], []];
    let passed = 0;
    lab.cables.W9.lose = (_way, bytes) => holdsRecords(bytes) && ++passed === 2;
    sends(lab, TERMINAL, big);
    lab.run(5 * SECOND_US);
    // Only the relay opened: 3014L was not called.
    expect(calls.opened.filter((length) => length > 1000)).toEqual([1530]);
    expect(pieces('W6')).toHaveLength(1);
  });

  it('12.7-8 order 1, fragment then encrypt (claims 7, 9, 15, 17, 23, 25): one call for each fragment, at either end', () => {
    const { aead, calls } = countingCiphers();
    const lab = used({ shape, sites: 1, orders: [1] }, { aead });
    const seen = lab.capture(['W2', 'W5', 'W6'], ({ place, way, bytes }) => isRecordOrUser(place, way, bytes));
    const big = userFrame(TERMINAL, SERVER, 1514);
    [calls.sealed, calls.opened] = [[], []];
    sends(lab, TERMINAL, big);
    lab.run(100_000);
    expect(calls.sealed).toHaveLength(4);
    expect(calls.opened).toHaveLength(4);
    expect(Math.max(...calls.sealed)).toBeLessThan(1500);
    const records = seen.filter(({ place }) => place !== 'W6');
    expect(records.map(({ bytes }) => unitsOf(bytes).map(({ type }) => type))).toEqual(Array(4).fill([UNIT_DATA]));
    expect(seen.filter(({ place }) => place === 'W6').map(({ bytes }) => bytes)).toEqual([big]);
    [calls.sealed, calls.opened] = [[], []];
    let passed = 0;
    lab.cables.W9.lose = (_way, bytes) => holdsRecords(bytes) && ++passed === 2;
    sends(lab, TERMINAL, big);
    lab.run(100_000);
    // The fragment that arrived was decrypted at once, before there was anything to join.
    expect(calls.opened).toHaveLength(3);
  });

  it('12.7-9 dynamic session: traffic for a configured network opens it, and it is closed when nobody uses it', () => {
    const lab = upLab('e12', { shape, sites: 3, demand: { idle_ms: 5_000 } });
    const peers = () => lab.status('gateway20').peers.map(({ state }) => state);
    expect([rows(lab).length, peers()]).toEqual([1, ['UP', 'IDLE', 'IDLE']]);
    expect(ping(lab, { to: 'server41', count: 3 }).rtts_us.length).toBeGreaterThanOrEqual(2);
    expect(rows(lab).map(({ tuple }) => tuple.remote)).toEqual(RELAY_IPS.slice(0, 2));
    expect(peers()).toEqual(['UP', 'UP', 'IDLE']);
    // Traffic of others, and broadcasts, are no use of it.
    for (let second = 0; second < 4; second++) {
      ping(lab);
      sends(lab, TERMINAL, arpRequest(TERMINAL, 0x0a09_00fe));
      lab.run(500_000);
    }
    expect(rows(lab)).toHaveLength(2);
    lab.run(5 * SECOND_US);
    expect(rows(lab).map(({ tuple }) => tuple.remote)).toEqual([RELAY_IPS[0]]);
    expect(peers()).toEqual(['UP', 'IDLE', 'IDLE']);
    expect(lab.status('relay14').peers.find(({ name }) => name === 'gateway20')?.state).toBe('IDLE');
    expect(lab.status('gateway20').sessions).toHaveLength(1);
  });

  it('12.7-9 stays open while it is used', () => {
    const lab = upLab('e12', { shape, demand: { idle_ms: 3_000 } });
    expect(ping(lab, { to: 'server41', count: 12 }).rtts_us.length).toBeGreaterThanOrEqual(11);
    expect(lab.layer('relay14', '1001').counters.sessionsUp).toBe(2);
  });

  it('12.7-9 without a configured network it goes to where an earlier session has taught that the station is', () => {
    const lab = upLab('e12', { shape, demand: { idle_ms: 5_000, learns: true } });
    expect(ping(lab, { to: 'server41' }).rtts_us).toEqual([]);
    expect(rows(lab)).toHaveLength(1);
    lab.tell('gateway20', '2001', 'demand', { peer: 'relay14' });
    lab.run(SECOND_US);
    expect(ping(lab, { to: 'server41' }).rtts_us).toHaveLength(1);
    lab.run(8 * SECOND_US);
    expect(rows(lab)).toHaveLength(1);
    sends(lab, TERMINAL, userFrame(TERMINAL, serverOf(4)));
    lab.run(SECOND_US);
    expect(rows(lab).map(({ tuple }) => tuple.remote)).toEqual(RELAY_IPS.slice(0, 2));
    lab.run(8 * SECOND_US);
    expect(rows(lab)).toHaveLength(1);
    sends(lab, TERMINAL, arpRequest(TERMINAL, serverOf(4).address));
    lab.run(SECOND_US);
    expect(rows(lab)).toHaveLength(2);
  });

  it('12.7-9 an outsider dials nobody, and who can not be reached is dialled ever less often', () => {
    const lab = upLab('e12', { shape, demand: { idle_ms: 5_000 } });
    const dials: string[] = [];
    lab.watch(({ kind, device, data }) => {
      if (kind !== 'transition' || device !== 'gateway20') return;
      const { machine, from, to } = data as { machine: string; from: string; to: string };
      if (machine === 'peer' && from !== to && to === 'DIALLING') dials.push(to);
    });
    const outsider = { ...TERMINAL, mac: 0x0200_dead_0000 };
    for (let host = 0; host < 2_000; host++) {
      sends(lab, { ...outsider, mac: outsider.mac + host }, arpRequest(outsider, 0x0a09_1000 + host));
      lab.run(1_000);
    }
    expect(dials).toEqual([]);
    lab.cables.W18.isCut = true;
    const asks = (seconds: number, isDone: () => boolean): boolean => {
      for (let second = 0; second < seconds && !isDone(); second++) {
        sends(lab, TERMINAL, arpRequest(TERMINAL, serverOf(4).address));
        lab.run(SECOND_US);
      }
      return isDone();
    };
    asks(600, () => false);
    expect(dials.length).toBeGreaterThan(2);
    expect(dials.length).toBeLessThan(20);
    lab.cables.W18.isCut = false;
    expect(asks(200, () => lab.status('relay14').peers.every(({ state }) => state === 'UP'))).toBe(true);
    expect(ping(lab, { to: 'server41' }).rtts_us).toHaveLength(1);
  });

  it('sets up, carries both ways to every site, also under loss, and tears down', () => {
    const lab = used({ shape, sites: 3 });
    lab.impair({ loss: 0.01 });
    for (const digit of DIGITS) {
      const { device } = serverOf(digit);
      const plan = { bytes: 100_000, limit_us: 120 * SECOND_US };
      expect(transfer(lab, { ...plan, to: device })).toMatchObject({ complete: true, intact: true });
      expect(transfer(lab, { ...plan, from: device, to: 'terminal21' })).toMatchObject({
        complete: true,
        intact: true,
      });
    }
    lab.impair({ loss: 0 });
    expect(hangUp(lab)).toBe(true);
    expect(rows(lab)).toEqual([]);
  });
});

/** What an engine saves of its table, as far as keys to open with. */
interface SavedTable {
  readonly sessions: readonly {
    readonly records: { readonly generations: readonly { data: { receiver: { current: { key: number } } } }[] };
  }[];
}

/** Records out of gateway 20 and into gateway 30, and users' frames at server 31. */
function isRecordOrUser(place: string, way: string, bytes: Uint8Array): boolean {
  if (place === 'W6') return way === 'ab' && read(bytes).tcp !== undefined;
  return way === 'ba' && holdsRecords(bytes);
}
