import { httpConnectMachine } from '../../machines/http-connect.ts';
import type { Ip4 } from '../../wire/address.ts';
import { concat, EMPTY } from '../../wire/bytes.ts';
import { buildConnect, httpHead, responseStatus } from '../../wire/http-connect.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { MachineCommand, MachineHost } from '../machine-host.ts';
import type { Port } from '../port.ts';
import type { ConnectionName, TcpCloseReason, TcpIndication, TcpRequest } from '../services.ts';
import type { JournalData } from '../tap.ts';

/** A proxy has so long to answer CONNECT. */
export const PROXY_ANSWER_US = 30_000_000;
/** All of 2xx is a success (RFC 9110 section 9.3.6). */
const SUCCESS = 2;

/** A destination that is reached by way of an HTTP proxy. */
export interface ProxiedDestination {
  readonly address: Ip4;
  readonly port: number;
  readonly proxy: { readonly address: Ip4; readonly port: number };
}

export interface HttpConnectOptions {
  readonly destinations: readonly ProxiedDestination[];
}

type ConnectRequest = Extract<TcpRequest, { kind: 'connect' }>;

/** A connection whose way is not open yet. */
interface Dial {
  readonly destination: ProxiedDestination;
  readonly connection: ConnectionName;
  readonly machine: MachineHost<typeof httpConnectMachine, { readonly isAsking: boolean }>;
  localPort: number;
  /** What the proxy has said. */
  heard: Uint8Array;
}

/**
 * Stands between a user of TCP and TCP (3002 and 3003 of a gateway behind an HTTP proxy, [0645]): connections to destinations behind a proxy
 * go to the proxy, and CONNECT opens the way; from then on, and for all other connections, everything passes as it is. Ports `upper` and
 * `lower` are TCP's service port.
 */
export class HttpConnectLayer extends Layer {
  readonly kind = 'http-connect';
  readonly #upper: Port<TcpRequest, TcpIndication> = this.addPort('upper', (request: TcpRequest) =>
    this.#down(request),
  );
  readonly #lower: Port<TcpIndication, TcpRequest> = this.addPort('lower', (indication: TcpIndication) =>
    this.#up(indication),
  );
  readonly #options: HttpConnectOptions;
  readonly #dials = new Map<ConnectionName, Dial>();

  constructor(host: LayerHost, label: string, options: HttpConnectOptions) {
    super(host, label);
    this.#options = options;
  }

  override stop(): void {
    for (const { connection } of this.#dials.values()) this.clearTimer(connection);
    this.#dials.clear();
  }

  override timerFired(connection: string): void {
    this.#dials.get(connection)?.machine.send({ type: 'FAILED', reason: 'timed-out' });
  }

  override machines(): readonly MachineView[] {
    return [...this.#dials.values()].map(({ connection, machine }) => ({
      instance: connection,
      machine: httpConnectMachine,
      state: machine.state,
    }));
  }

  save(): SavedLayer {
    const dials = [...this.#dials.values()].map(({ machine, ...facts }) => ({ ...facts, machine: machine.save() }));
    return { version: 1, dials: dials as unknown as JournalData };
  }

  restore(saved: SavedLayer): void {
    this.#dials.clear();
    for (const { connection, destination, localPort, heard, machine } of saved.dials as unknown as (Omit<
      Dial,
      'machine'
    > & { machine: never })[]) {
      const dial = this.#add(connection, destination);
      dial.localPort = localPort;
      dial.heard = heard;
      dial.machine.restore(machine);
    }
  }

  #down(request: TcpRequest): void {
    const destination = request.kind === 'connect' ? this.#proxied(request) : undefined;
    if (destination === undefined || request.kind !== 'connect') return void this.#lower.send(request);
    this.count('dialled');
    this.#add(request.connection, destination);
    const { address, port } = destination.proxy;
    this.#lower.send({ ...request, destination: address, destinationPort: port });
  }

  #proxied({ destination, destinationPort }: ConnectRequest): ProxiedDestination | undefined {
    return this.#options.destinations.find(({ address, port }) => address === destination && port === destinationPort);
  }

  #up(indication: TcpIndication): void {
    const dial = this.#dials.get(indication.connection);
    if (dial === undefined) return void this.#upper.send(indication);
    switch (indication.kind) {
      case 'connected':
        dial.localPort = indication.localPort;
        return dial.machine.send({ type: 'CONNECTED' });
      case 'data':
        return this.#heard(dial, indication.bytes);
      case 'remote-closed':
        return dial.machine.send({ type: 'FAILED', reason: 'refused' });
      case 'closed':
        return dial.machine.send({ type: 'CLOSED', reason: indication.reason });
    }
  }

  #heard(dial: Dial, bytes: Uint8Array): void {
    const { connection } = dial;
    if (!dial.machine.decision.isAsking) return this.drop('not-started', undefined, connection);
    const known = dial.heard.length;
    dial.heard = concat(dial.heard, bytes);
    const head = httpHead(dial.heard, known);
    if (head === undefined) return;
    const status = head === 'too-long' ? undefined : responseStatus(head.line);
    if (head === 'too-long' || Math.floor((status ?? 0) / 100) !== SUCCESS) {
      this.note('proxy-refused', { connection, status: status ?? null });
      return dial.machine.send({ type: 'FAILED', reason: 'refused' });
    }
    this.#lower.send({ kind: 'consumed', connection, bytes: head.length });
    dial.machine.send({ type: 'ACCEPTED' });
    const rest = dial.heard.slice(head.length);
    if (rest.length > 0) this.#upper.send({ kind: 'data', connection, bytes: rest });
  }

  #add(connection: ConnectionName, destination: ProxiedDestination): Dial {
    const dial: Dial = {
      connection,
      destination,
      localPort: 0,
      heard: EMPTY,
      machine: this.machineHost({
        machine: httpConnectMachine,
        instance: connection,
        decide: ({ value }) => Object.freeze({ isAsking: value === 'ASKING' }),
        execute: (command) => this.#execute(dial, command),
      }),
    };
    this.#dials.set(connection, dial);
    return dial;
  }

  #execute({ connection, destination, localPort }: Dial, { type, params }: MachineCommand): void {
    if (type === 'ask') {
      this.setTimer(connection, PROXY_ANSWER_US);
      this.#lower.send({ kind: 'write', connection, bytes: buildConnect(destination.address, destination.port) });
    } else if (type === 'forget') {
      this.clearTimer(connection);
      this.#dials.delete(connection);
    } else if (type === 'abort') {
      this.clearTimer(connection);
      this.#lower.send({ kind: 'abort', connection });
    } else if (type === 'tellConnected') this.#upper.send({ kind: 'connected', connection, localPort });
    else this.#upper.send({ kind: 'closed', connection, reason: params.reason as TcpCloseReason });
  }
}
