import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { BROADCAST_MAC, CONTROL_MAC_ENGINE, type Mac } from '../../wire/address.ts';
import { buildEthernet } from '../../wire/ethernet.ts';
import { STORM_QUIET_US } from './hub.ts';
import { BridgeLayer, type BridgeOptions } from './layer.ts';
import { MOVE_WINDOW_US, MOVES_PER_WINDOW, STATION_AGE_US, STATIONS_MAX, StationTable } from './stations.ts';

const A: Mac = 0x0200_0000_000a;
const B: Mac = 0x0200_0000_000b;
const OWN: Mac = 0x0200_0000_0001;
const PORTS = [{ name: '1', outside: true }, { name: '2', outside: true }, { name: 'up' }];

function frame(destination: Mac, source: Mac): Uint8Array {
  return buildEthernet({ destination, source, etherType: 0x88b5 }, new Uint8Array(46));
}

function started(options: Partial<BridgeOptions> = {}): { host: TestHost; layer: BridgeLayer } {
  const host = new TestHost();
  const layer = host.attach(new BridgeLayer(host, '22', { ports: PORTS, ...options }));
  host.start();
  return { host, layer };
}

function sentPorts(host: TestHost): string[] {
  const ports = host.outputs.flatMap((output) => (output.kind === 'send' ? [output.port] : []));
  host.outputs.length = 0;
  return ports;
}

describe('bridge', () => {
  it('floods what it does not know and sends what it knows to one port', () => {
    const { host } = started();
    host.injectBytes('1', frame(B, A));
    expect(sentPorts(host)).toEqual(['2', 'up']);
    host.injectBytes('2', frame(A, B));
    expect(sentPorts(host)).toEqual(['1']);
    host.injectBytes('1', frame(B, A));
    expect(sentPorts(host)).toEqual(['2']);
    host.injectBytes('up', frame(BROADCAST_MAC, OWN));
    expect(sentPorts(host)).toEqual(['1', '2']);
    host.injectBytes('1', frame(0x0100_5e00_0001, A));
    expect(sentPorts(host)).toEqual(['2', 'up']);
  });

  it('does not send a frame back where it came from', () => {
    const { host } = started();
    host.injectBytes('1', frame(BROADCAST_MAC, A));
    host.injectBytes('1', frame(A, B));
    expect(host.dropReasons()).toEqual(['same-port']);
  });

  it('forgets a station after the ageing time', () => {
    const { host, layer } = started();
    host.injectBytes('1', frame(B, A));
    host.advance(STATION_AGE_US);
    sentPorts(host);
    host.injectBytes('2', frame(A, B));
    expect(sentPorts(host)).toEqual(['1']);
    host.advance(1);
    host.injectBytes('2', frame(A, B));
    expect(sentPorts(host)).toEqual(['1', 'up']);
    expect(layer.stationCount).toBe(1);
  });

  it('follows a station that moves, and drops what flaps too often until the window is over', () => {
    const { host, layer } = started();
    host.injectBytes('1', frame(BROADCAST_MAC, A));
    for (let move = 0; move < MOVES_PER_WINDOW; move++)
      host.injectBytes(move % 2 === 0 ? '2' : '1', frame(BROADCAST_MAC, A));
    expect(layer.counters.moved).toBe(MOVES_PER_WINDOW);
    host.injectBytes('1', frame(BROADCAST_MAC, A));
    expect(host.dropReasons()).toEqual(['flapping']);
    host.advance(MOVE_WINDOW_US + 1);
    host.injectBytes('1', frame(BROADCAST_MAC, A));
    expect(layer.counters.moved).toBe(MOVES_PER_WINDOW + 1);
  });

  it('stops a broadcast storm at the port it comes from, for a while', () => {
    const { host, layer } = started({ groupFramesPerSecond: 10 });
    for (let i = 0; i < 25; i++) host.injectBytes('1', frame(BROADCAST_MAC, A));
    expect(layer.counters.flooded).toBe(10);
    expect(layer.drops.get('storm')).toBe(15);
    expect(host.notes('storm')).toHaveLength(1);
    host.injectBytes('2', frame(BROADCAST_MAC, B));
    host.injectBytes('1', frame(B, A));
    expect(layer.counters.flooded).toBe(11);
    expect(layer.counters.forwarded).toBe(1);
    host.advance(STORM_QUIET_US);
    host.injectBytes('1', frame(BROADCAST_MAC, A));
    expect(layer.counters.flooded).toBe(12);
  });

  it('ends a storm when it is stopped, and starts empty', () => {
    const { host, layer } = started({ groupFramesPerSecond: 1 });
    host.injectBytes('1', frame(BROADCAST_MAC, A));
    host.injectBytes('1', frame(BROADCAST_MAC, A));
    host.stop();
    host.injectBytes('1', frame(BROADCAST_MAC, A));
    expect(host.timers()).toEqual([]);
    expect(host.dropReasons()).toEqual(['storm', 'stopped']);
    host.start();
    expect(layer.stationCount).toBe(0);
    host.injectBytes('1', frame(BROADCAST_MAC, A));
    expect(layer.counters.flooded).toBe(2);
  });

  it('keeps fixed stations where they are', () => {
    const { host } = started({ stations: [{ mac: OWN, port: 'up' }] });
    host.injectBytes('1', frame(OWN, A));
    expect(sentPorts(host)).toEqual(['up']);
    host.injectBytes('1', frame(B, OWN));
    expect(host.dropReasons()).toEqual(['own-source']);
    host.injectBytes('up', frame(A, OWN));
    expect(host.sentOn('1')).toHaveLength(1);
  });

  it('keeps control frames off the cables', () => {
    const { host } = started();
    host.injectBytes('1', frame(CONTROL_MAC_ENGINE, A));
    host.injectBytes('up', frame(CONTROL_MAC_ENGINE, OWN));
    host.injectBytes('up', frame(B, CONTROL_MAC_ENGINE));
    expect(host.dropReasons()).toEqual(['foreign-control-frame', 'not-joined', 'not-joined']);
    expect(sentPorts(host)).toEqual([]);
  });

  it('takes no control frame out of a tunnel and gives none into it', () => {
    const { host } = started({ ports: [{ name: '006' }, { name: '009', outside: true }] });
    host.injectBytes('009', frame(OWN, CONTROL_MAC_ENGINE));
    host.injectBytes('009', frame(CONTROL_MAC_ENGINE, A));
    expect(host.dropReasons()).toEqual(['foreign-control-frame', 'foreign-control-frame']);
    host.injectBytes('006', frame(CONTROL_MAC_ENGINE, OWN));
    expect(sentPorts(host)).toEqual([]);
  });

  it('passes on no link-local group and no frame from a group', () => {
    const { host } = started();
    host.injectBytes('1', frame(0x0180_c200_0000, A));
    host.injectBytes('1', frame(0x0180_c200_000f, A));
    host.injectBytes('1', frame(B, BROADCAST_MAC));
    host.injectBytes('1', new Uint8Array(13));
    expect(host.dropReasons()).toEqual(['link-local', 'link-local', 'bad-source', 'malformed']);
    host.injectBytes('1', frame(0x0180_c200_0010, A));
    expect(sentPorts(host)).toEqual(['2', 'up']);
  });
});

