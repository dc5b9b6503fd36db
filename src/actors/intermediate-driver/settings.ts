import type { F13Shape, FourTuple } from '../../engine/f13.ts';
import type { Ip4, Mac } from '../../wire/address.ts';
import type { HandshakeMode } from '../services.ts';

/** Destinations that may be announced at a time. */
export const ANNOUNCED_LISTENERS = 64;
/** Sessions that may be announced for connecting at a time. */
export const ANNOUNCED_CONNECTS = 256;

/** Ranges of MAC addresses that may be registered for special frames. */
export const SPECIAL_RANGES = 8;

/** MAC addresses that mark special frames, both ends included. */
export interface SpecialRange {
  readonly first: Mac;
  readonly last: Mac;
}

export interface SavedSettings {
  readonly listeners: readonly Listener[];
  readonly connects: readonly Connect[];
  readonly specials: readonly SpecialRange[];
}

export interface Listener {
  readonly address: Ip4;
  readonly port: number;
  readonly shape: F13Shape;
  readonly handshake: HandshakeMode;
}

export interface Connect {
  readonly tuple: FourTuple;
  readonly shape: F13Shape;
  readonly handshake: HandshakeMode;
}

/** One text per session: `local:port-remote:port` as numbers. */
export function tupleKey({ local, localPort, remote, remotePort }: FourTuple): string {
  return `${local}:${localPort}-${remote}:${remotePort}`;
}

/** Room for a port below an IPv4 address, in one number. */
const PORTS = 0x1_0000;

/**
 * Block L (1008L), the table of sessions to accelerate (12, [1408], [1409]): what the application above told about destinations, sessions
 * and special frames. Blocks H and I classify by it; a look-up takes the same time whatever the number of rows.
 */
export class Settings {
  #listeners = new Map<number, Listener>();
  #connects = new Map<string, Connect>();
  #specials: SpecialRange[] = [];

  /** False when the table is full. */
  listen(listener: Listener): boolean {
    const key = listener.address * PORTS + listener.port;
    if (this.#listeners.size >= ANNOUNCED_LISTENERS && !this.#listeners.has(key)) return false;
    this.#listeners.set(key, listener);
    return true;
  }

  /** False when the table is full. */
  connect(connect: Connect): boolean {
    const key = tupleKey(connect.tuple);
    if (this.#connects.size >= ANNOUNCED_CONNECTS && !this.#connects.has(key)) return false;
    this.#connects.set(key, connect);
    return true;
  }

  /** Frames from and to these addresses are for block M. False when there are too many ranges. */
  special({ first, last }: SpecialRange): boolean {
    if (this.#specials.some((range) => range.first === first && range.last === last)) return true;
    if (this.#specials.length >= SPECIAL_RANGES) return false;
    this.#specials.push({ first, last });
    return true;
  }

  withdraw(tuple: FourTuple): void {
    this.#connects.delete(tupleKey(tuple));
  }

  listenerFor(address: Ip4, port: number): Listener | undefined {
    return this.#listeners.get(address * PORTS + port);
  }

  connectFor(tuple: FourTuple): Connect | undefined {
    return this.#connects.get(tupleKey(tuple));
  }

  isSpecial(mac: Mac): boolean {
    for (const { first, last } of this.#specials) if (mac >= first && mac <= last) return true;
    return false;
  }

  save(): SavedSettings {
    return {
      listeners: [...this.#listeners.values()],
      connects: [...this.#connects.values()],
      specials: [...this.#specials],
    };
  }

  restore({ listeners, connects, specials }: SavedSettings): void {
    this.#listeners.clear();
    for (const listener of listeners) this.listen(listener);
    this.#connects = new Map(connects.map((connect) => [tupleKey(connect.tuple), connect]));
    this.#specials = [...specials];
  }
}
