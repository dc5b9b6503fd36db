import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import {
  ALL,
  answer,
  asks,
  echo,
  FAR,
  frameOf,
  fresh,
  IP6,
  interfaceOf,
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
  sent,
  started,
  states,
} from '../../../test/support/ip6-stack.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { concat } from '../../wire/bytes.ts';
import { buildIcmp6, Icmp6Type, ParameterCode } from '../../wire/icmp6.ts';
import { type Ip6, multicastMac6, solicitedNode } from '../../wire/ip-address.ts';
import { ExtensionHeader } from '../../wire/ipv6.ts';
import { neighbourSolicitation } from '../../wire/nd.ts';
import type { Frame } from '../frame.ts';
import { ICMP_ERRORS_BURST } from '../icmp-error.ts';
import { DUPLICATE_WAIT_US } from './addresses6.ts';
import { IpStackLayer } from './layer.ts';
import { FIRST_PROBE_DELAY_US, NEIGHBOUR_RETRY_US, REACHABLE_US, STALE_US } from './neighbours.ts';

function query(group: Ip6, source = ROUTER, hopLimit = 1, maxResponse_ms = 10_000): Uint8Array {
  const payload = concat(packet(group).subarray(24, 40), new Uint8Array(4));
  const icmp = { type: Icmp6Type.LISTENER_QUERY, code: 0, word: maxResponse_ms * 0x1_0000 };
  return frameOf(buildIcmp6({ source, destination: ALL, hopLimit }, icmp, payload), multicastMac6(ALL));
}

describe('IPv6 addresses of an interface', () => {
  it('are asked for once before they are used, and announced then (RFC 4862 section 5.4)', () => {
    const { host, layer } = fresh();
    const probes = sent(host).filter(({ type }) => type === Icmp6Type.NEIGHBOUR_SOLICITATION);
    expect(probes).toEqual(
      [OWN, LOCAL].map((target) => {
        const destination = solicitedNode(target);
        const mac = multicastMac6(destination);
        return { source: '::', destination, mac, type: 135, target, link: undefined, length: 64 };
      }),
    );
    expect(states(layer)).toMatchObject({ [`address-${OWN}`]: 'TENTATIVE', [`address-${LOCAL}`]: 'TENTATIVE' });
    host.injectBytes('upper', packet(PEER));
    host.injectBytes('lower', frameOf(echo(OWN)));
    expect(host.dropReasons()).toEqual(['tentative-address', 'tentative-address']);
    host.outputs.length = 0;
    host.advance(DUPLICATE_WAIT_US);
    expect(states(layer)).toMatchObject({ [`address-${OWN}`]: 'VALID', [`address-${LOCAL}`]: 'VALID' });
    expect(sent(host).filter(({ type }) => type === Icmp6Type.NEIGHBOUR_ADVERTISEMENT)).toMatchObject([
      { source: OWN, destination: ALL, target: OWN, link: OWN_MAC },
      { source: LOCAL, destination: ALL, target: LOCAL, link: OWN_MAC },
    ]);
  });

  it('are asked for as often as the configuration says, again after a stop', () => {
    const { host, layer } = fresh({ duplicateProbes: 2 });
    for (const round of [1, 2]) {
      host.advance(DUPLICATE_WAIT_US);
      expect(states(layer)[`address-${OWN}`], `round ${round}`).toBe('TENTATIVE');
      host.advance(DUPLICATE_WAIT_US);
      expect(states(layer)[`address-${OWN}`], `round ${round}`).toBe('VALID');
      host.stop();
      host.start();
    }
    host.stop();
    expect(host.timers()).toEqual([]);
  });

  it('that somebody has, or wants as well, are not used', () => {
    const has = answer(OWN, OTHER_MAC, { solicited: false, override: true }, ALL);
    for (const heard of [has, asks(OWN, '::', null)]) {
      const { host, layer } = fresh();
      host.injectBytes('lower', heard);
      expect(states(layer)[`address-${OWN}`]).toBe('DUPLICATE');
      expect(host.notes('address-duplicate')).toEqual([{ address: OWN }]);
      host.advance(DUPLICATE_WAIT_US);
      expect(states(layer)[`address-${LOCAL}`]).toBe('VALID');
      host.outputs.length = 0;
      host.injectBytes('lower', frameOf(echo(OWN)));
      host.injectBytes('lower', asks(OWN));
      expect(host.dropReasons()).toEqual(['not-our-address', 'not-our-address']);
      host.stop();
      host.start();
      expect(states(layer)[`address-${OWN}`]).toBe('TENTATIVE');
    }
  });

  it('that somebody claims later are told of', () => {
    const { host } = started();
    host.injectBytes('lower', answer(OWN, OTHER_MAC, { solicited: false, override: true }, ALL));
    expect(host.notes('address-conflict')).toEqual([{ address: OWN }]);
    expect(host.dropReasons()).toEqual(['own-source']);
  });

  it('are listened to in their groups, which is reported and asked about (RFC 3810)', () => {
    const { host } = fresh();
    const reports = () => sent(host).filter(({ type }) => type === Icmp6Type.LISTENER_REPORT);
    expect(reports()).toMatchObject(Array(2).fill({ source: '::', destination: 'ff02::16' }));
    host.advance(DUPLICATE_WAIT_US);
    expect(reports().slice(2)).toMatchObject([{ source: LOCAL, length: 40 + 8 + 8 + 2 * 20 }]);
    host.outputs.length = 0;
    host.injectBytes('lower', query('ff02::9'));
    host.advance(10_000_000);
    expect(reports()).toEqual([]);
    for (const group of ['::', solicitedNode(OWN)]) {
      host.injectBytes('lower', query(group));
      host.advance(10_000_000);
    }
    expect(reports()).toHaveLength(2);
    host.injectBytes('lower', query('::', PEER));
    host.injectBytes('lower', query('::', ROUTER, 64));
    expect(host.dropReasons()).toEqual(['malformed', 'malformed']);
  });
});

