import { u16 } from '../../wire/bytes.ts';
import { isIp6, isSingleHost } from '../../wire/ip-address.ts';
import type { SourceRoute } from '../../wire/ip-options.ts';
import type { Port } from '../port.ts';
import type { TcpIndication, TcpRequest } from '../services.ts';
import type { LayerParts } from './layer-parts.ts';
import type { ListenRequest } from './listeners.ts';
import type { TcpTuple } from './segment.ts';
import { isUsable, withOwnRoute } from './source-route.ts';
import { statusOfNone, type TcpUse, use } from './use.ts';

type ConnectRequest = TcpRequest & { kind: 'connect' };

/** The users of a TCP layer and what they ask for: listening ports, new connections, and calls about those that are there. */
export class TcpUsers {
  readonly #parts: LayerParts;
  readonly #ports = new Map<string, Port<TcpRequest, TcpIndication>>();

  constructor(parts: LayerParts) {
    this.#parts = parts;
  }

  /** A user from now on, by its port. */
  add(user: string, port: Port<TcpRequest, TcpIndication>): void {
    this.#ports.set(user, port);
  }

  /** A call of a user (RFC 9293 section 3.9.1). */
  request(user: string, request: TcpRequest): void {
    switch (request.kind) {
      case 'listen':
        this.#listen(user, request);
        return;
      case 'unlisten':
        if (this.#parts.listeners.get(request.port)?.user === user) this.#unlisten(request.port);
        return;
      case 'connect':
        this.#connect(user, request);
        return;
      default:
        this.#use(user, request);
    }
  }

  #listen(user: string, request: ListenRequest): void {
    const { port } = request;
    if (this.#parts.listeners.get(port) !== undefined) this.#parts.note('already-listening', { user, port });
    else this.#parts.listeners.add(request, user, this.#parts.table.openOf(port));
  }

  /** Handshakes of the port that are under way end with it. */
  #unlisten(port: number): void {
    this.#parts.listeners.remove(port);
    for (const entry of [...this.#parts.table.entries]) {
      if (entry.listener === port && !entry.told) entry.connection.abort();
    }
  }

  #use(user: string, request: TcpUse): void {
    const connection = this.#parts.table.byName(user, request.connection)?.connection;
    // The connection may just have ended while the request was on its way: its `closed` is on the way, too.
    if (connection === undefined) this.#parts.count('lateRequests');
    const isQuestion = request.kind === 'status';
    const answer = connection === undefined ? isQuestion && statusOfNone(request.connection) : use(connection, request);
    if (answer) this.indicate(user, answer);
  }

  #connect(user: string, request: ConnectRequest): void {
    const { connection: name, destination: remote, destinationPort: remotePort, source } = request;
    if (this.#parts.table.byName(user, name) !== undefined) {
      this.#parts.note('name-in-use', { user, connection: name });
      return;
    }
    const local = source ?? this.#parts.own.sourceFor(remote);
    if (local === undefined) {
      this.#parts.note('no-source-address', { user, connection: name });
      this.indicate(user, { kind: 'closed', connection: name, reason: 'unreachable' });
      return;
    }
    const ends = { local, remote, remotePort };
    const localPort =
      request.sourcePort ??
      this.#parts.table.freePort(ends, u16(this.#parts.host.randomBytes(this.#parts.label, 2), 0));
    const tuple = { ...ends, localPort: localPort ?? 0 };
    const refusal = localPort === undefined ? 'no-free-port' : this.#openRefusal(tuple, request.sourceRoute);
    if (refusal === undefined) this.#open(user, tuple, request);
    else {
      this.#parts.note(refusal, { user, connection: name });
      this.indicate(user, { kind: 'closed', connection: name, reason: 'refused' });
    }
  }

  /** Why a connection can't be opened (RFC 9293 section 3.10.1, MUST-46). */
  #openRefusal(tuple: TcpTuple, route?: SourceRoute): string | undefined {
    if (!isSingleHost(tuple.remote)) return 'bad-destination';
    if (route !== undefined && !isUsable(route, tuple)) return 'bad-route';
    if (!this.#parts.own.has(tuple.local) || isIp6(tuple.local) !== isIp6(tuple.remote)) return 'bad-source';
    if (!this.#parts.table.isFree(tuple)) return 'no-free-port';
    return this.#parts.hasRoom() ? undefined : 'no-free-connection';
  }

  #open(user: string, tuple: TcpTuple, { connection: name, choices, sourceRoute }: ConnectRequest): void {
    const before = this.#parts.table.byTuple(tuple)?.connection;
    before?.giveWay();
    const id = this.#parts.table.freeId(user, name);
    const { connection } = this.#parts.add(
      { id, user, name, tuple, listener: undefined, told: true },
      before?.sendNext,
    );
    if (choices !== undefined) connection.choose(choices);
    if (sourceRoute !== undefined) connection.settings = withOwnRoute(connection.settings, sourceRoute);
    connection.openActive();
  }

  /** Tells a user. */
  indicate(user: string, indication: TcpIndication): void {
    if (this.#ports.get(user)?.send(indication) !== true) this.#parts.count('lostIndications');
  }
}
