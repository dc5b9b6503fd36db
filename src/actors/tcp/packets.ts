import { isSingleHost } from '../../wire/ip-address.ts';
import type { SourceRoute } from '../../wire/ip-options.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import { type TcpIcmpError, tcpIcmpError } from '../icmp-error.ts';
import type { Port } from '../port.ts';
import type { LayerParts } from './layer-parts.ts';
import type { Listener } from './listeners.ts';
import { PassiveOpen, type TurnedAway } from './passive-open.ts';
import {
  HEADROOM_BYTES,
  type InSegment,
  type IpChoices,
  type OutSegment,
  packetFromSegment,
  segmentFromPacket,
  type TcpTuple,
} from './segment.ts';
import type { TableEntry } from './table-entry.ts';

/** The packets of a TCP layer: each that arrives finds its connection or gets what segments without one get. */
export class TcpPackets {
  readonly #parts: LayerParts;
  readonly #lower: Port<Frame, Frame>;
  readonly #passive: PassiveOpen;
  /** Connections that came by a listening port, all that ever did. */
  accepted = 0;

  constructor(parts: LayerParts, lower: Port<Frame, Frame>) {
    this.#parts = parts;
    this.#lower = lower;
    this.#passive = new PassiveOpen(parts.listeners, parts.host.vault, parts.options);
  }

  /** An IP packet has arrived. */
  arrived(frame: Frame): void {
    const read = frame.checksum === 'bad' ? undefined : segmentFromPacket(frame.bytes, frame.offload?.segment_bytes);
    const error = read?.ok === false ? tcpIcmpError(frame.bytes) : undefined;
    if (error !== undefined) this.#icmpError(frame, error);
    else if (read === undefined) this.#parts.drop('bad-checksum', frame);
    else if (!read.ok) this.#parts.drop(read.reason === 'source-route' ? read.reason : 'malformed', frame, read.reason);
    else if (!this.#parts.own.has(read.tuple.local)) this.#parts.drop('not-our-address', frame);
    else if (!isSingleHost(read.tuple.remote)) this.#parts.drop('malformed', frame, 'bad-source');
    else this.#segment(frame, read.segment, read.tuple);
  }

  /**
   * Soft errors change nothing: they are told, and retransmission goes on. An error that does not quote a number which is
   * under way is of somebody who has not seen the segment (RFC 5927 section 4.1).
   */
  #icmpError(frame: Frame, error: TcpIcmpError): void {
    this.#parts.count('icmp-errors');
    const connection = this.#parts.table.byTuple(error)?.connection;
    if (error.kind === 'quench') return;
    if (connection === undefined) this.#parts.drop('no-connection', frame, 'ICMP error');
    else if (!connection.isUnderWay(error.seq)) this.#parts.drop('out-of-window', frame, 'ICMP error');
    else if (error.kind === 'too-big') connection.pathMtu(error.mtu);
    else connection.unreachable(error.kind === 'hard');
  }

  #segment(frame: Frame, segment: InSegment, tuple: TcpTuple): void {
    const entry = this.#parts.table.byTuple(tuple);
    if (segment.route !== undefined && !this.#takesRoutes(entry)) return this.#parts.drop('source-route', frame);
    const isOurs = entry !== undefined && !entry.connection.yieldTo(segment);
    const reason = isOurs
      ? entry.connection.segment(segment)
      : this.#withoutConnection(segment, tuple, entry?.connection.sendNext);
    if (reason !== undefined) this.#parts.drop(reason, frame);
  }

  /** `before`: the next number of a connection in TIME-WAIT that has made room. The reason when no connection came of it. */
  #withoutConnection(segment: InSegment, tuple: TcpTuple, before: number | undefined): DropReason | undefined {
    const verdict = this.#passive.judge(segment, tuple, {
      now_us: this.#parts.host.now_us(),
      options: this.#parts.sharedOptions(tuple),
      hasRoom: this.#parts.hasRoom(),
      replaces: before !== undefined,
    });
    if (verdict.kind === 'none') return this.#turnedAway(verdict, tuple, segment.route);
    const { connection } = this.#accept(verdict.listener, tuple, before);
    if (verdict.kind === 'open') {
      connection.openPassive(segment);
      return undefined;
    }
    this.#parts.count('syn-cookies-taken');
    connection.openCookie(verdict.syn, verdict.iss);
    return connection.segment(segment);
  }

  #turnedAway({ answer, reason }: TurnedAway, tuple: TcpTuple, route?: SourceRoute): DropReason | undefined {
    if (reason === undefined) this.#parts.count('syn-cookies-sent');
    if (answer !== undefined) this.transmit(answer, tuple, { route });
    return reason;
  }

  /** The answers to a connection on a route of our own come by the way back; they change nothing. */
  #takesRoutes(entry: TableEntry | undefined): boolean {
    return this.#parts.options.sourceRoutes === 'accept' || entry?.connection.settings.route?.own === true;
  }

  #accept(listener: Listener, tuple: TcpTuple, before: number | undefined): TableEntry {
    listener.pending += 1;
    const name = `accepted-${++this.accepted}`;
    const { user } = listener;
    const id = this.#parts.table.freeId(user, name);
    const entry = this.#parts.add({ id, user, name, tuple, listener: tuple.localPort, told: false }, before);
    if (listener.choices !== null) entry.connection.choose(listener.choices);
    return entry;
  }

  /** Sends a segment; `doubts`: IP is asked to look after the path. */
  transmit(segment: OutSegment, tuple: TcpTuple, choices: IpChoices, doubts = false): void {
    const { segment_bytes } = segment;
    const offload = segment_bytes === undefined ? undefined : { segment_bytes, headroom_bytes: HEADROOM_BYTES };
    const packet = packetFromSegment(segment, tuple, choices);
    const frame = this.#parts.host.frame(packet, undefined, 'good', offload);
    const sent = doubts ? { ...frame, doubt: true as const } : frame;
    if (!this.#lower.send(sent)) this.#parts.drop('not-joined', frame);
  }
}
