import { u16 } from '../../wire/bytes.ts';
import { isIp6, isSingleHost } from '../../wire/ip-address.ts';
import type { SourceRoute } from '../../wire/ip-options.ts';
import { seqAdd, seqMax } from '../../wire/seq.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import type { LayerHost } from '../host.ts';
import { type TcpIcmpError, tcpIcmpError } from '../icmp-error.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import { OwnAddresses } from '../own-addresses.ts';
import type { Port } from '../port.ts';
import type { ConnectionName, TcpIndication, TcpRequest } from '../services.ts';
import type { JournalData } from '../tap.ts';
import type { TcpConnection, TcpConnectionOptions } from './connection.ts';
import { ConnectionTable } from './connection-table.ts';
import type { ConnectionEvent } from './core.ts';
import type { SavedEntry, SharedOptions, TcpLayerOptions } from './layer-options.ts';
import { MAX_CONNECTIONS } from './limits.ts';
import { type Listener, Listeners, type ListenRequest } from './listeners.ts';
import { PassiveOpen, type TurnedAway } from './passive-open.ts';
import {
  HEADERS_BYTES,
  HEADERS6_BYTES,
  HEADROOM_BYTES,
  type InSegment,
  type IpChoices,
  type OutSegment,
  packetFromSegment,
  segmentFromPacket,
  type TcpTuple,
  tupleBytes,
} from './segment.ts';
import { isUsable, withOwnRoute } from './source-route.ts';
import { type EntryFields, type EntryOwner, TableEntry } from './table-entry.ts';
import { statusOfNone, type TcpUse, use } from './use.ts';

export type { TcpLayerOptions } from './layer-options.ts';

type ConnectRequest = TcpRequest & { kind: 'connect' };

/** Room between the numbers of a connection in TIME-WAIT and those of its successor: more than any unscaled window. */
const ISN_GAP = 0x1_0001;

/**
 * TCP of an operating system (1003, 1005, 2003, 2102): the connections, who they belong to, and what segments without one get.
 * Port `lower` carries IP packets, `upper` and the ports of further users carry services.ts messages.
 */
export class TcpLayer extends Layer {
  readonly kind = 'tcp';
  readonly #options: TcpLayerOptions;
  readonly #own: OwnAddresses;
  readonly #lower: Port<Frame, Frame>;
  readonly #users = new Map<string, Port<TcpRequest, TcpIndication>>();
  readonly #table = new ConnectionTable();
  readonly #listeners = new Listeners();
  readonly #passive: PassiveOpen;
  /** Options that all connections over a family have in common; each one's own stand before them. */
  readonly #shared4: SharedOptions;
  readonly #shared6: SharedOptions;
  readonly #owner: EntryOwner;
  #accepted = 0;

