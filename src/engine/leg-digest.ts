import { sha256 } from '@noble/hashes/sha2.js';
import { type Mode, modeByte, PROTOCOL_VERSION } from '../wire/terms.ts';

/**
 * Digest of what a leg's set-up said in clear, NAT-able and random fields left out (docs/PROTOCOL.md section 3): both ends compare it
 * inside TLS, so that nobody on the way can change the shape, the mode or the version. 32 bytes.
 */
export function legDigest(mode: Mode, completeFlags: number): Uint8Array {
  const hello = [mode.udp ? 1 : 0];
  const request = [PROTOCOL_VERSION, modeByte(mode)];
  const complete = [completeFlags];
  return sha256(new Uint8Array([1, ...hello, 3, ...request, 4, ...complete]));
}
