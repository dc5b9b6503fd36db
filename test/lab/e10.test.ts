import { describe, expect, it } from 'vitest';
import { hangUp } from '../../src/lab/run.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import {
  FIREWALL_33_LAN,
  FIREWALL_33_WAN,
  GATEWAY_20,
  GATEWAY_30,
  SERVER_31,
  TERMINAL_21,
  TRANSFER_PORT,
} from '../../src/topologies/network.ts';
import { buildTcpFrame } from '../../src/wire/build.ts';
import { toHex } from '../../src/wire/bytes.ts';
import { CLEAR_HEADER_BYTES } from '../../src/wire/clear-unit.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { expectCiphered, f10s, payloadOf } from './inline.ts';
import {
  bringUp,
  controls,
  firstAt,
  hasFlags,
  hexOf,
  isControl,
  isTunnel,
  newLab,
  read,
  SECOND_US,
  upLab,
} from './support.ts';

const VARIANTS = ['e10', 'e10-mirrored', 'e10-engines', 'e10-drivers', 'e10-sealed'] as const;

/** Inner frames that stand in clear in F10 frames. */
const innerOf = (frames: readonly Uint8Array[]) =>
  frames.map((bytes) => read(payloadOf(bytes).subarray(CLEAR_HEADER_BYTES)));

