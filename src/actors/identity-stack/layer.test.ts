import { describe, expect, it } from 'vitest';
import { layerCompliance } from '../../../test/support/compliance.ts';
import { ip4 } from '../../../test/support/lab.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { IDENTITY_PROBES } from '../../machines/identity-stack.ts';
import { BROADCAST_MAC, CONTROL_MAC_ENGINE } from '../../wire/address.ts';
import { ArpOperation } from '../../wire/arp.ts';
import { buildArpFrame, buildTcpFrame } from '../../wire/build.ts';
import { buildEthernet, ETHERNET_HEADER_BYTES, EtherType } from '../../wire/ethernet.ts';
import { type FrameView, parseFrame } from '../../wire/frame.ts';
import { Flag } from '../../wire/tcp.ts';
import type { Identity, IdentityIndication } from '../services.ts';
import { IDENTITY_LINGER_US, PROBE_US } from './identity.ts';
import { IDENTITIES_MAX, IdentityStackLayer, type IdentityStackOptions } from './layer.ts';

const T21: Identity = { address: ip4('10.9.0.1'), mac: 0x0200_0000_0021 };
const T22: Identity = { address: ip4('10.9.0.3'), mac: 0x0200_0000_0022 };
const S31: Identity = { address: ip4('10.9.0.2'), mac: 0x0200_0000_0031 };
const GW30: Identity = { address: ip4('10.9.0.30'), mac: 0x0200_0000_0030 };
const ROUTER = ip4('10.9.0.33');
const OPTIONS: IdentityStackOptions = { prefixLength: 24, gateway: ROUTER, reserved: [GW30] };

function started(...identities: readonly Identity[]): { host: TestHost; layer: IdentityStackLayer } {
  const host = new TestHost();
  const layer = host.attach(new IdentityStackLayer(host, '3005B', OPTIONS));
  host.start();
  for (const identity of identities) take(host, identity);
  host.outputs.length = 0;
  return { host, layer };
}

const ASKING_US = IDENTITY_PROBES * PROBE_US;

function order(host: TestHost, identity: Identity, name = 'one'): void {
  host.inject('settings', { kind: 'take', name, identity });
}

/** Orders an identity that nobody there claims. */
function take(host: TestHost, identity: Identity): void {
  order(host, identity);
  host.advance(ASKING_US);
}

function leave(host: TestHost, identity: Identity): void {
  host.inject('settings', { kind: 'leave', identity });
}

function said(host: TestHost): string[] {
  return host.sentOn<IdentityIndication>('settings').map((each) => (each.kind === 'refused' ? each.reason : each.kind));
}

function arp(operation: number, sender: Identity, target: Identity, destination: number = BROADCAST_MAC): Uint8Array {
  return buildArpFrame({
    ethernet: { destination, source: sender.mac },
    arp: { operation, senderMac: sender.mac, senderIp: sender.address, targetMac: 0, targetIp: target.address },
  });
}

const asks = (target: Identity) => arp(ArpOperation.REQUEST, S31, target);
const answers = (target: Identity) => arp(ArpOperation.REPLY, S31, target, target.mac);

/** A segment with its Ethernet header. */
function segment(from: Identity, to: Identity): Uint8Array {
  const tcp = { sourcePort: 5, destinationPort: 80, seq: 1, flags: Flag.SYN, window: 1 };
  const ethernet = { destination: to.mac, source: from.mac };
  const ip = { source: from.address, destination: to.address };
  return buildTcpFrame({ ethernet, ip, tcp }, new Uint8Array(0));
}

const packet = (from: Identity, to: Identity) => segment(from, to).subarray(ETHERNET_HEADER_BYTES);

function sent(host: TestHost): FrameView[] {
  return host.sentOn('lower').map(({ bytes }) => parseFrame(bytes) as FrameView);
}