  constructor(host: LayerHost, label: string, options: TcpLayerOptions) {
    super(host, label);
    this.#options = options;
    this.#own = new OwnAddresses([options.address, ...(options.otherAddresses ?? [])]);
    this.#shared4 = { ...options.connections, mss: options.mtu - HEADERS_BYTES };
    this.#shared6 = { ...options.connections, mss: options.mtu - HEADERS6_BYTES };
    this.#owner = this.#ownerOfEntries();
    this.#passive = new PassiveOpen(this.#listeners, host.vault, options);
    this.#lower = this.addPort<Frame, Frame>('lower', (frame) => this.#packet(frame));
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
    return [...this.#table.entries].map(({ id, connection }) => ({
      instance: id,
      machine: connection.machine.machine,
      state: connection.machine.state,
    }));
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
    return { version: 2, accepted: this.#accepted, listeners, waiting, entries: entries as unknown as JournalData };
  }

  override restore(saved: SavedLayer): void {
    this.#accepted = saved.accepted as number;
    this.#listeners.restore(saved.listeners as unknown as Listener[]);
    for (const entry of saved.entries as unknown as SavedEntry[]) {
      const { connection, listener, ...rest } = entry;
      this.#add({ ...rest, listener: listener ?? undefined }).connection.restore(connection);
    }
    for (const id of saved.waiting as string[]) this.#table.waits(this.#table.byId(id) as TableEntry);
  }

  get #isFull(): boolean {
    return this.#table.size >= (this.#options.maxConnections ?? MAX_CONNECTIONS);
  }

  /** Whether one more connection can be kept, if need be in the place of one in TIME-WAIT. */
  get #hasRoom(): boolean {
    return !this.#isFull || this.#table.canMakeRoom;
  }

  // ---- users ----

  #addUser(user: string): void {
    this.#users.set(
      user,
      this.addPort<TcpRequest, TcpIndication>(user, (request) => this.#request(user, request)),
    );
  }

  #request(user: string, request: TcpRequest): void {
    switch (request.kind) {
      case 'listen':
        this.#listen(user, request);
        return;
      case 'unlisten':
        if (this.#listeners.get(request.port)?.user === user) this.#unlisten(request.port);
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
    if (this.#listeners.get(port) !== undefined) this.note('already-listening', { user, port });
    else this.#listeners.add(request, user, this.#table.openOf(port));
  }

  /** Handshakes of the port that are under way end with it. */
  #unlisten(port: number): void {
    this.#listeners.remove(port);
    for (const entry of [...this.#table.entries]) {
      if (entry.listener === port && !entry.told) entry.connection.abort();
    }
  }

  #use(user: string, request: TcpUse): void {
    const connection = this.#table.byName(user, request.connection)?.connection;
    // The connection may just have ended while the request was on its way: its `closed` is on the way, too.
    if (connection === undefined) this.count('lateRequests');
    const isQuestion = request.kind === 'status';
    const answer = connection === undefined ? isQuestion && statusOfNone(request.connection) : use(connection, request);
    if (answer) this.#indicate(user, answer);
  }

  #connect(user: string, request: ConnectRequest): void {
    const { connection: name, destination: remote, destinationPort: remotePort, source } = request;
    if (this.#table.byName(user, name) !== undefined) {
      this.note('name-in-use', { user, connection: name });
      return;
    }
    const local = source ?? this.#own.sourceFor(remote);
    if (local === undefined) {
      this.note('no-source-address', { user, connection: name });
      this.#indicate(user, { kind: 'closed', connection: name, reason: 'unreachable' });
      return;
    }
    const ends = { local, remote, remotePort };
    const localPort = request.sourcePort ?? this.#table.freePort(ends, u16(this.host.randomBytes(this.label, 2), 0));
    const tuple = { ...ends, localPort: localPort ?? 0 };
    const refusal = localPort === undefined ? 'no-free-port' : this.#openRefusal(tuple, request.sourceRoute);
    if (refusal === undefined) this.#open(user, tuple, request);
    else {
      this.note(refusal, { user, connection: name });
      this.#indicate(user, { kind: 'closed', connection: name, reason: 'refused' });
    }
  }

  /** Why a connection can't be opened (RFC 9293 section 3.10.1, MUST-46). */
  #openRefusal(tuple: TcpTuple, route?: SourceRoute): string | undefined {
    if (!isSingleHost(tuple.remote)) return 'bad-destination';
    if (route !== undefined && !isUsable(route, tuple)) return 'bad-route';
    if (!this.#own.has(tuple.local) || isIp6(tuple.local) !== isIp6(tuple.remote)) return 'bad-source';
    if (!this.#table.isFree(tuple)) return 'no-free-port';
    return this.#hasRoom ? undefined : 'no-free-connection';
  }

  #open(user: string, tuple: TcpTuple, { connection: name, choices, sourceRoute }: ConnectRequest): void {
    const before = this.#table.byTuple(tuple)?.connection;
    before?.giveWay();
    const id = this.#table.freeId(user === 'upper' ? name : `${user}.${name}`);
    const { connection } = this.#add({ id, user, name, tuple, listener: undefined, told: true }, before?.sendNext);
    if (choices !== undefined) connection.choose(choices);
    if (sourceRoute !== undefined) connection.settings = withOwnRoute(connection.settings, sourceRoute);
    connection.openActive();
  }

  #indicate(user: string, indication: TcpIndication): void {
    if (this.#users.get(user)?.send(indication) !== true) this.count('lostIndications');
  }

  // ---- packets ----

  #packet(frame: Frame): void {
    const read = frame.checksum === 'bad' ? undefined : segmentFromPacket(frame.bytes, frame.offload?.segment_bytes);
    const error = read?.ok === false ? tcpIcmpError(frame.bytes) : undefined;
    if (error !== undefined) this.#icmpError(frame, error);
    else if (read === undefined) this.drop('bad-checksum', frame);
    else if (!read.ok) this.drop(read.reason === 'source-route' ? read.reason : 'malformed', frame, read.reason);
    else if (!this.#own.has(read.tuple.local)) this.drop('not-our-address', frame);
    else if (!isSingleHost(read.tuple.remote)) this.drop('malformed', frame, 'bad-source');
    else this.#segment(frame, read.segment, read.tuple);
  }

  /**
   * Soft errors change nothing: they are told, and retransmission goes on. An error that does not quote a number which is
   * under way is of somebody who has not seen the segment (RFC 5927 section 4.1).
   */
  #icmpError(frame: Frame, error: TcpIcmpError): void {
    this.count('icmp-errors');
    const connection = this.#table.byTuple(error)?.connection;
    if (error.kind === 'quench') return;
    if (connection === undefined) this.drop('no-connection', frame, 'ICMP error');
    else if (!connection.isUnderWay(error.seq)) this.drop('out-of-window', frame, 'ICMP error');
    else if (error.kind === 'too-big') connection.pathMtu(error.mtu);
    else connection.unreachable(error.kind === 'hard');
  }

  #segment(frame: Frame, segment: InSegment, tuple: TcpTuple): void {
    const entry = this.#table.byTuple(tuple);
    if (segment.route !== undefined && !this.#takesRoutes(entry)) return this.drop('source-route', frame);
    const isOurs = entry !== undefined && !entry.connection.yieldTo(segment);
    const reason = isOurs
      ? entry.connection.segment(segment)
      : this.#withoutConnection(segment, tuple, entry?.connection.sendNext);
    if (reason !== undefined) this.drop(reason, frame);
  }

  /** `before`: the next number of a connection in TIME-WAIT that has made room. The reason when no connection came of it. */
  #withoutConnection(segment: InSegment, tuple: TcpTuple, before: number | undefined): DropReason | undefined {
    const verdict = this.#passive.judge(segment, tuple, {
      now_us: this.host.now_us(),
      options: this.#sharedOptions(tuple),
      hasRoom: this.#hasRoom,
      replaces: before !== undefined,
    });
    if (verdict.kind === 'none') return this.#turnedAway(verdict, tuple, segment.route);
    const { connection } = this.#accept(verdict.listener, tuple, before);
    if (verdict.kind === 'open') {
      connection.openPassive(segment);
      return undefined;
    }
    this.count('syn-cookies-taken');
    connection.openCookie(verdict.syn, verdict.iss);
    return connection.segment(segment);
  }

  #turnedAway({ answer, reason }: TurnedAway, tuple: TcpTuple, route?: SourceRoute): DropReason | undefined {
    if (reason === undefined) this.count('syn-cookies-sent');
    if (answer !== undefined) this.#transmit(answer, tuple, { route });
    return reason;
  }

  /** The answers to a connection on a route of our own come by the way back; they change nothing. */
  #takesRoutes(entry: TableEntry | undefined): boolean {
    return this.#options.sourceRoutes === 'accept' || entry?.connection.settings.route?.own === true;
  }

  #accept(listener: Listener, tuple: TcpTuple, before: number | undefined): TableEntry {
    listener.pending += 1;
    const name = `accepted-${++this.#accepted}`;
    const { user } = listener;
    const id = this.#table.freeId(user === 'upper' ? name : `${user}.${name}`);
    const entry = this.#add({ id, user, name, tuple, listener: tuple.localPort, told: false }, before);
    if (listener.choices !== null) entry.connection.choose(listener.choices);
    return entry;
  }

  #transmit(segment: OutSegment, tuple: TcpTuple, choices: IpChoices, doubts = false): void {
    const { segment_bytes } = segment;
    const offload = segment_bytes === undefined ? undefined : { segment_bytes, headroom_bytes: HEADROOM_BYTES };
    const packet = packetFromSegment(segment, tuple, choices);
    const frame = this.host.frame(packet, undefined, 'good', offload);
    const sent = doubts ? { ...frame, doubt: true as const } : frame;
    if (!this.#lower.send(sent)) this.drop('not-joined', frame);
  }

  // ---- connections ----

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
      transmit: (segment, tuple, entry) => this.#transmit(segment, tuple, entry.connection.settings, entry.doubts),
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
        if (entry.told) this.#indicate(user, { kind: 'closed', connection, reason: event.reason });
        return;
      case 'gone':
        this.#table.remove(entry);
        return;
      case 'syn-received':
        return;
      default:
        if (entry.told) this.#indicate(user, { ...event, connection });
    }
  }

  #connected(entry: TableEntry): void {
    const { user, name: connection, tuple } = entry;
    const { localPort, remote, remotePort } = tuple;
    if (entry.told) {
      this.#indicate(user, { kind: 'connected', connection, localPort });
      return;
    }
    this.#leaveListener(entry);
    entry.told = true;
    const listener = this.#listenerOf(entry);
    if (listener !== undefined) listener.open += 1;
    this.#indicate(user, { kind: 'accepted', connection, localPort, remote, remotePort });
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
