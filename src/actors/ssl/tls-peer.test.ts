import { describe, expect, it } from 'vitest';
import { isPeerName, isPin, matchPeer } from './tls-peer.ts';

const PIN = `sha256/${'A'.repeat(43)}=`;
/** A certificate check that takes anything, as OpenSSL takes '.' for "any subdomain". */
const easy = { hasName: () => true, pin: PIN };
const strict = { hasName: (name: string) => name === 'g1', pin: PIN };

describe('peers', () => {
  it.each(['g1', 'Gateway-20', 'a.b.c', 'a_b', 'a'.repeat(63)])('%s names a peer', (name) => {
    expect(isPeerName(name)).toBe(true);
  });

  it.each(['', '.', '.a', 'a.', '*', '*.a', 'a b', 'a\0b', '-a', 'a-', 'ä', 'a'.repeat(64), `${'a.'.repeat(126)}ab`])(
    '%j names no peer, and is not matched however easy the check',
    (name) => {
      expect(isPeerName(name)).toBe(false);
      expect(matchPeer({ names: [name], pins: [] }, easy)).toBeUndefined();
    },
  );

  it('a name goes before a pin, a pin alone will do, and nothing expected is nobody', () => {
    expect(matchPeer({ names: ['x', 'g1'], pins: [PIN] }, strict)).toEqual({ peerName: 'g1', matchedBy: 'name' });
    expect(matchPeer({ names: ['x'], pins: [PIN] }, strict)).toEqual({ peerName: PIN, matchedBy: 'pin' });
    expect(matchPeer({ names: ['x'], pins: [PIN.replace('A', 'B')] }, strict)).toBeUndefined();
    expect(matchPeer({ names: [], pins: [] }, easy)).toBeUndefined();
  });

  it('a pin is 32 bytes of base64', () => {
    expect(isPin(PIN)).toBe(true);
    for (const bad of ['', 'sha256/', PIN.slice(0, -1), `${PIN}=`, PIN.replace('sha256', 'sha1')])
      expect(isPin(bad)).toBe(false);
  });
});
