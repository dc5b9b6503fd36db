import type { FourTuple } from '../../engine/f13.ts';
import type { Ip4 } from '../../wire/address.ts';
import { buildUdpPacket } from '../../wire/build.ts';
import { toHex } from '../../wire/bytes.ts';
import { IcmpType, UnreachableCode } from '../../wire/icmp.ts';
import { isIp6 } from '../../wire/ip-address.ts';
import { TOKEN_BYTES, type Token } from '../../wire/terms.ts';
import type { Frame } from '../frame.ts';
import { ephemeralPort } from '../gateway/chance.ts';
import type { LayerHost } from '../host.ts';
import { ICMP_ERRORS_BURST, ICMP_ERRORS_PER_SECOND, icmpErrorAbout } from '../icmp-error.ts';
import { tupleKey } from '../intermediate-driver/settings.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type { ConnectionName, TcpIndication, TcpRequest } from '../services.ts';
import { TokenBucket } from '../token-bucket.ts';
import { UdpConnection } from './connection.ts';
import type { SavedUdpConnection, UdpConnectionHost } from './connection-host.ts';
import { Datagrams } from './datagrams.ts';
import { type UdpPacket, udpPacket } from './packet.ts';

/** Connections at a time. SSL above keeps far fewer that have not shown who they are. */
export const UDP_CONNECTIONS = 512;
/** Ports that may be listened on. */
export const UDP_LISTENERS = 64;

export interface UdpLayerOptions {
  readonly address: Ip4;
}

/**
 * UDP 2003/3003 ([1322]): stands between SSL and IP routing in TCP's place and gives SSL the same service (port `upper`). Connections
 * are set up by one packet each way, handshake bytes go by the leg's reliable stream, F14 units go as single datagrams without
 * acknowledgement, retransmission or congestion control. Port `lower` carries IPv4 packets.
 */
export class UdpLayer extends Layer {
  readonly kind = 'udp';
  readonly #upper: Port<TcpRequest, TcpIndication>;
  readonly #lower: Port<Frame, Frame>;
  readonly #address: Ip4;
  readonly #datagrams: Datagrams;
  readonly #errorBudget = new TokenBucket(ICMP_ERRORS_PER_SECOND, ICMP_ERRORS_BURST);
  #listening: readonly number[] = [];
  /** By the tuple's key. */
  readonly #connections = new Map<string, UdpConnection>();
  /** By the user's name for it; a connection that is over for the user has none. */
  readonly #byName = new Map<ConnectionName, UdpConnection>();
  #accepted = 0;