describe('IP stack 3005B, outwards', () => {
  it('announces a terminal that it takes on, and sends as it', () => {
    const { host } = started();
    take(host, T21);
    const spoken = () => sent(host).slice(IDENTITY_PROBES);
    expect(said(host)).toEqual(['taken']);
    expect(spoken()[0]).toMatchObject({
      ethernet: { source: T21.mac },
      arp: { senderIp: T21.address, targetIp: T21.address },
    });
    host.injectBytes('upper', packet(T21, S31));
    expect(spoken()[1]).toMatchObject({
      ethernet: { source: T21.mac },
      arp: { senderIp: T21.address, targetIp: S31.address },
    });
    host.injectBytes('lower', answers(T21));
    expect(spoken()[2]).toMatchObject({
      ethernet: { source: T21.mac, destination: S31.mac },
      ip: { source: T21.address, destination: S31.address },
    });
  });

  it('sends as several terminals at once, each by its own addresses', () => {
    const { host } = started(T21, T22);
    for (const terminal of [T21, T22]) {
      host.injectBytes('upper', packet(terminal, S31));
      host.injectBytes('lower', answers(terminal));
    }
    const pairs = sent(host).flatMap(({ ethernet, ip }) => (ip ? [[ethernet.source, ip.source]] : []));
    expect(pairs).toEqual([
      [T21.mac, T21.address],
      [T22.mac, T22.address],
    ]);
  });

  it('sends as nobody else', () => {
    const { host } = started(T21);
    host.injectBytes('upper', packet(GW30, S31));
    host.injectBytes('upper', Uint8Array.of(1, 2, 3));
    expect(host.dropReasons()).toEqual(['bad-source', 'malformed']);
    expect(sent(host)).toEqual([]);
  });
});

describe('IP stack 3005B, inwards', () => {
  it('answers ARP for whom it holds and gives up their packets', () => {
    const { host } = started(T21, T22);
    host.injectBytes('lower', asks(T22));
    expect(sent(host)).toMatchObject([
      {
        ethernet: { source: T22.mac, destination: S31.mac },
        arp: { operation: ArpOperation.REPLY, senderMac: T22.mac },
      },
    ]);
    host.injectBytes('lower', segment(S31, T21));
    expect(host.sentOn('upper')).toHaveLength(1);
  });

  it('takes nothing for anybody else: not the gateway, not a stranger, no group', () => {
    const { host } = started(T21);
    host.injectBytes('lower', asks(GW30));
    host.injectBytes('lower', segment(S31, GW30));
    host.injectBytes('lower', segment(S31, T22));
    const group = buildEthernet(
      { destination: BROADCAST_MAC, source: S31.mac, etherType: EtherType.IP4 },
      packet(S31, T21),
    );
    host.injectBytes('lower', group);
    host.injectBytes('lower', Uint8Array.of(1));
    expect(host.dropReasons()).toEqual(['not-for-us', 'not-for-us', 'not-for-us', 'not-for-us', 'malformed']);
    expect([host.sentOn('upper'), host.sentOn('lower')]).toEqual([[], []]);
  });

  it('tells two addresses of one terminal apart', () => {
    const alias = { address: ip4('10.9.0.9'), mac: T21.mac };
    const { host } = started(T21, alias);
    host.injectBytes('lower', segment(S31, alias));
    host.injectBytes('lower', segment(S31, T21));
    host.injectBytes('lower', arp(ArpOperation.REQUEST, S31, alias, T21.mac));
    expect(host.dropReasons()).toEqual([]);
    expect(host.sentOn('upper')).toHaveLength(2);
    expect(sent(host)[0].arp?.senderIp).toBe(alias.address);
    host.injectBytes('lower', segment(S31, { ...T22, mac: T21.mac }));
    expect(host.dropReasons()).toEqual(['not-our-address']);
  });

  it('hears from an announcement that a server has moved', () => {
    const { host } = started(T21);
    host.injectBytes('upper', packet(T21, S31));
    host.injectBytes('lower', answers(T21));
    const moved = { ...S31, mac: 0x0200_0000_0077 };
    host.injectBytes('lower', arp(ArpOperation.REQUEST, moved, moved));
    host.injectBytes('upper', packet(T21, S31));
    expect(sent(host).at(-1)?.ethernet.destination).toBe(moved.mac);
  });
});

