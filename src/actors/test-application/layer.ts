import { transferMachine } from '../../machines/transfer.ts';
import type { IpAddress } from '../../wire/ip-address.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { MachineCommand, MachineHost } from '../machine-host.ts';
import type { Port } from '../port.ts';
import type { ConnectionName, TcpIndication, TcpRequest } from '../services.ts';
import type { JournalData } from '../tap.ts';
import { type DataWatcher, pattern } from './pattern.ts';

/** Bytes of one write. */
export const WRITE_BYTES = 64 * 1024;
/** Connections at the same time; more are aborted. */
export const TRANSFERS_MAX = 1024;

/** What a port that is listened on does with a connection. */
export interface TransferService {
  readonly port: number;
  /** Bytes to send to whoever connects; 0: receive instead. */
  readonly bytes: number;
  readonly seed: number;
}

export interface TestApplicationOptions {
  readonly services?: readonly TransferService[];
  /** Sees what is received, outside of the core. */
  readonly onData?: DataWatcher;
}

/** `fetch`: connect and receive until the other side closes; `push`: connect and send. */
export type TransferOrder = {
  readonly connection: ConnectionName;
  readonly destination: IpAddress;
  readonly port: number;
  /** Push only. */
  readonly bytes?: number;
  /** Push only: names the pattern. */
  readonly seed?: number;
};

interface Facts {
  readonly connection: ConnectionName;
  /** Bytes to send; 0: this end receives. */
  readonly bytes: number;
  readonly seed: number;
  done: number;
  start_us: number;
}

interface Transfer extends Facts {
  readonly machine: MachineHost<typeof transferMachine, { readonly sends: boolean }>;
}

/**
 * Applications 2101 and 3101 of the lab: serve, fetch and push patterns over TCP (`tcp`, a service port), minding `full`.
 *
 * Outside events `fetch` and `push` with a {@link TransferOrder}. Note `transfer` `{ connection, role, bytes, time_us, reason }` when a
 * connection is gone: bytes done, time since it was open, and TCP's reason (`normal` when all went well).
 */
export class TestApplicationLayer extends Layer {
  readonly kind = 'application';
  readonly #tcp: Port<TcpIndication, TcpRequest> = this.addPort('tcp', (m: TcpIndication) => this.#indicated(m));
  readonly #services: readonly TransferService[];
  readonly #onData: DataWatcher;
  readonly #transfers = new Map<ConnectionName, Transfer>();

  constructor(host: LayerHost, label: string, options: TestApplicationOptions = {}) {
    super(host, label);
    this.#services = options.services ?? [];
    this.#onData = options.onData ?? (() => {});
  }

  override start(): void {
    for (const { port } of this.#services) this.#tcp.send({ kind: 'listen', port });
  }

  override stop(): void {
    for (const { port } of this.#services) this.#tcp.send({ kind: 'unlisten', port });
    for (const { connection, machine } of [...this.#transfers.values()]) {
      this.#tcp.send({ kind: 'abort', connection });
      machine.send({ type: 'CLOSED', reason: 'aborted' });
    }
  }

  override timerFired(connection: string): void {
    const transfer = this.#transfers.get(connection);
    if (transfer?.machine.decision.sends) this.#sendMore(transfer);
  }

  override outsideEvent(name: string, data: JournalData): boolean {
    if (name !== 'fetch' && name !== 'push') return false;
    const { connection, destination, port, bytes = 0, seed = 0 } = data as unknown as TransferOrder;
    this.#add({ connection, bytes: name === 'push' ? bytes : 0, seed, done: 0, start_us: this.host.now_us() });
    this.#tcp.send({ kind: 'connect', connection, destination, destinationPort: port });
    return true;
  }

  override machines(): readonly MachineView[] {
    return [...this.#transfers].map(([instance, { machine }]) => ({
      instance,
      machine: transferMachine,
      state: machine.state,
    }));
  }

  save(): SavedLayer {
    const transfers = [...this.#transfers.values()].map(({ machine, ...facts }) => ({
      ...facts,
      machine: machine.save(),
    }));
    return { version: 1, transfers };
  }

  restore(saved: SavedLayer): void {
    this.#transfers.clear();
    for (const { machine, ...facts } of saved.transfers as unknown as (Facts & { machine: never })[]) {
      this.#add(facts).machine.restore(machine);
    }
  }

  #indicated(message: TcpIndication): void {
    const { connection } = message;
    if (message.kind === 'accepted') this.#accepted(connection, message.localPort);
    else if (message.kind === 'data') this.#received(connection, message.bytes);
    else {
      const machine = this.#transfers.get(connection)?.machine;
      if (message.kind === 'closed') machine?.send({ type: 'CLOSED', reason: message.reason });
      else if (message.kind in EVENT_OF) machine?.send({ type: EVENT_OF[message.kind as keyof typeof EVENT_OF] });
    }
  }

  #accepted(connection: ConnectionName, localPort: number): void {
    const service = this.#services.find(({ port }) => port === localPort);
    if (service === undefined || this.#transfers.size >= TRANSFERS_MAX) {
      this.#tcp.send({ kind: 'abort', connection });
      return;
    }
    const { bytes, seed } = service;
    this.#add({ connection, bytes, seed, done: 0, start_us: this.host.now_us() }).machine.send({ type: 'OPEN' });
  }

  #received(connection: ConnectionName, bytes: Uint8Array): void {
    const transfer = this.#transfers.get(connection);
    if (transfer === undefined) return;
    if (transfer.bytes === 0) {
      this.#onData(connection, transfer.done, bytes);
      transfer.done += bytes.length;
    }
    this.#tcp.send({ kind: 'consumed', connection, bytes: bytes.length });
  }

  /** Writes once and comes back after TCP had its say: `full` arrives before the timer. */
  #sendMore(transfer: Transfer): void {
    const { connection, seed, done, bytes } = transfer;
    const length = Math.min(WRITE_BYTES, bytes - done);
    this.#tcp.send({ kind: 'write', connection, bytes: pattern(seed, done, length) });
    transfer.done += length;
    if (transfer.done === bytes) transfer.machine.send({ type: 'ALL_SENT' });
    else this.setTimer(connection, 0);
  }

  #tell({ connection, bytes, done, start_us }: Transfer, reason: string): void {
    this.#transfers.delete(connection);
    this.clearTimer(connection);
    const role = bytes > 0 ? 'send' : 'receive';
    this.note('transfer', { connection, role, bytes: done, time_us: this.host.now_us() - start_us, reason });
  }

  #add(facts: Facts): Transfer {
    const machine: Transfer['machine'] = this.machineHost({
      machine: transferMachine,
      instance: facts.connection,
      input: { sends: facts.bytes > 0 },
      decide: (snapshot) => Object.freeze({ sends: snapshot.value === 'SENDING' }),
      execute: (command) => this.#execute(transfer, command),
    });
    const transfer = { ...facts, machine };
    this.#transfers.set(facts.connection, transfer);
    return transfer;
  }

  #execute(transfer: Transfer, { type, params }: MachineCommand): void {
    const { connection } = transfer;
    if (type === 'startClock') transfer.start_us = this.host.now_us();
    else if (type === 'sendMore') this.#sendMore(transfer);
    else if (type === 'pause') this.clearTimer(connection);
    else if (type === 'tell') this.#tell(transfer, params.reason);
    else this.#tcp.send({ kind: 'close', connection });
  }
}

const EVENT_OF = {
  connected: 'OPEN',
  full: 'FULL',
  writable: 'WRITABLE',
  'remote-closed': 'REMOTE_CLOSED',
} as const;
