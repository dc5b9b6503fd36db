import { describe, expect, it } from 'vitest';
import {
  ALL,
  answer,
  asks,
  errorsTold,
  FAR,
  fresh,
  LOCAL,
  nd,
  OTHER_MAC,
  OWN,
  OWN_MAC,
  PEER,
  PEER_LOCAL,
  PEER_MAC,
  packet,
  ROUTER,
  SOLICITED,
  sent,
  started,
  states,
} from '../../../test/support/ip6-stack.ts';
import type { TestHost } from '../../../test/support/test-host.ts';
import { concat } from '../../wire/bytes.ts';
import { Icmp6Type, Unreachable6Code } from '../../wire/icmp6.ts';
import { multicastMac6, solicitedNode } from '../../wire/ip-address.ts';
import { neighbourAdvertisement } from '../../wire/nd.ts';
import type { IpStackLayer } from './layer.ts';
import { FIRST_PROBE_DELAY_US, NEIGHBOUR_RETRY_US, QUEUE_PACKETS, REACHABLE_US, STALE_US } from './neighbours.ts';

describe('IP stack, sending over IPv6', () => {
  it('asks the group of a neighbour, and sends what waits when it answers', () => {
    const { host, layer } = started();
    host.injectBytes('upper', packet(PEER, 60));
    host.injectBytes('upper', packet(PEER, 61));
    const mac = multicastMac6(solicitedNode(PEER));
    expect(sent(host)).toMatchObject([
      { source: OWN, destination: 'ff02::1:ff00:2', mac, type: 135, target: PEER, link: OWN_MAC },
    ]);
    host.injectBytes('lower', answer(PEER));
    host.injectBytes('upper', packet(PEER, 62));
    expect(sent(host).slice(1)).toMatchObject([60, 61, 62].map((length) => ({ mac: PEER_MAC, length })));
    expect(states(layer)[`neighbour-${PEER}`]).toBe('REACHABLE');
  });

  it('sends to its router what is for another network, to groups without asking', () => {
    const { host } = started();
    host.injectBytes('upper', packet(FAR));
    host.injectBytes('lower', answer(ROUTER, OTHER_MAC, SOLICITED, LOCAL));
    host.injectBytes('upper', packet('ff02::1:2'));
    expect(sent(host)).toMatchObject([
      { source: LOCAL, target: ROUTER },
      { destination: FAR, mac: OTHER_MAC },
      { destination: 'ff02::1:2', mac: 0x3333_0001_0002 },
    ]);
  });

  it('tells the sender when there is no way, nobody answers, or the packet is too long', () => {
    const { host } = fresh({ duplicateProbes: 0, gateway: undefined as never });
    host.outputs.length = 0;
    for (const destination of [FAR, '::', '::1', OWN]) host.injectBytes('upper', packet(destination));
    host.injectBytes('upper', packet(PEER, 1501));
    host.injectBytes('upper', packet(PEER));
    host.advance(3 * NEIGHBOUR_RETRY_US);
    expect(host.dropReasons()).toEqual([...Array(4).fill('no-route'), 'too-long', 'neighbour-timeout']);
    const unreachable = { type: Icmp6Type.UNREACHABLE, word: 0, to: OWN };
    const noRoute = [FAR, '::', '::1', OWN].map((quoted) => ({
      ...unreachable,
      code: Unreachable6Code.NO_ROUTE,
      quoted,
    }));
    expect(errorsTold(host)).toEqual([
      ...noRoute,
      { type: Icmp6Type.PACKET_TOO_BIG, code: 0, word: 1500, quoted: PEER, to: OWN },
      { ...unreachable, code: Unreachable6Code.ADDRESS, quoted: PEER },
    ]);
    expect(sent(host).filter(({ target }) => target === PEER)).toHaveLength(3);
  });

  it('keeps a bounded queue for each neighbour', () => {
    const { host } = started();
    for (let i = 0; i < QUEUE_PACKETS + 2; i++) host.injectBytes('upper', packet(PEER, 60 + i));
    expect(host.dropReasons()).toEqual(['neighbour-queue-full', 'neighbour-queue-full']);
  });

  it('drops what is malformed', () => {
    const { host } = started();
    host.injectBytes('upper', packet(PEER).subarray(0, 50));
    expect(host.dropReasons()).toEqual(['malformed']);
  });
});

