import { describe, expect, it } from 'vitest';
import { judgeGo, judgeOffer, type LegFacts, makeGo, makeOffer, type Terms, type Wishes } from './terms.ts';

const LEG: LegFacts = { digest: new Uint8Array(32).fill(5), shape: 'udp', handshake: 'immediate' };
const WISHES: Wishes = { suites: [3, 1], orders: [1], pathMtu: 1400 };
const SERVER: Wishes = { suites: [1, 2, 3], orders: [0, 1], pathMtu: 1500 };
const OFFER = makeOffer(WISHES, LEG, 7);
const TERMS = judgeOffer(OFFER, SERVER, LEG, 9) as Terms;
const GO = makeGo(TERMS, SERVER, LEG);

describe('terms of a session', () => {
  it('are the same at both ends', () => {
    expect(TERMS.setup).toMatchObject({
      clientConnectionId: 7,
      serverConnectionId: 9,
      suiteChosen: 3,
      orderChosen: 1,
      f13: 'udp',
    });
    expect(TERMS.pathMtu).toBe(1400);
    expect(judgeGo(GO, OFFER, LEG)).toEqual(TERMS);
  });

  it.each([
    ['another digest', { legDigest: new Uint8Array(32) }, 'leg-tampered'],
    ['a suite that was not offered', { suite: 2 }, 'malformed'],
    ['an order that was not offered', { order: 0 }, 'malformed'],
    ['no connection id', { connectionId: 0 }, 'malformed'],
    ['a path MTU without room', { pathMtu: 575 }, 'malformed'],
  ])('the client refuses a GO with %s', (_what, change, reason) => {
    expect(judgeGo({ ...GO, ...change }, OFFER, LEG)).toBe(reason);
  });

  it.each([
    ['another digest', { legDigest: new Uint8Array(32) }, 'leg-tampered'],
    ['another shape', { udp: false }, 'leg-tampered'],
    ['another handshake', { immediate: false }, 'leg-tampered'],
    ['unknown suites only', { suites: [99, 0] }, 'no-common-suite'],
    ['no connection id', { connectionId: 0 }, 'malformed'],
    ['a path MTU without room', { pathMtu: 575 }, 'malformed'],
  ])('the server refuses an OFFER with %s', (_what, change, reason) => {
    expect(judgeOffer({ ...OFFER, ...change }, SERVER, LEG, 9)).toBe(reason);
  });

  it('the server refuses an order that it does not have', () => {
    expect(judgeOffer(OFFER, { ...SERVER, orders: [0] }, LEG, 9)).toBe('no-common-suite');
  });
});
