import { describe, expect, it } from 'vitest';
import { hangUp } from '../../src/lab/run.ts';
import type { Sighting } from '../../src/lab/taps.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { GATEWAY_20, LINK_MTU, SERVER_31, TERMINAL_21 } from '../../src/topologies/network.ts';
import { BROADCAST_MAC } from '../../src/wire/address.ts';
import { buildUdpFrame } from '../../src/wire/build.ts';
import { put48, toHex, u48 } from '../../src/wire/bytes.ts';
import { CLEAR_HEADER_BYTES } from '../../src/wire/clear-unit.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { expectCiphered, f10s, hasGoodChecksum, headersOf, inject, payloadOf } from './inline.ts';
import {
  bringUp,
  controls,
  countersOf,
  firstAt,
  hasFlags,
  hexOf,
  isControl,
  isTunnel,
  newLab,
  payloadLength,
  read,
  SECOND_US,
  upLab,
  WIRES,
} from './support.ts';

const VARIANTS = ['e9', 'e9-engines', 'e9-drivers', 'e9-mirrored'] as const;
/** IPv4 and TCP headers with timestamps. */
const HEADERS_WITH_TIMESTAMPS_BYTES = 52;
const FOREIGN_MAC = 0x0200_0000_0099;

/** Inner frames of terminal 21 to server 31, or back, at a place. */
const isInner = (bytes: Uint8Array, from = TERMINAL_21, to = SERVER_31): boolean =>
  u48(bytes, 6) === from.mac && u48(bytes, 0) === to.mac;

