import { describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import type { TapName, Way } from '../../src/lab/taps.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { GATEWAY_20, GATEWAY_30, LISTEN_PORT, SERVER_31, TERMINAL_21 } from '../../src/topologies/network.ts';
import { buildUdpFrame } from '../../src/wire/build.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { checkHoldOrder, checkIdentity, checkLoss, checkNoSynOnWire } from './checks.ts';
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
  SHAPES,
  segmentKey,
  upLab,
} from './support.ts';

/** The two gateways' parts in embodiment 3 and in its mirror (spec 3.8-8). */
interface Side {
  readonly topology: string;
  readonly engine: string;
  readonly software: string;
  /** First digit of the software gateway's numerals, and of the engine gateway's. */
  readonly s: 2 | 3;
  readonly e: 2 | 3;
  readonly taps: { readonly S: TapName; readonly V: TapName; readonly M: TapName; readonly wire: TapName };
  /** Way on `wire` that leads into the software gateway. */
  readonly into: Way;
  readonly softwareAddress: typeof GATEWAY_30;
  readonly engineAddress: typeof GATEWAY_30;
  /** Host in the software gateway's LAN, and the one beyond the tunnel. */
  readonly near: typeof SERVER_31;
  readonly far: typeof SERVER_31;
  readonly farName: string;
  readonly port: string;
}

const E3: Side = {
  topology: 'e3',
  engine: 'gateway20',
  software: 'gateway30',
  s: 3,
  e: 2,
  taps: { S: 'S30', V: 'V30', M: 'M20', wire: 'W5' },
  into: 'ba',
  softwareAddress: GATEWAY_30,
  engineAddress: GATEWAY_20,
  near: SERVER_31,
  far: TERMINAL_21,
  farName: 'terminal21',
  port: '3013',
};

const SIDES: readonly Side[] = [
  E3,
  { ...E3, topology: 'e3-folded' },
  {
    topology: 'e3-mirrored',
    engine: 'gateway30',
    software: 'gateway20',
    s: 2,
    e: 3,
    taps: { S: 'S20', V: 'V20', M: 'M30', wire: 'W2' },
    into: 'ab',
    softwareAddress: GATEWAY_20,
    engineAddress: GATEWAY_30,
    near: TERMINAL_21,
    far: SERVER_31,
    farName: 'server31',
    port: '2013',
  },
];

/** Items 7 and 8 of the list are the same checks on variants. */
const VARIANT: Readonly<Record<string, string>> = {
  e3: '',
  'e3-folded': ' (3.8-7 merged variant)',
  'e3-mirrored': ' (3.8-8 mirror variant)',
};
const CASES = SIDES.flatMap((side) => SHAPES.map((shape) => ({ ...side, shape })));