it('reports its groups in time however often it is asked (RFC 3810 section 6.2)', () => {
  const { host } = started();
  const reports = () => sent(host).filter(({ type }) => type === Icmp6Type.LISTENER_REPORT);
  host.injectBytes('lower', query('::', ROUTER, 1, 1_000));
  for (let at = 0; at < 10; at++) {
    host.injectBytes('lower', query('::'));
    host.advance(100_000);
  }
  expect(reports().length).toBeGreaterThan(0);
  host.advance(10_000_000);
  host.injectBytes('lower', query('::'));
  host.stop();
  host.start();
  host.outputs.length = 0;
  host.injectBytes('lower', query('::'));
  host.advance(10_000_000);
  expect(reports()).toHaveLength(1);
});

describe('IP stack, receiving over IPv6', () => {
  it('answers solicitations: to whom asks, or to all when that is nobody yet', () => {
    const { host } = started();
    host.injectBytes('lower', asks(OWN));
    host.injectBytes('lower', asks(OWN, '::', null));
    host.injectBytes('lower', asks(LOCAL, PEER_LOCAL));
    expect(sent(host)).toMatchObject([
      { source: OWN, destination: PEER, mac: PEER_MAC, type: 136, target: OWN, link: OWN_MAC },
      { source: OWN, destination: ALL, mac: 0x3333_0000_0001, type: 136, target: OWN },
      { source: LOCAL, destination: PEER_LOCAL, mac: PEER_MAC, type: 136, target: LOCAL },
    ]);
  });

  it('answers an echo request with the same data and a right checksum', () => {
    const { host } = started();
    host.injectBytes('lower', asks(OWN));
    host.outputs.length = 0;
    host.injectBytes('lower', frameOf(echo(OWN)));
    expect(sent(host)).toMatchObject([{ source: OWN, destination: PEER, mac: PEER_MAC, type: Icmp6Type.ECHO_REPLY }]);
    const { bytes } = host.sentOn<Frame>('lower')[0] as Frame;
    expect([...bytes.subarray(58, 62)]).toEqual([0, 7, 0, 9]);
    expect(bytes.subarray(62)).toEqual(new Uint8Array(56).fill(5));
  });

  it('gives packets for its addresses up without padding, also behind options that may be skipped', () => {
    const { host } = started();
    host.injectBytes('lower', concat(frameOf(packet(OWN, 50, PEER)), new Uint8Array(6)));
    host.injectBytes('lower', frameOf(echo(ALL), multicastMac6(ALL)));
    expect(host.sentOn<Frame>('upper').map(({ bytes }) => bytes.length)).toEqual([50, 104]);
  });

  const withOption = (type: number, destination = OWN) => {
    const bytes = concat(packet(destination, 40, PEER), Uint8Array.of(ExtensionHeader.NONE, 0, type, 4, 0, 0, 0, 0));
    bytes[6] = ExtensionHeader.DESTINATION;
    bytes[5] = 8;
    return bytes;
  };
  const withRouting = withOption(0).map((byte, at) => (at === 6 ? ExtensionHeader.ROUTING : at === 43 ? 1 : byte));

  it('passes on what only the destination judges (RFC 8200 section 4)', () => {
    const { host } = started({ forwarding: true });
    const toFar = (bytes: Uint8Array) => {
      const own = bytes.slice();
      own.set(packet(FAR).subarray(24, 40), 24);
      return own;
    };
    const perHop = toFar(withOption(0xbe)).map((byte, at) => (at === 6 ? ExtensionHeader.HOP_BY_HOP : byte));
    const behindHops = concat(perHop, Uint8Array.of(ExtensionHeader.NONE, 0, 0xbe, 4, 0, 0, 0, 0));
    behindHops.set([ExtensionHeader.DESTINATION, 0, 1, 4], 40);
    behindHops[5] = 16;
    for (const passing of [toFar(withOption(0xbe)), toFar(withRouting), behindHops]) {
      host.injectBytes('lower', frameOf(passing));
    }
    expect(host.dropReasons()).toEqual([]);
    expect(host.sentOn('upper')).toHaveLength(3);
    host.injectBytes('lower', frameOf(perHop));
    expect(host.dropReasons()).toEqual(['malformed']);
  });

  it('tells of broken packets no more often than of others (RFC 4443 section 2.4)', () => {
    const { host, layer } = started();
    host.injectBytes('lower', asks(OWN));
    host.outputs.length = 0;
    for (let at = 0; at < 2 * ICMP_ERRORS_BURST; at++) host.injectBytes('lower', frameOf(withOption(0xbe)));
    expect(sent(host)).toHaveLength(ICMP_ERRORS_BURST);
    expect(layer.counters).toMatchObject({ 'icmp-rate': ICMP_ERRORS_BURST });
  });

  it('refuses options and ways that it does not know as their sender wants (RFC 8200 section 4.2)', () => {
    const { host } = started();
    host.injectBytes('lower', asks(OWN));
    host.outputs.length = 0;
    for (const type of [0x3e, 0x7e, 0xbe, 0xfe]) host.injectBytes('lower', frameOf(withOption(type)));
    host.injectBytes('lower', frameOf(withOption(0xfe, ALL), multicastMac6(ALL)));
    host.injectBytes('lower', frameOf(withRouting));
    expect(host.sentOn('upper')).toHaveLength(1);
    expect(host.dropReasons()).toEqual(Array(5).fill('malformed'));
    const problem = sent(host).map(({ destination, type }) => [destination, type]);
    expect(problem).toEqual(Array(3).fill([PEER, Icmp6Type.PARAMETER_PROBLEM]));
    const codes = host.sentOn<Frame>('lower').map(({ bytes }) => [bytes[55], bytes[61]]);
    expect(codes).toEqual([
      [ParameterCode.OPTION, 42],
      [ParameterCode.OPTION, 42],
      [ParameterCode.HEADER, 42],
    ]);
  });

  const group = multicastMac6(ALL);
  const fragment = concat(packet(OWN, 40, PEER), Uint8Array.of(59, 0, 0, 1, 0, 0, 0, 1)).map((byte, at) =>
    at === 6 ? ExtensionHeader.FRAGMENT : at === 5 ? 8 : byte,
  );

  it.each([
    ['not-for-us', frameOf(packet(OWN, 60, PEER), 0x0200_0000_0099)],
    ['not-our-address', frameOf(packet('2001:db8::77', 60, PEER))],
    ['not-our-address', frameOf(packet('ff02::99', 60, PEER), multicastMac6('ff02::99'))],
    ['not-our-address', asks('2001:db8::1:0:1')],
    ['bad-source', frameOf(packet(OWN, 60, OWN))],
    ['bad-source', frameOf(packet(OWN, 60, '::'))],
    ['bad-source', frameOf(packet(OWN, 60, 'ff02::5'))],
    ['bad-source', frameOf(echo(OWN, 8, OWN))],
    ['bad-source', frameOf(echo(OWN, 8, '::'))],
    ['bad-source', asks(OWN, FAR)],
    ['bad-source', asks(OWN, OWN)],
    ['bad-source', asks(OWN, PEER, group)],
    ['bad-source', answer(PEER, group)],
    ['link-broadcast', frameOf(packet(OWN, 60, PEER), group)],
    ['no-fragmentation', frameOf(fragment)],
    ['malformed', frameOf(packet(OWN, 60, PEER).subarray(0, 44))],
    ['malformed', nd(PEER, OWN, neighbourSolicitation(OWN, PEER_MAC), 254)],
    [
      'malformed',
      frameOf(
        buildIcmp6({ source: PEER, destination: OWN }, { type: 128, code: 0 }, new Uint8Array(0))
          .subarray(0, 44)
          .map((byte, at) => (at === 5 ? 4 : byte)),
      ),
    ],
    ['too-long', frameOf(echo(OWN, 1453))],
  ])('drops with reason %s', (reason, bytes) => {
    const { host } = started();
    host.injectBytes('lower', bytes);
    expect(host.dropReasons()).toEqual([reason]);
    expect(sent(host)).toEqual([]);
  });

  it('believes no message with a bad checksum', () => {
    const { host, layer } = started();
    host.injectBytes('lower', asks(OWN), 'bad');
    host.injectBytes('lower', frameOf(echo(OWN)), 'bad');
    expect(host.dropReasons()).toEqual(['bad-checksum', 'bad-checksum']);
    expect(states(layer)[`neighbour-${PEER}`]).toBeUndefined();
  });

  it('does not speak IPv6 where it is not configured', () => {
    const host = new TestHost();
    const { ip6: _, ...plain } = interfaceOf(IP6);
    host.attach(new IpStackLayer(host, '2104', { interface: plain }));
    host.start();
    host.injectBytes('lower', asks(OWN));
    host.injectBytes('upper', packet(PEER));
    expect(host.dropReasons()).toEqual(['unknown-protocol', 'malformed']);
  });
});

