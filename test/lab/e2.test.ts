import { describe, expect, it } from 'vitest';
import { hangUp } from '../../src/lab/run.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { FIREWALL_33_WAN, GATEWAY_20, GATEWAY_30, LISTEN_PORT, TERMINAL_21 } from '../../src/topologies/network.ts';
import { buildIcmpFrame } from '../../src/wire/build.ts';
import { IcmpType } from '../../src/wire/icmp.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { checkHoldOrder, checkIdentity, checkLoss, checkNoSynOnWire } from './checks.ts';
import {
  bringUp,
  controls,
  countersOf,
  holdsRecord,
  isControl,
  isTunnel,
  newLab,
  read,
  SECOND_US,
  SHAPES,
  upLab,
} from './support.ts';

describe.each(SHAPES)('embodiment 2, F13 %s', (shape) => {
  it('2.8-1 gate: nothing crosses before the session and after it, direct traffic never', () => {
    const lab = newLab('e2', { shape });
    const atServer = lab.capture(['W6'], ({ way, bytes }) => way === 'ab' && read(bytes).ip !== undefined);
    const atLan = lab.capture(['W4'], ({ way, bytes }) => way === 'ab' && !isTunnel(bytes));
    lab.cables.W5.isCut = true;
    lab.start();
    lab.run(SECOND_US);
    expect(ping(lab).rtts_us).toEqual([]);
    expect(atServer).toEqual([]);
    lab.cables.W5.isCut = false;
    expect(lab.until(() => lab.isUp, 60 * SECOND_US)).toBe(true);
    expect(ping(lab).rtts_us).toHaveLength(1);
    expect(atServer).toHaveLength(1);
    for (const source of [TERMINAL_21.address, GATEWAY_20.address + 1]) {
      lab.devices.firewall33.input({ kind: 'frame', port: '332', bytes: directPing(source), checksum: 'good' });
    }
    lab.run(SECOND_US);
    expect(lab.drops('firewall33')).toMatchObject({ 'bad-source': 1, filtered: 1 });
    expect(hangUp(lab, 'gateway30')).toBe(true);
    expect(ping(lab).rtts_us).toEqual([]);
    expect(atServer).toHaveLength(1);
    expect(atLan.filter(({ bytes }) => read(bytes).ip !== undefined)).toEqual([]);
  });

  it('2.8-2 no SYN on the wire: CONN-REQ and CONN-DONE instead', () => checkNoSynOnWire('e2', shape));

  it.each(['hold', 'immediate'] as const)('2.8-3 hold order, handshake %s', (handshake) =>
    checkHoldOrder('e2', shape, handshake),
  );

  it('2.8-4 CTRL: one start with keys and addresses at each engine, mirrored, and none on a cable', () => {
    const lab = newLab('e2', { shape });
    const seen = lab.capture(['M20', 'M30', 'W2', 'W5'], ({ bytes }) => isControl(bytes));
    const order: string[] = [];
    lab.watch(({ kind, device, name, data }) => {
      const to = (data as { to?: string } | null)?.to ?? '';
      if (kind === 'transition' && /^(ALIVE\.AWAITING-(OFFER|INSTALL|GO)|ALIVE\.ESTABLISHED|ACCELERATING)$/.test(to))
        order.push(`${device} ${name} ${to}`);
    });
    bringUp(lab);
    ping(lab, { count: 2 });
    expect(seen.filter(({ place }) => place.startsWith('W'))).toEqual([]);
    const [start20, ...more20] = controls(seen, 'M20', 'start');
    const [start30, ...more30] = controls(seen, 'M30', 'start');
    expect([more20, more30]).toEqual([[], []]);
    const { session: at20 } = start20;
    const { session: at30 } = start30;
    expect(at20).toMatchObject({
      ownIp: GATEWAY_20.address,
      peerIp: GATEWAY_30.address,
      ownPort: LISTEN_PORT,
      udp: shape === 'udp',
    });
    expect(at20).toMatchObject({ ownMac: GATEWAY_20.mac, nextHopMac: FIREWALL_33_WAN.mac, client: false });
    expect(at30).toMatchObject({
      ownIp: at20.peerIp,
      peerIp: at20.ownIp,
      ownPort: at20.peerPort,
      peerPort: at20.ownPort,
      receiveConnectionId: at20.sendConnectionId,
      sendConnectionId: at20.receiveConnectionId,
      client: true,
    });
    const at = (text: string): number => order.findIndex((line) => line.startsWith(text));
    expect(at('gateway20 start.commanded')).toBeGreaterThan(at('gateway20 tls.secured'));
    expect(at('gateway30 start.commanded')).toBeGreaterThan(at('gateway30 go.received'));
  });

  it('2.8-4 CTRL: the key ids are mirrored: what one side seals the other opens', () => {
    const lab = newLab('e2', { shape });
    const seen = lab.capture(['M20', 'M30'], ({ bytes }) => isControl(bytes));
    bringUp(lab);
    const { session: at20 } = controls(seen, 'M20', 'start')[0];
    const { session: at30 } = controls(seen, 'M30', 'start')[0];
    const vaults = { 20: lab.world.vaultOf('gateway20'), 30: lab.world.vaultOf('gateway30') };
    const header = Uint8Array.of(0x40, 0, 0, 36, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x7f);
    const plain = Uint8Array.of(1, 2, 3, 4);
    expect(vaults[30].open(at30.receiveDataKeyId, vaults[20].seal(at20.sendDataKeyId, header, plain))).toEqual(plain);
    expect(vaults[20].open(at20.receiveDataKeyId, vaults[30].seal(at30.sendDataKeyId, header, plain))).toEqual(plain);
    expect(vaults[30].open(at30.sendDataKeyId, vaults[20].seal(at20.sendDataKeyId, header, plain))).toBeUndefined();
  });

  it('2.8-5 CPU bypass: no data frame at M20 and M30, and frozen software does not stop the transfer', () => {
    const lab = upLab('e2', { shape });
    ping(lab);
    const inside = lab.capture(['M20', 'M30']);
    expect(transfer(lab, { bytes: 300_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
    expect(inside).toEqual([]);
    for (const [gateway, mac, engine] of [
      ['gateway20', '2011', '2014'],
      ['gateway30', '3011', '3014'],
    ] as const) {
      lab.layer(gateway, mac).ports.lower.received$.complete();
      lab.layer(gateway, engine).ports.upper.received$.complete();
    }
    const frozen = transfer(lab, { from: 'server31', bytes: 300_000, limit_us: 60 * SECOND_US });
    expect(frozen).toMatchObject({ complete: true, intact: true, reason: 'normal' });
  });

  it("2.8-5 CPU bypass: the terminal's ARP broadcast is at M20 and, sealed, on W2", () => {
    const lab = upLab('e2', { shape });
    const seen = lab.capture(['M20', 'W2'], ({ bytes }) => read(bytes).arp !== undefined || holdsRecord(bytes));
    ping(lab);
    const isArp = ({ bytes }: { bytes: Uint8Array }) => read(bytes).arp?.senderIp === TERMINAL_21.address;
    expect(seen.filter((each) => each.place === 'M20' && each.way === 'up' && isArp(each))).toHaveLength(1);
    const sealedOut = seen.filter(({ place, way, bytes }) => place === 'W2' && way === 'ba' && holdsRecord(bytes));
    expect(sealedOut.length).toBeGreaterThanOrEqual(2);
  });

  it('2.8-6 loss: a lost F10 is never sent again, only the terminal sends again', () => checkLoss('e2', shape));

  it('2.8-7 identity: what leaves at W6 is byte for byte what came in at W1', () => checkIdentity('e2', shape));

  it('2.8-8 distinguish: one cipher pair, both in engines; F12 names gateway 20 all the way', () => {
    const lab = upLab('e2', { shape });
    const wire = lab.capture(['W2', 'W3', 'W4', 'W5'], ({ bytes }) => holdsRecord(bytes));
    ping(lab);
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    const engine20 = countersOf(lab, 'gateway20', '2014');
    const engine30 = countersOf(lab, 'gateway30', '3014');
    expect([engine30.opened, engine20.opened]).toEqual([engine20.sealed, engine30.sealed]);
    expect(engine20.sealed).toBeGreaterThan(70);
    expect(countersOf(lab, 'gateway20', '2002')).toMatchObject({ sealed: 0, opened: 0 });
    expect(countersOf(lab, 'gateway30', '3002')).toMatchObject({ sealed: 0, opened: 0 });
    for (const { place, way, bytes } of wire) {
      const towards30 = place === 'W2' || place === 'W5' ? way === 'ba' : way === 'ab';
      expect(read(bytes).ip?.source).toBe(towards30 ? GATEWAY_20.address : GATEWAY_30.address);
    }
  });
});

it('2.8-2 the only TCP flags SYN on the wire are those of the leg', () => {
  const lab = newLab('e2', { shape: 'tcp' });
  const syns = lab.capture(['W3'], ({ bytes }) => ((read(bytes).tcp?.flags ?? 0) & Flag.SYN) !== 0);
  bringUp(lab);
  expect(syns.map(({ bytes }) => read(bytes).tcp?.flags)).toEqual([Flag.SYN, Flag.SYN | Flag.ACK]);
});

/** An echo request from the terminal's side, past gateway 20, straight to the firewall. */
function directPing(source: number): Uint8Array {
  return buildIcmpFrame(
    {
      ethernet: { destination: FIREWALL_33_WAN.mac, source: TERMINAL_21.mac },
      ip: { source, destination: GATEWAY_30.address },
      icmp: { type: IcmpType.ECHO_REQUEST, code: 0 },
    },
    new Uint8Array(8),
  );
}
