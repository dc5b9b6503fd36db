import type { Frame } from '../../src/actors/frame.ts';
import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import type { TcpIndication, TcpRequest } from '../../src/actors/services.ts';
import { TcpLayer, type TcpLayerOptions } from '../../src/actors/tcp/layer.ts';
import type { World } from '../../src/actors/world.ts';
import { BenchHost, benchWorld } from './bench-host.ts';

const MTU = 1500;
const SERVER = 0x0a00_0001;
const FIRST_CLIENT = 0x0a01_0001;

/** One end: a host with nothing but TCP. Its user counts what it hears and consumes what it gets. */
export class TcpStandEnd {
  readonly host: BenchHost;
  readonly layer: TcpLayer;
  readonly address: number;
  readonly counts = { connected: 0, accepted: 0, closed: 0, bytes: 0 };
  /** Where its packets go. */
  carry: (packet: Uint8Array) => void = () => {};
  onIndication: (indication: TcpIndication) => void = () => {};

  constructor(name: string, world: World, options: Partial<TcpLayerOptions> & Pick<TcpLayerOptions, 'address'>) {
    this.host = new BenchHost(name, world);
    this.address = options.address as number;
    this.layer = this.host.attach(new TcpLayer(this.host, '2003', { mtu: MTU, ...options }), {
      lower: ({ bytes }: Frame) => this.carry(bytes),
      upper: (indication: TcpIndication) => this.#heard(indication),
    });
  }

  ask(request: TcpRequest): void {
    this.host.inject('upper', request);
  }

  packet(bytes: Uint8Array): void {
    this.host.inject('lower', this.host.frame(bytes));
  }

  #heard(indication: TcpIndication): void {
    const { kind, connection } = indication;
    if (kind === 'data') {
      this.counts.bytes += indication.bytes.length;
      this.ask({ kind: 'consumed', connection, bytes: indication.bytes.length });
    } else if (kind === 'connected' || kind === 'accepted' || kind === 'closed') {
      this.counts[kind] += 1;
    }
    this.onIndication(indication);
  }
}

export interface StandOptions {
  readonly clients?: number;
  readonly delay_us?: number;
  /** Of the server, and of the clients where they have no own. */
  readonly layer?: Partial<TcpLayerOptions>;
  readonly clientLayer?: Partial<TcpLayerOptions>;
}

/**
 * TCP of a server and of clients, each with an address of its own, in one process on virtual time; whole packets cross from one to the
 * other at once, or `delay_us` later.
 */
export class TcpStand {
  readonly scheduler = new VirtualScheduler();
  readonly server: TcpStandEnd;
  readonly clients: readonly TcpStandEnd[];

  constructor(options: StandOptions = {}) {
    const { clients = 1, delay_us, layer, clientLayer = layer } = options;
    const { scheduler } = this;
    const world = benchWorld(scheduler);
    this.server = new TcpStandEnd('server', world, { ...layer, address: SERVER });
    this.clients = Array.from(
      { length: clients },
      (_, at) => new TcpStandEnd(`client ${at}`, world, { ...clientLayer, address: FIRST_CLIENT + at }),
    );
    const join = (from: TcpStandEnd, to: (packet: Uint8Array) => TcpStandEnd | undefined): void => {
      from.carry = (packet) => {
        const end = to(packet);
        if (delay_us === undefined) end?.packet(packet);
        else scheduler.at(scheduler.now_us() + delay_us, () => end?.packet(packet));
      };
    };
    for (const client of this.clients) join(client, () => this.server);
    join(this.server, (packet) => this.clients[destinationOf(packet) - FIRST_CLIENT]);
  }

  /** The first client, where there is one only. */
  get client(): TcpStandEnd {
    return this.clients[0];
  }

  listen(port: number): void {
    this.server.ask({ kind: 'listen', port });
  }

  connect(client: TcpStandEnd, connection: string, port: number): void {
    client.ask({ kind: 'connect', connection, destination: SERVER, destinationPort: port });
  }

  /** Lets time pass. */
  pass(time_us: number): void {
    this.scheduler.runUntil(this.scheduler.now_us() + time_us);
  }
}

function destinationOf(packet: Uint8Array): number {
  return new DataView(packet.buffer, packet.byteOffset).getUint32(16);
}
