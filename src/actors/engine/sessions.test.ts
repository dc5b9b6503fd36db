import { describe, expect, it } from 'vitest';
import { type LateStimulus, layerCompliance } from '../../../test/support/compliance.ts';
import { engineSession, FIREWALL_MAC, SERVER, SOFTWARE_MAC } from '../../../test/support/engine-pair.ts';
import { EngineStar } from '../../../test/support/engine-star.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { BROADCAST_MAC } from '../../wire/address.ts';
import { ArpOperation } from '../../wire/arp.ts';
import { buildArpFrame, buildTcpFrame, buildUdpFrame } from '../../wire/build.ts';
import { buildControlFrame } from '../../wire/control-frame.ts';
import { parseFrame } from '../../wire/frame.ts';
import { Flag } from '../../wire/tcp.ts';
import { Reason } from '../../wire/terms.ts';
import { splitUnits, UNIT_DATA, UNIT_PIECE } from '../../wire/unit.ts';
import { RecordSession } from '../records/record-session.ts';
import { DEMAND_RULES } from '../sites/demand.ts';
import { ECHO_HOLD_US } from '../sites/stations.ts';
import { EngineLayer } from './layer.ts';
import { parametersOf } from './session.ts';

const HERE = { mac: 0x0200_0a09_0001, ip: 0x0a09_0001 };
const THERE = (far: number) => ({ mac: 0x0200_0a09_0100 + far, ip: 0x0a09_0100 + far });
const SITES = [1, 2, 3] as const;

function packet(from: typeof HERE, to: typeof HERE, length = 100): Uint8Array {
  return buildUdpFrame(
    {
      ethernet: { source: from.mac, destination: to.mac },
      ip: { source: from.ip, destination: to.ip },
      udp: { sourcePort: 5, destinationPort: 6 },
    },
    new Uint8Array(length).fill(0x5a),
  );
}

function arp(from: typeof HERE, targetIp: number): Uint8Array {
  return buildArpFrame({
    ethernet: { source: from.mac, destination: BROADCAST_MAC },
    arp: { operation: ArpOperation.REQUEST, senderMac: from.mac, senderIp: from.ip, targetMac: 0, targetIp },
  });
}

/** Types of the units in frames of a tunnel. */
function units(frames: readonly { readonly bytes: Uint8Array }[]): number[] {
  return frames.flatMap(({ bytes }) => {
    const { payloadOffset, payloadEnd } = parseFrame(bytes);
    return splitUnits(bytes, payloadOffset, payloadEnd).units.map(({ type }) => type);
  });
}