describe('neighbours over IPv6 (RFC 4861 section 7.3)', () => {
  function resolved() {
    const made = started();
    made.host.injectBytes('upper', packet(PEER));
    made.host.injectBytes('lower', answer(PEER));
    made.host.outputs.length = 0;
    return made;
  }
  const stateOf = (layer: IpStackLayer) => states(layer)[`neighbour-${PEER}`];
  const macOf = (host: TestHost) => {
    host.outputs.length = 0;
    host.injectBytes('upper', packet(PEER));
    return sent(host).find(({ destination }) => destination === PEER)?.mac;
  };

  it('grow stale, are used for a while, asked directly, and given up or trusted again', () => {
    const { host, layer } = resolved();
    host.advance(REACHABLE_US);
    expect(stateOf(layer)).toBe('STALE');
    expect(macOf(host)).toBe(PEER_MAC);
    expect(stateOf(layer)).toBe('DELAY');
    host.advance(FIRST_PROBE_DELAY_US);
    expect(stateOf(layer)).toBe('PROBE');
    expect(sent(host).at(-1)).toMatchObject({ type: 135, destination: PEER, mac: PEER_MAC, target: PEER });
    host.injectBytes(
      'lower',
      nd(PEER, OWN, neighbourAdvertisement(PEER, undefined, { solicited: true, override: false })),
    );
    expect(stateOf(layer)).toBe('REACHABLE');
    host.advance(REACHABLE_US);
    host.injectBytes('upper', packet(PEER));
    host.advance(FIRST_PROBE_DELAY_US + 3 * NEIGHBOUR_RETRY_US);
    expect(stateOf(layer)).toBeUndefined();
  });

  it('are forgotten when nobody uses them', () => {
    const { host, layer } = resolved();
    host.advance(REACHABLE_US + STALE_US);
    expect(stateOf(layer)).toBeUndefined();
    expect(host.timers()).toEqual([]);
  });

  it('follow the rules for advertisements that tell another address (section 7.2.5)', () => {
    for (const [flags, state, mac] of [
      [{ solicited: true, override: true }, 'REACHABLE', OTHER_MAC],
      [{ solicited: false, override: true }, 'STALE', OTHER_MAC],
      [{ solicited: true, override: false }, 'STALE', PEER_MAC],
      [{ solicited: false, override: false }, 'STALE', PEER_MAC],
    ] as const) {
      const { host, layer } = resolved();
      host.injectBytes('lower', answer(PEER, OTHER_MAC, flags, flags.solicited ? OWN : ALL));
      expect([stateOf(layer), macOf(host)], JSON.stringify(flags)).toEqual([state, mac]);
    }
  });

  it('that ask us are known but not yet trusted: our answer is the first use', () => {
    const { host, layer } = started();
    host.injectBytes('lower', asks(OWN));
    expect(stateOf(layer)).toBe('DELAY');
    host.injectBytes('lower', asks(OWN, PEER, OTHER_MAC));
    expect(macOf(host)).toBe(OTHER_MAC);
    host.advance(FIRST_PROBE_DELAY_US);
    expect(stateOf(layer)).toBe('PROBE');
    host.injectBytes('lower', asks(OWN, PEER, OTHER_MAC));
    expect(stateOf(layer)).toBe('PROBE');
    host.injectBytes('lower', asks(OWN, PEER, PEER_MAC));
    expect(stateOf(layer)).toBe('DELAY');
  });

  it('that are trusted stay so when they ask us, unless from elsewhere', () => {
    const { host, layer } = resolved();
    host.injectBytes('lower', asks(OWN));
    expect(stateOf(layer)).toBe('REACHABLE');
    host.injectBytes('lower', asks(OWN, PEER, OTHER_MAC));
    expect([stateOf(layer), macOf(host)]).toEqual(['DELAY', OTHER_MAC]);
    host.injectBytes('lower', answer(PEER));
    expect([stateOf(layer), macOf(host)]).toEqual(['REACHABLE', PEER_MAC]);
  });

  it('that show up in a router message may move, and be trusted later', () => {
    const { host, layer } = started();
    const solicit = (mac: number) => {
      const option = Uint8Array.of(1, 1, 2, 0, 0, 0, 0, mac);
      host.injectBytes('lower', nd(PEER_LOCAL, ALL, { icmp: { type: 133, code: 0 }, payload: option }));
      return states(layer)[`neighbour-${PEER_LOCAL}`];
    };
    expect([solicit(7), solicit(8)]).toEqual(['STALE', 'STALE']);
    host.injectBytes('lower', answer(PEER_LOCAL, 0x0200_0000_0008, SOLICITED, LOCAL));
    expect(states(layer)[`neighbour-${PEER_LOCAL}`]).toBe('REACHABLE');
  });

  it('that are being looked for may show up by asking us', () => {
    const { host, layer } = started();
    host.injectBytes('upper', packet(PEER));
    host.injectBytes('lower', answer(PEER, null));
    expect(stateOf(layer)).toBe('INCOMPLETE');
    host.outputs.length = 0;
    host.injectBytes('lower', asks(OWN));
    expect(stateOf(layer)).toBe('DELAY');
    expect(sent(host)).toMatchObject([{ destination: PEER, mac: PEER_MAC }, { type: 136 }]);
  });

  it('that nobody asked for are not remembered, and routers tell where they are', () => {
    const { host, layer } = started();
    host.injectBytes('lower', answer(PEER));
    expect(stateOf(layer)).toBeUndefined();
    const option = Uint8Array.of(1, 1, 2, 0, 0, 0, 0, 0xfe);
    const advertisement = {
      icmp: { type: 134, code: 0, word: 0x40000708 },
      payload: concat(new Uint8Array(8), option),
    };
    host.injectBytes('lower', nd(ROUTER, ALL, advertisement));
    expect(states(layer)[`neighbour-${ROUTER}`]).toBe('STALE');
    expect(layer.counters).toMatchObject({ 'unasked-advertisements': 1, 'router-messages': 1 });
  });
});