layerCompliance(
  'ip-stack with IPv6',
  (host) => new IpStackLayer(host, '2104', { interface: interfaceOf(IP6) }),
  [
    { port: 'upper', frame: packet(PEER) },
    { wait_us: DUPLICATE_WAIT_US },
    { port: 'upper', frame: packet(PEER) },
    { wait_us: NEIGHBOUR_RETRY_US },
    { port: 'lower', frame: query('::') },
    { port: 'lower', frame: query('::') },
    { port: 'lower', frame: answer(PEER) },
    { port: 'lower', frame: asks(OWN) },
    { port: 'lower', frame: frameOf(echo(OWN)) },
    { port: 'upper', frame: packet(FAR) },
    { wait_us: 4 * NEIGHBOUR_RETRY_US },
    { port: 'upper', frame: packet(PEER, 1600) },
    { port: 'lower', frame: answer(OWN, OTHER_MAC, { solicited: false, override: true }, ALL) },
    { wait_us: REACHABLE_US },
    { port: 'upper', frame: packet(PEER) },
    { wait_us: FIRST_PROBE_DELAY_US },
    { port: 'lower', frame: answer(PEER, OTHER_MAC) },
    { wait_us: REACHABLE_US + STALE_US },
  ],
  {
    framePorts: ['upper', 'lower'],
    flood: (index) => ({ port: 'upper', frame: packet(`2001:db8::${(index % 100) + 16}`, 400) }),
    savedMax_bytes: 2_500_000,
  },
);
