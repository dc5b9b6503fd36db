import { Device, type DeviceInput } from '../../actors/device.ts';
import { buildIcmpPacket } from '../../actors/icmp-error.ts';
import type { Layer } from '../../actors/layer.ts';
import { Port } from '../../actors/port.ts';
import { SeededRandom } from '../../actors/random.ts';
import { VirtualScheduler } from '../../actors/scheduler.ts';
import type { TcpIndication, TcpRequest } from '../../actors/services.ts';
import type { JournalRecord } from '../../actors/tap.ts';
import type { TcpConnection } from '../../actors/tcp/connection.ts';
import { TcpLayer } from '../../actors/tcp/layer.ts';
import { World } from '../../actors/world.ts';
import { nobleProvider } from '../../engine/crypto/noble.ts';
import { createVault, PROCESS_SECRET_BYTES, type Vault } from '../../engine/crypto/vault.ts';
import { IcmpType, UnreachableCode } from '../../wire/icmp.ts';
import type { ScriptSettings } from './settings.ts';
import type { IcmpError } from './statement.ts';
import { ScriptUser } from './user.ts';
import { LOCAL_IP, LOCAL_PORT, PEER_IP, PEER_PORT, packetOf, type WireSegment, wireSegmentOf } from './wire-segment.ts';

const TCP_LABEL = '2003';
const USER_LABEL = '2002';
/** Bytes of a sent packet that an ICMP error quotes: IP header and the first 8 of TCP. */
const QUOTED_BYTES = 28;
const ICMP_CODES: Readonly<Record<IcmpError, number>> = {
  'too-big': UnreachableCode.FRAGMENTATION_NEEDED,
  'port-unreachable': UnreachableCode.PORT,
  'host-unreachable': UnreachableCode.HOST,
};

/** What a script hears of the TCP under test. */
export interface EndpointListener {
  segment(segment: WireSegment): void;
  event(event: TcpIndication): void;
  /** A new connection has drawn its initial number. */
  opened(): void;
  /** A state was left for another. */
  transition(from: string, to: string): void;
  dropped(reason: string): void;
  noted(name: string): void;
}

/** The TCP under test: the real TCP layer in a device of its own, on virtual time, with its user and its peer played by a script. */
export class ScriptEndpoint {
  readonly scheduler = new VirtualScheduler();
  readonly #settings: ScriptSettings;
  readonly #listener: EndpointListener;
  readonly #world: World;
  readonly #restores: boolean;
  #device!: Device;
  #layer!: TcpLayer;
  #user!: ScriptUser;
  #opened = 0;
  #accepted = 0;
  #name = '';
  #connection: TcpConnection | undefined;
  #listens = false;

