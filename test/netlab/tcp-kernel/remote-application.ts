import type { LayerHost } from '../../../src/actors/host.ts';
import { Layer, type SavedLayer } from '../../../src/actors/layer.ts';
import type { Port } from '../../../src/actors/port.ts';
import type { TcpIndication, TcpRequest } from '../../../src/actors/services.ts';
import type { JournalData } from '../../../src/actors/tap.ts';
import { parseIp4 } from '../../../src/wire/address.ts';
import { parseIp } from '../../../src/wire/ip-address.ts';
import { ManyConnections } from './many.ts';
import type { Order, Service } from './orders.ts';
import { type Pipe, Talk, type Tell } from './talk.ts';

const MS_US = 1_000;

interface Connection {
  readonly talk: Talk;
  /** Bytes that came while reading was stopped. */
  unread: number;
  reads: boolean;
  full: boolean;
}

/** The user of our TCP under test: does what it is ordered to by the outside event `order`. It lives with its process and is not restored. */
export class RemoteApplication extends Layer {
  readonly kind = 'application';
  readonly #tcp: Port<TcpIndication, TcpRequest> = this.addPort('tcp', (m: TcpIndication) => this.#indicated(m));
  readonly #tell: Tell;
  readonly #services = new Map<number, Service>();
  readonly #asked = new Map<string, Service>();
  readonly #connections = new Map<string, Connection>();
  #many: ManyConnections | undefined;
  /** Does something from outside of the device's turn. */
  readonly #later: (order: Order) => void;

  constructor(host: LayerHost, label: string, tell: Tell, later: (order: Order) => void) {
    super(host, label);
    this.#later = later;
    this.#tell = (event, fields) => {
      const id = fields.id as string | undefined;
      if (!id?.startsWith('many-')) tell(event, fields);
      else if (event === 'received') this.#many?.received(id, fields.bytes as number);
      else if (event === 'closed') this.#many?.closed(id, fields.reason as string);
    };
  }

  /** Bytes received, by connection. */
  get received(): { id: string; bytesIn: number }[] {
    return [...this.#connections].map(([id, { talk }]) => ({ id, bytesIn: talk.received_bytes }));
  }

  override outsideEvent(name: string, data: JournalData): boolean {
    if (name !== 'order') return false;
    this.#obey(data as unknown as Order);
    return true;
  }

  save(): SavedLayer {
    return { version: 1 };
  }

  restore(): void {}

  #obey(order: Order): void {
    switch (order.order) {
      case 'listen':
        this.#services.set(order.port, order.service);
        this.#tcp.send({ kind: 'listen', port: order.port });
        this.#tell('listening', { port: order.port });
        return;
      case 'connect':
        this.#connect(order);
        return;
      case 'many': {
        const { count, parallel, address, port } = order;
        const ask = (id: string): void => this.#later({ order: 'connect', id, address, port, service: 'ask' });
        this.#many = new ManyConnections(count, parallel, ask, this.#tell);
        return;
      }
      case 'send':
        this.#connections.get(order.id)?.talk.send(order);
        return;
      case 'read':
        this.#read(order.id, order.on);
        return;
      case 'close':
        this.#tcp.send({ kind: 'close', connection: order.id });
        return;
      case 'abort':
        this.#tcp.send({ kind: 'abort', connection: order.id });
        return;
    }
  }

  #connect({ id, address, port, sourcePort, service, hops }: Order & { order: 'connect' }): void {
    this.#asked.set(id, service);
    this.#tcp.send({
      kind: 'connect',
      connection: id,
      destination: parseIp(address) ?? 0,
      destinationPort: port,
      ...(sourcePort !== undefined && { sourcePort }),
      ...(hops && { sourceRoute: { strict: false, hops: hops.map((hop) => parseIp4(hop) ?? 0) } }),
    });
  }

  #read(id: string, on: boolean): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    connection.reads = on;
    if (!on || connection.unread === 0) return;
    this.#tcp.send({ kind: 'consumed', connection: id, bytes: connection.unread });
    connection.unread = 0;
  }

  #indicated(message: TcpIndication): void {
    const { connection: id } = message;
    const connection = this.#connections.get(id);
    switch (message.kind) {
      case 'accepted': {
        const service = this.#services.get(message.localPort) ?? 'sink';
        if (service !== 'reply')
          this.#tell('accepted', { id, port: message.localPort, remotePort: message.remotePort });
        this.#add(id, service).open();
        return;
      }
      case 'connected':
        this.#tell('connected', { id, localPort: message.localPort });
        this.#add(id, this.#asked.get(id) ?? 'sink').open();
        this.#asked.delete(id);
        return;
      case 'data':
        if (connection !== undefined) this.#data(id, connection, message.bytes);
        return;
      case 'full':
        if (connection !== undefined) connection.full = true;
        return;
      case 'writable':
        if (connection !== undefined) connection.full = false;
        connection?.talk.drained();
        return;
      case 'remote-closed':
        connection?.talk.ended();
        return;
      case 'closed':
        this.#closed(id, connection, message.reason);
        return;
    }
  }

  #data(id: string, connection: Connection, bytes: Uint8Array): void {
    if (connection.reads) this.#tcp.send({ kind: 'consumed', connection: id, bytes: bytes.length });
    else connection.unread += bytes.length;
    connection.talk.received(bytes);
  }

  #closed(id: string, connection: Connection | undefined, reason: string): void {
    connection?.talk.closed();
    this.#connections.delete(id);
    this.#asked.delete(id);
    this.#tell('closed', { id, reason, received: connection?.talk.received_bytes ?? 0 });
  }

  #add(id: string, service: Service): Talk {
    const tell: Tell = service === 'reply' ? () => {} : this.#tell;
    const talk = new Talk(id, service, this.#pipe(id), tell);
    this.#connections.set(id, { talk, unread: 0, reads: true, full: false });
    return talk;
  }

  /** Writes go down as requests, and `full` comes back as an indication later: one piece at a time, then TCP has its say. */
  #pipe(id: string): Pipe {
    return {
      write: (bytes) => {
        this.#tcp.send({ kind: 'write', connection: id, bytes });
        this.setTimer(id, 0);
        return false;
      },
      again: (after_ms) => this.setTimer(id, after_ms * MS_US),
      close: () => void this.#tcp.send({ kind: 'close', connection: id }),
      read: (on) => this.#read(id, on),
    };
  }

  override timerFired(id: string): void {
    const connection = this.#connections.get(id);
    if (connection !== undefined && !connection.full) connection.talk.drained();
  }
}
