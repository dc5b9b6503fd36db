import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/actors/frame.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import {
  FIREWALL_33_WAN,
  GATEWAY_20,
  GATEWAY_30,
  LISTEN_PORT,
  SERVER_31,
  TERMINAL_21,
} from '../../src/topologies/network.ts';
import { virtualMacOf } from '../../src/topologies/parts/with-cipher.ts';
import { BROADCAST_MAC, CONTROL_MAC_DECRYPT, CONTROL_MAC_ENCRYPT, CONTROL_MAC_ENGINE } from '../../src/wire/address.ts';
import { toHex, u48 } from '../../src/wire/bytes.ts';
import type { EngineSession } from '../../src/wire/control-frame.ts';
import { buildEthernet } from '../../src/wire/ethernet.ts';
import { buildHairpin, parseHairpin } from '../../src/wire/hairpin.ts';
import { RECORD_HEADER_BYTES, RECORD_OVERHEAD_BYTES, UNIT_DATA, writeRecordHeader } from '../../src/wire/record.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { checkIdentity } from './checks.ts';
import {
  bringUp,
  controls,
  countersOf,
  hasFlags,
  hexOf,
  holdsRecord,
  isControl,
  isTunnel,
  newLab,
  payloadLength,
  read,
  SECOND_US,
  segmentKey,
  upLab,
} from './support.ts';

const CABLES = ['W1', 'W2', 'W3', 'W4', 'W5', 'W6'] as const;
const VNIC_20 = virtualMacOf(GATEWAY_20.mac);

/** What is in the record of a hairpin frame before it is sealed or after it was opened. */
function plainIn(bytes: Uint8Array): string {
  const hairpin = parseHairpin(bytes);
  return hairpin.ok ? toHex(hairpin.record.subarray(RECORD_HEADER_BYTES)) : '';
}

function isRequest(bytes: Uint8Array): boolean {
  const { ip, icmp } = read(bytes);
  return ip?.source === TERMINAL_21.address && icmp?.type === 8;
}

/** The START of gateway 20's engine, of a lab that comes up now. */
function startOf(lab: Lab): EngineSession {
  const seen = lab.capture(['M20'], ({ way, bytes }) => way === 'down' && isControl(bytes));
  bringUp(lab);
  const starts = controls(seen, 'M20', 'start');
  expect(starts).toHaveLength(1);
  return starts[0].session;
}

/** Gives a layer a frame at one of its ports, as its neighbour would, and lets the device work it off. */
function feed(lab: Lab, layer: string, port: string, bytes: Uint8Array): void {
  lab.layer('gateway20', layer).ports[port].received$.next(lab.devices.gateway20.frame(bytes));
  lab.tell('gateway20', '2001A', 'nothing');
}