describe('IP stack 3005B, before it takes an address', () => {
  const claims: readonly (readonly [string, Uint8Array])[] = [
    ['an answer', arp(ArpOperation.REPLY, { ...S31, address: T21.address }, { ...T21, address: 0 }, T21.mac)],
    ['an announcement', arp(ArpOperation.REQUEST, { ...S31, address: T21.address }, T21)],
    ['a question of its own', arp(ArpOperation.REQUEST, { ...S31, address: T21.address }, T22)],
    ['somebody who asks for it too', arp(ArpOperation.REQUEST, { ...S31, address: 0 }, T21)],
  ];

  it('asks for it without telling an address, then announces it; all who wait hear so', () => {
    const { host } = started();
    order(host, T21, 'one');
    host.advance(PROBE_US);
    order(host, T21, 'two');
    expect([said(host), sent(host).length]).toEqual([[], IDENTITY_PROBES]);
    for (const probe of sent(host))
      expect(probe).toMatchObject({
        ethernet: { source: T21.mac, destination: BROADCAST_MAC },
        arp: { operation: ArpOperation.REQUEST, senderIp: 0, targetIp: T21.address },
      });
    host.injectBytes('lower', segment(S31, T21));
    host.advance(PROBE_US);
    expect(host.sentOn('settings')).toEqual([
      { kind: 'taken', name: 'one' },
      { kind: 'taken', name: 'two' },
    ]);
    expect([sent(host).at(-1)?.arp?.senderIp, host.sentOn('upper')]).toEqual([T21.address, []]);
  });

  it.each(claims)('leaves it to whoever has it: %s', (_, claim) => {
    const { host, layer } = started(T22);
    order(host, T21, 'one');
    order(host, T21, 'two');
    host.injectBytes('lower', claim);
    expect(host.sentOn('settings').slice(-2)).toEqual([
      { kind: 'refused', name: 'one', reason: 'conflict' },
      { kind: 'refused', name: 'two', reason: 'conflict' },
    ]);
    host.advance(10 * ASKING_US);
    expect([layer.size, layer.counters['refused:conflict']]).toEqual([1, 2]);
    expect(host.timers().filter(([name]) => name.startsWith('10.9.0.1/'))).toEqual([]);
    expect(sent(host).some((frame) => frame.arp?.senderIp === T21.address)).toBe(false);
    take(host, T21);
    expect(said(host).at(-1)).toBe('taken');
  });

  it('takes no claim from its own MAC address, nor one that comes later', () => {
    const { host, layer } = started();
    order(host, T21);
    host.injectBytes('lower', arp(ArpOperation.REQUEST, T21, T21));
    host.injectBytes('lower', asks(T21));
    host.advance(ASKING_US);
    host.injectBytes('lower', arp(ArpOperation.REQUEST, { ...S31, address: T21.address }, T21));
    expect([said(host), layer.size]).toEqual([['taken'], 1]);
  });

  it('gives it to nobody else meanwhile, and refuses when it is stopped', () => {
    const { host, layer } = started();
    order(host, T21);
    order(host, { ...T21, mac: T22.mac });
    host.stop();
    expect([said(host), layer.size, host.timers()]).toEqual([['conflict', 'full'], 0, []]);
  });
});

