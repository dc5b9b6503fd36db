import { isIp6 } from '../../wire/ip-address.ts';
import { seqAdd, seqMax } from '../../wire/seq.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import { OwnAddresses } from '../own-addresses.ts';
import type { ConnectionName, TcpIndication, TcpRequest } from '../services.ts';
import type { JournalData } from '../tap.ts';
import type { TcpConnection, TcpConnectionOptions } from './connection.ts';
import { ConnectionTable } from './connection-table.ts';
import type { ConnectionEvent } from './core.ts';
import type { SavedEntry, SharedOptions, TcpLayerOptions } from './layer-options.ts';
import type { LayerParts } from './layer-parts.ts';
import { ISN_GAP, MAX_CONNECTIONS } from './limits.ts';
import { type Listener, Listeners } from './listeners.ts';
import { TcpPackets } from './packets.ts';
import { HEADERS_BYTES, HEADERS6_BYTES, type TcpTuple, tupleBytes } from './segment.ts';
import { type EntryFields, type EntryOwner, TableEntry } from './table-entry.ts';
import { TcpUsers } from './users.ts';

export type { TcpLayerOptions } from './layer-options.ts';

/**
 * TCP of an operating system (1003, 1005, 2003, 2102): the connections, who they belong to, and what segments without one get.
 * Port `lower` carries IP packets, `upper` and the ports of further users carry services.ts messages.
 */
export class TcpLayer extends Layer {
  readonly kind = 'tcp';
  readonly #options: TcpLayerOptions;
  readonly #table = new ConnectionTable();
  readonly #listeners = new Listeners();
  readonly #users: TcpUsers;
  readonly #packets: TcpPackets;
  /** Options that all connections over a family have in common; each one's own stand before them. */
  readonly #shared4: SharedOptions;
  readonly #shared6: SharedOptions;
  readonly #owner: EntryOwner;

  constructor(host: LayerHost, label: string, options: TcpLayerOptions) {
    super(host, label);
    this.#options = options;
    this.#shared4 = { ...options.connections, mss: options.mtu - HEADERS_BYTES };
    this.#shared6 = { ...options.connections, mss: options.mtu - HEADERS6_BYTES };
    this.#owner = this.#ownerOfEntries();
    const parts = this.#parts();
    const lower = this.addPort<Frame, Frame>('lower', (frame) => this.#packets.arrived(frame));
    this.#packets = new TcpPackets(parts, lower);
    this.#users = new TcpUsers(parts);
    for (const user of ['upper', ...(options.users ?? [])]) this.#addUser(user);
  }

  override stop(): void {
    this.#listeners.clear();
    for (const entry of [...this.#table.entries]) entry.connection.abort();
  }

  override timerFired(name: string): void {
    const slash = name.lastIndexOf('/');
    this.#table.byId(name.slice(0, slash))?.connection.timerFired(name.slice(slash + 1));
  }

  override machines(): readonly MachineView[] {
    return [...this.#table.entries].flatMap(({ connection }) => connection.machines);
  }

  /** Connections in all states. */
  get size(): number {
    return this.#table.size;
  }

  /** A connection by its user's name, for status and tests. */
  connection(name: ConnectionName, user = 'upper'): TcpConnection | undefined {
    return this.#table.byName(user, name)?.connection;
  }

  override save(): SavedLayer {
    const entries = [...this.#table.entries].map((entry) => ({
      ...entry.save(),
      listener: entry.listener ?? null,
      connection: entry.connection.save(),
    }));
    const listeners = this.#listeners.save() as unknown as JournalData;
    const waiting = this.#table.waitingIds;
    return {
      version: 2,
      accepted: this.#packets.accepted,
      listeners,
      waiting,
      entries: entries as unknown as JournalData,
    };
  }

  override restore(saved: SavedLayer): void {
    this.#packets.accepted = saved.accepted as number;
    this.#listeners.restore(saved.listeners as unknown as Listener[]);
    for (const entry of saved.entries as unknown as SavedEntry[]) {
      const { connection, listener, ...rest } = entry;
      this.#add({ ...rest, listener: listener ?? undefined }).connection.restore(connection);
    }
    for (const id of saved.waiting as string[]) this.#table.waits(this.#table.byId(id) as TableEntry);
  }

  /** Segments that connections of this layer have sent again, since it came to be. */
  get retransmissions(): number {
    let sum = this.counters.retransmissions ?? 0;
    for (const { connection } of this.#table.entries) sum += connection.stats.retransmissions;
    return sum;
  }

  get #isFull(): boolean {
    return this.#table.size >= (this.#options.maxConnections ?? MAX_CONNECTIONS);
  }

  #addUser(user: string): void {
    const port = this.addPort<TcpRequest, TcpIndication>(user, (request) => this.#users.request(user, request));
    this.#users.add(user, port);
  }

  #parts(): LayerParts {
    const { otherAddresses = [], address, anySource } = this.#options;
    return {
      host: this.host,
      label: this.label,
      options: this.#options,
      own: new OwnAddresses([address, ...otherAddresses], anySource),
      table: this.#table,
      listeners: this.#listeners,
      hasRoom: () => !this.#isFull || this.#table.canMakeRoom,
      add: (fields, before) => this.#add(fields, before),
      sharedOptions: (tuple) => this.#sharedOptions(tuple),
      count: (name) => this.count(name),
      note: (name, data) => this.note(name, data),
      drop: (reason, frame, detail) => this.drop(reason, frame, detail),
    };
  }

  #add(fields: EntryFields, before?: number): TableEntry {
    if (this.#isFull) this.#recycle();
    const { id, tuple } = fields;
    const own = Object.create(this.#sharedOptions(tuple));
    const options: TcpConnectionOptions = Object.assign(own, tuple, { name: id });
    const entry = new TableEntry(this.#owner, fields, options, before);
    this.#table.add(entry);
    return entry;
  }

  /** The connection that is longest in TIME-WAIT ends before its time. */
  #recycle(): void {
    this.count('time-wait-recycled');
    this.#table.makeRoom();
  }

  #sharedOptions({ local }: TcpTuple): SharedOptions {
    return isIp6(local) ? this.#shared6 : this.#shared4;
  }

  #ownerOfEntries(): EntryOwner {
    return {
      now_us: () => this.host.now_us(),
      setTimer: (name, delay_us) => this.setTimer(name, delay_us),
      clearTimer: (name) => this.clearTimer(name),
      isn: (tuple, before) => this.#isn(tuple, before),
      transmit: (segment, tuple, entry) =>
        this.#packets.transmit(segment, tuple, entry.connection.settings, entry.doubts),
      indicated: (entry, event) => this.#indicated(entry, event),
      observer: this.host.observer(this.label),
    };
  }

