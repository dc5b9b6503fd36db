import type { Vault } from '../../engine/crypto/vault.ts';
import type { F13Shape, FourTuple } from '../../engine/f13.ts';
import { put16, put32, u32 } from '../../wire/bytes.ts';
import { COOKIE_TCP_BYTES, COOKIE_UDP_BYTES } from '../../wire/leg-body.ts';

const MINUTE_US = 60_000_000;

/**
 * Cookie for a HELLO from `tuple.remote` to `tuple.local`: a MAC over outer addresses, ports, shape and the minute. Nothing is kept.
 * 4 bytes for the TCP shape (it becomes the SYN+ACK's number), 16 for UDP.
 */
export function cookieFor(vault: Vault, tuple: FourTuple, shape: F13Shape, now_us: number): Uint8Array {
  return cookieOfMinute(vault, tuple, shape, Math.floor(now_us / MINUTE_US));
}

/** True for a cookie of this minute or the one before. */
export function cookieValid(
  vault: Vault,
  tuple: FourTuple,
  shape: F13Shape,
  now_us: number,
  shown: Uint8Array,
): boolean {
  const minute = Math.floor(now_us / MINUTE_US);
  return [minute, minute - 1].some((each) => sameBytes(cookieOfMinute(vault, tuple, shape, each), shown));
}

/** The number of a TCP-shaped cookie as bytes. */
export function cookieOfNumber(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  put32(bytes, 0, number);
  return bytes;
}

/** … and back. */
export function numberOfCookie(cookie: Uint8Array): number {
  return u32(cookie, 0);
}

function cookieOfMinute(vault: Vault, tuple: FourTuple, shape: F13Shape, minute: number): Uint8Array {
  const input = new Uint8Array(17);
  put32(input, 0, tuple.local);
  put16(input, 4, tuple.localPort);
  put32(input, 6, tuple.remote);
  put16(input, 10, tuple.remotePort);
  input[12] = shape === 'udp' ? 1 : 0;
  put32(input, 13, minute >>> 0);
  return vault.cookie(input).slice(0, shape === 'udp' ? COOKIE_UDP_BYTES : COOKIE_TCP_BYTES);
}

/** Compares without telling by its time how much was right. */
function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let at = 0; at < one.length; at++) difference |= (one[at] as number) ^ (other[at] as number);
  return difference === 0;
}
