import { type Cidr, inNetwork } from '../../wire/address.ts';
import { type Cidr6, type IpAddress, inNetwork6, isIp6 } from '../../wire/ip-address.ts';

/** A destination whose TCP has shown that it has no counterpart is gone by for so long. */
export const BYPASS_US = 600_000_000;
/** One that was merely silent: it may have been a bad moment. */
export const SILENT_BYPASS_US = 60_000_000;
/** Destinations that are remembered; the oldest makes room. */
export const BYPASS_DESTINATIONS = 1024;

/** Destinations whose TCP is not terminated, because nobody there speaks the inner leg. */
export interface BypassOptions {
  /** Networks that are always gone by. */
  readonly networks?: readonly (Cidr | Cidr6)[];
  /** Destinations without a counterpart are found out; default true. False: connections to them do not come about. */
  readonly automatic?: boolean;
}

export type SavedBypass = readonly (readonly [IpAddress, number])[];

/** The by-pass rule of a driver that ends all TCP of its host (spec 02 10.9): what it goes by. */
export class Bypass {
  readonly isAutomatic: boolean;
  readonly #networks: readonly (Cidr | Cidr6)[];
  #learned = new Map<IpAddress, number>();

  constructor({ networks = [], automatic = true }: BypassOptions = {}) {
    this.isAutomatic = automatic;
    this.#networks = networks;
  }

  has(destination: IpAddress, now_us: number): boolean {
    if (this.#networks.some((network) => isIn(destination, network))) return true;
    const until_us = this.#learned.get(destination);
    if (until_us === undefined || until_us > now_us) return until_us !== undefined;
    this.#learned.delete(destination);
    return false;
  }

  /** `heard`: it has answered in the words of a TCP; otherwise not at all. */
  learn(destination: IpAddress, heard: boolean, now_us: number): void {
    this.#learned.delete(destination);
    this.#learned.set(destination, now_us + (heard ? BYPASS_US : SILENT_BYPASS_US));
    for (const oldest of this.#learned.keys()) {
      if (this.#learned.size <= BYPASS_DESTINATIONS) break;
      this.#learned.delete(oldest);
    }
  }

  /** It has shown that it does have a counterpart. */
  forget(destination: IpAddress): void {
    this.#learned.delete(destination);
  }

  save(): SavedBypass {
    return [...this.#learned];
  }

  restore(saved: SavedBypass): void {
    this.#learned = new Map(saved);
  }
}

function isIn(address: IpAddress, network: Cidr | Cidr6): boolean {
  if (isIp6(address)) return typeof network.address === 'string' && inNetwork6(address, network as Cidr6);
  return typeof network.address === 'number' && inNetwork(address, network as Cidr);
}
