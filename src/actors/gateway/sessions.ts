import type { FourTuple } from '../../engine/f13.ts';
import { tupleKey } from '../intermediate-driver/settings.ts';
import type { SessionName } from '../services.ts';
import type { TunnelSession } from './session.ts';

/** The sessions of a gateway or relay by name, by ends and by peer: there may be thousands. */
export class TunnelSessions {
  readonly #byName = new Map<SessionName, TunnelSession>();
  readonly #byTuple = new Map<string, Set<TunnelSession>>();
  readonly #byPeer = new Map<string, Set<TunnelSession>>();
  /** Order in which they began: what is done to several is done in this order, also after a restore. */
  readonly #order = new Map<TunnelSession, number>();
  #added = 0;

  get size(): number {
    return this.#byName.size;
  }

  /** As they are now, the oldest first. */
  get all(): readonly TunnelSession[] {
    return [...this.#byName.values()];
  }

  get(name: SessionName): TunnelSession | undefined {
    return this.#byName.get(name);
  }

  /** The oldest between these ends. */
  byTuple(tuple: FourTuple): TunnelSession | undefined {
    return this.#byTuple.get(tupleKey(tuple))?.values().next().value;
  }

  byEngineSession(id: number): TunnelSession | undefined {
    return id === 0 ? undefined : this.all.find(({ facts }) => facts.engineSession === id);
  }

  /** Sessions with a peer, the oldest first. */
  ofPeer(peer: string): readonly TunnelSession[] {
    const order = (session: TunnelSession): number => this.#order.get(session) ?? 0;
    return [...(this.#byPeer.get(peer) ?? [])].sort((one, other) => order(one) - order(other));
  }

  add(session: TunnelSession): void {
    this.#byName.set(session.name, session);
    this.#order.set(session, ++this.#added);
    put(this.#byTuple, tupleKey(session.tuple), session);
    this.belongs(session);
  }

  /** Its peer is known now. */
  belongs(session: TunnelSession): void {
    if (session.facts.peer !== undefined) put(this.#byPeer, session.facts.peer, session);
  }

  delete(session: TunnelSession): void {
    this.#byName.delete(session.name);
    this.#order.delete(session);
    take(this.#byTuple, tupleKey(session.tuple), session);
    if (session.facts.peer !== undefined) take(this.#byPeer, session.facts.peer, session);
  }

  clear(): void {
    for (const table of [this.#byName, this.#order, this.#byTuple, this.#byPeer]) table.clear();
  }
}

function put<K, V>(table: Map<K, Set<V>>, key: K, value: V): void {
  const known = table.get(key);
  if (known === undefined) table.set(key, new Set([value]));
  else known.add(value);
}

function take<K, V>(table: Map<K, Set<V>>, key: K, value: V): void {
  const known = table.get(key);
  known?.delete(value);
  if (known?.size === 0) table.delete(key);
}
