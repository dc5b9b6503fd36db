import { beforeEach, describe, expect, it } from 'vitest';
import { BROADCAST_MAC } from '../../wire/address.ts';
import { ArpOperation } from '../../wire/arp.ts';
import { buildArpFrame, buildUdpFrame } from '../../wire/build.ts';
import { ASK_EVERY_US, DEMAND_RULES, Demand, type Want } from './demand.ts';
import { ECHO_HOLD_US } from './stations.ts';

const HERE = { mac: 0x0200_0000_0021, ip: 0x0a09_0001 };
const THERE = { mac: 0x0200_0000_0031, ip: 0x0a09_0102 };
const IDLE_MS = 10_000;
const RULE = { site: 2, idle_ms: IDLE_MS, networks: [{ address: 0x0a09_0100, prefix: 24 }] };

function packet(from: typeof HERE, to: typeof HERE): Uint8Array {
  return buildUdpFrame(
    {
      ethernet: { source: from.mac, destination: to.mac },
      ip: { source: from.ip, destination: to.ip },
      udp: { sourcePort: 1, destinationPort: 2 },
    },
    new Uint8Array(4),
  );
}

function arp(from: typeof HERE, targetIp: number, operation: 1 | 2 = ArpOperation.REQUEST): Uint8Array {
  return buildArpFrame({
    ethernet: { source: from.mac, destination: BROADCAST_MAC },
    arp: { operation, senderMac: from.mac, senderIp: from.ip, targetMac: 0, targetIp },
  });
}

let now_us = 0;
let wants: Want[] = [];
let idle: number[] = [];
let timers = new Map<number, number>();

function demand(): Demand {
  return new Demand({
    now_us: () => now_us,
    setTimer: (site, delay_us) => timers.set(site, now_us + delay_us),
    clearTimer: (site) => timers.delete(site),
    wanted: (want) => wants.push(want),
    idle: (site) => idle.push(site),
  });
}

/** Lets time pass and fires what is due, in steps of a second. */
function pass(of: Demand, seconds: number): void {
  for (let second = 0; second < seconds; second++) {
    now_us += 1_000_000;
    for (const [site, due_us] of timers) if (due_us <= now_us) of.timerFired(site);
  }
}

beforeEach(() => {
  now_us = 0;
  wants = [];
  idle = [];
  timers = new Map();
});

describe('what is wanted', () => {
  it('is nothing without a rule', () => {
    const of = demand();
    of.fromLan(packet(HERE, THERE));
    of.fromLan(arp(HERE, THERE.ip));
    expect([of.hasRules, wants]).toEqual([false, []]);
  });

  it('is a station of a configured network: by ARP, or by the address of a packet', () => {
    const of = demand();
    of.rule(RULE);
    of.fromLan(arp(HERE, THERE.ip));
    expect(wants).toEqual([{ site: 2, destination: 0, address: THERE.ip }]);
    now_us += ASK_EVERY_US;
    of.fromLan(packet(HERE, THERE));
    expect(wants[1]).toEqual({ site: 2, destination: THERE.mac, address: THERE.ip });
  });

  it('is a station that an earlier session taught, by MAC address or by the IPv4 address it told in ARP', () => {
    const of = demand();
    of.rule({ ...RULE, networks: [] });
    of.up(2);
    of.fromSite(2, arp(THERE, 7));
    of.down(2);
    of.fromLan(packet(HERE, { mac: THERE.mac, ip: 1 }));
    now_us += ASK_EVERY_US;
    of.fromLan(arp(HERE, THERE.ip));
    expect(wants).toEqual([
      { site: 2, destination: THERE.mac, address: 1 },
      { site: 2, destination: 0, address: THERE.ip },
    ]);
  });

  it('is not: what is here, what has a session, what no rule knows, a group, a station that tells its own address', () => {
    const of = demand();
    of.rule(RULE);
    of.fromLan(arp({ mac: 5, ip: THERE.ip }, 3));
    of.fromLan(arp(HERE, THERE.ip));
    of.fromLan(packet(HERE, { mac: 5, ip: THERE.ip + 1 }));
    of.fromLan(arp({ mac: 6, ip: THERE.ip + 2 }, THERE.ip + 2));
    of.fromLan(arp(HERE, THERE.ip + 3, ArpOperation.REPLY));
    of.fromLan(arp(HERE, 0x0b00_0001));
    of.fromLan(packet(HERE, { mac: BROADCAST_MAC, ip: THERE.ip + 4 }));
    of.fromLan(packet(HERE, { mac: 7, ip: 0x0b00_0001 }));
    expect(wants).toEqual([]);
    of.up(2);
    of.fromLan(packet(HERE, THERE));
    expect(wants).toEqual([]);
  });

  it('is what a rule names, whatever a station of another peer tells of its address', () => {
    const of = demand();
    of.rule(RULE);
    of.rule({ ...RULE, site: 3, networks: [] });
    of.up(3);
    of.fromSite(3, arp({ mac: 9, ip: THERE.ip }, 7));
    of.fromLan(arp(HERE, THERE.ip));
    of.down(3);
    now_us += ASK_EVERY_US;
    of.fromLan(packet(HERE, THERE));
    expect(wants).toEqual([
      { site: 2, destination: 0, address: THERE.ip },
      { site: 2, destination: THERE.mac, address: THERE.ip },
    ]);
  });

  it('is asked for once a second for each peer, however many frames there are', () => {
    const of = demand();
    of.rule(RULE);
    of.rule({ ...RULE, site: 3, networks: [{ address: 0x0a09_0200, prefix: 24 }] });
    for (let host = 0; host < 256; host++) {
      of.fromLan(arp(HERE, 0x0a09_0100 + host));
      of.fromLan(arp(HERE, 0x0a09_0200 + host));
    }
    expect(wants.map(({ site }) => site)).toEqual([2, 3]);
    now_us = ASK_EVERY_US - 1;
    of.fromLan(arp(HERE, THERE.ip));
    expect(wants.length).toBe(2);
  });

  it('has a bounded number of rules; each can be replaced', () => {
    const of = demand();
    for (let site = 1; site <= DEMAND_RULES; site++) expect(of.rule({ ...RULE, site })).toBe(true);
    expect(of.rule({ ...RULE, site: DEMAND_RULES + 1 })).toBe(false);
    expect(of.rule({ ...RULE, site: 1, idle_ms: 1 })).toBe(true);
  });
});

