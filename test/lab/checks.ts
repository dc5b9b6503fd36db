import { expect } from 'vitest';
import type { HandshakeMode } from '../../src/actors/services.ts';
import type { F13Shape } from '../../src/engine/f13.ts';
import type { Sighting } from '../../src/lab/taps.ts';
import { ping, transfer } from '../../src/lab/traffic.ts';
import { GATEWAY_20, GATEWAY_30, LISTEN_PORT, SERVER_31, TERMINAL_21 } from '../../src/topologies/network.ts';
import { toHex, u48 } from '../../src/wire/bytes.ts';
import { Flag } from '../../src/wire/tcp.ts';
import {
  bringUp,
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
  recordNumbers,
  SECOND_US,
  segmentKey,
  upLab,
  WIRES,
} from './support.ts';

/** Checks that several embodiments share. */

/** 2.8-2: SYN, SYN+ACK and ACK only inside the hosts; REQUEST then COMPLETE between them. */
export function checkNoSynOnWire(topology: string, shape: F13Shape): void {
  const lab = newLab(topology, { shape });
  const seen = lab.capture(['S20', 'S30', ...WIRES], ({ bytes }) => isTunnel(bytes));
  bringUp(lab);
  const inHosts = new Set(seen.filter(({ place }) => place.startsWith('S')).map(({ bytes }) => segmentKey(bytes)));
  const onWires = seen.filter(({ place }) => place.startsWith('W'));
  for (const { bytes } of onWires) {
    expect(read(bytes).tcp === undefined).toBe(shape === 'udp');
    expect(isWholeUnits(bytes)).toBe(true);
    if (shape === 'tcp') expect(inHosts.has(segmentKey(bytes))).toBe(false);
  }
  for (const place of WIRES) {
    const names = onWires.filter((each) => each.place === place).flatMap(({ bytes }) => legNames(bytes));
    expect(names.slice(0, 4), place).toEqual(['HELLO', 'COOKIE', 'REQUEST', 'COMPLETE']);
  }
  const syn30 = seen[firstAt(seen, 'S30', 'down', (bytes) => hasFlags(bytes, Flag.SYN))];
  const syn20 = seen[firstAt(seen, 'S20', 'up', (bytes) => hasFlags(bytes, Flag.SYN))];
  const tcp3003 = read(syn30.bytes).tcp?.sourcePort;
  expect(read(syn20.bytes)).toMatchObject({
    ip: { source: GATEWAY_30.address, destination: GATEWAY_20.address },
    tcp: { sourcePort: tcp3003, destinationPort: LISTEN_PORT },
  });
}

/** 2.8-3: when the SYN+ACK reaches TCP 3003, and what must have happened before CONN-DONE leaves. */
export function checkHoldOrder(topology: string, shape: F13Shape, handshake: HandshakeMode): void {
  const lab = newLab(topology, { shape, handshake });
  const seen = lab.capture(['S20', 'S30', 'W2', 'W5'], ({ bytes }) => isTunnel(bytes));
  bringUp(lab);
  const isComplete = (bytes: Uint8Array) => legNames(bytes).includes('COMPLETE');
  const synAck30 = firstAt(seen, 'S30', 'up', (bytes) => hasFlags(bytes, Flag.SYN | Flag.ACK));
  const completeIn = firstAt(seen, 'W5', 'ba', isComplete);
  if (handshake === 'hold') expect(synAck30).toBeGreaterThan(completeIn);
  else expect(synAck30).toBeLessThan(completeIn);
  const synAck20 = firstAt(seen, 'S20', 'down', (bytes) => hasFlags(bytes, Flag.SYN | Flag.ACK));
  const ack20 = firstAt(seen, 'S20', 'up', (bytes) => hasFlags(bytes, Flag.ACK));
  const completeOut = firstAt(seen, 'W2', 'ba', isComplete);
  expect(synAck20).toBeLessThan(ack20);
  expect(ack20).toBeLessThan(completeOut);
}

