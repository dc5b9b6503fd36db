import { describe, expect, it } from 'vitest';
import { DEAD_AFTER_MS, KEEPALIVE_AFTER_MS } from '../../src/actors/records/record-session.ts';
import type { RelayApplicationLayer } from '../../src/actors/relay/layer.ts';
import type { TcpLayer } from '../../src/actors/tcp/layer.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { hangUp } from '../../src/lab/run.ts';
import type { Sighting, TapName } from '../../src/lab/taps.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { GATEWAY_20, GATEWAY_30, LISTEN_PORT, SERVER_31, TERMINAL_21 } from '../../src/topologies/network.ts';
import { FIREWALL_23_INTERNET, FIREWALL_33_INTERNET, RELAY_10 } from '../../src/topologies/relayed-network.ts';
import { BROADCAST_MAC, type Mac } from '../../src/wire/address.ts';
import { buildTcpFrame, buildUdpFrame } from '../../src/wire/build.ts';
import { equal, put32, u32, u48 } from '../../src/wire/bytes.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { checkNoF13Life } from './checks.ts';
import { conversationAt } from './conversation.ts';
import {
  bringUp,
  countersOf,
  firstAt,
  hasFlags,
  hexOf,
  holdsRecord,
  isTunnel,
  isWholeUnits,
  legNames,
  newLab,
  payloadLength,
  read,
  SECOND_US,
  SHAPES,
  segmentKey,
  upLab,
} from './support.ts';

/** Every cable that a frame of a tunnel passes. */
const TUNNEL_WIRES = ['W2', 'W3', 'W7', 'W8', 'W9', 'W4', 'W5'] as const;
const GATEWAYS = ['gateway20', 'gateway30'] as const;

