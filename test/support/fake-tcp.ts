import type { LayerHost } from '../../src/actors/host.ts';
import { Layer, type SavedLayer } from '../../src/actors/layer.ts';
import type { Port } from '../../src/actors/port.ts';
import type { TcpIndication, TcpRequest } from '../../src/actors/services.ts';
import type { JournalData } from '../../src/actors/tap.ts';
import type { Ip4 } from '../../src/wire/address.ts';
import type { IpAddress } from '../../src/wire/ip-address.ts';

/** What one fake TCP tells the other. */
export type WireMessage =
  | {
      readonly kind: 'syn';
      readonly id: string;
      readonly address: IpAddress;
      readonly port: number;
      readonly toPort: number;
    }
  | { readonly kind: 'accept' | 'refuse' | 'fin' | 'reset'; readonly id: string }
  | { readonly kind: 'bytes'; readonly id: string; readonly bytes: Uint8Array };

interface Ends {
  ours: boolean;
  theirs: boolean;
  /** Bytes so far. */
  written: number;
  delivered: number;
}

/**
 * Stands where TCP stands, and is reliable by itself: what a user writes is given to `send`, what arrives comes as outside event `wire`.
 * Connections are known by one id at both ends. Outside events `full` and `writable` with `{ connection }` play back-pressure.
 */
export class FakeTcpLayer extends Layer {
  readonly kind = 'fake-tcp';
  readonly upper: Port<TcpRequest, TcpIndication>;
  readonly #address: Ip4;
  readonly #send: (message: WireMessage) => void;
  readonly #listening = new Set<number>();
  /** Ends of a connection's stream that are closed. */
  readonly #connections = new Map<string, Ends>();
  /** Our names of connections that the other side opened, and back. */
  readonly #accepted = new Map<string, string>();

  constructor(host: LayerHost, label: string, address: Ip4, send: (message: WireMessage) => void) {
    super(host, label);
    this.#address = address;
    this.#send = send;
    this.upper = this.addPort<TcpRequest, TcpIndication>('upper', (request) => this.#requested(request));
  }

  override outsideEvent(name: string, data: JournalData): boolean {
    if (name === 'wire') this.#arrived(data as unknown as WireMessage);
    else this.upper.send({ kind: name, space: 1, ...(data as object) } as TcpIndication);
    return true;
  }

  save(): SavedLayer {
    return { version: 1 };
  }

  restore(): void {}

  #requested(request: TcpRequest): void {
    if (request.kind === 'listen') this.#listening.add(request.port);
    else if (request.kind === 'unlisten') this.#listening.delete(request.port);
    else if (request.kind === 'connect') {
      const id = `${request.connection}@${this.#address}`;
      this.#connections.set(request.connection, newEnds());
      this.#accepted.set(request.connection, id);
      this.#send({
        kind: 'syn',
        id,
        address: this.#address,
        port: request.sourcePort ?? 0,
        toPort: request.destinationPort,
      });
    } else this.#onConnection(request);
  }

  #onConnection(request: Exclude<TcpRequest, { kind: 'listen' | 'unlisten' | 'connect' }>): void {
    const { connection } = request;
    const ends = this.#connections.get(connection);
    const id = this.#accepted.get(connection);
    if (ends === undefined || id === undefined) return;
    if (request.kind === 'write') {
      if (ends.ours) throw new Error(`written to ${connection} after its end`);
      ends.written += request.bytes.length;
      this.#send({ kind: 'bytes', id, bytes: request.bytes.slice() });
    } else if (request.kind === 'status') {
      this.#tellStatus(connection, ends);
    } else if (request.kind === 'close' && !ends.ours) {
      ends.ours = true;
      this.#send({ kind: 'fin', id });
      if (ends.theirs) this.#gone(connection, 'normal');
    } else if (request.kind === 'abort') {
      this.#send({ kind: 'reset', id });
      this.#gone(connection, 'aborted');
    }
  }

  #arrived(message: WireMessage): void {
    if (message.kind === 'syn') return this.#syn(message);
    const connection = [...this.#accepted].find(([, id]) => id === message.id)?.[0];
    const ends = connection === undefined ? undefined : this.#connections.get(connection);
    if (connection === undefined || ends === undefined) return;
    if (message.kind === 'bytes') {
      ends.delivered += message.bytes.length;
      this.upper.send({ kind: 'data', connection, bytes: message.bytes });
    } else if (message.kind === 'accept') this.upper.send({ kind: 'connected', connection, localPort: 0 });
    else if (message.kind === 'refuse') this.#gone(connection, 'refused');
    else if (message.kind === 'reset') this.#gone(connection, 'reset');
    else {
      ends.theirs = true;
      this.upper.send({ kind: 'remote-closed', connection });
      if (ends.ours) this.#gone(connection, 'normal');
    }
  }

  /** Its streams begin with the number 0. */
  #tellStatus(connection: string, { written, delivered }: Ends): void {
    const nothing = { sendWindow: 0, receiveWindow: 0, unacknowledged: 0, unread: 0, urgent: 0 };
    const times = { mss: 1460, srtt_us: 0, rto_us: 0 };
    const numbers = { sendSequence: written, receiveSequence: delivered };
    this.upper.send({ kind: 'status', connection, state: 'ESTABLISHED', ...nothing, ...times, ...numbers });
  }

  #syn({ id, address, port, toPort }: Extract<WireMessage, { kind: 'syn' }>): void {
    if (!this.#listening.has(toPort)) return this.#send({ kind: 'refuse', id });
    const connection = `accepted-${id}`;
    this.#connections.set(connection, newEnds());
    this.#accepted.set(connection, id);
    this.#send({ kind: 'accept', id });
    this.upper.send({ kind: 'accepted', connection, localPort: toPort, remote: address, remotePort: port });
  }

  #gone(connection: string, reason: Extract<TcpIndication, { kind: 'closed' }>['reason']): void {
    this.#connections.delete(connection);
    this.#accepted.delete(connection);
    this.upper.send({ kind: 'closed', connection, reason });
  }
}

function newEnds(): Ends {
  return { ours: false, theirs: false, written: 0, delivered: 0 };
}
