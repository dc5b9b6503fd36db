import type { ConnectionName } from '../services.ts';
import type { TcpConnection } from './connection.ts';
import { FIRST_EPHEMERAL_PORT, LAST_EPHEMERAL_PORT } from './limits.ts';
import type { TcpTuple } from './segment.ts';

/** A connection of the layer and whom it belongs to. */
export interface TableEntry {
  /** Name of its machine and timers: unique, also while an older one of the same name is in TIME-WAIT. */
  readonly id: string;
  readonly user: string;
  readonly name: ConnectionName;
  readonly tuple: TcpTuple;
  /** Port of the listener that it came by; undefined for one that we opened. */
  readonly listener: number | undefined;
  readonly connection: TcpConnection;
  /** The user has heard of it: by its own `connect`, or by `accepted`. */
  told: boolean;
}

/** Connections of a TCP layer by addresses and ports, by machine name and by the user's name. */
export class ConnectionTable {
  readonly #byTuple = new Map<string, TableEntry>();
  readonly #byId = new Map<string, TableEntry>();
  readonly #byName = new Map<string, TableEntry>();

  get size(): number {
    return this.#byId.size;
  }

  get entries(): Iterable<TableEntry> {
    return this.#byId.values();
  }

  add(entry: TableEntry): void {
    this.#byTuple.set(tupleKey(entry.tuple), entry);
    this.#byId.set(entry.id, entry);
    this.#byName.set(nameKey(entry.user, entry.name), entry);
  }

  byTuple(tuple: TcpTuple): TableEntry | undefined {
    return this.#byTuple.get(tupleKey(tuple));
  }

  byId(id: string): TableEntry | undefined {
    return this.#byId.get(id);
  }

  byName(user: string, name: ConnectionName): TableEntry | undefined {
    return this.#byName.get(nameKey(user, name));
  }

  /** The user is done with it: its name is free, the connection itself may go on. */
  freeName(entry: TableEntry): void {
    const key = nameKey(entry.user, entry.name);
    if (this.#byName.get(key) === entry) this.#byName.delete(key);
  }

  remove(entry: TableEntry): void {
    this.freeName(entry);
    this.#byId.delete(entry.id);
    const key = tupleKey(entry.tuple);
    if (this.#byTuple.get(key) === entry) this.#byTuple.delete(key);
  }

  /** `name`, or a variant of it while an older connection still has that. */
  freeId(name: string): string {
    let id = name;
    for (let variant = 2; this.#byId.has(id); variant++) id = `${name}~${variant}`;
    return id;
  }

  /** The first free ephemeral port from a random place on (RFC 6056 section 3.3.1); undefined when all are in use. */
  freePort(tuple: Omit<TcpTuple, 'localPort'>, random: number): number | undefined {
    const count = LAST_EPHEMERAL_PORT - FIRST_EPHEMERAL_PORT + 1;
    for (let tried = 0; tried < count; tried++) {
      const localPort = FIRST_EPHEMERAL_PORT + ((random + tried) % count);
      if (this.byTuple({ ...tuple, localPort }) === undefined) return localPort;
    }
    return undefined;
  }
}

function tupleKey({ localPort, remote, remotePort }: TcpTuple): string {
  return `${localPort} ${remote} ${remotePort}`;
}

function nameKey(user: string, name: ConnectionName): string {
  return `${user}/${name}`;
}