describe.each(SHAPES)('embodiment 1, F13 %s', (shape) => {
  it.each(GATEWAYS)('1.1 bypass: LAN frames cross %s without one event above its engine', (gateway) => {
    const lab = upLab('e1', { shape }, { journal: memoryJournal('frames') });
    ping(lab);
    // Until the last timer of the set-up has fired.
    lab.run(3 * SECOND_US);
    const engine = gateway === 'gateway20' ? '2014' : '3014';
    const before = { ...countersOf(lab, gateway, engine) };
    const actors = new Map<string, number>();
    const end = lab.watch(({ device, actor }) => {
      const layer = actor.split('/')[0];
      // The vault is no layer: it holds the engine's keys and opens records with them.
      if (device === gateway && layer !== 'vault') actors.set(layer, (actors.get(layer) ?? 0) + 1);
    });
    for (const from of ['terminal21', 'server31'])
      expect(transfer(lab, { from, bytes: 200_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true });
    end();
    const after = countersOf(lab, gateway, engine);
    expect(after.sealed - before.sealed).toBeGreaterThan(200);
    expect(after.opened - before.opened).toBeGreaterThan(200);
    expect(actors.get(engine)).toBeGreaterThan(400);
    const series = engine.slice(0, 1);
    expect([...actors.keys()].sort()).toEqual([`${series}012`, `${series}013`, `${series}014`]);
  });

  it('1.1 bypass: with both MACs dead the LANs still reach each other through the engines', () => {
    const lab = upLab('e1', { shape });
    ping(lab);
    for (const [gateway, mac, engine] of [
      ['gateway20', '2011', '2014'],
      ['gateway30', '3011', '3014'],
    ] as const) {
      lab.layer(gateway, mac).ports.lower.received$.complete();
      lab.layer(gateway, engine).ports.upper.received$.complete();
    }
    for (const from of ['terminal21', 'server31'])
      expect(transfer(lab, { from, bytes: 200_000, limit_us: 60 * SECOND_US })).toMatchObject({
        complete: true,
        intact: true,
        reason: 'normal',
      });
  });

  it.each([
    { leg: 'W7', from: 'terminal21' },
    { leg: 'W9', from: 'terminal21' },
    { leg: 'W9', from: 'server31' },
  ] as const)(
    '1.2 no F13 life: of 1 in 100 frames lost on $leg, from $from, exactly those are missing',
    ({ leg, from }) => {
      const lab = upLab('e1', { shape });
      ping(lab);
      const there = from === 'terminal21' ? 'ab' : 'ba';
      const wire = lab.capture(['W7', 'W9'], ({ bytes }) => isTunnel(bytes));
      const arrived = lab.capture(
        [from === 'terminal21' ? 'W6' : 'W1'],
        ({ way, bytes }) => way === there && isNumbered(bytes),
      );
      let records = 0;
      // Nothing at all comes back to the sender: whoever waited for an acknowledgement or a window would stand still.
      lab.cables[leg].lose = (direction, bytes) => holdsRecord(bytes) && (direction !== there || ++records % 100 === 0);
      const count = 1_000;
      for (let number = 1; number <= count; number++) {
        sendNumbered(lab, from, number);
        lab.run(200);
      }
      lab.run(SECOND_US);
      lab.cables[leg].lose = () => false;
      const expected = Array.from({ length: count }, (_, at) => at + 1).filter((number) => number % 100 !== 0);
      expect(records).toBe(count);
      expect(arrived.map(({ bytes }) => numberOf(bytes))).toEqual(expected);
      checkNoF13Life(wire);
    },
  );

  it('1.3 one control loop: only the TCP of terminal and server repeats what was lost', () => {
    const lab = upLab('e1', { shape });
    ping(lab);
    lab.impair({ loss: 0.02 });
    const wire = lab.capture(['W7', 'W9'], ({ bytes }) => isTunnel(bytes));
    const sent = transfer(lab, { bytes: 500_000, limit_us: 120 * SECOND_US });
    expect(sent).toMatchObject({ complete: true, intact: true });
    expect(sent.retransmissions).toBeGreaterThan(0);
    expect(lossesOfTunnelTcps(lab)).toEqual({ gateway20: 0, relay10: 0, gateway30: 0 });
    checkNoF13Life(wire);
  });

  it('1.4 TCP 1003 and TCP 2003 each see a standard conversation, and the same bytes', () => {
    // Also where the set-up's packets get lost: nobody but the drivers may notice.
    for (const loss of [0, 0.1]) {
      const lab = newLab('e1', { shape, path: { delay_us: 5_000, loss } });
      const seen = lab.capture(['S20', 'S30', 'S10'], ({ bytes }) => isTunnel(bytes));
      lab.start();
      expect(lab.until(() => lab.isUp, 120 * SECOND_US)).toBe(true);
      const up_us = lab.now_us;
      lab.impair({ loss: 0 });
      for (const from of ['terminal21', 'server31'])
        expect(transfer(lab, { from, bytes: 50_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
      expect(lossesOfTunnelTcps(lab)).toEqual({ gateway20: 0, relay10: 0, gateway30: 0 });
      expect(hangUp(lab)).toBe(true);
      for (const [place, { address }] of [
        ['S20', GATEWAY_20],
        ['S30', GATEWAY_30],
      ] as const) {
        checkConversations(lastConversation(seen, place, address), place, address, up_us);
      }
    }
  });

  it('1.4 TCP 2003 gets its SYN+ACK in the name of TCP 1003, TCP 1003 its SYN in the name of TCP 2003', () => {
    const lab = newLab('e1', { shape });
    const seen = lab.capture(['S20', 'S10', ...TUNNEL_WIRES], ({ bytes }) => isTunnel(bytes));
    bringUp(lab);
    const of20 = seen.filter(({ bytes }) => isOf(bytes, GATEWAY_20.address));
    const syn20 = read(of20[firstAt(of20, 'S20', 'down', (bytes) => hasFlags(bytes, Flag.SYN))].bytes);
    const syn10 = read(of20[firstAt(of20, 'S10', 'up', (bytes) => hasFlags(bytes, Flag.SYN))].bytes);
    expect([syn10.ip?.source, syn10.tcp?.sourcePort]).toEqual([GATEWAY_20.address, syn20.tcp?.sourcePort]);
    expect([syn10.ip?.destination, syn10.tcp?.destinationPort]).toEqual([RELAY_10.address, LISTEN_PORT]);
    const synAck = (place: TapName, way: 'up' | 'down') =>
      firstAt(of20, place, way, (bytes) => hasFlags(bytes, Flag.SYN | Flag.ACK));
    expect(synAck('S10', 'down')).toBeLessThan(synAck('S20', 'up'));
    const answer = read(of20[synAck('S20', 'up')].bytes);
    expect([answer.ip?.source, answer.tcp?.sourcePort]).toEqual([RELAY_10.address, LISTEN_PORT]);
    const inHosts = new Set(seen.filter(({ place }) => place.startsWith('S')).map(({ bytes }) => segmentKey(bytes)));
    const wires = seen.filter(({ place }) => place.startsWith('W'));
    for (const { bytes } of wires) {
      expect(isWholeUnits(bytes)).toBe(true);
      if (shape === 'tcp') expect(inHosts.has(segmentKey(bytes))).toBe(false);
    }
    const names = wires.filter(({ place }) => place === 'W7').flatMap(({ bytes }) => legNames(bytes));
    expect(names.slice(0, 4)).toEqual(['HELLO', 'COOKIE', 'REQUEST', 'COMPLETE']);
  });

  it('1.4 handshake immediate: TCP 2003 is answered before the relay has heard of it', () => {
    const lab = newLab('e1', { shape, handshake: 'immediate' });
    const seen = lab.capture(['S20', 'S10'], ({ bytes }) => isTunnel(bytes));
    bringUp(lab);
    const answered = firstAt(seen, 'S20', 'up', (bytes) => hasFlags(bytes, Flag.SYN | Flag.ACK));
    expect(answered).toBeLessThan(firstAt(seen, 'S10', 'up', (bytes) => hasFlags(bytes, Flag.SYN)));
    expect(ping(lab).rtts_us).toHaveLength(1);
  });

  it('1.5 firewalls: they let all of a session through, and drop what is opened from the WAN, silently', () => {
    const lab = upLab('e1', { shape });
    ping(lab);
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    expect(lab.drops('firewall23', 'firewall33')).not.toHaveProperty('filtered');
    expect(lab.drops('firewall23', 'firewall33')).not.toHaveProperty('state-invalid');
    const places = { firewall23: ['W3', 'W7'], firewall33: ['W4', 'W9'] } as const;
    const seen = lab.capture(['W3', 'W7', 'W4', 'W9']);
    for (const [firewall, port, wan, to] of [
      ['firewall23', '232', FIREWALL_23_INTERNET.mac, GATEWAY_20.address],
      ['firewall33', '332', FIREWALL_33_INTERNET.mac, GATEWAY_30.address],
    ] as const) {
      const syn = buildTcpFrame(
        {
          ethernet: { destination: wan, source: RELAY_10.mac },
          ip: { source: RELAY_10.address, destination: to },
          tcp: { sourcePort: 50_000, destinationPort: LISTEN_PORT, seq: 1, ack: 0, flags: Flag.SYN, window: 1000 },
        },
        new Uint8Array(0),
      );
      for (let tries = 0; tries < 3; tries++) {
        lab.devices[firewall].input({ kind: 'frame', port, bytes: syn, checksum: 'good' });
        lab.run(SECOND_US);
      }
      expect(lab.drops(firewall).filtered).toBe(3);
      expect(seen.filter(({ place }) => (places[firewall] as readonly string[]).includes(place))).toEqual([]);
    }
    expect(hangUp(lab)).toBe(true);
    expect(lab.drops('firewall23', 'firewall33')).not.toHaveProperty('state-invalid');
  });

  it('F20 arrives bit for bit as it was sent, through two ciphers; F12 names the relay on both legs', () => {
    const lab = upLab('e1', { shape }, { verifies: true });
    const seen = lab.capture(['W1', 'W3', 'W4', 'W6']);
    ping(lab, { count: 2 });
    for (const from of ['terminal21', 'server31'])
      expect(transfer(lab, { from, bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    const between = (from: Mac, to: Mac) => (bytes: Uint8Array) => u48(bytes, 6) === from && u48(bytes, 0) === to;
    const there = between(TERMINAL_21.mac, SERVER_31.mac);
    const back = between(SERVER_31.mac, TERMINAL_21.mac);
    expect(hexOf(seen, 'W6', 'ab', there).length).toBeGreaterThan(100);
    expect(hexOf(seen, 'W6', 'ab', there)).toEqual(hexOf(seen, 'W1', 'ab', there));
    expect(hexOf(seen, 'W1', 'ba', back)).toEqual(hexOf(seen, 'W6', 'ba', back));
    const ends = (place: TapName) =>
      addressesOf(seen.filter((each) => each.place === place && holdsRecord(each.bytes)));
    expect(ends('W3')).toEqual(
      new Set([`${GATEWAY_20.address} ${RELAY_10.address}`, `${RELAY_10.address} ${GATEWAY_20.address}`]),
    );
    expect(ends('W4')).toEqual(
      new Set([`${GATEWAY_30.address} ${RELAY_10.address}`, `${RELAY_10.address} ${GATEWAY_30.address}`]),
    );
    expect(lab.drops()).not.toHaveProperty('bad-checksum');
  });

  it('the cipher runs in engine 2014, twice in the software of the relay, and in engine 3014', () => {
    const lab = upLab('e1', { shape });
    ping(lab);
    const counts = () => ({
      engine20: { ...countersOf(lab, 'gateway20', '2014') },
      relay: { ...countersOf(lab, 'relay10', '1002') },
      engine30: { ...countersOf(lab, 'gateway30', '3014') },
    });
    const before = counts();
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    const after = counts();
    const grown = (at: keyof typeof after, what: 'sealed' | 'opened') => after[at][what] - before[at][what];
    expect(grown('engine20', 'sealed')).toBeGreaterThan(70);
    expect(grown('engine30', 'opened')).toBe(grown('engine20', 'sealed'));
    expect(grown('engine20', 'opened')).toBe(grown('engine30', 'sealed'));
    const both = grown('engine20', 'sealed') + grown('engine30', 'sealed');
    expect([grown('relay', 'opened'), grown('relay', 'sealed')]).toEqual([both, both]);
    expect(countersOf(lab, 'gateway20', '2002')).toMatchObject({ sealed: 0, opened: 0 });
    expect(countersOf(lab, 'gateway30', '3002')).toMatchObject({ sealed: 0, opened: 0 });
  });

  it('the relay learns stations, forgets those of a session that dies, and learns them anew when it is back', () => {
    const lab = upLab('e1', { shape });
    const relay = lab.layer('relay10', '1001') as RelayApplicationLayer;
    expect(relay.stationCount).toBe(0);
    ping(lab);
    expect(relay.stationCount).toBe(2);
    const flooded = relay.counters.flooded;
    ping(lab);
    expect(relay.counters.flooded).toBe(flooded);
    lab.cables.W9.isCut = true;
    const peer30 = () => lab.status('relay10').peers.find(({ name }) => name === 'gateway30')?.state;
    expect(lab.until(() => peer30() !== 'UP', (DEAD_AFTER_MS + 3 * KEEPALIVE_AFTER_MS) * 1000)).toBe(true);
    expect(relay.stationCount).toBe(1);
    expect(ping(lab).rtts_us).toEqual([]);
    lab.cables.W9.isCut = false;
    expect(lab.until(() => lab.isUp, 180 * SECOND_US)).toBe(true);
    expect(ping(lab, { count: 2 }).rtts_us.length).toBeGreaterThan(0);
    expect(relay.stationCount).toBe(2);
    expect(transfer(lab, { bytes: 50_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
  });

  it('nothing of a broadcast comes back to the LAN that it came from', () => {
    const lab = upLab('e1', { shape });
    ping(lab);
    const seen = lab.capture(['W1', 'W6'], ({ bytes }) => isNumbered(bytes));
    sendNumbered(lab, 'terminal21', 7, BROADCAST_MAC);
    lab.run(SECOND_US);
    expect(seen.map(({ place, way }) => `${place} ${way}`)).toEqual(['W1 ab', 'W6 ab']);
  });
});

describe('prior art 1', () => {
  it('has a true TCP at F13 on both legs: SYNs and acknowledgements of TCP 2003, 1003 and 3003 are on the wires', () => {
    const lab = newLab('prior-art-1');
    const seen = lab.capture(
      ['S20', 'W2', 'W7', 'S10'],
      ({ bytes }) => isTunnel(bytes) && isOf(bytes, GATEWAY_20.address),
    );
    bringUp(lab);
    ping(lab);
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
    const keys = (place: TapName) =>
      new Set(seen.filter((each) => each.place === place).map(({ bytes }) => segmentKey(bytes)));
    for (const place of ['W2', 'W7', 'S10'] as const) expect(keys(place)).toEqual(keys('S20'));
    const acks = seen.filter(
      ({ place, bytes }) => place === 'W7' && hasFlags(bytes, Flag.ACK) && payloadLength(bytes) === 0,
    );
    expect(acks.length).toBeGreaterThan(10);
    for (const device of ['gateway20', 'relay10', 'gateway30'])
      expect(lab.devices[device].layers.map(({ kind }) => kind)).not.toContain('intermediate-driver');
  });

  it('1.3 to compare with: two control loops act, the outer TCPs repeat what was lost', () => {
    const lab = upLab('prior-art-1');
    ping(lab);
    lab.impair({ loss: 0.02 });
    const before = lossesOfTunnelTcps(lab);
    expect(transfer(lab, { bytes: 500_000, limit_us: 120 * SECOND_US })).toMatchObject({
      complete: true,
      intact: true,
    });
    const after = lossesOfTunnelTcps(lab);
    expect(after.gateway20).toBeGreaterThan(before.gateway20);
    expect(after.relay10).toBeGreaterThan(before.relay10);
  });

  it('delivers F20 bit for bit as it was sent', () => {
    const lab = upLab('prior-art-1');
    const seen = lab.capture(['W1', 'W6'], ({ bytes }) => u48(bytes, 6) === TERMINAL_21.mac);
    ping(lab, { count: 2 });
    expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
    const unicast = (bytes: Uint8Array) => u48(bytes, 0) === SERVER_31.mac;
    expect(hexOf(seen, 'W6', 'ab', unicast)).toEqual(hexOf(seen, 'W1', 'ab', unicast));
  });
});

const NUMBERED_PORT = 4_242;

/** A UDP datagram with a number, straight onto the LAN's hub as if its sender had sent it. */
function sendNumbered(lab: Lab, from: 'terminal21' | 'server31', number: number, to?: Mac): void {
  const [source, destination] = from === 'terminal21' ? [TERMINAL_21, SERVER_31] : [SERVER_31, TERMINAL_21];
  const data = new Uint8Array(600);
  put32(data, 0, number);
  const bytes = buildUdpFrame(
    {
      ethernet: { destination: to ?? destination.mac, source: source.mac },
      ip: { source: source.address, destination: destination.address, id: number },
      udp: { sourcePort: NUMBERED_PORT, destinationPort: NUMBERED_PORT },
    },
    data,
  );
  const port = from === 'terminal21' ? '2113' : '3113';
  lab.devices[from].onOutput(port, { bytes, id: 0, checksum: 'good' } as never);
}

function isNumbered(bytes: Uint8Array): boolean {
  return read(bytes).udp?.destinationPort === NUMBERED_PORT;
}

function numberOf(bytes: Uint8Array): number {
  return u32(bytes, read(bytes).payloadOffset);
}

/**
 * Losses that the TCPs at the ends of the tunnels have answered. (A tail probe is none: where a round trip inside a host takes no time
 * at all, it comes before a delayed ACK.)
 */
function lossesOfTunnelTcps(lab: Lab): Record<string, number> {
  const layers = { gateway20: '2003', relay10: '1003', gateway30: '3003' };
  return Object.fromEntries(
    Object.entries(layers).map(([device, label]) => {
      const tcp = lab.layer(device, label) as TcpLayer;
      const stats = lab.status(device).sessions.map(({ session }) => tcp.connection(session)!.stats);
      return [device, stats.reduce((sum, { fastRecoveries, timeouts }) => sum + fastRecoveries + timeouts, 0)];
    }),
  );
}

function isOf(bytes: Uint8Array, address: number): boolean {
  const { ip } = read(bytes);
  return ip?.source === address || ip?.destination === address;
}

function addressesOf(seen: readonly Sighting[]): Set<string> {
  return new Set(seen.map(({ bytes }) => `${read(bytes).ip?.source} ${read(bytes).ip?.destination}`));
}

/** What was seen of a gateway's last connection: a lost set-up may have cost it one. */
function lastConversation(seen: readonly Sighting[], place: TapName, address: number): Sighting[] {
  const own = seen.filter(({ bytes }) => isOf(bytes, address));
  const portOf = ({ bytes }: Sighting): number | undefined => {
    const { ip, tcp } = read(bytes);
    return ip?.source === address ? tcp?.sourcePort : tcp?.destinationPort;
  };
  const last = own.filter((each) => each.place === place).at(-1) as Sighting;
  return own.filter((each) => portOf(each) === portOf(last));
}

/**
 * Both ends' conversations are what RFC 9293 describes. What the gateway's TCP said and heard in the set-up is how the relay's
 * conversation begins; behind it that has the records of the engine.
 */
function checkConversations(seen: readonly Sighting[], place: TapName, address: number, up_us: number): void {
  const [near, far] = [conversationAt(seen, place, address), conversationAt(seen, 'S10', address)];
  expect([near.fins, far.fins]).toEqual([2, 2]);
  const setUp = conversationAt(
    seen.filter(({ time_us }) => time_us <= up_us),
    place,
    address,
  );
  for (const side of ['fromClient', 'fromServer'] as const) {
    expect(setUp[side].length).toBeGreaterThan(1_000);
    expect(equal(far[side].subarray(0, setUp[side].length), setUp[side])).toBe(true);
    expect(far[side].length).toBeGreaterThan(setUp[side].length + 10_000);
  }
}
