import { describe, expect, it } from 'vitest';
import { layerCompliance, type Stimulus } from '../../../test/support/compliance.ts';
import { ethernet, RelaySites, relayConfig, sessionOfSite } from '../../../test/support/relay-sites.ts';
import { BROADCAST_MAC, CONTROL_MAC_ENGINE } from '../../wire/address.ts';
import { STORM_QUIET_US } from '../bridge/hub.ts';
import { MOVES_PER_WINDOW, STATION_AGE_US } from '../bridge/stations.ts';
import type { SslRequest } from '../services.ts';
import { RELAY_UNKNOWN_FRAMES_PER_SECOND, RelayApplicationLayer } from './layer.ts';

const A = 0x0200_0000_000a;
const B = 0x0200_0000_000b;
const C = 0x0200_0000_000c;

/** Sessions s1, s2 and s3 of sites 1, 2 and 3. */
function threeSites(): RelaySites {
  const sites = new RelaySites(3);
  for (const site of [1, 2, 3]) sites.up(`s${site}`, site);
  return sites;
}

describe('relay application', () => {
  it('floods what it does not know to every other session and sends what it knows to one, never back', () => {
    const sites = threeSites();
    expect(sites.frame('s1', B, A)).toEqual(['s2', 's3']);
    expect(sites.frame('s2', A, B)).toEqual(['s1']);
    expect(sites.frame('s1', B, A)).toEqual(['s2']);
    expect(sites.frame('s3', BROADCAST_MAC, C)).toEqual(['s1', 's2']);
    expect(sites.frame('s2', 0x0100_5e00_0001, B)).toEqual(['s1', 's3']);
    expect(sites.frame('s1', A, C + 1)).toEqual([]);
    expect(sites.relay.drops.get('same-port')).toBe(1);
    expect(sites.relay.stationCount).toBe(4);
    expect(sites.relay.counters).toMatchObject({ fromTunnel: 6, intoTunnel: 8, forwarded: 2, flooded: 3 });
  });

  it('gives nothing to a session that does not carry yet, and takes nothing of it', () => {
    const sites = threeSites();
    const [accepted, secured] = sessionOfSite('s4', 3);
    for (const stimulus of [accepted, secured])
      if (stimulus !== undefined && 'message' in stimulus) sites.host.inject(stimulus.port, stimulus.message);
    expect(sites.frame('s4', BROADCAST_MAC, C)).toEqual([]);
    expect(sites.relay.drops.get('no-session')).toBe(1);
    expect(sites.frame('s1', BROADCAST_MAC, A)).toEqual(['s2', 's3']);
  });

  it('forgets the stations of a session that dies, and learns them anew when it has come back', () => {
    const sites = threeSites();
    sites.frame('s2', BROADCAST_MAC, B);
    sites.frame('s3', BROADCAST_MAC, C);
    expect(sites.frame('s1', B, A)).toEqual(['s2']);
    sites.dies('s2');
    expect(sites.relay.stationCount).toBe(2);
    expect(sites.frame('s1', B, A)).toEqual(['s3']);
    expect(sites.frame('s1', C, A)).toEqual(['s3']);
    expect(sites.frame('s2', A, B)).toEqual([]);
    sites.up('again', 2);
    expect(sites.frame('s1', B, A)).toEqual(['s3', 'again']);
    expect(sites.frame('again', A, B)).toEqual(['s1']);
    expect(sites.frame('s1', B, A)).toEqual(['again']);
  });

  it('takes two sessions of one peer for one port: the newer gets the frames, the older may still bring some', () => {
    const sites = new RelaySites(3, { name: 'virtual-hub' });
    for (const site of [1, 2, 3]) sites.up(`s${site}`, site);
    sites.frame('s2', BROADCAST_MAC, B);
    sites.up('newer', 2);
    expect(sites.frame('s1', BROADCAST_MAC, A)).toEqual(['newer', 's3']);
    expect(sites.frame('s1', B, A)).toEqual(['newer']);
    expect(sites.frame('s2', BROADCAST_MAC, B)).toEqual(['s1', 's3']);
    sites.dies('newer');
    expect(sites.frame('s1', B, A)).toEqual(['s2']);
    sites.dies('s2');
    expect(sites.frame('s1', B, A)).toEqual(['s3']);
  });

  it('drops what flaps between sessions, and a storm at the session it comes from', () => {
    const sites = new RelaySites(3, { groupFramesPerSecond: 10 });
    for (const site of [1, 2, 3]) sites.up(`s${site}`, site);
    for (let move = 0; move <= MOVES_PER_WINDOW + 1; move++) sites.frame(move % 2 === 0 ? 's1' : 's2', B, A);
    expect(sites.relay.drops.get('flapping')).toBe(1);
    for (let at = 0; at < 12; at++) sites.frame('s3', BROADCAST_MAC, C);
    expect(sites.relay.drops.get('storm')).toBe(2);
    expect(sites.frame('s1', BROADCAST_MAC, A + 100)).toEqual(['s2', 's3']);
    sites.host.advance(STORM_QUIET_US);
    expect(sites.frame('s3', BROADCAST_MAC, C)).toEqual(['s1', 's2']);
  });

  it('multiplies no more than so many frames of a site to stations that nobody has heard; broadcasts and known stations go on', () => {
    const sites = threeSites();
    sites.frame('s2', BROADCAST_MAC, B);
    const unknown = (at: number) => sites.frame('s1', 0x0200_0100_0000 + at, A);
    for (let at = 0; at < RELAY_UNKNOWN_FRAMES_PER_SECOND; at++) unknown(at);
    expect([unknown(0), sites.relay.drops.get('storm')]).toEqual([[], 1]);
    expect(sites.frame('s1', BROADCAST_MAC, A)).toEqual(['s2', 's3']);
    expect(sites.frame('s1', B, A)).toEqual(['s2']);
    expect(sites.frame('s3', C + 1, C)).toEqual(['s1', 's2']);
    sites.host.advance(1_000);
    expect(unknown(0)).toEqual(['s2', 's3']);
  });

  it('ends the storm of a session that dies: it comes back as a new one', () => {
    const sites = new RelaySites(2, { groupFramesPerSecond: 1 });
    for (const site of [1, 2]) sites.up(`s${site}`, site);
    for (let at = 0; at < 3; at++) sites.frame('s1', BROADCAST_MAC, A);
    const quiets = () => sites.host.timers().filter(([name]) => name.startsWith('quiet'));
    expect(quiets()).toHaveLength(1);
    sites.dies('s1');
    expect(quiets()).toEqual([]);
    sites.up('again', 1);
    expect(sites.frame('again', BROADCAST_MAC, A)).toEqual(['s2']);
  });

  it('does not end a storm because its site opens a second session', () => {
    const sites = new RelaySites(2, { name: 'virtual-hub', groupFramesPerSecond: 1 });
    for (const site of [1, 2]) sites.up(`s${site}`, site);
    for (let at = 0; at < 3; at++) sites.frame('s1', BROADCAST_MAC, A);
    sites.up('newer', 1);
    expect(sites.frame('newer', BROADCAST_MAC, A)).toEqual([]);
  });

  it('gives one site no more than its share of the table, and forgets who was silent for long', () => {
    const sites = new RelaySites(2, { stationsMax: 4, stationsPerPort: 2 });
    for (const site of [1, 2]) sites.up(`s${site}`, site);
    for (let host = 0; host < 5; host++) sites.frame('s1', BROADCAST_MAC, A + 0x100 * host);
    expect(sites.relay.counters).toMatchObject({ new: 2, full: 3 });
    sites.frame('s2', BROADCAST_MAC, B);
    expect(sites.relay.stationCount).toBe(3);
    sites.host.advance(STATION_AGE_US + 1);
    expect(sites.frame('s2', A, B)).toEqual(['s1']);
    expect(sites.relay.stationCount).toBe(2);
  });

  it('lets no control frame and no frame of its own tunnels pass', () => {
    const sites = threeSites();
    expect(sites.frame('s1', CONTROL_MAC_ENGINE, A)).toEqual([]);
    expect(sites.frame('s1', B, CONTROL_MAC_ENGINE)).toEqual([]);
    expect(sites.relay.drops.get('foreign-control-frame')).toBe(2);
  });

  it('keeps as many sessions as it is told to, finds each without looking at the others, and drains them all', () => {
    const sites = new RelaySites(600, { sessions: 500 });
    for (let site = 1; site <= 600; site++) sites.up(`s${site}`, site);
    expect(sites.relay.counters.sessionsUp).toBe(500);
    expect(sites.relay.drops.get('too-many-sessions')).toBe(100);
    expect(sites.frame('s1', BROADCAST_MAC, A)).toHaveLength(499);
    sites.host.outputs.length = 0;
    sites.event('drain');
    const closed = sites.host.sentOn<SslRequest>('ssl').filter(({ kind }) => kind === 'close');
    expect(closed).toHaveLength(500);
    expect(sites.relay.stationCount).toBe(0);
  });
});

