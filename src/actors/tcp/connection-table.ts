import { isIp6 } from '../../wire/ip-address.ts';
import type { ConnectionName } from '../services.ts';
import { FIRST_EPHEMERAL_PORT, LAST_EPHEMERAL_PORT } from './limits.ts';
import type { TcpTuple } from './segment.ts';
import type { TableEntry } from './table-entry.ts';
import { FIRST_VARIANT, Variants } from './variants.ts';

const EPHEMERAL_PORTS = LAST_EPHEMERAL_PORT - FIRST_EPHEMERAL_PORT + 1;
/** Odd steps below 2 000 have no divisor in common with the number of ports, 8 x 3529: each leads past all of them. */
const STEPS = 1_000;

/** Connections of a TCP layer by addresses and ports, by machine name and by the user's name. */
export class ConnectionTable {
  readonly #byTuple = new Map<string, TableEntry>();
  readonly #byId = new Map<string, TableEntry>();
  /** By user, then by name. */
  readonly #byName = new Map<string, Map<ConnectionName, TableEntry>>();

  /** Those in TIME-WAIT, the longest there first. */
  readonly #waiting = new Set<TableEntry>();

  /** By the id of which an older connection had kept these from having it. */
  readonly #variants = new Map<string, Variants>();

  get size(): number {
    return this.#byId.size;
  }

  get entries(): Iterable<TableEntry> {
    return this.#byId.values();
  }

  add(entry: TableEntry): void {
    this.#byTuple.set(tupleKey(entry.tuple), entry);
    this.#byId.set(entry.id, entry);
    this.#takeVariant(entry);
    const names = this.#byName.get(entry.user) ?? new Map<ConnectionName, TableEntry>();
    this.#byName.set(entry.user, names.set(entry.name, entry));
  }

  byTuple(tuple: TcpTuple): TableEntry | undefined {
    return this.#byTuple.get(tupleKey(tuple));
  }

  byId(id: string): TableEntry | undefined {
    return this.#byId.get(id);
  }

  byName(user: string, name: ConnectionName): TableEntry | undefined {
    return this.#byName.get(user)?.get(name);
  }

  /** The user is done with it: its name is free, the connection itself may go on. */
  freeName(entry: TableEntry): void {
    const names = this.#byName.get(entry.user);
    if (names?.get(entry.name) === entry) names.delete(entry.name);
  }

  /** Ids of the connections in TIME-WAIT, the longest there first. */
  get waitingIds(): string[] {
    return [...this.#waiting].map(({ id }) => id);
  }

  /** The connection has come to TIME-WAIT: its user is done with it. */
  waits(entry: TableEntry): void {
    this.freeName(entry);
    this.#waiting.add(entry);
  }

  get canMakeRoom(): boolean {
    return this.#waiting.size > 0;
  }

  /** Ends the connection that is longest in TIME-WAIT. */
  makeRoom(): void {
    const [oldest] = this.#waiting;
    oldest?.connection.giveWay();
  }

  remove(entry: TableEntry): void {
    this.freeName(entry);
    this.#waiting.delete(entry);
    this.#byId.delete(entry.id);
    this.#releaseVariant(entry);
    const key = tupleKey(entry.tuple);
    if (this.#byTuple.get(key) === entry) this.#byTuple.delete(key);
  }

  /** Connections that came by a listening port and that its user was told of and has not seen closed. */
  openOf(port: number): number {
    let open = 0;
    for (const entry of this.#byId.values()) {
      if (entry.listener === port && entry.told && this.byName(entry.user, entry.name) === entry) open += 1;
    }
    return open;
  }

  /** The user's name for it, or the lowest variant that is free while an older connection still has that. */
  freeId(user: string, connection: ConnectionName): string {
    const name = baseId(user, connection);
    if (!this.#byId.has(name)) return name;
    let variant = this.#variants.get(name)?.lowest ?? FIRST_VARIANT;
    // Another connection may be called what is a variant here.
    while (this.#byId.has(variantId(name, variant))) variant += 1;
    return variantId(name, variant);
  }

  /** Whether a new connection of ours may have these addresses and ports. */
  isFree(tuple: TcpTuple): boolean {
    return this.byTuple(tuple)?.connection.isReusable !== false;
  }

  /**
   * The first free ephemeral port from a random place on, in steps that differ from call to call, so that ports in use do not pile up in
   * front of each other (RFC 6056 section 3.3.1); undefined when all are in use.
   */
  freePort(tuple: Omit<TcpTuple, 'localPort'>, random: number): number | undefined {
    const step = 1 + 2 * (random % STEPS);
    for (let tried = 0; tried < EPHEMERAL_PORTS; tried++) {
      const localPort = FIRST_EPHEMERAL_PORT + ((random + tried * step) % EPHEMERAL_PORTS);
      if (this.isFree({ ...tuple, localPort })) return localPort;
    }
    return undefined;
  }

  #takeVariant({ id, user, name }: TableEntry): void {
    const base = baseId(user, name);
    if (id === base) return;
    const variants = this.#variants.get(base) ?? new Variants();
    this.#variants.set(base, variants);
    variants.take(variantOf(id, base));
  }

  #releaseVariant({ id, user, name }: TableEntry): void {
    const base = baseId(user, name);
    const variants = id === base ? undefined : this.#variants.get(base);
    if (variants === undefined) return;
    variants.release(variantOf(id, base));
    if (variants.isEmpty) this.#variants.delete(base);
  }
}

function baseId(user: string, name: ConnectionName): string {
  return user === 'upper' ? name : `${user}.${name}`;
}

function variantId(base: string, variant: number): string {
  return `${base}~${variant}`;
}

function variantOf(id: string, base: string): number {
  return Number(id.slice(base.length + 1));
}

/** Short: it is kept for each connection. */
function tupleKey({ local, localPort, remote, remotePort }: TcpTuple): string {
  if (isIp6(local) || isIp6(remote)) return `${localPort} ${remote} ${remotePort} ${local}`;
  return String.fromCharCode(localPort, remotePort, remote >>> 16, remote & 0xffff, local >>> 16, local & 0xffff);
}