  /** `restores`: after each input the device is saved, and a fresh one goes on from that. */
  constructor(settings: ScriptSettings, listener: EndpointListener, restores = false) {
    this.#settings = settings;
    this.#listener = listener;
    this.#restores = restores;
    this.#world = new World({
      scheduler: this.scheduler,
      random: new SeededRandom(1, 'tcp-script'),
      vaultOf: () => this.#vault(),
      tap: { level: 'control', record: (record) => this.#record(record) },
    });
    this.#makeDevice();
  }

  /** The connection that was opened or accepted last, also after its end. */
  get connection(): TcpConnection | undefined {
    return this.#connection;
  }

  /** The user has a connection: it was opened or accepted, and its end was not told yet. */
  get isOpen(): boolean {
    return this.#layer.connection(this.#name) !== undefined;
  }

  /** One of the 11 states. */
  get state(): string {
    const machine = this.#layer.machines().find(({ instance }) => instance === this.#name);
    if (machine !== undefined) return machine.state.split('.')[0] as string;
    return this.#name === '' && this.#listens ? 'LISTEN' : 'CLOSED';
  }

  connect(): void {
    this.#name = `opened-${++this.#opened}`;
    this.#connection = undefined;
    const ports = { sourcePort: LOCAL_PORT, destinationPort: PEER_PORT };
    this.ask({ kind: 'connect', connection: this.#name, destination: PEER_IP, ...ports });
  }

  listen(on: boolean): void {
    this.#listens = on;
    this.ask({ kind: on ? 'listen' : 'unlisten', port: LOCAL_PORT });
  }

  /** A request of the user about the connection that came last. */
  use(
    request:
      | { kind: 'close' | 'abort' }
      | { kind: 'write'; bytes: Uint8Array; urgent: boolean }
      | { kind: 'consumed'; bytes: number },
  ): void {
    this.ask({ ...request, connection: this.#name });
  }

  ask(request: TcpRequest): void {
    this.#run(() => this.#user.ask(request));
  }

  /** Something that only the owner of the connection itself can do. */
  withConnection(does: (connection: TcpConnection) => void): void {
    const connection = this.#connection;
    if (connection !== undefined) this.#run(() => does(connection));
  }

  arrive(segment: WireSegment, checksum: 'good' | 'bad'): void {
    this.#input({ kind: 'frame', port: 'wire', bytes: packetOf(segment), checksum });
  }

  /** An ICMP error about a segment of ours that had this number. */
  icmp(error: IcmpError, mtu: number, seq: number): void {
    const ours = { seq, ack: 0, flags: 0, window: 0, urgent: 0, options: {}, payload: new Uint8Array(0), ecn: 0 };
    const quoted = packetOf({ ...ours, port: PEER_PORT }).subarray(0, QUOTED_BYTES);
    const turned = new DataView(quoted.buffer, quoted.byteOffset);
    turned.setUint32(12, LOCAL_IP);
    turned.setUint32(16, PEER_IP);
    turned.setUint16(20, LOCAL_PORT);
    turned.setUint16(22, PEER_PORT);
    const message = { type: IcmpType.UNREACHABLE, code: ICMP_CODES[error], mtu };
    const bytes = buildIcmpPacket({ source: PEER_IP, destination: LOCAL_IP }, message, quoted);
    this.#input({ kind: 'frame', port: 'wire', bytes, checksum: 'good' });
  }

  #makeDevice(): void {
    this.#device = new Device(this.#world, 'tcp', (device) => this.#build(device));
    this.#device.onOutput = (_, { bytes }) => this.#listener.segment(wireSegmentOf(bytes));
    this.#device.start();
  }

  #input(input: DeviceInput): void {
    this.#device.input(input);
    this.#adopt();
    if (!this.#restores) return;
    const saved = structuredClone(this.#device.save());
    this.#device.destroy();
    this.#makeDevice();
    this.#device.restore(saved);
    this.#adopt();
  }

  #build(device: Device): readonly Layer[] {
    const { mtu, backlog, connections } = this.#settings;
    const layer = new TcpLayer(device, TCP_LABEL, {
      address: LOCAL_IP,
      mtu,
      connections,
      ...(backlog !== undefined && { backlog }),
    });
    Port.join(layer.ports.lower, device.boundary('wire'));
    this.#user = new ScriptUser(device, USER_LABEL, (event) => this.#heard(event));
    Port.join(layer.ports.upper, this.#user.ports.lower);
    this.#layer = layer;
    return [this.#user, layer];
  }

  #heard(event: TcpIndication): void {
    this.#adopt();
    this.#listener.event(event);
    if (event.kind !== 'data' || !this.#settings.reads) return;
    this.#user.ask({ kind: 'consumed', connection: event.connection, bytes: event.bytes.length });
  }

  /** Does something as an input of the device, so that it has its time and its queue. */
  #run(step: () => void): void {
    this.#user.next = step;
    this.#input({ kind: 'event', layer: USER_LABEL, name: 'script', data: null });
  }

  /** Keeps hold of the newest connection: the layer forgets its name while it is in TIME-WAIT. */
  #adopt(): void {
    const accepted = this.#layer.connection(`accepted-${this.#accepted + 1}`);
    if (accepted !== undefined) {
      this.#name = `accepted-${++this.#accepted}`;
      this.#connection = accepted;
      return;
    }
    this.#connection = this.#layer.connection(this.#name) ?? this.#connection;
  }

  #vault(): Vault {
    const vault = createVault({ provider: nobleProvider, secret: new Uint8Array(PROCESS_SECRET_BYTES) });
    vault.isn = () => {
      this.#listener.opened();
      return this.#settings.isn;
    };
    return vault;
  }

  #record({ kind, name, data }: JournalRecord): void {
    if (kind === 'transition') {
      const { from, to } = data as { from: string; to: string };
      if (from !== to) this.#listener.transition(from, to);
    } else if (kind === 'drop') this.#listener.dropped(name);
    else if (kind === 'note') this.#listener.noted(name);
  }
}
