import type { Frame } from '../../src/actors/frame.ts';
import { type RelayApplicationConfig, RelayApplicationLayer } from '../../src/actors/relay/layer.ts';
import type { SslRequest } from '../../src/actors/services.ts';
import type { JournalData } from '../../src/actors/tap.ts';
import { buildEthernet } from '../../src/wire/ethernet.ts';
import type { Stimulus } from './compliance.ts';
import { recordParameters } from './record-parameters.ts';
import { TestHost } from './test-host.ts';

export const RELAY_ADDRESS = 0xcb00_710a;
const LISTEN = { port: 443, shape: 'tcp', handshake: 'hold' } as const;

/** Peers `site1` … of a relay application. */
export function relayConfig(sites: number, changes: Partial<RelayApplicationConfig> = {}): RelayApplicationConfig {
  const peers = Array.from({ length: sites }, (_, at) => ({
    name: `site${at + 1}`,
    connect: false,
    shape: 'tcp' as const,
    handshake: 'hold' as const,
  }));
  return { name: 'relay10', address: RELAY_ADDRESS, listen: LISTEN, peers, clampMss: false, ...changes };
}

/** What SSL tells of a session of site `site` until it carries. */
export function sessionOfSite(session: string, site: number, localPort = 443): Stimulus[] {
  const tuple = { local: RELAY_ADDRESS, localPort, remote: 0x0a00_0000 + site, remotePort: 50_000 + site };
  const parameters = recordParameters({
    peerName: `site${site}`,
    receiveConnectionId: site,
    sendConnectionId: 1000 + site,
  });
  return [
    { port: 'ssl', message: { kind: 'accepted', session, tuple } },
    { port: 'ssl', message: { kind: 'secured', session, parameters } },
    { port: 'ssl', message: { kind: 'authenticated', session } },
  ];
}

export function ethernet(destination: number, source: number): Uint8Array {
  return buildEthernet({ destination, source, etherType: 0x88b5 }, new Uint8Array(46));
}

/** A relay application alone, with SSL played by the test. */
export class RelaySites {
  readonly host = new TestHost();
  readonly relay: RelayApplicationLayer;

  constructor(sites: number, changes: Partial<RelayApplicationConfig> = {}) {
    this.relay = this.host.attach(new RelayApplicationLayer(this.host, '1001', relayConfig(sites, changes)));
    this.host.start();
  }

  up(session: string, site: number): void {
    for (const stimulus of sessionOfSite(session, site))
      if ('message' in stimulus) this.host.inject(stimulus.port, stimulus.message);
  }

  /** SSL has lost the session. */
  dies(session: string): void {
    this.host.inject('ssl', { kind: 'closed', session, reason: 'peer-dead' });
  }

  /** A frame of a session's LAN; the sessions that get it. */
  frame(session: string, destination: number, source: number): string[] {
    this.host.outputs.length = 0;
    const frame: Frame = this.host.frame(ethernet(destination, source));
    this.host.inject('ssl', { kind: 'frame', session, frame });
    return this.host.sentOn<SslRequest>('ssl').flatMap((request) => {
      if (request.kind !== 'frame') return [];
      return request.frame.bytes.length === frame.bytes.length ? [request.session] : ['another frame'];
    });
  }

  event(name: string, data?: JournalData): void {
    this.host.event(name, data);
  }
}