/** 2.8-6, 3.8-4, 4.8-4: one F10 is lost on W3. */
export function checkLoss(topology: string, shape: F13Shape): void {
  const lab = upLab(topology, { shape });
  ping(lab);
  const wire = lab.capture(['W3'], ({ bytes }) => isTunnel(bytes));
  const inner = lab.capture(
    ['W1', 'W6'],
    ({ way, bytes }) => way === 'ab' && read(bytes).tcp !== undefined && payloadLength(bytes) > 0,
  );
  let lost: string[] = [];
  let large = 0;
  lab.cables.W3.lose = (direction, bytes) => {
    const isVictim = direction === 'ab' && holdsRecord(bytes) && bytes.length > 1000 && ++large === 20;
    if (isVictim) lost = recordNumbers(bytes);
    return isVictim;
  };
  expect(transfer(lab, { bytes: 200_000, limit_us: 60 * SECOND_US })).toMatchObject({ complete: true, intact: true });
  expect(lost).toHaveLength(1);
  checkNoF13Life(wire);
  expect(wire.filter(({ bytes }) => recordNumbers(bytes).includes(lost[0]))).toHaveLength(1);
  const starts = (place: string) =>
    inner.filter((each) => each.place === place).map(({ bytes }) => read(bytes).tcp?.seq);
  const atTerminal = starts('W1');
  const atServer = starts('W6');
  const sentTwice = atTerminal.filter((seq, at) => atTerminal.indexOf(seq) !== at);
  expect(sentTwice.length).toBeGreaterThanOrEqual(1);
  expect(atServer.length).toBe(atTerminal.length - 1);
  expect(atServer).toContain(sentTwice[0]);
}

/** No record twice, no segment of an operating system's TCP, no acknowledgement that somebody waits for. */
export function checkNoF13Life(wire: readonly Sighting[]): void {
  const numbers = wire.filter(({ way }) => way === 'ab' || way === 'ba').flatMap(({ bytes }) => recordNumbers(bytes));
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const { bytes } of wire) {
    expect(isWholeUnits(bytes)).toBe(true);
    expect(payloadLength(bytes)).toBeGreaterThan(0);
    expect((read(bytes).tcp?.flags ?? 0) & (Flag.SYN | Flag.FIN | Flag.RST)).toBe(0);
  }
}

/** 2.8-7: inner frames are the same at both ends; the firewall changes F11, and what a router changes in F12. */
export function checkIdentity(topology: string, shape: F13Shape): void {
  const lab = upLab(topology, { shape }, { verifies: true });
  const seen = lab.capture(['W1', 'W3', 'W4', 'W6']);
  ping(lab, { count: 2 });
  expect(transfer(lab, { bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
  expect(transfer(lab, { from: 'server31', bytes: 100_000, limit_us: 60 * SECOND_US }).complete).toBe(true);
  const between = (from: number, to: number) => (bytes: Uint8Array) => u48(bytes, 6) === from && u48(bytes, 0) === to;
  const there = between(TERMINAL_21.mac, SERVER_31.mac);
  const back = between(SERVER_31.mac, TERMINAL_21.mac);
  expect(hexOf(seen, 'W6', 'ab', there)).toEqual(hexOf(seen, 'W1', 'ab', there));
  expect(hexOf(seen, 'W1', 'ba', back)).toEqual(hexOf(seen, 'W6', 'ba', back));
  expect(hexOf(seen, 'W6', 'ab', there).length).toBeGreaterThan(100);
  const routed = (place: 'W3' | 'W4') =>
    seen
      .filter((each) => each.place === place && each.way === 'ab' && isTunnel(each.bytes))
      .map(({ bytes }) => withoutHop(bytes));
  expect(routed('W4')).toEqual(routed('W3'));
  expect(lab.drops()).not.toHaveProperty('bad-checksum');
}

/** A frame without MAC addresses, TTL and IP header checksum: what a router may change. */
function withoutHop(bytes: Uint8Array): string {
  const copy = bytes.slice();
  const { ip } = read(bytes);
  copy.fill(0, 0, 12);
  if (ip !== undefined) {
    copy[ip.offset + 8] = 0;
    copy.fill(0, ip.offset + 10, ip.offset + 12);
  }
  return toHex(copy);
}