describe('engine with several sessions', () => {
  it('lets nothing in that was damaged on the LAN: beyond the tunnel it would pass for good', () => {
    const star = new EngineStar(2);
    const sent = star.wan.length;
    star.centre.host.injectBytes('lower', packet(HERE, THERE(1)), 'bad');
    star.settle();
    expect([star.wan.length - sent, star.centre.host.dropReasons().at(-1)]).toEqual([0, 'bad-checksum']);
  });

  it.each(SITES)(
    'rules 3 and 4 with %i: one copy for each session, one clear copy of a broadcast for the MAC',
    (count) => {
      const star = new EngineStar(count);
      const clear = (): Uint8Array[] => star.centre.host.sentOn('upper').map(({ bytes }) => bytes);
      const [sent, heard] = [star.wan.length, clear().length];
      star.fromLan(packet(HERE, THERE(1)));
      expect(star.wan.slice(sent).map(({ far }) => far)).toEqual(SITES.slice(0, count));
      expect(units(star.wan.slice(sent))).toEqual(Array(count).fill(UNIT_DATA));
      star.fromLan(arp(HERE, THERE(1).ip));
      expect(star.wan.length - sent).toBe(2 * count);
      expect(clear().slice(heard)).toEqual([arp(HERE, THERE(1).ip)]);
      for (const far of star.fars.keys())
        expect(star.lan.far.get(far)).toEqual([packet(HERE, THERE(1)), arp(HERE, THERE(1).ip)]);
      for (const { far, bytes } of star.wan.slice(sent)) {
        const { sessionId, peerIp, ownPort, peerPort } = star.centreSession(far);
        const { ip, tcp } = parseFrame(bytes);
        expect([sessionId, ip?.destination, tcp?.sourcePort, tcp?.destinationPort]).toEqual([
          far,
          peerIp,
          ownPort,
          peerPort,
        ]);
      }
    },
  );

  it('12.7-3 frames of several sessions, interleaved, are each opened with their own key', () => {
    const star = new EngineStar(3);
    const sent = [1, 2, 3, 2, 1, 3].map((far, index) => ({ far, bytes: packet(THERE(far), HERE, 10 + index) }));
    for (const { far, bytes } of sent) star.fromLan(bytes, far);
    expect(star.lan.centre).toEqual(sent.map(({ bytes }) => bytes));
    expect(star.centre.host.dropReasons()).toEqual([]);
  });

  it('12.7-3 with the keys of two rows exchanged nothing opens', () => {
    const star = new EngineStar(1);
    const other = new EngineStar(0);
    for (const [far, keysOf] of [
      [1, 2],
      [2, 1],
    ] as const)
      other.centre.control({ kind: 'start', session: other.centreSession(far, 0, keysOf) });
    star.fromLan(packet(THERE(1), HERE), 1);
    const good = star.wan
      .filter(({ way }) => way === 'in')
      .at(-1)
      ?.bytes.slice() as Uint8Array;
    good.set([2, 0, 0, 0, 0, 0x20], 0);
    other.centre.host.injectBytes('lower', good);
    expect(other.centre.host.dropReasons()).toEqual(['bad-tag']);
    expect(other.centre.taken().filter(({ bytes }) => parseFrame(bytes).ip?.source === THERE(1).ip)).toEqual([]);
    star.centre.host.injectBytes('lower', good);
    expect(star.centre.host.dropReasons()).toEqual(['replayed']);
  });

  it('12.7-5 stops one and goes on with the other; frames of the stopped one are for the MAC', () => {
    const star = new EngineStar(2);
    star.centre.control({ kind: 'stop', sessionId: 1, reason: Reason.OPERATOR });
    star.settle();
    const sent = star.wan.length;
    star.fromLan(packet(HERE, THERE(2)));
    expect(star.wan.slice(sent).map(({ far }) => far)).toEqual([2]);
    star.fromLan(packet(THERE(2), HERE), 2);
    expect(star.lan.centre).toEqual([packet(THERE(2), HERE)]);
    const stray = star.wan.find(({ far, way }) => far === 1 && way === 'in')?.bytes.slice() as Uint8Array;
    stray.set([2, 0, 0, 0, 0, 0x20], 0);
    star.centre.host.injectBytes('lower', stray);
    expect(star.centre.host.sentOn('upper').at(-1)?.bytes).toEqual(stray);
    expect(star.centre.layer.status().map(({ sessionId }) => sessionId)).toEqual([2]);
  });

  it('refuses a second session with the ends of one that is there', () => {
    const star = new EngineStar(1);
    star.centre.control({ kind: 'start', session: { ...star.centreSession(1), sessionId: 5 } });
    expect(star.centre.reports().at(-1)).toMatchObject({
      kind: 'stopped',
      sessionId: 5,
      reason: Reason.TOO_MANY_SESSIONS,
    });
    expect(star.centre.layer.status().map(({ sessionId }) => sessionId)).toEqual([1]);
  });

  it('notes what the table of block 2014N comes to hold', () => {
    const star = new EngineStar(2);
    star.centre.control({ kind: 'stop', sessionId: 2, reason: 0 });
    expect(star.centre.host.notes('session-table')).toMatchObject([
      { block: '2014N', row: 'added', sessionId: 1, site: 1, rows: 1 },
      { block: '2014N', row: 'added', sessionId: 2, site: 2, rows: 2 },
      { block: '2014N', row: 'removed', sessionId: 2, site: 2, rows: 1 },
    ]);
  });

  it.each([
    ['0, encrypt then fragment: one record, pieces of it', 0, UNIT_PIECE],
    ['1, fragment then encrypt: a record for each part', 1, UNIT_DATA],
  ] as const)('12.7-8 order %s', (_name, order, type) => {
    const star = new EngineStar(2, { order });
    const sent = star.wan.length;
    star.fromLan(packet(HERE, THERE(1), 1472));
    expect(units(star.wan.slice(sent))).toEqual([type, type, type, type]);
    for (const far of star.fars.keys()) expect(star.lan.far.get(far)).toEqual([packet(HERE, THERE(1), 1472)]);
    let pieces = 0;
    star.passes = ({ far }) => far !== 1 || ++pieces !== 2;
    star.fromLan(packet(HERE, THERE(1), 1400));
    expect([...star.lan.far.values()].map((frames) => frames.length)).toEqual([1, 2]);
  });
});

