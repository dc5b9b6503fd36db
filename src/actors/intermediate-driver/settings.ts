import type { F13Shape, FourTuple } from '../../engine/f13.ts';
import type { Ip4 } from '../../wire/address.ts';
import type { HandshakeMode } from '../services.ts';

/** Destinations that may be announced at a time. */
export const ANNOUNCED_LISTENERS = 64;
/** Sessions that may be announced for connecting at a time. */
export const ANNOUNCED_CONNECTS = 256;

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

/** Block L (1008L): what the application above told about sessions. Blocks H and I classify by it. */
export class Settings {
  #listeners: Listener[] = [];
  #connects = new Map<string, Connect>();

  /** False when the table is full. */
  listen(listener: Listener): boolean {
    this.#listeners = this.#listeners.filter(
      (each) => each.address !== listener.address || each.port !== listener.port,
    );
    if (this.#listeners.length >= ANNOUNCED_LISTENERS) return false;
    this.#listeners.push(listener);
    return true;
  }

  /** False when the table is full. */
  connect(connect: Connect): boolean {
    const key = tupleKey(connect.tuple);
    if (this.#connects.size >= ANNOUNCED_CONNECTS && !this.#connects.has(key)) return false;
    this.#connects.set(key, connect);
    return true;
  }

  withdraw(tuple: FourTuple): void {
    this.#connects.delete(tupleKey(tuple));
  }

  listenerFor(address: Ip4, port: number): Listener | undefined {
    return this.#listeners.find((each) => each.address === address && each.port === port);
  }

  connectFor(tuple: FourTuple): Connect | undefined {
    return this.#connects.get(tupleKey(tuple));
  }

  save(): { readonly listeners: readonly Listener[]; readonly connects: readonly Connect[] } {
    return { listeners: [...this.#listeners], connects: [...this.#connects.values()] };
  }

  restore(saved: { readonly listeners: readonly Listener[]; readonly connects: readonly Connect[] }): void {
    this.#listeners = [...saved.listeners];
    this.#connects = new Map(saved.connects.map((connect) => [tupleKey(connect.tuple), connect]));
  }
}
