import type { Ip4, Mac } from '../../wire/address.ts';
import type { DemandRule } from '../../wire/demand-rule.ts';
import type { Want } from '../sites/demand.ts';
import type { GatewayConfig } from './config.ts';

/** Peers by the numbers that frames' stations are known by: 1 for the first peer of the config, and so on. */
export class PeerSites {
  /** Whose sessions may be opened on demand. */
  readonly rules: readonly DemandRule[];
  readonly #names: readonly string[];
  readonly #sites: ReadonlyMap<string, number>;

  constructor({ peers }: GatewayConfig) {
    this.#names = peers.map(({ name }) => name);
    this.#sites = new Map(this.#names.map((name, index) => [name, index + 1]));
    this.rules = peers.flatMap(({ demand }, index) =>
      demand === undefined ? [] : [{ site: index + 1, idle_ms: demand.idle_ms, networks: demand.networks ?? [] }],
    );
  }

  nameOf(site: number): string | undefined {
    return this.#names[site - 1];
  }

  /** Whose session a frame of the LAN wants, in words for the journal; no name for whom the config does not know. */
  wanted({ site, destination, address }: Want): { peer: string; destination: Mac; address: Ip4 } {
    return { peer: this.nameOf(site) ?? '', destination, address };
  }

  /** 0 for whom the config does not know. */
  siteOf(peer: string | undefined): number {
    return this.#sites.get(peer ?? '') ?? 0;
  }
}