  #isn(tuple: TcpTuple, before: number | undefined): number {
    const isn = this.host.vault.isn(tupleBytes(tuple), this.host.now_us());
    return before === undefined ? isn : seqMax(isn, seqAdd(before, ISN_GAP));
  }

  #indicated(entry: TableEntry, event: ConnectionEvent): void {
    const { user, name: connection } = entry;
    switch (event.kind) {
      case 'connected':
        this.#connected(entry);
        return;
      case 'closed':
        this.#leaveListener(entry);
        this.#table.freeName(entry);
        if (entry.connection.state === 'TIME-WAIT') this.#table.waits(entry);
        if (entry.told) this.#users.indicate(user, { kind: 'closed', connection, reason: event.reason });
        return;
      case 'gone':
        this.count('retransmissions', entry.connection.stats.retransmissions);
        this.#table.remove(entry);
        return;
      case 'syn-received':
        return;
      default:
        if (entry.told) this.#users.indicate(user, { ...event, connection });
    }
  }

  #connected(entry: TableEntry): void {
    const { user, name: connection, tuple } = entry;
    const { localPort, remote, remotePort } = tuple;
    if (entry.told) {
      this.#users.indicate(user, { kind: 'connected', connection, localPort });
      return;
    }
    this.#leaveListener(entry);
    entry.told = true;
    const listener = this.#listenerOf(entry);
    if (listener !== undefined) listener.open += 1;
    this.#users.indicate(user, { kind: 'accepted', connection, localPort, remote, remotePort });
  }

  /** Its handshake is over, one way or the other, or the connection itself. */
  #leaveListener(entry: TableEntry): void {
    const listener = this.#listenerOf(entry);
    if (listener === undefined) return;
    if (entry.told) listener.open = Math.max(0, listener.open - 1);
    else listener.pending = Math.max(0, listener.pending - 1);
  }

  #listenerOf({ listener }: TableEntry): Listener | undefined {
    return listener === undefined ? undefined : this.#listeners.get(listener);
  }
}
