import { describe, expect, it } from 'vitest';
import type { TcpRequest } from '../../src/actors/services.ts';
import type { TcpLayer } from '../../src/actors/tcp/layer.ts';
import { ping, startTransfer, transfer } from '../../src/lab/traffic.ts';
import { GATEWAY_20, SERVER_31, TERMINAL_21 } from '../../src/topologies/network.ts';
import { buildUdpFrame } from '../../src/wire/build.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { checkHoldOrder, checkIdentity, checkLoss, checkNoF13Life, checkNoSynOnWire } from './checks.ts';
import {
  bringUp,
  countersOf,
  hasFlags,
  hexOf,
  holdsRecord,
  isControl,
  isTunnel,
  newLab,
  payloadLength,
  read,
  recordNumbers,
  SECOND_US,
  SHAPES,
  segmentKey,
  upLab,
} from './support.ts';

describe.each(SHAPES)('embodiment 4, F13 %s', (shape) => {
  it('4.8-1 no hardware: no CTRL anywhere, no engine, both SSL seal and open every frame', () => {
    const lab = newLab('e4', { shape });
    const ctrl = lab.capture(['W1', 'W2', 'W3', 'W4', 'W5', 'W6', 'S20', 'S30', 'V20', 'V30'], ({ bytes }) =>
      isControl(bytes),
    );
    bringUp(lab);
    ping(lab);
    const records = lab.capture(['W3'], ({ bytes }) => holdsRecord(bytes));
    const before = [countersOf(lab, 'gateway20', '2002'), countersOf(lab, 'gateway30', '3002')];
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    const after = [countersOf(lab, 'gateway20', '2002'), countersOf(lab, 'gateway30', '3002')];
    const there = records.filter(({ way }) => way === 'ab').length;
    const grown = (at: number, key: 'sealed' | 'opened') => after[at][key] - before[at][key];
    expect([grown(0, 'sealed') + grown(1, 'sealed'), grown(0, 'opened') + grown(1, 'opened')]).toEqual([
      records.length,
      records.length,
    ]);
    expect([grown(0, 'sealed'), grown(1, 'opened')]).toEqual([there, there]);
    expect(ctrl).toEqual([]);
    for (const gateway of ['gateway20', 'gateway30'] as const)
      expect(lab.devices[gateway].layers.map(({ kind }) => kind)).not.toContain('engine');
  });

  it('4.8-2 local ACK in gateway 20: with W3 cut TCP 2003 is still acknowledged and its queue drains', () => {
    const lab = upLab('e4', { shape });
    ping(lab);
    const running = startTransfer(lab, { bytes: 10_000_000 });
    lab.run(100_000);
    lab.cables.W3.isCut = true;
    const seen = lab.capture(['S20'], ({ bytes }) => isTunnel(bytes));
    lab.run(5 * SECOND_US);
    running.end();
    const sent = seen.filter(({ way, bytes }) => way === 'down' && payloadLength(bytes) > 0);
    const acks = seen.filter(
      ({ way, bytes }) => way === 'up' && hasFlags(bytes, Flag.ACK) && payloadLength(bytes) === 0,
    );
    expect(sent.length).toBeGreaterThan(0);
    expect(acks.length).toBeGreaterThan(0);
    const end = sent.map(({ bytes }) => ((read(bytes).tcp?.seq ?? 0) + payloadLength(bytes)) >>> 0).at(-1);
    expect(read(acks.at(-1)!.bytes).tcp?.ack).toBe(end);
    const numbers = sent.map(({ bytes }) => read(bytes).tcp?.seq);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('4.8-3 local TCP in gateway 30: its ACKs are at S30 and not on W5', () => {
    const lab = upLab('e4', { shape });
    ping(lab);
    const seen = lab.capture(['S30', 'W5'], ({ bytes }) => isTunnel(bytes));
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    const acks = seen.filter(
      ({ place, way, bytes }) => place === 'S30' && way === 'down' && payloadLength(bytes) === 0,
    );
    expect(acks.length).toBeGreaterThan(10);
    const keys = new Set(acks.map(({ bytes }) => segmentKey(bytes)));
    const wire = seen.filter(({ place, way }) => place === 'W5' && way === 'ab');
    expect(wire.length).toBeGreaterThan(10);
    for (const { bytes } of wire) {
      expect(payloadLength(bytes)).toBeGreaterThan(0);
      if (shape === 'tcp') expect(keys.has(segmentKey(bytes))).toBe(false);
    }
  });

  it('4.8-4 no F13 life on the wire: one dropped F10 is recovered by F23 alone', () => checkLoss('e4', shape));

  it('4.8-4 no F13 life on the wire: nothing is acknowledged or repeated at 5 % loss', () => {
    const lab = upLab('e4', { shape });
    ping(lab);
    const wire = lab.capture(['W3'], ({ bytes }) => isTunnel(bytes));
    lab.cables.W3.impair({ loss: 0.05 });
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
    checkNoF13Life(wire);
  });

  it('4.8-4 set-up: CONN-REQ and CONN-DONE, no SYN on the wire', () => checkNoSynOnWire('e4', shape));

  it.each(['hold', 'immediate'] as const)('4.8-4 set-up: hold order, handshake %s', (handshake) =>
    checkHoldOrder('e4', shape, handshake),
  );

  it('4.8-5 two virtual NICs: the frame is at V20 and V30 as it was at W1', () => {
    const lab = upLab('e4', { shape });
    const seen = lab.capture(['W1', 'V20', 'V30', 'W6']);
    ping(lab, { count: 3 });
    const isRequest = (bytes: Uint8Array) => read(bytes).icmp?.type === 8;
    const sent = hexOf(seen, 'W1', 'ab', isRequest);
    expect(sent).toHaveLength(3);
    for (const [place, way] of [
      ['V20', 'up'],
      ['V30', 'down'],
      ['W6', 'ab'],
    ] as const)
      expect(hexOf(seen, place, way, isRequest)).toEqual(sent);
  });

  it("4.8-5 two virtual NICs: bridge 2008 sends gateway 20's frames to 2006 and others to 2009", () => {
    const lab = upLab('e4', { shape });
    ping(lab, { from: 'server31' });
    const seen = lab.capture(['V20', 'S20']);
    const to = (destination: number) => {
      const bytes = buildUdpFrame(
        {
          ethernet: { destination, source: TERMINAL_21.mac },
          ip: { source: TERMINAL_21.address, destination: GATEWAY_20.address },
          udp: { sourcePort: 9, destinationPort: 9 },
        },
        Uint8Array.of(7),
      );
      lab.devices.gateway20.input({ kind: 'frame', port: '2013', bytes, checksum: 'good' });
    };
    to(GATEWAY_20.mac);
    expect([hexOf(seen, 'S20', 'up').length, hexOf(seen, 'V20', 'up').length]).toEqual([1, 0]);
    to(SERVER_31.mac);
    expect(hexOf(seen, 'V20', 'up')).toHaveLength(1);
    expect(hexOf(seen, 'S20', 'up', (bytes) => !isTunnel(bytes))).toHaveLength(1);
  });

  it('4.8-6 header restore: F11, F12 and ports below 2006 are those at S20', () => {
    const lab = upLab('e4', { shape });
    ping(lab);
    const seen = lab.capture(['S20', 'W2'], ({ bytes }) => holdsRecordAnywhere(bytes));
    ping(lab, { count: 3 });
    const headers = (bytes: Uint8Array) => {
      const { ethernet, ip, tcp, udp } = read(bytes);
      const ports = tcp ?? udp;
      return [
        ethernet.source,
        ethernet.destination,
        ip?.source,
        ip?.destination,
        ports?.sourcePort,
        ports?.destinationPort,
      ];
    };
    const above = seen.filter(({ place, way }) => place === 'S20' && way === 'down');
    const below = seen.filter(({ place, way }) => place === 'W2' && way === 'ba');
    expect(above.length).toBeGreaterThanOrEqual(3);
    expect(below.map(({ bytes }) => headers(bytes))).toEqual(above.map(({ bytes }) => headers(bytes)));
    expect(below.map(({ bytes }) => recordNumbers(bytes))).toEqual(above.map(({ bytes }) => recordNumbers(bytes)));
  });

  it('4.8-7 announcement: a SYN that nobody announced passes both drivers untouched', () => {
    const lab = newLab('e4', { shape, listens: false });
    lab.cables.W5.isCut = true;
    lab.start();
    lab.run(10_000);
    lab.cables.W5.isCut = false;
    const seen = lab.capture(
      ['S20', 'S30', 'W5', 'W2'],
      ({ bytes }) => isTunnel(bytes) && read(bytes).tcp?.destinationPort === 7777,
    );
    const tcp = lab.layer('gateway30', '3003') as TcpLayer;
    const connect: TcpRequest = {
      kind: 'connect',
      connection: 'plain',
      destination: GATEWAY_20.address,
      destinationPort: 7777,
      sourcePort: 5555,
    };
    tcp.ports.upper.received$.next(connect);
    lab.tell('gateway30', '3001A', 'nothing');
    lab.run(5 * SECOND_US);
    const syn = seen.find(({ place, way }) => place === 'S30' && way === 'down');
    expect(hasFlags(syn!.bytes, Flag.SYN)).toBe(true);
    expect(hexOf(seen, 'W5', 'ab')[0]).toBe(hexOf(seen, 'S30', 'down')[0]);
    const arrived = seen.find(({ place, way }) => place === 'S20' && way === 'up');
    expect(segmentKey(arrived!.bytes)).toBe(segmentKey(syn!.bytes));
    expect(lab.drops('gateway20')['no-listener']).toBeGreaterThanOrEqual(1);
  });

  it('4.8-8 distinguish: frames are the same at both ends, as in embodiment 3', () => checkIdentity('e4', shape));

  it('4.8-8 distinguish: embodiment 3 fails checks 1 and 5', () => {
    const lab = newLab('e3', { shape });
    const ctrl = lab.capture(['M20'], ({ bytes }) => isControl(bytes));
    const v20 = lab.capture(['V20']);
    bringUp(lab);
    ping(lab);
    expect(ctrl.length).toBeGreaterThan(0);
    expect(v20).toEqual([]);
  });
});

/** In hosts a record is the payload of a TCP segment. */
function holdsRecordAnywhere(bytes: Uint8Array): boolean {
  return isTunnel(bytes) && payloadLength(bytes) > 0 && holdsRecord(bytes);
}