describe('embodiment 9', () => {
  it('9.7-1 clear above, cipher below: the same frame has the same F11 to F13 at MAC 2011 and at port 2013, and another F14', () => {
    const lab = upLab('e9');
    ping(lab);
    const seen = lab.capture(['W1', 'M20', 'W2']);
    ping(lab, { count: 3 });
    const above = f10s(seen, 'M20', 'down');
    const below = f10s(seen, 'W2', 'ba');
    expect(above.length).toBeGreaterThanOrEqual(3);
    expect(below).toHaveLength(above.length);
    for (const [at, clear] of above.entries()) expectCiphered(clear, below[at] as Uint8Array);
    const inner = hexOf(seen, 'W1', 'ab', (bytes) => isInner(bytes));
    expect(inner).toHaveLength(3);
    for (const frame of inner) {
      expect(above.some((bytes) => toHex(bytes).includes(frame))).toBe(true);
      expect(below.some((bytes) => toHex(bytes).includes(frame))).toBe(false);
    }
  });

  it('9.7-1 nothing of a user is in clear on any cable between the gateways, and every checksum there is right', () => {
    const lab = upLab('e9');
    ping(lab);
    const seen = lab.capture(['W1', 'W6', ...WIRES]);
    expect(transfer(lab, { bytes: 50_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
    const wire = seen.filter(({ place, bytes }) => WIRES.includes(place as 'W3') && isTunnel(bytes));
    const users = seen.filter(({ place, bytes }) => (place === 'W1' || place === 'W6') && payloadLengthOf(bytes) > 100);
    const marks = new Set(users.map(({ bytes }) => toHex(payloadOf(bytes).subarray(0, 24))));
    const all = wire.map(({ bytes }) => toHex(bytes)).join(' ');
    for (const mark of marks) expect(all.includes(mark)).toBe(false);
    expect(wire.length).toBeGreaterThan(50);
    expect(wire.every(({ bytes }) => hasGoodChecksum(bytes))).toBe(true);
  });

  it('9.7-2 two crossings: MAC 2011 is crossed by F20 up and F10 down, and no frame has an address of engine X', () => {
    const lab = upLab('e9');
    ping(lab);
    const seen = lab.capture(['M20']);
    const done = ping(lab);
    expect(done.rtts_us).toHaveLength(1);
    const request = seen.filter(({ bytes }) => isInner(bytes) || f10Holds(bytes, 8));
    expect(request.map(({ way, bytes }) => [way, isTunnel(bytes)])).toEqual([
      ['up', false],
      ['down', true],
    ]);
    expect(seen.filter(({ bytes }) => isControl(bytes))).toEqual([]);
  });

  it('9.7-3 SSL pass-through: both SSL seal and open nothing, and hand the clear F20 to TCP', () => {
    const lab = upLab('e9');
    ping(lab);
    const seen = lab.capture(['W1', 'S20', 'S30', 'W6']);
    ping(lab, { count: 2 });
    for (const [gateway, label] of [
      ['gateway20', '2002'],
      ['gateway30', '3002'],
    ] as const) {
      const counters = countersOf(lab, gateway, label);
      expect(counters).toMatchObject({ sealed: 0, opened: 0 });
      expect(counters.passedDown).toBeGreaterThanOrEqual(2);
      expect(counters.passedUp).toBeGreaterThanOrEqual(2);
    }
    const [first] = hexOf(seen, 'W1', 'ab', (bytes) => isInner(bytes)) as [string];
    expect(hexOf(seen, 'S20', 'down').some((hex) => hex.includes(first))).toBe(true);
    expect(hexOf(seen, 'S30', 'up').some((hex) => hex.includes(first))).toBe(true);
    expect(hexOf(seen, 'W6', 'ab')).toContain(first);
  });

  it.each([
    ['engine Y', 'gateway20', ['2014', 'upper'], 'M20', 'W2', 'ba'],
    ['driver Y', 'gateway30', ['3006', 'upper'], 'S30', 'Y30', 'down'],
  ] as const)(
    '9.7-4 own MAC SA rule, %s: a frame of the session with a foreign source leaves as it is, with the own one encrypted',
    (_, gateway, port, above, below, way) => {
      const lab = upLab('e9');
      const seen = lab.capture([above]);
      ping(lab);
      const [own] = f10s(seen, above, 'down') as [Uint8Array];
      const foreign = own.slice();
      put48(foreign, 6, FOREIGN_MAC);
      const out = lab.capture([below], (each) => each.way === way);
      inject(lab, gateway, port, foreign);
      expect(out.map(({ bytes }) => toHex(bytes))).toEqual([toHex(foreign)]);
      inject(lab, gateway, port, own);
      expect(out).toHaveLength(2);
      expectCiphered(own, (out[1] as Sighting).bytes);
    },
  );

  it('9.7-5 LAN frames are not touched: foreign unicast and broadcast go up to MAC 2011, and nothing goes back to the PHY', () => {
    const lab = upLab('e9');
    lab.cables.W5!.isCut = true;
    const seen = lab.capture(['M20', 'W2']);
    const frames = [SERVER_31.mac, BROADCAST_MAC, GATEWAY_20.mac].map((destination) =>
      buildUdpFrame(
        {
          ethernet: { destination, source: FOREIGN_MAC },
          ip: { source: TERMINAL_21.address, destination: SERVER_31.address },
          udp: { sourcePort: 9, destinationPort: 9 },
        },
        Uint8Array.of(1, 2, 3),
      ),
    );
    for (const bytes of frames) lab.devices.gateway20!.input({ kind: 'frame', port: '2013', bytes, checksum: 'good' });
    expect(hexOf(seen, 'M20', 'up')).toEqual(frames.map((bytes) => toHex(bytes)));
    const back = seen.filter(({ place, way }) => place === 'W2' && way === 'ba');
    expect(back.every(({ bytes }) => isTunnel(bytes))).toBe(true);
    const inners = frames.map((bytes) => toHex(payloadOf(bytes)));
    expect(back.some(({ bytes }) => inners.some((inner) => toHex(bytes).endsWith(inner)))).toBe(false);
  });

  it('9.7-6 decrypted goes up, not out: a frame of the session from the PHY is delivered to MAC 2011 in clear, nothing of it to the PHY', () => {
    const lab = upLab('e9');
    ping(lab);
    const seen = lab.capture(['W2', 'M20'], ({ bytes }) => isTunnel(bytes));
    ping(lab);
    const [wire] = f10s(seen, 'W2', 'ab') as [Uint8Array];
    const clear = f10s(seen, 'M20', 'up').find((bytes) => headersOf(bytes) === headersOf(wire)) as Uint8Array;
    expectCiphered(clear, wire);
    const again = lab.capture(['W2', 'M20']);
    lab.devices.gateway20!.input({ kind: 'frame', port: '2013', bytes: wire, checksum: 'good' });
    expect(hexOf(again, 'M20', 'up')).toEqual([toHex(clear)]);
    const out = again.filter(({ place, way }) => place === 'W2' && way === 'ba');
    expect(out.every(({ bytes }) => isTunnel(bytes) && payloadLength(bytes) === 0)).toBe(true);
  });

  it('9.7-8 key paths: control frames from SSL 2002 through virtual NIC and bridge to engine Y; in gateway 30 a call, no frame', () => {
    const lab = newLab('e9');
    const seen = lab.capture(['M20', 'S30', 'Y30', 'V20', 'V30', ...WIRES, 'W1', 'W6'], ({ bytes }) =>
      isControl(bytes),
    );
    bringUp(lab);
    const [start, renew] = [controls(seen, 'M20', 'start'), controls(seen, 'M20', 'renew')];
    expect(start).toMatchObject([{ session: { client: false, ownIp: GATEWAY_20.address, sendDataKeyId: 0 } }]);
    expect(renew).toMatchObject([{ session: { receiveDataKeyId: start[0]?.session.receiveDataKeyId } }]);
    expect(renew[0]?.session.sendDataKeyId).toBeGreaterThan(0);
    expect(seen.every(({ place }) => place === 'M20')).toBe(true);
    const labels = (gateway: string) => lab.devices[gateway]!.layers.map(({ kind }) => kind);
    expect(labels('gateway20')).toContain('virtual-nic');
    expect(labels('gateway20')).not.toContain('accelerator-control');
    expect(labels('gateway30')).not.toContain('engine-y');
    expect(lab.layer('gateway30', '3006').machines()).toMatchObject([{ state: 'ACCELERATING' }]);
    expect(hangUp(lab)).toBe(true);
    lab.run(30 * SECOND_US);
    expect(controls(seen, 'M20', 'stop')).toHaveLength(1);
    for (const [gateway, label] of [
      ['gateway20', '2014'],
      ['gateway30', '3006'],
    ] as const)
      expect(lab.layer(gateway, label).machines()).toMatchObject([{ state: 'PASS-THROUGH' }]);
  });

  it('9.7-9 segment, then encrypt: a frame larger than the MSS of TCP 2003 is cut by it, each segment encrypted and decrypted by itself', () => {
    const lab = upLab('e9', { hostMtu: 1500 });
    ping(lab);
    const seen = lab.capture(['M20', 'S30']);
    expect(ping(lab, { length: 1472 }).rtts_us).toHaveLength(1);
    const sent = f10s(seen, 'M20', 'down').map((bytes) => payloadOf(bytes));
    const arrived = f10s(seen, 'S30', 'up').map((bytes) => payloadOf(bytes));
    const mss = LINK_MTU - HEADERS_WITH_TIMESTAMPS_BYTES;
    expect(sent.map(({ length }) => length)).toEqual([mss, 1514 + CLEAR_HEADER_BYTES - mss]);
    expect(arrived.map((bytes) => toHex(bytes))).toEqual(sent.map((bytes) => toHex(bytes)));
    expect(transfer(lab, { bytes: 200_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
  });

  it('shows its peers and its operator that nothing authenticates what arrives', () => {
    const lab = newLab('e9');
    const notes: unknown[] = [];
    lab.watch(({ kind, name, data }) => kind === 'note' && name === 'session-up' && notes.push(data));
    bringUp(lab);
    for (const gateway of ['gateway20', 'gateway30'])
      expect(lab.status(gateway).peers[0]).toMatchObject({ state: 'UP', integrity: 'none' });
    expect(notes).toMatchObject([{ integrity: 'none' }, { integrity: 'none' }]);
  });

  it('F13 is a true TCP: SYN, SYN+ACK and ACK go end to end in clear, and its ACKs cross the firewall', () => {
    const lab = newLab('e9');
    const seen = lab.capture(['W5', 'W3', 'S20']);
    bringUp(lab);
    const syn = firstAt(seen, 'W5', 'ab', (bytes) => hasFlags(bytes, Flag.SYN));
    const arrived = firstAt(seen, 'S20', 'up', (bytes) => hasFlags(bytes, Flag.SYN));
    expect(read(seen[arrived]!.bytes).tcp?.seq).toBe(read(seen[syn]!.bytes).tcp?.seq);
    firstAt(seen, 'W5', 'ba', (bytes) => hasFlags(bytes, Flag.SYN | Flag.ACK));
    firstAt(seen, 'W3', 'ba', (bytes) => hasFlags(bytes, Flag.ACK) && payloadLength(bytes) === 0);
  });
});

describe.each(VARIANTS)('9.7-7 interchangeable: %s', (topology) => {
  it('transfers both ways, tears down, and comes back', () => {
    const lab = upLab(topology, {}, { verifies: true });
    for (const from of ['terminal21', 'server31'] as const)
      expect(transfer(lab, { from, bytes: 200_000, limit_us: 60 * SECOND_US })).toMatchObject({
        complete: true,
        intact: true,
      });
    expect(lab.drops()).not.toHaveProperty('bad-checksum');
    expect(hangUp(lab)).toBe(true);
    lab.tell('gateway20', '2001A', 'connect', { peer: 'gateway30' });
    lab.tell('gateway30', '3001A', 'connect', { peer: 'gateway20' });
    expect(lab.until(() => lab.isUp, 60 * SECOND_US)).toBe(true);
    expect(ping(lab).rtts_us).toHaveLength(1);
  });

  it.each([1, 2, 3])(
    'comes up and transfers over a path that loses, repeats and overtakes, seed %i: what TCP repeats of the set-up stays in clear, what comes after it is encrypted',
    (seed) => {
      const lab = newLab(topology, {
        seed,
        path: { delay_us: 5_000, loss: 0.08, duplicate: 0.05, reorder: 0.1 },
      });
      bringUp(lab);
      lab.impair({ loss: 0.01, duplicate: 0.02, reorder: 0.05 });
      expect(transfer(lab, { bytes: 100_000, limit_us: 600 * SECOND_US })).toMatchObject({
        complete: true,
        intact: true,
      });
      expect(lab.drops()).not.toHaveProperty('bad-checksum');
    },
  );
});

/** An F10 in clear that holds an inner ICMP message of this type. */
function f10Holds(bytes: Uint8Array, icmpType: number): boolean {
  if (!isTunnel(bytes) || payloadLength(bytes) < 60) return false;
  const inner = payloadOf(bytes).subarray(CLEAR_HEADER_BYTES);
  return isInner(inner) && read(inner).icmp?.type === icmpType;
}

function payloadLengthOf(bytes: Uint8Array): number {
  return read(bytes).tcp === undefined ? 0 : payloadLength(bytes);
}
