import { describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import type { TapName, Way } from '../../src/lab/taps.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import {
  FIREWALL_33_LAN,
  FIREWALL_33_WAN,
  GATEWAY_20,
  GATEWAY_30,
  LISTEN_PORT,
  SERVER_31,
  TERMINAL_21,
} from '../../src/topologies/network.ts';
import { BROADCAST_MAC } from '../../src/wire/address.ts';
import { toHex } from '../../src/wire/bytes.ts';
import { buildEthernet } from '../../src/wire/ethernet.ts';
import { parseFrame } from '../../src/wire/frame.ts';
import { IpProtocol } from '../../src/wire/ipv4.ts';
import { LegKind, parseLeg } from '../../src/wire/leg.ts';
import { UDP_HEADER_BYTES } from '../../src/wire/udp.ts';
import { UNIT_PIECE } from '../../src/wire/unit.ts';
import { checkIdentity, checkLoss } from './checks.ts';
import {
  bringUp,
  controls,
  countersOf,
  hexOf,
  holdsRecord,
  isControl,
  isTunnel,
  legNames,
  newLab,
  read,
  SECOND_US,
  unitsOf,
  upLab,
} from './support.ts';

/** Embodiment 11, and with the engine in the other gateway (N11.1). */
const SIDES = [
  { topology: 'e11', engine: 'gateway20', software: 'gateway30', e: 2, s: 3, M: 'M20', V: 'V20', far: 'W6', out: 'ab' },
  {
    topology: 'e11-mirrored',
    engine: 'gateway30',
    software: 'gateway20',
    e: 3,
    s: 2,
    M: 'M30',
    V: 'V30',
    far: 'W1',
    out: 'ba',
  },
] as const;

const GATEWAY_WIRES = ['W2', 'W3', 'W4', 'W5'] as const;
const TLS_CLIENT_HELLO = '160301';
/** IEEE 802 local experimental EtherType 2. */
const EXPERIMENTAL = 0x88b6;
const oneWayBody = new Uint8Array(50).fill(7);

function isOfTransport(bytes: Uint8Array): boolean {
  return isTunnel(bytes) && read(bytes).ip?.protocol !== IpProtocol.ICMP;
}

/** A frame that nobody answers, of the host beside the engine gateway to the other, as it arrives at the hub there. */
function oneWay(lab: Lab, engine: string): Uint8Array {
  const atTerminal = engine === 'gateway20';
  const [source, destination] = atTerminal ? [TERMINAL_21, SERVER_31] : [SERVER_31, TERMINAL_21];
  const bytes = buildEthernet(
    { source: source.mac, destination: destination.mac, etherType: EXPERIMENTAL },
    oneWayBody,
  );
  const [hub, port] = atTerminal ? ['hub22', '221'] : ['hub32', '321'];
  lab.devices[hub].input({ kind: 'frame', port, bytes, checksum: 'none' });
  return bytes;
}

function closings(lab: Lab): string[] {
  const reasons: string[] = [];
  lab.watch(({ kind, name, data }) => {
    if (kind === 'note' && name === 'session-closed') reasons.push((data as { reason: string }).reason);
  });
  return reasons;
}