describe('table of stations', () => {
  it('is bounded, and makes room for new ones when the oldest are too old', () => {
    const table = new StationTable();
    for (let mac = 0; mac < STATIONS_MAX; mac++) expect(table.learn(mac, '1', mac)).toBe('new');
    expect(table.learn(STATIONS_MAX, '1', STATIONS_MAX)).toBe('full');
    expect(table.learn(0, '1', STATION_AGE_US)).toBe('known');
    const later_us = STATION_AGE_US + 2;
    expect(table.learn(STATIONS_MAX, '2', later_us)).toBe('new');
    expect(table.portOf(1, later_us)).toBeUndefined();
    expect(table.portOf(0, later_us)).toBe('1');
    expect(table.size).toBe(STATIONS_MAX);
  });

  it('gives one port no more than its share, and forgets a port that is gone', () => {
    const table = new StationTable({ stationsMax: 5, stationsPerPort: 2 });
    const learned = (port: string, macs: readonly number[], at_us = 0) =>
      macs.map((mac) => table.learn(mac, port, at_us));
    expect(learned('1', [1, 2, 3])).toEqual(['new', 'new', 'full']);
    expect(learned('2', [3, 4, 5])).toEqual(['new', 'new', 'full']);
    expect(learned('3', [5, 6])).toEqual(['new', 'full']);
    expect(learned('1', [5], 1)).toEqual(['full']);
    expect(table.portOf(5, 1)).toBeUndefined();
    table.forget('1');
    expect([1, 2, 3, 4].map((mac) => table.portOf(mac, 1))).toEqual([undefined, undefined, '2', '2']);
    expect(learned('1', [1, 2, 7], 2)).toEqual(['new', 'new', 'full']);
    expect(learned('1', [7], STATION_AGE_US + 3)).toEqual(['new']);
    expect(table.portOf(2, STATION_AGE_US + 2)).toBe('1');
  });
});

layerCompliance(
  'bridge',
  (host) =>
    new BridgeLayer(host, '3008', { ports: PORTS, stations: [{ mac: OWN, port: 'up' }], groupFramesPerSecond: 3 }),
  [
    { port: '1', frame: frame(B, A) },
    { port: '2', frame: frame(A, B) },
    { port: 'up', frame: frame(A, OWN) },
    { port: '1', frame: frame(B, OWN) },
    ...Array.from({ length: 5 }, () => ({ port: '1', frame: frame(BROADCAST_MAC, A) })),
    { wait_us: 2_000_000 },
    { port: '1', frame: frame(BROADCAST_MAC, A) },
    { port: '2', frame: frame(B, A) },
    { port: '2', frame: frame(BROADCAST_MAC, A) },
    { wait_us: STATION_AGE_US + 1 },
    { port: 'up', frame: frame(A, OWN) },
  ],
  { accounts: true, flood: (index) => ({ port: '1', frame: frame(B, 0x0200_0001_0000 + index) }) },
);