  constructor(host: LayerHost, label: string, options: UdpLayerOptions) {
    super(host, label);
    this.#address = options.address;
    this.#upper = this.addPort<TcpRequest, TcpIndication>('upper', (request) => this.#requested(request));
    this.#lower = this.addPort<Frame, Frame>('lower', (packet) => this.#received(packet));
    this.#datagrams = new Datagrams({
      vault: host.vault,
      now_us: () => host.now_us(),
      listens: (port) => this.#listening.includes(port),
      connectionOf: (tuple) => this.#connections.get(tupleKey(tuple)),
      accept: (tuple, peerToken) => this.#accept(tuple, peerToken),
      answer: (tuple, payload, parent) => this.#transmit(tuple, payload, parent),
      drop: (reason, frame, detail) => this.drop(reason, frame, detail),
      count: (name) => this.count(name),
    });
  }

  override stop(): void {
    this.#listening = [];
    for (const connection of [...this.#connections.values()]) connection.event({ type: 'abort' });
  }

  override timerFired(name: string): void {
    const slash = name.indexOf('/');
    this.#connections.get(name.slice(0, slash))?.timerFired(name.slice(slash + 1));
  }

  override machines(): readonly MachineView[] {
    return [...this.#connections.values()].flatMap((connection) =>
      connection.machines.map(({ instance, machine, state }) => ({ instance, machine, state })),
    );
  }

  save(): SavedLayer {
    return {
      version: 1,
      listening: this.#listening,
      accepted: this.#accepted,
      errorBudget: this.#errorBudget.save(),
      connections: [...this.#connections.values()].map((connection) => connection.save()) as never,
    };
  }

  restore(saved: SavedLayer): void {
    this.#listening = saved.listening as readonly number[];
    this.#accepted = saved.accepted as number;
    this.#errorBudget.restore(saved.errorBudget as readonly number[]);
    this.#connections.clear();
    for (const each of saved.connections as unknown as readonly SavedUdpConnection[]) {
      this.#add(each.start.name, each.start.tuple, each.start.ownToken).restore(each);
    }
    this.#byName.clear();
    for (const connection of this.#connections.values()) {
      if (!connection.decision.lingering) this.#byName.set(connection.start.name, connection);
    }
  }

  // ---- the user's requests ----

  #requested(request: TcpRequest): void {
    if (request.kind === 'listen') return this.#listen(request.port);
    if (request.kind === 'unlisten') {
      this.#listening = this.#listening.filter((port) => port !== request.port);
      return;
    }
    if (request.kind === 'connect') return this.#connect(request);
    const connection = this.#byName.get(request.connection);
    switch (request.kind) {
      case 'write':
        return connection === undefined ? this.drop('no-connection') : connection.write(request.bytes);
      case 'close':
        return connection?.close();
      case 'abort':
        return connection?.event({ type: 'abort' });
      case 'consumed':
        // There is no window: a stream of handshakes is short, and records that nobody takes are dropped by the user.
        return;
      default:
        return this.drop('unknown-kind', undefined, request.kind);
    }
  }

  #listen(port: number): void {
    if (this.#listening.includes(port)) return;
    if (this.#listening.length >= UDP_LISTENERS) return this.drop('table-full', undefined, port);
    this.#listening = [...this.#listening, port];
  }

  #connect(request: Extract<TcpRequest, { kind: 'connect' }>): void {
    const { connection: name, destination, destinationPort, source = this.#address } = request;
    if (isIp6(destination) || isIp6(source)) return this.#refuse(name, 'unreachable');
    const localPort = request.sourcePort ?? this.#freePort();
    const tuple = { local: source, localPort, remote: destination, remotePort: destinationPort };
    if (this.#byName.has(name) || this.#connections.has(tupleKey(tuple)) || !this.#hasRoom())
      return this.#refuse(name, 'aborted');
    this.#add(name, tuple, this.#newToken()).event({ type: 'connect' });
  }

  #refuse(connection: ConnectionName, reason: 'unreachable' | 'aborted'): void {
    this.#upper.send({ kind: 'closed', connection, reason });
  }

  // ---- packets ----

  #received(packet: Frame): void {
    if (packet.checksum === 'bad') return this.drop('bad-checksum', packet);
    const read = udpPacket(packet.bytes);
    switch (read.kind) {
      case 'malformed':
        return this.drop('malformed', packet, read.detail);
      case 'other':
        return this.drop('unknown-kind', packet);
      case 'error':
        this.count('icmpErrors');
        this.#connections.get(tupleKey(read.tuple))?.unreachable(read.reason);
        return;
      case 'datagram':
        return this.#datagram(packet, read);
    }
  }

  #datagram(packet: Frame, { ip, udp, tuple }: Extract<UdpPacket, { kind: 'datagram' }>): void {
    if (tuple.local !== this.#address) return this.drop('not-our-address', packet);
    if (this.#connections.has(tupleKey(tuple)) || this.#listening.includes(tuple.localPort))
      return this.#datagrams.received(packet, udp, tuple);
    this.drop('no-listener', packet);
    const error = { type: IcmpType.UNREACHABLE, code: UnreachableCode.PORT };
    const bytes = icmpErrorAbout(packet.bytes, ip, this.#address, error);
    if (bytes === undefined) return;
    if (this.#errorBudget.take(this.host.now_us())) this.#lower.send(this.host.frame(bytes, packet));
    else this.count('icmp-rate');
  }

  #transmit({ local, localPort, remote, remotePort }: FourTuple, payload: Uint8Array, parent?: Frame): void {
    const bytes = buildUdpPacket(
      { ip: { source: local, destination: remote }, udp: { sourcePort: localPort, destinationPort: remotePort } },
      payload,
    );
    this.#lower.send(this.host.frame(bytes, parent));
  }

  // ---- connections ----

  #accept(tuple: FourTuple, peerToken: Token): UdpConnection | undefined {
    if (!this.#hasRoom()) return undefined;
    const connection = this.#add(`accepted-${++this.#accepted}`, tuple, this.#newToken());
    connection.accept(peerToken);
    return connection;
  }

  /** A connection that is over for its user gives way. */
  #hasRoom(): boolean {
    if (this.#connections.size < UDP_CONNECTIONS) return true;
    const over = [...this.#connections.values()].find(({ decision }) => decision.lingering);
    over?.event({ type: 'abort' });
    return over !== undefined;
  }

  #newToken(): Token {
    return toHex(this.host.randomBytes(this.label, TOKEN_BYTES));
  }

  #freePort(): number {
    const used = new Set([...this.#connections.values()].map(({ start }) => start.tuple.localPort));
    return ephemeralPort(this.host.randomBytes(this.label, 2), used);
  }

  #add(name: ConnectionName, tuple: FourTuple, ownToken: Token): UdpConnection {
    const key = tupleKey(tuple);
    const connection = new UdpConnection(this.#connectionHost(name, tuple), { name, tuple, ownToken });
    this.#connections.set(key, connection);
    this.#byName.set(name, connection);
    return connection;
  }

  #connectionHost(name: ConnectionName, tuple: FourTuple): UdpConnectionHost {
    const key = tupleKey(tuple);
    return {
      setTimer: (timer, delay_us) => this.setTimer(`${key}/${timer}`, delay_us),
      clearTimer: (timer) => this.clearTimer(`${key}/${timer}`),
      observer: this.host.observer(this.label),
      transmit: (payload) => this.#transmit(tuple, payload),
      indicate: (indication) => {
        if (indication.kind === 'closed') this.#byName.delete(name);
        this.#upper.send(indication);
      },
      drop: (reason, detail) => this.drop(reason, undefined, detail),
      count: (counter) => this.count(counter),
      ended: () => this.#connections.delete(key),
    };
  }
}