describe('loops of tunnels', () => {
  it('the copy of a frame that came through one session is not taken from another', () => {
    const star = new EngineStar(2);
    star.fromLan(packet(THERE(1), HERE), 1);
    star.fromLan(packet(THERE(1), HERE), 2);
    expect(star.lan.centre).toEqual([packet(THERE(1), HERE)]);
    expect(star.centre.host.dropReasons()).toEqual(['loop-guard']);
  });

  it('what came out of a tunnel here, or at another gateway of this LAN, goes into none', () => {
    const star = new EngineStar(2);
    star.fromLan(packet(THERE(1), HERE), 1);
    const sent = star.wan.length;
    star.fromLan(packet(THERE(1), HERE));
    star.fromLan(arp(THERE(1), HERE.ip));
    expect(star.wan.length).toBe(sent);
    expect(star.centre.host.dropReasons()).toEqual(['loop-guard', 'loop-guard']);
  });

  it('what was heard on this LAN does not come back out of a tunnel', () => {
    const star = new EngineStar(1);
    star.fromLan(packet(HERE, THERE(1)));
    star.fromLan(packet(HERE, THERE(1)), 1);
    expect(star.lan.centre).toEqual([]);
  });

  it('a station may move to another site', () => {
    const star = new EngineStar(2);
    star.fromLan(packet(THERE(1), HERE), 1);
    star.advance(ECHO_HOLD_US);
    star.fromLan(packet(THERE(1), HERE), 2);
    expect(star.lan.centre).toHaveLength(2);
  });

  it('a frame between the ends of one tunnel does not enter another', () => {
    const star = new EngineStar(2);
    const sent = star.wan.length;
    const { peerIp, ownIp } = star.centreSession(1);
    star.fromLan(packet({ mac: 9, ip: peerIp }, { mac: 8, ip: ownIp }));
    expect(star.wan.length).toBe(sent);
  });
});

const RULE = { site: 2, idle_ms: 10_000, networks: [{ address: 0x0a09_0100, prefix: 24 }] };

