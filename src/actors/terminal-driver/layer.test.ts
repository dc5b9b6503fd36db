import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { pattern } from '../../../test/support/tcp-pair.ts';
import { type DriverHost, FAR_IP, NEAR_IP, TerminalPair } from '../../../test/support/terminal-pair.ts';
import { buildIcmpFrame, buildTcpFrame, buildUdpFrame } from '../../wire/build.ts';
import { equal, toHex } from '../../wire/bytes.ts';
import { parseFrame } from '../../wire/frame.ts';
import { buildInnerFrame, innerVersion } from '../../wire/inner-frame.ts';
import { Flag } from '../../wire/tcp.ts';
import { BYPASS_DESTINATIONS, BYPASS_US, Bypass, SILENT_BYPASS_US } from './bypass.ts';
import { TerminalDriverLayer } from './layer.ts';

const SECOND_US = 1_000_000;
const isMarked = (bytes: Uint8Array): boolean => {
  const { tcp } = parseFrame(bytes);
  return tcp !== undefined && innerVersion(bytes, tcp) !== undefined;
};
const flagsOf = (bytes: Uint8Array) => parseFrame(bytes).tcp?.flags ?? 0;

describe.each(['ip4', 'ip6'] as const)('two drivers, %s', (family) => {
  it('join two TCPs that see each other, with bytes both ways and an end in good order', () => {
    const pair = new TerminalPair({ family });
    pair.connect();
    expect([pair.near.kinds, pair.far.kinds]).toEqual([['connected'], ['connected']]);
    pair.near.write(pattern(200_000));
    pair.far.write(pattern(50_000, 2));
    pair.near.tcp?.close();
    pair.pass(SECOND_US);
    expect(pair.far.kinds).toEqual(['connected', 'remote-closed']);
    pair.far.tcp?.close();
    pair.pass(5 * SECOND_US);
    expect(equal(pair.far.received, pattern(200_000)) && equal(pair.near.received, pattern(50_000, 2))).toBe(true);
    expect([pair.near.kinds.at(-1), pair.far.kinds.at(-1)]).toEqual(['closed normal', 'closed normal']);
    for (const { bytes } of pair.wire) expect(isMarked(bytes)).toBe(true);
    expect([pair.near.driver.leg.sessions.size, pair.far.driver.leg.sessions.size]).toEqual([0, 0]);
  });

  it('tell the terminal that the server refuses; where it is silent, the terminal gives up as ever', () => {
    const refused = new TerminalPair({ family, listens: false });
    refused.connect();
    expect(refused.near.kinds).toEqual(['closed refused']);
    const cut = new TerminalPair({ family, listens: false });
    cut.far.isDead = true;
    cut.near.connect();
    cut.pass(400 * SECOND_US);
    expect(cut.near.kinds.at(-1)).toBe('closed timed-out');
    cut.pass(200 * SECOND_US);
    expect([cut.near.driver.leg.sessions.size, cut.far.driver.leg.sessions.size]).toEqual([0, 0]);
  });
});