describe('IP stack 3005B, how long', () => {
  it('answers while any session holds the identity and for the time of TIME-WAIT after the last', () => {
    const { host, layer } = started(T21, T21);
    leave(host, T21);
    host.advance(10 * IDENTITY_LINGER_US);
    expect(layer.size).toBe(1);
    leave(host, T21);
    host.injectBytes('lower', asks(T21));
    expect(sent(host)).toHaveLength(1);
    host.advance(IDENTITY_LINGER_US);
    expect(layer.size).toBe(0);
    host.injectBytes('lower', asks(T21));
    expect(sent(host)).toHaveLength(1);
  });

  it('goes on without a new announcement when it is taken again in that time', () => {
    const { host, layer } = started(T21);
    leave(host, T21);
    take(host, T21);
    host.advance(2 * IDENTITY_LINGER_US);
    expect([layer.size, sent(host).length]).toEqual([1, 0]);
  });

  it('is not left by who does not hold it', () => {
    const { host, layer } = started(T21);
    leave(host, { ...T21, mac: T22.mac });
    leave(host, T22);
    leave(host, T21);
    leave(host, T21);
    take(host, T21);
    host.advance(2 * IDENTITY_LINGER_US);
    expect(layer.size).toBe(1);
  });

  it('gives an address to one terminal at a time, to another one when the first has left', () => {
    const { host } = started(T21);
    const other = { ...T21, mac: T22.mac };
    take(host, other);
    leave(host, T21);
    take(host, other);
    expect(said(host)).toEqual(['conflict', 'taken']);
    host.injectBytes('lower', asks(T21));
    expect(sent(host).at(-1)?.ethernet.source).toBe(other.mac);
  });

  it("takes on neither the gateway's own addresses nor the router's nor those of no host", () => {
    const { host } = started();
    const wrong = [
      { address: GW30.address, mac: T21.mac },
      { address: T21.address, mac: GW30.mac },
      { address: ip4('224.0.0.1'), mac: T21.mac },
      { address: T21.address, mac: BROADCAST_MAC },
      { address: T21.address, mac: CONTROL_MAC_ENGINE },
      { address: ROUTER, mac: T21.mac },
    ];
    for (const identity of wrong) take(host, identity);
    expect(said(host)).toEqual(wrong.map(() => 'conflict'));
  });

  it('has room for so many, and for none when it is stopped', () => {
    const { host, layer } = started();
    for (let n = 0; n <= IDENTITIES_MAX; n++) order(host, { address: ip4('10.9.1.0') + n, mac: 0x0200_0001_0000 + n });
    expect(layer.size).toBe(IDENTITIES_MAX);
    expect(said(host)).toEqual(['full']);
    host.advance(ASKING_US);
    leave(host, { address: ip4('10.9.1.0'), mac: 0x0200_0001_0000 });
    host.stop();
    expect(layer.size).toBe(0);
    take(host, T21);
    expect(said(host).at(-1)).toBe('full');
    host.injectBytes('lower', asks(T21));
    host.injectBytes('upper', packet(T21, S31));
    expect(host.dropReasons().slice(-2)).toEqual(['stopped', 'stopped']);
    expect(host.timers()).toEqual([]);
  });
});

layerCompliance(
  'identity-stack',
  (host) => new IdentityStackLayer(host, '3005B', OPTIONS),
  [
    { port: 'settings', message: { kind: 'take', name: 'one', identity: T21 } },
    { port: 'settings', message: { kind: 'take', name: 'one', identity: T22 } },
    { port: 'upper', frame: packet(T21, S31) },
    { wait_us: 1_000_000 },
    { port: 'lower', frame: answers(T21) },
    { port: 'lower', frame: segment(S31, T21) },
    { port: 'settings', message: { kind: 'leave', identity: T22 } },
    { wait_us: IDENTITY_LINGER_US / 2 },
    { port: 'settings', message: { kind: 'take', name: 'one', identity: T22 } },
    { port: 'settings', message: { kind: 'leave', identity: T21 } },
    { wait_us: IDENTITY_LINGER_US },
    { port: 'lower', frame: asks(T22) },
    { port: 'upper', frame: packet(T22, S31) },
  ],
  { framePorts: ['upper', 'lower'] },
);