describe('embodiment 8', () => {
  it('8.7-1 hairpin trace: four crossings of MAC 2011 in their order', () => {
    const lab = upLab('e8');
    ping(lab);
    const seen = lab.capture(['M20']);
    const sent = lab.capture(['W1'], ({ bytes }) => isRequest(bytes));
    lab.tell('terminal21', '2103P', 'ping', { destination: SERVER_31.address, id: 1, seq: 9, length: 56 });
    lab.until(() => seen.some(({ way, bytes }) => way === 'down' && isTunnel(bytes) && holdsRecord(bytes)), SECOND_US);
    expect(sent).toHaveLength(1);
    const f20 = toHex(sent[0].bytes);
    expect(seen.map(({ way }) => way)).toEqual(['up', 'down', 'up', 'down']);
    const [inward, asked, answered, out] = seen.map(({ bytes }) => bytes);
    expect(toHex(inward)).toBe(f20);
    expect([u48(asked, 0), u48(asked, 6)]).toEqual([CONTROL_MAC_ENCRYPT, VNIC_20]);
    expect(plainIn(asked)).toBe(f20);
    expect([u48(answered, 0), u48(answered, 6)]).toEqual([VNIC_20, CONTROL_MAC_ENCRYPT]);
    expect(toHex(answered)).not.toContain(f20.slice(28));
    const record = parseHairpin(answered);
    expect(read(out)).toMatchObject({
      ethernet: { destination: FIREWALL_33_WAN.mac, source: GATEWAY_20.mac },
      ip: { source: GATEWAY_20.address, destination: GATEWAY_30.address },
    });
    const { payloadOffset, payloadEnd } = read(out);
    expect(record.ok && toHex(record.record)).toBe(toHex(out, payloadOffset, payloadEnd));
  });

  it('8.7-1 hairpin trace: the way back crosses MAC 2011 four times too, by the decrypt address', () => {
    const lab = upLab('e8');
    ping(lab);
    const seen = lab.capture(['M20']);
    lab.tell('server31', '3103P', 'ping', { destination: TERMINAL_21.address, id: 1, seq: 9, length: 56 });
    const isEcho = (bytes: Uint8Array) => read(bytes).icmp?.type === 8;
    expect(lab.until(() => seen.some(({ way, bytes }) => way === 'down' && isEcho(bytes)), SECOND_US)).toBe(true);
    const echo = seen.findIndex(({ way, bytes }) => way === 'down' && isEcho(bytes));
    const before = seen.slice(0, echo + 1).filter(({ bytes }) => !isTunnel(bytes) || holdsRecord(bytes));
    expect(before.map(({ way }) => way)).toEqual(['up', 'down', 'up', 'down']);
    expect(u48(before[1].bytes, 0)).toBe(CONTROL_MAC_DECRYPT);
    expect([u48(before[2].bytes, 0), u48(before[2].bytes, 6)]).toEqual([VNIC_20, CONTROL_MAC_DECRYPT]);
    expect(plainIn(before[2].bytes)).toBe(toHex(before[3].bytes));
  });

  it('8.7-2 swap and payload only: the engine gives back Enc(payload), and opens what the far end sealed', () => {
    const lab = newLab('e8');
    const session = startOf(lab);
    ping(lab);
    const f20 = new Uint8Array(100).fill(0x42);
    const header = new Uint8Array(RECORD_HEADER_BYTES);
    const fields = { type: UNIT_DATA, connectionId: session.sendConnectionId, epoch: 0, sequence: 1_000 };
    writeRecordHeader(header, 0, fields, f20.length);
    const wire = lab.capture([...CABLES]);
    const seen = lab.capture(['M20']);
    const prepared = Uint8Array.of(...header, ...f20);
    feed(lab, '2014', 'upper', buildHairpin('seal', session.sessionId, prepared, VNIC_20));
    const sealed = lab.world.vaultOf('gateway20').seal(session.sendDataKeyId, header, f20);
    expect(seen.find(({ way }) => way === 'up')?.bytes).toEqual(
      turned(buildHairpin('seal', session.sessionId, sealed, VNIC_20)),
    );
    const receive = { ...fields, connectionId: session.receiveConnectionId };
    writeRecordHeader(header, 0, receive, f20.length);
    // Both ends have the key; its number at the vault of gateway 20 is in the START.
    const arrived = lab.world.vaultOf('gateway20').seal(session.receiveDataKeyId, header, f20);
    seen.length = 0;
    feed(lab, '2014', 'upper', buildHairpin('open', session.sessionId, arrived, VNIC_20));
    expect(seen.find(({ way }) => way === 'up')?.bytes).toEqual(
      turned(buildHairpin('open', session.sessionId, Uint8Array.of(...header, ...f20), VNIC_20)),
    );
    expect(wire).toEqual([]);
  });

  it('8.7-3 no leak: no address of the control range is on any cable, from the first frame to the last', () => {
    const lab = newLab('e8-both', { renewal_ms: 40_000 });
    const special = lab.capture([...CABLES], ({ bytes }) => isControl(bytes));
    const inside = lab.capture(['M20', 'M30'], ({ bytes }) => isControl(bytes));
    // Bridge 2008 floods none, not even the first: IP stack 2005 sees no special frame.
    const flooded = lab.capture(['S20', 'S30'], ({ bytes }) => isControl(bytes));
    bringUp(lab);
    ping(lab);
    expect(transfer(lab, { bytes: 200_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    lab.run(100 * SECOND_US);
    ping(lab, { from: 'server31' });
    lab.tell('gateway30', '3001A', 'disconnect', { peer: 'gateway20' });
    lab.run(20 * SECOND_US);
    expect(controls(inside, 'M20', 'start').length).toBeGreaterThanOrEqual(3);
    expect(controls(inside, 'M20', 'stop').length).toBe(controls(inside, 'M20', 'start').length);
    expect(inside.length).toBeGreaterThan(500);
    expect([special, flooded]).toEqual([[], []]);
    expect(lab.drops('gateway20', 'gateway30')).not.toHaveProperty('foreign-control-frame');
  });

  it('8.7-4 PHY transparency: whatever comes from the cable reaches MAC 2011 bit for bit', () => {
    const lab = upLab('e8');
    ping(lab);
    const f10 = lab.capture(['W2'], ({ way, bytes }) => way === 'ab' && isTunnel(bytes) && holdsRecord(bytes));
    ping(lab, { from: 'server31' });
    const stranger = 0x02_00_00_00_99_99;
    const between = (destination: number, source: number) =>
      buildEthernet({ destination, source, etherType: 0x0900 }, new Uint8Array(60).fill(0x77));
    const frames = [
      between(BROADCAST_MAC, stranger),
      between(0x01_00_5e_00_00_01, stranger),
      between(SERVER_31.mac, stranger),
      between(GATEWAY_20.mac, stranger),
      f10[0].bytes.slice(),
    ];
    const seen = lab.capture(['M20'], ({ way }) => way === 'up');
    for (const bytes of frames) {
      seen.length = 0;
      lab.devices.gateway20.input({ kind: 'frame', port: '2013', bytes, checksum: 'good' });
      expect(seen.map((each) => toHex(each.bytes))).toContain(toHex(bytes));
    }
  });

  it('8.7-5 real TCP: TCP 2003 sends a lost F10 again, and TCP 3003 acknowledges across the firewall', () => {
    const lab = upLab('e8');
    ping(lab);
    const wire = lab.capture(['W2', 'W3', 'W4'], ({ bytes }) => isTunnel(bytes));
    let lost: Uint8Array | undefined;
    let large = 0;
    lab.cables.W3.lose = (way, bytes) => {
      if (lost !== undefined || way !== 'ab' || bytes.length < 1000 || ++large < 20) return false;
      lost = bytes.slice();
      return true;
    };
    expect(transfer(lab, { bytes: 200_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
    const seq = read(lost!).tcp?.seq;
    const again = wire.filter(
      ({ place, way, bytes }) =>
        place === 'W3' && way === 'ab' && read(bytes).tcp?.seq === seq && payloadLength(bytes) > 0,
    );
    expect(again.length).toBeGreaterThanOrEqual(2);
    const acks = wire.filter(
      ({ place, way, bytes }) =>
        place === 'W4' && way === 'ba' && payloadLength(bytes) === 0 && hasFlags(bytes, Flag.ACK),
    );
    expect(acks.length).toBeGreaterThan(10);
    expect(new Set(acks.map(({ bytes }) => read(bytes).tcp?.ack)).size).toBeGreaterThan(10);
  });

  it('8.7-6 key route: SSL 2002 builds the control frame, and it goes by 2010, 2009, 2008, 2007 and 2011', () => {
    const lab = newLab('e8');
    const way: string[] = [];
    const stations = ['2010.ssl', '2009.lower', '2008.2009', '2007.upper', '2011.upper', '2014.upper'];
    for (const place of stations) {
      const [layer, port] = place.split('.');
      lab.layer('gateway20', layer).ports[port].received$.subscribe(({ bytes }: Frame) => {
        if (u48(bytes, 0) === CONTROL_MAC_ENGINE) way.push(place);
      });
    }
    const session = startOf(lab);
    expect(way).toEqual(stations);
    expect(session).toMatchObject({
      ownIp: GATEWAY_20.address,
      peerIp: GATEWAY_30.address,
      ownPort: LISTEN_PORT,
      ownMac: VNIC_20,
    });
    for (const gateway of ['gateway20', 'gateway30'] as const) {
      const kinds = lab.devices[gateway].layers.map(({ kind }) => kind);
      expect(kinds).not.toContain('accelerator-control');
      expect(kinds).not.toContain('intermediate-driver');
    }
  });

  it('8.7-6 key route: SYN, SYN+ACK and ACK go from end to end at once, and no packet of a leg is there', () => {
    const lab = newLab('e8');
    const seen = lab.capture(['S30', 'W5', 'W2', 'S20'], ({ bytes }) => isTunnel(bytes));
    bringUp(lab);
    const opening = (place: string) =>
      seen
        .filter((each) => each.place === place)
        .slice(0, 3)
        .map(({ bytes }) => bytes);
    const shapes = [Flag.SYN, Flag.SYN | Flag.ACK, Flag.ACK];
    expect(opening('S30').map((bytes, at) => hasFlags(bytes, shapes[at]))).toEqual([true, true, true]);
    for (const place of ['W5', 'W2', 'S20'])
      expect(opening(place).map(segmentKey)).toEqual(opening('S30').map(segmentKey));
    for (const { bytes } of seen) expect(bytes[read(bytes).payloadOffset]).not.toBe(0x42);
  });

  it('8.7-7 software peer: SSL 3002 opens in software, and frames arrive bit for bit both ways', () => {
    checkIdentity('e8', 'tcp');
    const lab = upLab('e8');
    ping(lab);
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    expect(transfer(lab, { from: 'server31', bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    expect(countersOf(lab, 'gateway20', '2002')).toMatchObject({ sealed: 0, opened: 0 });
    const far = countersOf(lab, 'gateway30', '3002');
    expect(far.sealed).toBeGreaterThan(100);
    expect(far.opened).toBeGreaterThan(100);
    expect(lab.devices.gateway30.layers.map(({ kind }) => kind)).not.toContain('engine-x');
    const engine = lab.layer('gateway20', '2014').counters;
    expect(engine.sealed).toBeGreaterThanOrEqual(far.opened);
    expect(engine.opened).toBeGreaterThanOrEqual(far.sealed);
    expect(engine.returned ?? 0).toBe(0);
  });

  it.each(['e8-mirrored', 'e8-both'])('8.7-7 the same by %s: frames arrive bit for bit', (name) =>
    checkIdentity(name, 'tcp'),
  );

  it('8.7-7 the same through a NAT router: all bytes arrive', () => {
    const lab = upLab('e8-nat');
    for (const from of ['terminal21', 'server31'] as const)
      expect(transfer(lab, { from, bytes: 100_000, limit_us: 60 * SECOND_US })).toMatchObject({
        complete: true,
        intact: true,
      });
  });

  it('8.7-8 access gate: without the session no frame of terminal 21 comes near server 31', () => {
    const lab = newLab('e8', { listens: false });
    const near = lab.capture(['W4', 'W5', 'W6'], ({ bytes }) => u48(bytes, 6) === TERMINAL_21.mac || isRequest(bytes));
    lab.start();
    lab.run(5 * SECOND_US);
    const direct = buildEthernet(
      { destination: SERVER_31.mac, source: TERMINAL_21.mac, etherType: 0x0900 },
      new Uint8Array(50),
    );
    lab.devices.hub22.input({ kind: 'frame', port: '221', bytes: direct, checksum: 'good' });
    expect(ping(lab).rtts_us).toEqual([]);
    expect(near).toEqual([]);
    expect(lab.drops('gateway20')['no-session']).toBeGreaterThan(0);
  });
});

describe('engine X among strangers', () => {
  it('takes no answer of the engine from a cable or from the far LAN, nor a question', () => {
    const lab = newLab('e8');
    const { sessionId } = startOf(lab);
    ping(lab);
    const before = { ...lab.layer('gateway20', '2014').counters };
    const forged = buildHairpin('open', sessionId, new Uint8Array(80).fill(0x40), VNIC_20);
    // PHY 2012 lets no special frame in; this is what holds where an engine's interface has none.
    const fromCable = (bytes: Uint8Array) => feed(lab, '2014', 'lower', bytes);
    fromCable(turned(forged));
    expect(lab.layer('gateway20', '2002').drops.get('cipher-unasked')).toBe(1);
    fromCable(forged);
    expect(lab.layer('gateway20', '2008').drops.get('own-source')).toBe(1);
    const asStranger = forged.slice();
    asStranger.set([2, 0, 0, 0, 0x99, 0x99], 6);
    fromCable(asStranger);
    expect(lab.layer('gateway20', '2008').drops.get('same-port')).toBe(1);
    for (const bytes of [turned(forged), forged, asStranger])
      lab.devices.gateway20.input({ kind: 'frame', port: '2013', bytes, checksum: 'good' });
    expect(lab.layer('gateway20', '2012').drops.get('foreign-control-frame')).toBe(3);
    feed(lab, '2010', 'application', asStranger);
    expect(lab.layer('gateway20', '2010').drops.get('foreign-control-frame')).toBe(1);
    expect(lab.layer('gateway20', '2014').counters).toEqual(before);
  });

  it('carries full frames with a tag, and the hairpin is not let out when it is long', () => {
    const lab = upLab('e8', { orders: [0] });
    ping(lab);
    const bytes = buildEthernet(
      {
        destination: SERVER_31.mac,
        source: TERMINAL_21.mac,
        etherType: 0x0900,
        vlan: { priority: 0, dropEligible: false, id: 7 },
      },
      new Uint8Array(1500).fill(0x33),
    );
    const seen = lab.capture(['W6'], (each) => each.bytes.length === bytes.length);
    const longest = lab.capture(['M20'], ({ bytes: each }) => isControl(each));
    lab.devices.hub22.input({ kind: 'frame', port: '221', bytes, checksum: 'good' });
    lab.run(SECOND_US);
    expect(hexOf(seen, 'W6', 'ab')).toEqual([toHex(bytes)]);
    const sealed = 14 + 4 + bytes.length + RECORD_OVERHEAD_BYTES;
    expect(Math.max(...longest.map((each) => each.bytes.length))).toBe(sealed);
    feed(lab, '2014', 'upper', new Uint8Array(sealed).fill(2));
    expect(lab.layer('gateway20', '2014').drops.get('too-long')).toBe(1);
  });
});

/** MAC addresses swapped. */
function turned(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes.subarray(6, 12), ...bytes.subarray(0, 6), ...bytes.subarray(12));
}