describe('a terminal whose other side has no driver', () => {
  it('gets through: a RST to CONN-REQ lets the SYN go, and the next one goes at once', () => {
    const pair = new TerminalPair({ farDriver: false });
    pair.connect();
    expect(pair.near.kinds).toEqual(['connected']);
    expect(pair.near.driver.counters).toMatchObject({ foundAlone: 1, resetsByTcp: 1 });
    pair.near.write(pattern(10_000));
    pair.pass(SECOND_US);
    expect(equal(pair.far.received, pattern(10_000))).toBe(true);
    const again = pair.wire.filter(({ from }) => from === 'near').map(({ bytes }) => isMarked(bytes));
    expect(again.filter((marked) => marked)).toHaveLength(1);
    pair.near.forgetTcp(40_001);
    pair.far.forgetTcp(0);
    pair.connect();
    expect(pair.near.driver.counters.goneBy).toBe(1);
  });

  it('gets through after 3.5 s of silence', () => {
    const pair = new TerminalPair({ farDriver: false });
    pair.passes = (bytes) => !isMarked(bytes);
    pair.near.connect();
    pair.pass(3_400_000);
    expect(pair.wire.some(({ bytes }) => (flagsOf(bytes) & Flag.SYN) !== 0)).toBe(false);
    pair.pass(SECOND_US);
    expect(pair.near.kinds).toEqual(['connected']);
    expect(pair.near.driver.counters.foundSilent).toBe(1);
  });

  it('is refused where nothing is found out, and gone by where it is configured', () => {
    const strict = new TerminalPair({ farDriver: false, driver: { bypass: { automatic: false } } });
    strict.connect();
    strict.pass(10 * SECOND_US);
    expect(strict.near.kinds).toEqual(['closed unreachable']);
    const networks = [{ address: FAR_IP, prefix: 24 }];
    const configured = new TerminalPair({ farDriver: false, driver: { bypass: { networks, automatic: false } } });
    configured.connect();
    expect(configured.near.kinds).toEqual(['connected']);
    expect(configured.wire.some(({ bytes }) => isMarked(bytes))).toBe(false);
  });

  it('immediate: the connection that stands is reset, the next one goes by', () => {
    const pair = new TerminalPair({ farDriver: false, driver: { handshake: 'immediate' } });
    pair.connect();
    expect(pair.near.kinds).toEqual(['connected', 'closed reset']);
    pair.near.forgetTcp(40_001);
    pair.connect();
    pair.near.write(pattern(100));
    pair.pass(SECOND_US);
    expect(pair.near.kinds).toEqual(['connected']);
    expect(pair.far.received).toHaveLength(100);
  });
});

describe('what is no business of the driver', () => {
  const link = { source: 0x021111111111, destination: 0x02_00_00_00_00_21 };
  const ip = { source: FAR_IP, destination: NEAR_IP };
  const tcp = { sourcePort: 80, destinationPort: 9, seq: 5, ack: 6, flags: Flag.SYN, window: 100 };

  it('passes untouched, both ways', () => {
    const { near } = new TerminalPair({});
    const frames = [
      buildUdpFrame({ ethernet: link, ip, udp: { sourcePort: 1, destinationPort: 2 } }, pattern(9)),
      buildTcpFrame({ ethernet: link, ip, tcp: { ...tcp, flags: Flag.ACK } }, pattern(9)),
      buildTcpFrame({ ethernet: { ...link, vlan: { priority: 0, dropEligible: false, id: 3 } }, ip, tcp }, pattern(0)),
      buildIcmpFrame({ ethernet: link, ip, icmp: { type: 8, code: 0 } }, pattern(9)),
      Uint8Array.of(1, 2, 3),
    ];
    for (const frame of frames) near.host.injectBytes('upper', frame);
    expect(near.host.sentOn('lower').map(({ bytes }) => toHex(bytes))).toEqual(frames.map((each) => toHex(each)));
    for (const frame of [...frames, buildTcpFrame({ ethernet: link, ip, tcp }, pattern(0))])
      near.host.injectBytes('lower', frame);
    expect(near.host.sentOn('upper')).toHaveLength(frames.length + 1);
  });

  it('a frame with the mark never reaches the stack, and no segment of a terminated connection passes', () => {
    const pair = new TerminalPair({});
    pair.connect();
    const before = pair.near.host.sentOn('upper').length;
    const ends = { local: FAR_IP, localPort: 1, remote: NEAR_IP, remotePort: 2 };
    const unknown = { kind: 'check', token: 9, sent: 0 } as const;
    pair.near.host.injectBytes(
      'lower',
      buildInnerFrame({ ...link, destination: 5 }, ends, { seq: 1, ack: 2 }, unknown),
    );
    const forged = { ...tcp, destinationPort: 40_000 };
    for (const flags of [Flag.SYN, Flag.ACK, Flag.RST, Flag.RST | Flag.ACK])
      pair.near.host.injectBytes('lower', buildTcpFrame({ ethernet: link, ip, tcp: { ...forged, flags } }, pattern(0)));
    expect(pair.near.host.sentOn('upper')).toHaveLength(before);
    expect(pair.near.kinds).toEqual(['connected']);
    const reasons = pair.near.host.dropReasons().slice(-5);
    expect(reasons).toEqual(['not-for-us', ...Array(4).fill('unexpected-unit')]);
  });

  it('a RST that answers our frames ends a session whose other side has begun anew without a driver', () => {
    const pair = new TerminalPair({});
    pair.connect();
    pair.far.bypassed = true;
    pair.far.forgetTcp(0);
    pair.near.write(pattern(10));
    pair.pass(SECOND_US);
    expect(pair.near.kinds.at(-1)).toBe('closed reset');
  });

  it('late segments of a connection that is over stay inside', () => {
    const pair = new TerminalPair({});
    pair.connect();
    pair.near.tcp?.abort();
    pair.pass(SECOND_US);
    const before = pair.wire.length;
    const late = { ...tcp, sourcePort: 40_000, destinationPort: 80, flags: Flag.ACK };
    pair.near.host.injectBytes(
      'upper',
      buildTcpFrame({ ethernet: link, ip: { source: NEAR_IP, destination: FAR_IP }, tcp: late }, pattern(5)),
    );
    pair.pass(SECOND_US);
    expect(pair.wire.length).toBe(before);
    expect(pair.near.host.dropReasons().at(-1)).toBe('no-session');
  });
});

