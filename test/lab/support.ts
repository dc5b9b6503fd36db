import { expect } from 'vitest';
import { Lab, type LabOptions } from '../../src/lab/lab.ts';
import { type LabSettings, labSettings } from '../../src/lab/settings.ts';
import type { Sighting, TapName, Way } from '../../src/lab/taps.ts';
import { GATEWAY_20, GATEWAY_30 } from '../../src/topologies/network.ts';
import { RELAY_10 } from '../../src/topologies/relayed-network.ts';
import { isControlMac } from '../../src/wire/address.ts';
import { toHex, u48 } from '../../src/wire/bytes.ts';
import { type ControlFrameMessage, parseControlFrame } from '../../src/wire/control-frame.ts';
import { type FrameView, parseFrame } from '../../src/wire/frame.ts';
import { legKindName } from '../../src/wire/leg.ts';
import { Flag } from '../../src/wire/tcp.ts';
import { splitUnits, UNIT_DATA, UNIT_LEG, type Unit } from '../../src/wire/unit.ts';

/** Helpers of the lab's tests. */

export const SHAPES = ['tcp', 'udp'] as const;
export const SECOND_US = 1_000_000;
export const WIRES = ['W2', 'W3', 'W4', 'W5'] as const;

export type Changes = Partial<Omit<LabSettings, 'topology'>>;

/** A lab that is built and not started: taps can be put on before anything happens. */
export function newLab(topology: string, changes: Changes = {}, options: LabOptions = {}): Lab {
  return new Lab(labSettings(topology, { path: { delay_us: 5_000 }, ...changes }), options);
}

/** A lab whose session stands and has been used by a ping, so that all addresses are known. */
export function upLab(topology: string, changes: Changes = {}, options: LabOptions = {}): Lab {
  const lab = newLab(topology, changes, options);
  bringUp(lab);
  return lab;
}

export function bringUp(lab: Lab): void {
  lab.start();
  expect(
    lab.until(() => lab.isUp, 120 * SECOND_US),
    `seed ${lab.settings.seed}: the session does not come up`,
  ).toBe(true);
}

/** A well-formed frame, read. */
export function read(bytes: Uint8Array): FrameView {
  const parsed = parseFrame(bytes);
  if (!parsed.ok) throw new Error(`a malformed frame: ${parsed.reason}`);
  return parsed;
}

/** Whether it is an IP packet from one gateway or relay to another. */
export function isTunnel(bytes: Uint8Array): boolean {
  const { ip } = parseFrame(bytes);
  return ip !== undefined && isTunnelEnd(ip.source) && isTunnelEnd(ip.destination);
}

function isTunnelEnd(address: number): boolean {
  return [GATEWAY_20.address, GATEWAY_30.address, RELAY_10.address].includes(address);
}

/** An F10 frame: leg packets or records between the gateways. */
export function unitsOf(bytes: Uint8Array): Unit[] {
  const { payloadOffset, payloadEnd } = read(bytes);
  return splitUnits(bytes, payloadOffset, payloadEnd).units;
}

export function holdsRecord(bytes: Uint8Array): boolean {
  return isTunnel(bytes) && unitsOf(bytes).some(({ type }) => type === UNIT_DATA);
}

/** Whether all that is behind F13 is what glassgate puts on a wire; an empty payload is. */
export function isWholeUnits(bytes: Uint8Array): boolean {
  const { payloadOffset, payloadEnd } = read(bytes);
  return splitUnits(bytes, payloadOffset, payloadEnd).malformed === undefined;
}

/** Connection id, epoch and sequence of the records in a frame, in hexadecimal. */
export function recordNumbers(bytes: Uint8Array): string[] {
  return unitsOf(bytes)
    .filter(({ type }) => type !== UNIT_LEG)
    .map(({ type, offset }) => `${type}:${toHex(bytes, offset + 4, offset + 16)}`);
}

/** Names of the leg packets in a frame; HELLO and COOKIE of the TCP shape are told by their flags. */
export function legNames(bytes: Uint8Array): string[] {
  if (!isTunnel(bytes)) return [];
  const { tcp } = read(bytes);
  if (tcp !== undefined && (tcp.flags & Flag.SYN) !== 0) return [(tcp.flags & Flag.ACK) !== 0 ? 'COOKIE' : 'HELLO'];
  return unitsOf(bytes).flatMap(({ type, offset }) => (type === UNIT_LEG ? [legKindName(bytes[offset + 1])] : []));
}

/** Index of the first sighting that fits; fails when there is none. */
export function firstAt(
  seen: readonly Sighting[],
  place: TapName,
  way: Way,
  fits: (bytes: Uint8Array) => boolean,
): number {
  const at = seen.findIndex((each) => each.place === place && each.way === way && fits(each.bytes));
  expect(at, `nothing like that at ${place} ${way}`).toBeGreaterThanOrEqual(0);
  return at;
}

/** Flags that a TCP segment has, of SYN, ACK, FIN and RST. */
export function hasFlags(bytes: Uint8Array, flags: number): boolean {
  const mask = Flag.SYN | Flag.ACK | Flag.FIN | Flag.RST;
  const { tcp } = parseFrame(bytes);
  return tcp !== undefined && (tcp.flags & mask) === flags;
}

/** Bytes of a TCP or UDP payload. */
export function payloadLength(bytes: Uint8Array): number {
  const { payloadOffset, payloadEnd } = read(bytes);
  return payloadEnd - payloadOffset;
}

/** What makes a TCP segment recognisable wherever it is seen again. */
export function segmentKey(bytes: Uint8Array): string {
  const { tcp } = read(bytes);
  return `${tcp?.seq} ${tcp?.ack} ${tcp?.flags}`;
}

export function isControl(bytes: Uint8Array): boolean {
  return isControlMac(u48(bytes, 0)) || isControlMac(u48(bytes, 6));
}

/** Control frames of one kind. */
export function controls<K extends ControlFrameMessage['kind']>(
  seen: readonly Sighting[],
  place: TapName,
  kind: K,
): Extract<ControlFrameMessage, { kind: K }>[] {
  return seen.flatMap((each) => {
    const message = each.place === place ? parseControlFrame(each.bytes) : undefined;
    return message?.ok && message.message.kind === kind
      ? [message.message as Extract<ControlFrameMessage, { kind: K }>]
      : [];
  });
}

/** Counters of a layer. */
export function countersOf(lab: Lab, gateway: string, label: string): Readonly<Record<string, number>> {
  return { sealed: 0, opened: 0, ...lab.layer(gateway, label).counters };
}

export function hexOf(
  seen: readonly Sighting[],
  place: TapName,
  way: Way,
  fits: (bytes: Uint8Array) => boolean = () => true,
): string[] {
  return seen
    .filter((each) => each.place === place && each.way === way && fits(each.bytes))
    .map(({ bytes }) => toHex(bytes));
}
