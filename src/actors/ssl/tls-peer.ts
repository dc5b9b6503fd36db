import type { PeerExpectation } from './tls-provider.ts';

/** What a certificate says about its owner, as far as a peer is recognised by it. */
export interface PeerClaim {
  /** Whether the certificate's SAN holds exactly this DNS name. */
  hasName(name: string): boolean;
  /** `sha256/BASE64` of the SPKI. */
  readonly pin: string;
}

export interface PeerMatch {
  readonly peerName: string;
  readonly matchedBy: 'name' | 'pin';
}

/** Longest DNS name, in characters (RFC 1035 section 2.3.4). */
const NAME_CHARACTERS = 253;
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`, 'i');
const PIN = /^sha256\/[A-Za-z0-9+/]{43}=$/;

/** Whether `name` may name a peer: a DNS name without wildcard or leading dot, which certificate checks treat as patterns. */
export function isPeerName(name: string): boolean {
  return name.length <= NAME_CHARACTERS && NAME.test(name);
}

/** Whether `pin` is written `sha256/BASE64` (32 bytes). */
export function isPin(pin: string): boolean {
  return PIN.test(pin);
}

/** The first expected name, else the first expected pin, that the certificate proves; undefined means somebody else. */
export function matchPeer(expected: PeerExpectation, claim: PeerClaim): PeerMatch | undefined {
  const name = expected.names.find((candidate) => isPeerName(candidate) && claim.hasName(candidate));
  if (name !== undefined) return { peerName: name, matchedBy: 'name' };
  const pin = expected.pins.find((candidate) => isPin(candidate) && candidate === claim.pin);
  return pin === undefined ? undefined : { peerName: pin, matchedBy: 'pin' };
}
