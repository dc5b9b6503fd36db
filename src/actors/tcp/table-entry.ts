import type { MachineObserver } from '../machine-host.ts';
import type { ConnectionName } from '../services.ts';
import { TcpConnection, type TcpConnectionHost, type TcpConnectionOptions } from './connection.ts';
import type { ConnectionEvent } from './core.ts';
import type { OutSegment, TcpTuple } from './segment.ts';

/** What all connections of a layer need of it. */
export interface EntryOwner {
  now_us(): number;
  setTimer(name: string, delay_us: number): void;
  clearTimer(name: string): void;
  /** `before`: the next number of a connection in TIME-WAIT that has made room. */
  isn(tuple: TcpTuple, before: number | undefined): number;
  /** `entry`: whose choices hold for the packet. */
  transmit(segment: OutSegment, tuple: TcpTuple, entry: TableEntry): void;
  indicated(entry: TableEntry, event: ConnectionEvent): void;
  readonly observer: MachineObserver;
}

/** Who and between whom a connection is. */
export interface EntryFields {
  /** Name of its machine and timers: unique, also while an older one of the same name is in TIME-WAIT. */
  readonly id: string;
  readonly user: string;
  readonly name: ConnectionName;
  readonly tuple: TcpTuple;
  /** Port of the listener that it came by; undefined for one that we opened. */
  readonly listener: number | undefined;
  /** The user has heard of it: by its own `connect`, or by `accepted`. */
  told: boolean;
}

/** A connection of the layer, whom it belongs to, and its host: one object, for there may be very many. */
export class TableEntry implements EntryFields, TcpConnectionHost {
  readonly id: string;
  readonly user: string;
  readonly name: ConnectionName;
  readonly listener: number | undefined;
  told: boolean;
  readonly connection: TcpConnection;
  /** The next packet asks IP to look after the path. Set only right before a packet goes out in the same step, so it is not saved. */
  doubts = false;
  readonly #owner: EntryOwner;
  readonly #before: number | undefined;

  constructor(owner: EntryOwner, fields: EntryFields, options: TcpConnectionOptions, before: number | undefined) {
    this.id = fields.id;
    this.user = fields.user;
    this.name = fields.name;
    this.listener = fields.listener;
    this.told = fields.told;
    this.#owner = owner;
    this.#before = before;
    this.connection = new TcpConnection(this, options);
  }

  /** The connection's options tell it, too: it is not kept twice. */
  get tuple(): TcpTuple {
    return this.connection.options;
  }

  get observer(): MachineObserver {
    return this.#owner.observer;
  }

  now_us(): number {
    return this.#owner.now_us();
  }

  setTimer(name: string, delay_us: number): void {
    this.#owner.setTimer(`${this.id}/${name}`, delay_us);
  }

  clearTimer(name: string): void {
    this.#owner.clearTimer(`${this.id}/${name}`);
  }

  isn(): number {
    return this.#owner.isn(this.tuple, this.#before);
  }

  transmit(segment: OutSegment): void {
    this.#owner.transmit(segment, this.tuple, this);
    this.doubts = false;
  }

  doubtPath(): void {
    this.doubts = true;
  }

  indicate(event: ConnectionEvent): void {
    this.#owner.indicated(this, event);
  }

  /** What restoring needs besides the connection's own data. */
  save(): EntryFields {
    const { id, user, name, listener, told } = this;
    const { local, localPort, remote, remotePort } = this.tuple;
    return { id, user, name, tuple: { local, localPort, remote, remotePort }, listener, told };
  }
}