const ssl = (message: object): Stimulus => ({ port: 'ssl', message });
const inner = (session: string, destination: number, source: number): Stimulus =>
  ssl({ kind: 'frame', session, frame: ethernet(destination, source) });

/** A site that brings a new station with each frame, once its session stands. */
function flood(index: number): Stimulus {
  return sessionOfSite('s1', 1)[index] ?? inner('s1', B, 0x0200_0001_0000 + index);
}

layerCompliance(
  'relay application',
  (host) => new RelayApplicationLayer(host, '1001', relayConfig(3, { groupFramesPerSecond: 2 })),
  [
    inner('s1', B, A),
    ...sessionOfSite('s1', 1),
    ...sessionOfSite('s2', 2),
    ...sessionOfSite('s3', 3),
    ...sessionOfSite('stranger', 9),
    inner('s1', B, A),
    inner('s2', A, B),
    inner('s1', B, A),
    inner('s3', BROADCAST_MAC, C),
    inner('s3', BROADCAST_MAC, C),
    inner('s3', BROADCAST_MAC, C),
    { wait_us: 500_000 },
    ...sessionOfSite('s1-again', 1, 444),
    inner('s1', B, A),
    inner('s2', A, B),
    ssl({ kind: 'closed', session: 's2', reason: 'peer-dead' }),
    inner('s1-again', B, A),
    { wait_us: STORM_QUIET_US },
    inner('s3', BROADCAST_MAC, C),
    { event: 'disconnect', data: { peer: 'site3' } },
    inner('s3', BROADCAST_MAC, C),
    inner('s1-again', BROADCAST_MAC, A),
    ssl({ kind: 'closed', session: 's3', reason: 'local' }),
    { event: 'drain' },
  ],
  { framePorts: [], settle_us: 10_000_000, flood },
);
