/** Hairpin frames (docs/PROTOCOL.md section 6): a record on its way from SSL to engine X and back, inside of a host only. */
import type { Mac } from './address.ts';
import { CONTROL_MAC_DECRYPT, CONTROL_MAC_ENCRYPT } from './address.ts';
import { put32, u32, u48 } from './bytes.ts';
import { ETHERNET_HEADER_BYTES, EtherType, parseEthernet, writeEthernet } from './ethernet.ts';

/** Bytes before the record: F11 and the number of the session. */
export const HAIRPIN_HEADER_BYTES = ETHERNET_HEADER_BYTES + 4;

/** What the engine is to do, or has done. */
export type CipherWay = 'seal' | 'open';

export interface HairpinView {
  ok: true;
  way: CipherWay;
  /** It comes from the engine. */
  isAnswer: boolean;
  sessionId: number;
  /** Part of the frame's bytes. */
  record: Uint8Array;
}

export type HairpinReason = 'hairpin-not-one' | 'hairpin-truncated';
export interface HairpinMalformed {
  ok: false;
  reason: HairpinReason;
}

/** Reads a hairpin frame of either direction: the engine's side is told by its MAC address. */
export function parseHairpin(bytes: Uint8Array): HairpinView | HairpinMalformed {
  const ethernet = parseEthernet(bytes);
  if (!ethernet.ok || ethernet.etherType !== EtherType.HAIRPIN || ethernet.vlan !== undefined)
    return { ok: false, reason: 'hairpin-not-one' };
  const asked = wayOf(ethernet.destination);
  const way = asked ?? wayOf(ethernet.source);
  if (way === undefined) return { ok: false, reason: 'hairpin-not-one' };
  if (bytes.length < HAIRPIN_HEADER_BYTES) return { ok: false, reason: 'hairpin-truncated' };
  const sessionId = u32(bytes, ETHERNET_HEADER_BYTES);
  return { ok: true, way, isAnswer: asked === undefined, sessionId, record: bytes.subarray(HAIRPIN_HEADER_BYTES) };
}

/** What software at `mac` asks of the engine. */
export function buildHairpin(way: CipherWay, sessionId: number, record: Uint8Array, mac: Mac): Uint8Array {
  const bytes = new Uint8Array(HAIRPIN_HEADER_BYTES + record.length);
  const destination = way === 'seal' ? CONTROL_MAC_ENCRYPT : CONTROL_MAC_DECRYPT;
  put32(bytes, writeEthernet(bytes, 0, { destination, source: mac, etherType: EtherType.HAIRPIN }), sessionId);
  bytes.set(record, HAIRPIN_HEADER_BYTES);
  return bytes;
}

/** The same frame on its way back: MAC addresses swapped ([1091]), `record` in the place of the one that was sent. */
export function turnedHairpin(asked: Uint8Array, record: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HAIRPIN_HEADER_BYTES + record.length);
  bytes.set(asked.subarray(0, HAIRPIN_HEADER_BYTES));
  bytes.copyWithin(0, 6, 12);
  bytes.set(asked.subarray(0, 6), 6);
  bytes.set(record, HAIRPIN_HEADER_BYTES);
  return bytes;
}

/** Whether `bytes` goes to one of the engine's cipher addresses. */
export function asksForCipher(bytes: Uint8Array): boolean {
  return wayOf(u48(bytes, 0)) !== undefined;
}

function wayOf(mac: Mac): CipherWay | undefined {
  if (mac === CONTROL_MAC_ENCRYPT) return 'seal';
  return mac === CONTROL_MAC_DECRYPT ? 'open' : undefined;
}