describe('embodiment 10', () => {
  it('10.7-1 node list: terminal 21, firewall 33, server 31 and nothing else, each host cabled to its side of the firewall', () => {
    const { plan } = newLab('e10');
    expect(plan.devices.map(({ name, kind }) => [name, kind])).toEqual([
      ['firewall33', 'firewall'],
      ['terminal21', 'host'],
      ['server31', 'host'],
    ]);
    expect(plan.cables.map(({ a, b }) => [a.device, a.port, b.device, b.port])).toEqual([
      ['terminal21', '2013', 'firewall33', '332'],
      ['firewall33', '331', 'server31', '3113'],
    ]);
  });

  it('10.7-2 two addresses per host: F12 is IP stack 2005 to 3005, F22 is 2104 to 3104, and the four differ, MACs too', () => {
    const lab = upLab('e10');
    ping(lab);
    const seen = lab.capture(['M20', 'W3']);
    ping(lab);
    const [inner] = innerOf(f10s(seen, 'M20', 'down'));
    const [outer] = f10s(seen, 'W3', 'ab').map((bytes) => read(bytes));
    expect([outer?.ip?.source, outer?.ip?.destination]).toEqual([GATEWAY_20.address, GATEWAY_30.address]);
    expect([inner?.ip?.source, inner?.ip?.destination]).toEqual([TERMINAL_21.address, SERVER_31.address]);
    const addresses = [outer, inner].flatMap((each) => [each?.ip?.source, each?.ip?.destination]);
    expect(new Set(addresses).size).toBe(4);
    expect(inner?.ethernet.source).toBe(TERMINAL_21.mac);
    expect(outer?.ethernet.source).toBe(GATEWAY_20.mac);
  });

  it('10.7-2 ARP of the inner stacks goes through the tunnel, and none of it is on a cable', () => {
    const lab = newLab('e10');
    const seen = lab.capture(['W3', 'W4', 'V30']);
    bringUp(lab);
    ping(lab);
    const asks = seen.filter(({ bytes }) => read(bytes).arp?.targetIp === SERVER_31.address);
    expect(asks.length).toBeGreaterThan(0);
    expect(asks.every(({ place }) => place === 'V30')).toBe(true);
  });

  it('10.7-3 firewall: inner addresses outside of the tunnel are dropped, 2005 and 3005 pass both ways', () => {
    const lab = upLab('e10');
    const seen = lab.capture(['W3', 'W4']);
    const dropped = () => Object.values(lab.drops('firewall33')).reduce((sum, count) => sum + count, 0);
    const before = dropped();
    for (const [port, source, destination, mac] of [
      ['332', TERMINAL_21, SERVER_31, FIREWALL_33_WAN.mac],
      ['331', SERVER_31, TERMINAL_21, FIREWALL_33_LAN.mac],
    ] as const) {
      const bytes = buildTcpFrame(
        {
          ethernet: { source: source.mac, destination: mac },
          ip: { source: source.address, destination: destination.address },
          tcp: { sourcePort: 1, destinationPort: TRANSFER_PORT, seq: 1, flags: Flag.SYN, window: 100 },
        },
        new Uint8Array(0),
      );
      lab.devices.firewall33!.input({ kind: 'frame', port, bytes, checksum: 'good' });
    }
    lab.run(SECOND_US);
    expect(dropped()).toBe(before + 2);
    expect(seen.filter(({ bytes }) => read(bytes).tcp?.destinationPort === TRANSFER_PORT)).toEqual([]);
    ping(lab);
    for (const way of ['ab', 'ba'] as const)
      expect(seen.some((each) => each.place === 'W4' && each.way === way && isTunnel(each.bytes))).toBe(true);
  });

  it('10.7-4 transparent application: TCP 2102 and IP stack 2104 are those of any host, and connect to the inner address', () => {
    const lab = upLab('e10');
    const blocks = (labels: readonly string[]) =>
      lab.plan.devices[1]?.layers.filter(({ label }) => labels.includes(label)).map(({ block }) => block);
    expect(blocks(['2101', '2102', '2103', '2104'])).toEqual(['test-application', 'tcp', 'ip-routing', 'ip-stack']);
    for (const from of ['terminal21', 'server31'] as const)
      expect(transfer(lab, { from, bytes: 100_000, limit_us: 60 * SECOND_US })).toMatchObject({
        complete: true,
        intact: true,
        reason: 'normal',
      });
  });

  it('10.7-5 one crossing: one F10 with clear F14 goes down for each inner frame, port 2013 shows the same F11 to F13 encrypted', () => {
    const lab = upLab('e10');
    ping(lab);
    const seen = lab.capture(['M20', 'V20', 'W3']);
    ping(lab, { count: 3 });
    const inner = hexOf(seen, 'V20', 'down');
    const above = f10s(seen, 'M20', 'down');
    const below = f10s(seen, 'W3', 'ab');
    expect(above.map((bytes) => toHex(payloadOf(bytes).subarray(CLEAR_HEADER_BYTES)))).toEqual(inner);
    expect(inner).toHaveLength(3);
    expect(below).toHaveLength(above.length);
    for (const [at, clear] of above.entries()) expectCiphered(clear, below[at] as Uint8Array);
    expect(seen.filter(({ place, way, bytes }) => place === 'M20' && way === 'up' && !isTunnel(bytes))).toEqual([]);
  });

  it('10.7-6 set-up direction: the SYN comes from server 31, on the LAN side of the firewall', () => {
    const lab = newLab('e10');
    const seen = lab.capture(['W3', 'W4'], ({ bytes }) => isTunnel(bytes) && hasFlags(bytes, Flag.SYN));
    bringUp(lab);
    expect(firstAt(seen, 'W4', 'ba', () => true)).toBeLessThan(firstAt(seen, 'W3', 'ba', () => true));
    expect(seen.every(({ bytes }) => read(bytes).ip?.source === GATEWAY_30.address)).toBe(true);
  });

  it('10.7-7 control frame path: SSL 2002, driver 2105, MAC 2011, engine Y; never on a cable, no virtual NIC, no bridge', () => {
    const lab = newLab('e10');
    const seen = lab.capture(['M20', 'V20', 'S20', 'W3', 'W4'], ({ bytes }) => isControl(bytes));
    bringUp(lab);
    expect(controls(seen, 'M20', 'start')).toHaveLength(1);
    expect(controls(seen, 'M20', 'started').length).toBeGreaterThan(0);
    expect(seen.every(({ place }) => place === 'M20')).toBe(true);
    const kinds = ['terminal21', 'server31'].flatMap((name) => lab.devices[name]!.layers.map(({ kind }) => kind));
    expect(kinds).not.toContain('virtual-nic');
    expect(kinds).not.toContain('bridge');
    expect(lab.plan.devices[1]?.joins).toContain('2002.nic - 2105.ssl');
  });

  it('10.7-8 variants: drivers on both sides without an engine give the same wire image', () => {
    const image = (topology: string) => {
      const lab = upLab(topology);
      ping(lab);
      const seen = lab.capture(['W3', 'W4'], ({ bytes }) => isTunnel(bytes));
      ping(lab, { count: 3 });
      return seen.map(({ place, way, bytes }) => [place, way, bytes.length, read(bytes).tcp?.flags]);
    };
    expect(image('e10-drivers')).toEqual(image('e10'));
    const { plan } = newLab('e10-drivers');
    expect(plan.devices.flatMap(({ layers }) => layers.map(({ block }) => block))).not.toContain('engine-y');
  });
});

describe.each(VARIANTS)('10.7-8 variants: %s', (topology) => {
  it('transfers both ways over a path that loses and overtakes, tears down, and comes back', () => {
    const lab = newLab(topology, { path: { delay_us: 5_000, loss: 0.01, duplicate: 0.01, reorder: 0.03 } });
    bringUp(lab);
    for (const from of ['terminal21', 'server31'] as const)
      expect(transfer(lab, { from, bytes: 100_000, limit_us: 300 * SECOND_US })).toMatchObject({
        complete: true,
        intact: true,
      });
    lab.impair({ loss: 0 });
    expect(hangUp(lab)).toBe(true);
    expect(ping(lab).rtts_us).toHaveLength(0);
    lab.tell('terminal21', '2001A', 'connect', { peer: 'server31' });
    lab.tell('server31', '3001A', 'connect', { peer: 'terminal21' });
    expect(lab.until(() => lab.isUp, 60 * SECOND_US)).toBe(true);
    expect(ping(lab).rtts_us).toHaveLength(1);
  });
});