it('a driver that is stopped opens nothing, from either side', () => {
  const pair = new TerminalPair({});
  for (const end of [pair.near, pair.far]) end.host.stop();
  pair.near.connect();
  const other = new TerminalPair({});
  other.connect();
  const request = other.wire.find(({ from }) => from === 'near')?.bytes as Uint8Array;
  pair.far.fromLine(request);
  pair.pass(SECOND_US);
  expect([pair.near.driver.leg.sessions.size, pair.far.driver.leg.sessions.size]).toEqual([0, 0]);
  expect(pair.wire).toEqual([]);
  for (const end of [pair.near, pair.far]) expect(new Set(end.host.dropReasons())).toEqual(new Set(['stopped']));
});

describe('the by-pass rule', () => {
  it('forgets what it found out, sooner what was only silent, and what shows a counterpart', () => {
    const bypass = new Bypass();
    bypass.learn(1, true, 0);
    bypass.learn('2001:db8::1', false, 0);
    expect([bypass.has(1, SILENT_BYPASS_US), bypass.has('2001:db8::1', SILENT_BYPASS_US)]).toEqual([true, false]);
    expect(bypass.has(1, BYPASS_US)).toBe(false);
    bypass.learn(1, true, 0);
    bypass.forget(1);
    expect(bypass.has(1, 1)).toBe(false);
    for (let address = 0; address < 2 * BYPASS_DESTINATIONS; address++) bypass.learn(address, true, 0);
    expect(bypass.save()).toHaveLength(BYPASS_DESTINATIONS);
  });

  it('knows networks of both families', () => {
    const bypass = new Bypass({
      networks: [
        { address: FAR_IP, prefix: 24 },
        { address: '2001:db8::', prefix: 32 },
      ],
    });
    expect([FAR_IP + 1, 1, '2001:db8::7', '2001:db9::1'].map((each) => bypass.has(each, 0))).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

const pair = new TerminalPair({});
pair.connect();
pair.near.write(pattern(3000));
pair.far.write(pattern(3000));
pair.pass(SECOND_US);
pair.near.tcp?.close();
pair.far.tcp?.close();
pair.pass(SECOND_US);
const stimuliOf = (end: DriverHost) => end.inputs.map(({ port, bytes }) => ({ port, frame: bytes }));

layerCompliance(
  'terminal driver, near end',
  (host) => new TerminalDriverLayer(host, '2106', pair.near.options),
  [...stimuliOf(pair.near), { wait_us: 2 * SECOND_US }],
  { framePorts: ['upper', 'lower'] },
);
layerCompliance(
  'terminal driver, far end',
  (host) => new TerminalDriverLayer(host, '3106', pair.far.options),
  [...stimuliOf(pair.far), { wait_us: 2 * SECOND_US }],
  { framePorts: ['upper', 'lower'] },
);