describe('sessions on demand', () => {
  it('before any session: asks the software for one, and passes the frame as ever', () => {
    const star = new EngineStar(0);
    star.centre.control({ kind: 'demand', rule: RULE });
    star.fromLan(arp(HERE, THERE(2).ip));
    expect(star.centre.reports()).toEqual([{ kind: 'wanted', site: 2, destination: 0, address: THERE(2).ip }]);
    expect(star.centre.host.sentOn('upper').at(-1)?.bytes).toEqual(arp(HERE, THERE(2).ip));
    star.centre.host.advance(1_000_000);
    star.fromLan(packet(THERE(3), { mac: SOFTWARE_MAC, ip: THERE(2).ip }));
    expect(star.centre.reports()).toHaveLength(1);
  });

  it('beside other sessions: asks, and copies to those that stand', () => {
    const star = new EngineStar(1);
    star.centre.control({ kind: 'demand', rule: RULE });
    const sent = star.wan.length;
    star.fromLan(packet(HERE, THERE(2)));
    expect(star.centre.reports().at(-1)).toMatchObject({ kind: 'wanted', site: 2, destination: THERE(2).mac });
    expect(star.wan.length - sent).toBe(1);
    expect(star.centre.layer.counters.wanted).toBe(1);
  });

  it('asks to end a session that nobody uses, that of its peer alone', () => {
    const star = new EngineStar(2);
    star.centre.control({ kind: 'demand', rule: RULE });
    star.fromLan(packet(THERE(2), HERE), 2);
    star.advance(6_000_000);
    star.fromLan(packet(HERE, THERE(2)));
    star.advance(6_000_000);
    star.fromLan(packet(HERE, THERE(1)));
    expect(star.centre.reports().filter(({ kind }) => kind === 'disconnect')).toEqual([]);
    star.advance(6_000_000);
    expect(star.centre.reports().at(-1)).toEqual({ kind: 'disconnect', sessionId: 2, reason: Reason.IDLE });
  });

  it('takes no more rules than there is room for', () => {
    const star = new EngineStar(0);
    for (let site = 1; site <= DEMAND_RULES + 1; site++)
      star.centre.control({ kind: 'demand', rule: { ...RULE, site } });
    expect(star.centre.host.dropReasons()).toEqual(['table-full']);
  });
});

it('a peer that seals less than an Ethernet header gets nothing onto the LAN', () => {
  const star = new EngineStar(1);
  const { host } = star.far(1);
  const session = star.farSession(1);
  const idle = { setTimer() {}, clearTimer() {}, transmit() {}, news() {}, observer: host.observer('forged') };
  const records = new RecordSession(
    { ...idle, vault: host.vault, now_us: () => host.now_us() },
    parametersOf(session),
    { payloadBytes: 1400 },
  );
  records.start();
  const [unit] = records.seal(new Uint8Array(13)) as readonly Uint8Array[];
  const forged = buildTcpFrame(
    {
      ethernet: { source: FIREWALL_MAC, destination: SERVER.mac },
      ip: { source: session.ownIp, destination: SERVER.ip },
      tcp: { sourcePort: session.ownPort, destinationPort: SERVER.port, seq: 1, ack: 1, flags: Flag.ACK, window: 1 },
    },
    unit as Uint8Array,
  );
  star.centre.host.injectBytes('lower', forged);
  expect([star.centre.host.dropReasons(), star.centre.taken()]).toEqual([['malformed'], []]);
});

const vault = new TestHost().vault;
const started = buildControlFrame(
  { kind: 'start', session: { ...engineSession(vault, 'server', false), site: 2 } },
  SOFTWARE_MAC,
);
const stimuli: readonly LateStimulus[] = [
  { port: 'upper', frame: buildControlFrame({ kind: 'demand', rule: RULE }, SOFTWARE_MAC) },
  { port: 'lower', frame: arp(HERE, THERE(2).ip) },
  { port: 'upper', frame: started },
  { port: 'lower', frame: packet(HERE, THERE(1)) },
  { port: 'lower', frame: packet({ mac: FIREWALL_MAC, ip: 1 }, { mac: SERVER.mac, ip: SERVER.ip }) },
  { wait_us: 12_000_000 },
  { port: 'lower', frame: packet(HERE, THERE(2)) },
  { port: 'upper', frame: buildControlFrame({ kind: 'stop', sessionId: 7, reason: 1 }, SOFTWARE_MAC) },
  { port: 'lower', frame: packet(HERE, THERE(2)) },
];
layerCompliance('engine with sessions on demand', (host) => new EngineLayer(host, '2014'), stimuli, {
  framePorts: ['upper', 'lower'],
});