describe('what is idle', () => {
  it('is a session that no station here and none there uses to speak with the other', () => {
    const of = demand();
    of.rule(RULE);
    of.up(2);
    of.fromLan(packet(HERE, THERE));
    pass(of, 8);
    of.fromSite(2, packet(THERE, HERE));
    pass(of, 8);
    of.fromLan(packet(HERE, THERE));
    pass(of, 9);
    expect(idle).toEqual([]);
    pass(of, 2);
    expect(idle).toEqual([2]);
  });

  it('is not kept open by broadcasts, by traffic of others or by echoes', () => {
    const of = demand();
    of.rule(RULE);
    of.up(2);
    for (let second = 0; second < 11; second++) {
      of.fromSite(2, arp(THERE, HERE.ip));
      of.fromSite(2, packet(THERE, { mac: 9, ip: 9 }));
      of.fromLan(arp(HERE, THERE.ip));
      of.fromLan(packet(HERE, { mac: 9, ip: 9 }));
      of.fromSite(3, packet({ mac: 10, ip: 10 }, HERE));
      pass(of, 1);
    }
    expect(idle).toEqual([2]);
  });

  it('ends with the last session of the peer, and is told again while it stays', () => {
    const of = demand();
    of.up(2);
    of.up(2);
    of.rule(RULE);
    pass(of, 25);
    expect(idle).toEqual([2, 2]);
    of.down(2);
    expect(timers.has(2)).toBe(true);
    of.down(2);
    of.down(2);
    expect(timers.has(2)).toBe(false);
    of.timerFired(2);
    expect(idle).toEqual([2, 2]);
  });
});

describe('echoes', () => {
  it('are told from both sides', () => {
    const of = demand();
    expect(of.fromLan(packet(HERE, THERE))).toBe(true);
    expect(of.fromSite(2, packet(HERE, THERE))).toBe(false);
    expect(of.fromSite(2, packet(THERE, HERE))).toBe(true);
    expect(of.fromLan(packet(THERE, HERE))).toBe(false);
    expect(of.fromSite(3, packet(THERE, HERE))).toBe(false);
    expect(of.fromSite(0, packet(HERE, THERE))).toBe(true);
    now_us += ECHO_HOLD_US;
    expect(of.fromSite(3, packet(THERE, HERE))).toBe(true);
  });
});

it('goes on alike after save and restore', () => {
  const of = demand();
  of.rule(RULE);
  of.up(2);
  of.up(5);
  of.fromSite(2, arp(THERE, HERE.ip));
  of.down(5);
  of.fromLan(arp(HERE, 0x0a09_0199));
  const twin = demand();
  twin.restore(structuredClone(of.save()));
  expect(twin.save()).toEqual(of.save());
  for (const each of [of, twin]) each.down(2);
  wants = [];
  twin.fromLan(packet(HERE, THERE));
  expect(wants).toHaveLength(1);
});
