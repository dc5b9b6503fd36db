import { describe, expect, it } from 'vitest';
import { recordParameters } from '../../../test/support/record-parameters.ts';
import { TestHost } from '../../../test/support/test-host.ts';
import { BACK_OFF_FIRST_MS } from '../../machines/peer.ts';
import { LEG_LINGER_MS } from '../../machines/tunnel.ts';
import { BROADCAST_MAC } from '../../wire/address.ts';
import { buildArpFrame } from '../../wire/build.ts';
import type { SslRequest } from '../services.ts';
import { AcceleratorControlLayer } from './accelerator-control.ts';
import type { GatewayPeer } from './config.ts';
import { GatewayApplicationLayer } from './gateway-application.ts';
import { PeerSites } from './peer-sites.ts';

const OWN = 0x0a00_0014;
const CHOICE = { shape: 'tcp', handshake: 'hold' } as const;
const DEMAND = { idle_ms: 60_000, networks: [{ address: 0x0a09_0200, prefix: 24 }] };
const ALWAYS: GatewayPeer = { name: 'gateway30', address: 30, port: 443, connect: true, ...CHOICE };
const CALLED: GatewayPeer = { name: 'gateway40', address: 40, port: 443, connect: false, ...CHOICE, demand: DEMAND };
const LEARNED: GatewayPeer = { name: 'gateway50', port: 443, connect: false, ...CHOICE, demand: { idle_ms: 5 } };
const CONFIG = { name: 'gateway20', address: OWN, peers: [ALWAYS, CALLED, LEARNED] };
const PARAMETERS = recordParameters({ peerName: 'gateway50' });

class Control {
  readonly host = new TestHost();
  readonly layer = this.host.attach(new AcceleratorControlLayer(this.host, '2001', CONFIG));

  constructor() {
    this.host.start();
  }

  wants(site: number): this {
    this.host.inject('settings', { kind: 'engine-wanted', want: { site, destination: 7, address: 8 } });
    return this;
  }

  ssl(session: string, kind: string, more: object = {}): this {
    this.host.inject('ssl', { kind, session, ...more });
    return this;
  }

  /** Addresses that were dialled, in order, besides that of the peer which is always dialled. */
  dials(): number[] {
    return this.connects().map(({ destination }) => destination);
  }

  connects(): Extract<SslRequest, { kind: 'connect' }>[] {
    return this.host
      .sentOn<SslRequest>('ssl')
      .flatMap((each) => (each.kind === 'connect' && each.peer !== ALWAYS.name ? [each] : []));
  }

  state(peer: string): string | undefined {
    return this.layer.status().peers.find(({ name }) => name === peer)?.state;
  }
}

describe('sessions on demand', () => {
  it('the engine is told the rules before anything is dialled', () => {
    const control = new Control();
    expect(control.host.sentOn<{ kind: string }>('settings').filter(({ kind }) => kind === 'engine-demand')).toEqual([
      { kind: 'engine-demand', rule: { site: 2, ...DEMAND } },
      { kind: 'engine-demand', rule: { site: 3, idle_ms: 5, networks: [] } },
    ]);
    expect(control.dials()).toEqual([]);
  });

  it('dials the peer that traffic wants, once, and tells the journal why', () => {
    const control = new Control().wants(2).wants(2);
    expect(control.dials()).toEqual([40]);
    expect(control.state('gateway40')).toBe('DIALLING');
    expect(control.host.notes('session-wanted')[0]).toMatchObject({ peer: 'gateway40', destination: 7, address: 8 });
  });

  it('does not try again by itself, and not before its time when traffic asks', () => {
    const control = new Control().wants(2);
    const fail = (): void => {
      const { session } = control.connects().at(-1) as { session: string };
      control.ssl(session, 'closed', { reason: 'tcp-refused' });
      control.host.advance(LEG_LINGER_MS * 1000);
    };
    fail();
    expect(control.state('gateway40')).toBe('IDLE');
    control.wants(2);
    expect(control.dials()).toEqual([40, 40]);
    for (let attempt = 0; attempt < 5; attempt++) {
      fail();
      control.wants(2);
    }
    expect(control.state('gateway40')).toBe('BACK-OFF');
    const before = control.dials().length;
    control.host.advance(BACK_OFF_FIRST_MS * 1000);
    control.wants(2);
    expect(control.dials().length).toBe(before);
    control.host.advance(64 * BACK_OFF_FIRST_MS * 1000);
    expect([control.state('gateway40'), control.dials().length]).toEqual(['IDLE', before]);
    control.wants(2);
    expect(control.dials().length).toBe(before + 1);
  });

  it('dials a peer without an address where its last session came from, and nobody before', () => {
    const control = new Control().wants(3);
    expect([control.dials(), control.state('gateway50')]).toEqual([[], 'BACK-OFF']);
    control.host.advance(2 * BACK_OFF_FIRST_MS * 1000);
    const tuple = { local: OWN, localPort: 443, remote: 55, remotePort: 50_000 };
    control.host.inject('settings', {
      kind: 'leg-open',
      tuple,
      digest: new Uint8Array(32),
      ...CHOICE,
      ownMac: 1,
      nextHopMac: 2,
    });
    control.ssl('accepted-1', 'accepted', { tuple }).ssl('accepted-1', 'secured', { parameters: PARAMETERS });
    for (const kind of ['engine-started', 'engine-authenticated', 'engine-disconnect'])
      control.host.inject('settings', { kind, sessionId: 1, reason: 12 });
    control.ssl('accepted-1', 'closed', { reason: 'local' });
    expect(control.state('gateway50')).toBe('IDLE');
    control.wants(3);
    expect(control.dials()).toEqual([55]);
  });

  it('leaves alone whom the operator has sent away, and what no peer is known by', () => {
    const control = new Control();
    control.host.event('disconnect', { peer: 'gateway40' });
    control.wants(2).wants(0).wants(99);
    expect([control.dials(), control.state('gateway40')]).toEqual([[], 'OFF']);
  });

  it('the operator may still want it for good: it is dialled again then', () => {
    const control = new Control().wants(2);
    control.host.event('connect', { peer: 'gateway40' });
    const { session } = control.connects()[0] as { session: string };
    control.ssl(session, 'closed', { reason: 'tcp-refused' });
    control.host.advance(4 * BACK_OFF_FIRST_MS * 1000);
    expect(control.dials()).toEqual([40, 40]);
  });
});

