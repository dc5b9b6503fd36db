import { expect } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import type { Sighting, TapName, Way } from '../../src/lab/taps.ts';
import { toHex } from '../../src/wire/bytes.ts';
import { transportChecksumGood } from '../../src/wire/checksum.ts';
import { isTunnel, payloadLength, read } from './support.ts';

/** Helpers for embodiments 9 and 10, where F13 is a true TCP and the cipher stands in line below IP. */

/** Frames of the outer TCP with bytes behind F13. */
export function f10s(seen: readonly Sighting[], place: TapName, way: Way): Uint8Array[] {
  return seen
    .filter((each) => each.place === place && each.way === way && isTunnel(each.bytes) && payloadLength(each.bytes) > 0)
    .map(({ bytes }) => bytes);
}

/** All of F11, F12 and F13 but the checksum of F13, which follows the data. */
export function headersOf(bytes: Uint8Array): string {
  const { tcp, payloadOffset } = read(bytes);
  const head = bytes.slice(0, payloadOffset);
  if (tcp !== undefined) head.fill(0, tcp.offset + 16, tcp.offset + 18);
  return toHex(head);
}

export function payloadOf(bytes: Uint8Array): Uint8Array {
  const { payloadOffset, payloadEnd } = read(bytes);
  return bytes.subarray(payloadOffset, payloadEnd);
}

export function hasGoodChecksum(bytes: Uint8Array): boolean {
  const { ip, tcp } = read(bytes);
  if (ip === undefined || tcp === undefined) return false;
  return transportChecksumGood(bytes, ip.offset, tcp.offset, tcp.end - tcp.offset);
}

/** The same frame with other headers above and below a cipher: same headers and length, other bytes, both checksums right. */
export function expectCiphered(clear: Uint8Array, wire: Uint8Array): void {
  expect(headersOf(wire)).toBe(headersOf(clear));
  expect(wire.length).toBe(clear.length);
  expect(toHex(payloadOf(wire))).not.toBe(toHex(payloadOf(clear)));
  expect([hasGoodChecksum(clear), hasGoodChecksum(wire)]).toEqual([true, true]);
}

/** Puts a frame into a layer's port as if its neighbour had sent it, within an input of the device. */
export function inject(
  lab: Lab,
  device: string,
  port: readonly [layer: string, port: string],
  bytes: Uint8Array,
): void {
  const [label, name] = port;
  lab.layer(device, label).ports[name]?.received$.next(lab.devices[device]?.frame(bytes));
  lab.tell(device, label, 'nothing');
}