describe.each(CASES)('embodiment 3 ($topology), F13 $shape', (side) => {
  const { topology, shape, software, engine, s, e, taps, into, near, far, farName } = side;
  const name = (number: string, text: string) => `3.8-${number} ${text}${VARIANT[topology]}`;

  it(
    name('1', 'one engine: CTRL at the engine gateway alone, every F10 crosses MAC and driver of the software gateway'),
    () => {
      const lab = newLab(topology, { shape });
      const ctrl = lab.capture(['M20', 'M30', 'W1', 'W2', 'W3', 'W4', 'W5', 'W6', 'S20', 'S30'], ({ bytes }) =>
        isControl(bytes),
      );
      bringUp(lab);
      ping(lab);
      expect(controls(ctrl, taps.M, 'start')).toHaveLength(1);
      expect(new Set(ctrl.map(({ place }) => place))).toEqual(new Set([taps.M]));
      expect(lab.devices[software].layers.map(({ kind }) => kind)).not.toContain('engine');
      const before = [countersOf(lab, software, `${s}011`).received, countersOf(lab, software, `${s}007`).received];
      const f10 = lab.capture([taps.wire], ({ way, bytes }) => way === into && isTunnel(bytes));
      const lan = lab.capture([taps.wire], ({ way, bytes }) => way === into && !isTunnel(bytes));
      ping(lab, { count: 5 });
      expect(f10.length).toBeGreaterThanOrEqual(5);
      for (const [index, label] of [`${s}011`, `${s}007`].entries()) {
        expect(countersOf(lab, software, label).received - before[index]).toBe(f10.length + lan.length);
      }
    },
  );

  it(name('2', 'who decrypts: SSL of the software gateway for every frame, the other SSL never'), () => {
    const lab = upLab(topology, { shape });
    ping(lab);
    const atMac = lab.capture([taps.M]);
    const arrived = lab.capture([taps.wire], ({ way, bytes }) => way === into && holdsRecord(bytes));
    const before = countersOf(lab, software, `${s}002`);
    const { opened, sealed } = { ...before };
    expect(transfer(lab, { from: farName, bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    expect(countersOf(lab, software, `${s}002`).opened - opened).toBe(arrived.length);
    expect(countersOf(lab, software, `${s}002`).sealed).toBeGreaterThan(sealed);
    expect(countersOf(lab, engine, `${e}002`)).toMatchObject({ sealed: 0, opened: 0 });
    expect(atMac).toEqual([]);
  });

  it(name('3', 'in-host TCP leg: every F14 in a TCP segment, whose ACKs never leave the host'), () => {
    const lab = upLab(topology, { shape });
    ping(lab);
    const seen = lab.capture([taps.S, 'W2', 'W3', 'W4', 'W5'], ({ bytes }) => isTunnel(bytes));
    expect(transfer(lab, { from: farName, bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    const up = seen.filter(({ place, way, bytes }) => place === taps.S && way === 'up' && payloadLength(bytes) > 0);
    expect(up.length).toBeGreaterThan(70);
    for (const { bytes } of up) {
      const { ip, tcp } = read(bytes);
      expect(ip).toMatchObject({ source: side.engineAddress.address, destination: side.softwareAddress.address });
      if (s === 3) expect(tcp?.sourcePort).toBe(LISTEN_PORT);
      else expect(tcp?.destinationPort).toBe(LISTEN_PORT);
    }
    const acks = seen.filter(
      ({ place, way, bytes }) =>
        place === taps.S && way === 'down' && payloadLength(bytes) === 0 && hasFlags(bytes, Flag.ACK),
    );
    expect(acks.length).toBeGreaterThan(10);
    const onWires = seen.filter(({ place }) => place.startsWith('W'));
    if (shape === 'udp') expect(onWires.filter(({ bytes }) => read(bytes).tcp !== undefined)).toEqual([]);
    const keys = new Set(acks.map(({ bytes }) => segmentKey(bytes)));
    if (shape === 'tcp') expect(onWires.filter(({ bytes }) => keys.has(segmentKey(bytes)))).toEqual([]);
  });

  if (s === 3) {
    it(name('4', 'loss on W3: no F13 retransmission, the terminal sends again'), () => checkLoss(topology, shape));
    it(name('2', 'set-up as in embodiment 2: no SYN on the wire'), () => checkNoSynOnWire(topology, shape));
    it(name('2', 'set-up as in embodiment 2: hold order'), () => checkHoldOrder(topology, shape, 'hold'));
  }
  it(name('5', 'frames are the same at both ends'), () => checkIdentity(topology, shape));

  it(name('5', 'injection path: the plain frame leaves through the virtual NIC as it was sent'), () => {
    const lab = upLab(topology, { shape });
    const seen = lab.capture([taps.V, 'W1', 'W6']);
    ping(lab, { from: farName, count: 3 });
    const [place, way] = s === 3 ? (['W1', 'ab'] as const) : (['W6', 'ba'] as const);
    const isEcho = (bytes: Uint8Array) => read(bytes).icmp !== undefined;
    const injected = hexOf(seen, taps.V, 'down', isEcho);
    expect(injected).toHaveLength(3);
    expect(injected).toEqual(hexOf(seen, place, way, isEcho));
  });

  // The merged variant has no bridge.
  if (topology !== 'e3-folded') {
    it(name('6', 'bridge: floods what it does not know, not back; sends what it learned to its port alone'), () => {
      const lab = upLab(topology, { shape });
      const seen = lab.capture([taps.V, taps.wire]);
      const notForUs = () => lab.layer(software, `${s}005`).drops.get('not-for-us') ?? 0;
      inject(lab, side, 0x0200_0000_00aa);
      expect(hexOf(seen, taps.V, 'up')).toHaveLength(1);
      expect(notForUs()).toBe(1);
      expect(hexOf(seen, taps.wire, into === 'ab' ? 'ba' : 'ab', (bytes) => !isTunnel(bytes))).toEqual([]);
      ping(lab, { from: farName });
      const learned = notForUs();
      const before = hexOf(seen, taps.V, 'up').length;
      inject(lab, side, far.mac);
      expect(hexOf(seen, taps.V, 'up')).toHaveLength(before + 1);
      expect(notForUs()).toBe(learned);
    });
  }

  /** A unicast frame of the near LAN's host arrives at the software gateway. */
  function inject(lab: Lab, { port }: Side, destination: number): void {
    const bytes = buildUdpFrame(
      {
        ethernet: { destination, source: near.mac },
        ip: { source: near.address, destination: far.address },
        udp: { sourcePort: 9, destinationPort: 9 },
      },
      Uint8Array.of(1, 2, 3),
    );
    lab.devices[software].input({ kind: 'frame', port, bytes, checksum: 'good' });
  }
});

it('3.8-8 mirror variant: embodiments 2 and 4 fail checks 1 and 2', () => {
  for (const [topology, starts] of [
    ['e2', 2],
    ['e4', 0],
  ] as const) {
    const lab = newLab(topology);
    const ctrl = lab.capture(['M20', 'M30'], ({ bytes }) => isControl(bytes));
    bringUp(lab);
    ping(lab);
    expect(controls(ctrl, 'M20', 'start').length + controls(ctrl, 'M30', 'start').length).toBe(starts);
    const opened = [countersOf(lab, 'gateway20', '2002').opened, countersOf(lab, 'gateway30', '3002').opened];
    expect(opened.map((count) => count > 0)).toEqual(topology === 'e2' ? [false, false] : [true, true]);
  }
});