describe('sessions on demand of a gateway in software', () => {
  const HERE = { mac: 0x0200_0000_0021, ip: 0x0a09_0001 };
  const THERE = { mac: 0x0200_0000_0041, ip: 0x0a09_0201 };
  const arp = (from: typeof HERE, targetIp: number): Uint8Array =>
    buildArpFrame({
      ethernet: { source: from.mac, destination: BROADCAST_MAC },
      arp: { operation: 1, senderMac: from.mac, senderIp: from.ip, targetMac: 0, targetIp },
    });

  function application(): { host: TestHost; layer: GatewayApplicationLayer } {
    const host = new TestHost();
    const layer = host.attach(new GatewayApplicationLayer(host, '2001A', { ...CONFIG, peers: [CALLED] }));
    host.start();
    return { host, layer };
  }

  it('the application sees what is wanted and what is idle itself', () => {
    const { host, layer } = application();
    host.injectBytes('nic', arp(HERE, THERE.ip));
    const connects = () => host.sentOn<SslRequest>('ssl').filter(({ kind }) => kind === 'connect');
    expect(connects()).toMatchObject([{ peer: 'gateway40', destination: 40 }]);
    expect(host.notes('session-wanted')).toMatchObject([{ peer: 'gateway40', address: THERE.ip }]);
    const { session } = connects()[0] as { session: string };
    const parameters = { ...PARAMETERS, role: 'client', peerName: 'gateway40' };
    for (const message of [{ kind: 'connected' }, { kind: 'secured', parameters }, { kind: 'authenticated' }])
      host.inject('ssl', { session, ...message });
    expect(layer.status().peers[0]?.state).toBe('UP');
    host.inject('ssl', { session, kind: 'frame', frame: host.frame(arp(THERE, HERE.ip)) });
    host.injectBytes('nic', arp(HERE, THERE.ip));
    expect(host.sentOn('nic')).toHaveLength(1);
    expect(connects()).toHaveLength(1);
    host.advance(DEMAND.idle_ms * 1000 - 1);
    const last = () => host.sentOn<SslRequest>('ssl').at(-1)?.kind;
    expect(last()).toBe('frame');
    host.advance(1);
    expect(last()).toBe('close');
    host.inject('ssl', { session, kind: 'closed', reason: 'local' });
    expect(layer.status().peers[0]?.state).toBe('IDLE');
    host.injectBytes('nic', arp(HERE, THERE.ip));
    expect(connects()).toHaveLength(2);
  });

  it('drops what is shorter than an Ethernet header, from either side', () => {
    const { host } = application();
    host.injectBytes('nic', new Uint8Array(13));
    expect(host.dropReasons()).toEqual(['malformed']);
  });
});

it('peers have numbers from 1 up', () => {
  const sites = new PeerSites(CONFIG);
  expect(CONFIG.peers.map(({ name }) => sites.siteOf(name))).toEqual([1, 2, 3]);
  expect([1, 2, 3].map((site) => sites.nameOf(site))).toEqual(CONFIG.peers.map(({ name }) => name));
  expect([sites.siteOf('nobody'), sites.siteOf(undefined), sites.nameOf(0), sites.nameOf(4)]).toEqual([
    0,
    0,
    undefined,
    undefined,
  ]);
});