describe.each(SIDES)('embodiment 11 ($topology)', ({ topology, engine, software, e, s, M, V, far, out }) => {
  it('11.7-1 UDP only: nothing but UDP between the gateways, from set-up to farewell, always on the same two ports', () => {
    const lab = newLab(topology);
    const seen = lab.capture(GATEWAY_WIRES, ({ bytes }) => isTunnel(bytes));
    bringUp(lab);
    ping(lab);
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    for (const gateway of ['gateway30', 'gateway20']) lab.devices[gateway].stop();
    lab.run(5 * SECOND_US);
    expect(seen.length).toBeGreaterThan(4 * 100);
    const ports = new Set<string>();
    for (const { bytes } of seen) {
      const { ip, udp, payloadOffset } = read(bytes);
      expect(ip?.protocol).toBe(IpProtocol.UDP);
      expect(payloadOffset - (ip?.headerEnd ?? 0)).toBe(UDP_HEADER_BYTES);
      ports.add([udp?.sourcePort, udp?.destinationPort].sort((one = 0, other = 0) => one - other).join(' '));
    }
    expect([...ports]).toEqual([expect.stringMatching(new RegExp(`^${LISTEN_PORT} \\d{5}$`))]);
  });

  it('11.7-2 two-packet set-up: one establishment packet each way, then the SSL session request', () => {
    const lab = newLab(topology);
    const seen = lab.capture(['W3'], ({ bytes }) => isOfTransport(bytes));
    bringUp(lab);
    expect(seen.slice(0, 3).map(({ way, bytes }) => [way, ...legNames(bytes)])).toEqual([
      ['ba', 'HELLO'],
      ['ab', 'COOKIE'],
      ['ba', 'OPEN'],
    ]);
    const names = seen.flatMap(({ bytes }) => legNames(bytes));
    expect(names.filter((name) => name === 'HELLO' || name === 'COOKIE')).toHaveLength(2);
    const [hello, cookie, request] = seen.map(({ bytes }) => bytes);
    expect(cookie.length).toBeLessThan(hello.length);
    const [{ offset, length }] = unitsOf(request);
    const leg = parseLeg(request, offset, offset + length);
    expect(leg).toMatchObject({ ok: true, kind: LegKind.OPEN, sequence: 0 });
    expect(toHex(request, offset, offset + length)).toContain(TLS_CLIENT_HELLO);
  });

  it('11.7-3 zero crossings: no frame of the data phase, in either direction, at MAC of the engine gateway', () => {
    const lab = upLab(topology);
    ping(lab);
    const atMac = lab.capture([M]);
    for (const from of ['terminal21', 'server31'])
      expect(transfer(lab, { from, bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    expect(atMac).toEqual([]);
  });

  it('11.7-4 no transport ACK: the loss of one F10 is mended by the terminal alone', () => checkLoss(topology, 'udp'));

  it('11.7-4 no transport ACK: nothing comes back for a data frame', () => {
    const lab = upLab(topology);
    ping(lab);
    const seen = lab.capture(['W3', far], ({ place, bytes }) => place === far || isTunnel(bytes));
    const frame = oneWay(lab, engine);
    lab.run(SECOND_US);
    expect(hexOf(seen, far, out)).toEqual([toHex(frame)]);
    const crossed = seen.filter(({ place }) => place === 'W3');
    expect(crossed.map(({ way, bytes }) => [way, holdsRecord(bytes)])).toEqual([[out, true]]);
  });

  it('11.7-5 control frame owner: engine control, through virtual NIC, bridge and MAC; no intermediate driver anywhere', () => {
    const lab = newLab(topology);
    const everywhere = [...lab.places({ inside: true })];
    const seen = lab.capture(everywhere, ({ bytes }) => isControl(bytes));
    bringUp(lab);
    expect(new Set(seen.map(({ place }) => place))).toEqual(new Set([M, V]));
    expect(controls(seen, V, 'start')).toMatchObject([
      {
        session: {
          udp: true,
          ownMac: engine === 'gateway20' ? GATEWAY_20.mac : GATEWAY_30.mac,
          ownIp: engine === 'gateway20' ? GATEWAY_20.address : GATEWAY_30.address,
          peerIp: engine === 'gateway20' ? GATEWAY_30.address : GATEWAY_20.address,
        },
      },
    ]);
    const control = (place: TapName, way: Way) => hexOf(seen, place, way);
    expect(control(M, 'down')).toEqual(control(V, 'down'));
    expect(control(M, 'up')).toEqual(control(V, 'up'));
    expect(controls(seen, V, 'started')).toHaveLength(1);
    const kinds = [engine, software].flatMap((name) => lab.devices[name].layers.map(({ kind }) => kind));
    expect(kinds).not.toContain('intermediate-driver');
    expect(kinds).not.toContain('tcp');
    expect(lab.layer(engine, `${e}001`).kind).toBe('accelerator-control');
    expect(countersOf(lab, engine, `${e}010`).sent).toBe(1);
    expect(countersOf(lab, engine, `${e}009`).received).toBe(1);
  });

  it('11.7-6 asymmetric crypto: the engine here, SSL there', () => {
    const lab = upLab(topology);
    ping(lab);
    const record = lab.capture(['W3'], ({ bytes }) => holdsRecord(bytes));
    const before = {
      engine: { ...countersOf(lab, engine, `${e}014`) },
      ssl: { ...countersOf(lab, software, `${s}002`) },
    };
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    const sealed = (way: Way) => record.filter((each) => each.way === way).length;
    const into = out === 'ab' ? 'ba' : 'ab';
    const engineNow = countersOf(lab, engine, `${e}014`);
    const sslNow = countersOf(lab, software, `${s}002`);
    expect(engineNow.sealed - before.engine.sealed).toBe(sealed(out));
    expect(sslNow.opened - before.ssl.opened).toBe(sealed(out));
    expect(sslNow.sealed - before.ssl.sealed).toBe(sealed(into));
    expect(engineNow.opened - before.engine.opened).toBe(sealed(into));
    expect(sealed('ab') * sealed('ba')).toBeGreaterThan(0);
    expect(countersOf(lab, engine, `${e}002`)).toMatchObject({ sealed: 0, opened: 0 });
  });

  it('11.7-7 firewall negative: with UDP blocked there is no session, and with TCP blocked there is', () => {
    const blocked = newLab(topology, { blockedProtocols: [IpProtocol.UDP] });
    const reasons = closings(blocked);
    const wan = blocked.capture(['W3'], ({ bytes }) => isTunnel(bytes));
    blocked.start();
    expect(blocked.until(() => blocked.isUp, 60 * SECOND_US)).toBe(false);
    expect(wan).toEqual([]);
    expect(reasons).toContain('tcp-timed-out');
    expect(blocked.drops('firewall33').filtered).toBeGreaterThan(0);
    bringUp(newLab(topology, { blockedProtocols: [IpProtocol.TCP] }));
  });

  it('11.7-8 before the start command frames go up to MAC in clear; after it they do not', () => {
    const lab = newLab(topology);
    const seen = lab.capture([M, 'W3', far]);
    const inTunnel = () => seen.filter(({ bytes }) => holdsRecord(bytes)).length;
    lab.start();
    lab.run(1_000);
    const early = oneWay(lab, engine);
    lab.run(1_000);
    expect(hexOf(seen, M, 'up')).toContain(toHex(early));
    expect(inTunnel()).toBe(0);
    expect(lab.until(() => lab.isUp, 60 * SECOND_US)).toBe(true);
    lab.run(100_000);
    seen.length = 0;
    const late = oneWay(lab, engine);
    lab.run(100_000);
    expect(hexOf(seen, M, 'up')).toEqual([]);
    expect([inTunnel(), hexOf(seen, far, out)]).toEqual([1, [toHex(late)]]);
  });

  it('11.5 frames are the same at both ends', () => checkIdentity(topology, 'udp'));

  it('slip 8: both gateways know the next hop without a driver, and let nothing of it into the tunnel', () => {
    const lab = upLab(topology);
    const seen = lab.capture(['W1', 'W3', 'W6'], ({ place, bytes }) => place !== 'W3' || holdsRecord(bytes));
    const guarded = lab.drops('gateway20', 'gateway30')['loop-guard'] ?? 0;
    const hops = [
      ['hub22', '223', FIREWALL_33_WAN.mac],
      ['hub32', '323', FIREWALL_33_LAN.mac],
    ] as const;
    for (const [hub, port, source] of hops) {
      const bytes = buildEthernet({ source, destination: BROADCAST_MAC, etherType: EXPERIMENTAL }, oneWayBody);
      lab.devices[hub].input({ kind: 'frame', port, bytes, checksum: 'none' });
    }
    lab.run(100_000);
    expect(lab.drops('gateway20', 'gateway30')['loop-guard']).toBe(guarded + 2);
    expect(seen.map(({ place }) => place).sort()).toEqual(['W1', 'W6']);
  });

  it('slip 30 d: pieces of the engine are joined by the record part, and those of the record part by the engine', () => {
    const lab = upLab(topology, { orders: [0], hostMtu: 1500 });
    const pieces = lab.capture(
      ['W3'],
      ({ bytes }) => isTunnel(bytes) && unitsOf(bytes).some(({ type }) => type === UNIT_PIECE),
    );
    const lan = lab.capture(['W1', 'W6']);
    for (const from of ['terminal21', 'server31'])
      expect(transfer(lab, { from, bytes: 200_000, limit_us: 60 * SECOND_US })).toMatchObject({
        complete: true,
        intact: true,
      });
    for (const way of ['ab', 'ba']) expect(pieces.filter((each) => each.way === way).length).toBeGreaterThan(200);
    const data = (place: TapName) =>
      hexOf(lan, place, 'ab', (bytes) => parseFrame(bytes).ip?.source === TERMINAL_21.address);
    expect(data('W6')).toEqual(data('W1'));
    expect(lab.drops('gateway20', 'gateway30')).not.toHaveProperty('piece-refused');
  });

  it('slip 30 a: set-up survives loss, reordering and duplication', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const lab = newLab(topology, { seed, path: { delay_us: 10_000, loss: 0.2, reorder: 0.2, duplicate: 0.2 } });
      bringUp(lab);
      expect(transfer(lab, { bytes: 5_000, limit_us: 300 * SECOND_US })).toMatchObject({
        complete: true,
        intact: true,
      });
    }
  });

  it('renews its keys while data goes on, ends in order, and comes up again', () => {
    const lab = upLab(topology);
    ping(lab);
    lab.tell('gateway30', lab.topLabel('gateway30'), 'renew', { peer: 'gateway20' });
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true });
    lab.run(SECOND_US);
    expect(countersOf(lab, 'gateway20', '2002').handshakes).toBe(2);
    const reasons = closings(lab);
    lab.tell('gateway30', lab.topLabel('gateway30'), 'disconnect', { peer: 'gateway20' });
    lab.run(40 * SECOND_US);
    expect(reasons).toHaveLength(2);
    expect(['local', 'peer']).toEqual(expect.arrayContaining(reasons));
    const left = ['2003', '3003'].map((label) =>
      lab.layer(label === '2003' ? 'gateway20' : 'gateway30', label).machines(),
    );
    expect(left).toEqual([[], []]);
    lab.tell('gateway30', lab.topLabel('gateway30'), 'connect', { peer: 'gateway20' });
    expect(lab.until(() => lab.isUp, 30 * SECOND_US)).toBe(true);
    expect(ping(lab).rtts_us).toHaveLength(1);
  });

  it('is refused in bounded time where nobody listens', () => {
    const lab = newLab(topology, { listens: false });
    const reasons = closings(lab);
    lab.start();
    lab.run(4 * SECOND_US);
    expect(reasons[0]).toBe('tcp-refused');
  });

  it('notices in bounded time that the way is cut, and comes back', () => {
    const lab = upLab(topology);
    const reasons = closings(lab);
    lab.impair({ loss: 1 });
    lab.run(45 * SECOND_US);
    expect(reasons.length).toBeGreaterThanOrEqual(2);
    lab.impair({ loss: 0 });
    expect(lab.until(() => lab.isUp, 120 * SECOND_US)).toBe(true);
    expect(ping(lab).rtts_us).toHaveLength(1);
  });
});
