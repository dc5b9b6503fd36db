import type { TunnelEnds } from '../../engine/loop-guard.ts';
import { ENGINE_SESSIONS } from '../../machines/engine.ts';
import type { Ip4, Mac } from '../../wire/address.ts';
import type { EngineSession } from '../../wire/control-frame.ts';
import type { FrameView } from '../../wire/frame.ts';

/** One row: whatever has a session's START. */
export interface SessionRow {
  readonly session: EngineSession;
}

/** Room for a port and the shape of F13 below an IPv4 address, in one number. */
const END_FACTOR = 0x2_0000;

/**
 * Settings manager 2014N: the sessions that an engine serves ([1419]). Blocks G, I and L ask by session id for keys and header values,
 * block B asks by MAC address, IP addresses and ports for the session id. At most {@link ENGINE_SESSIONS} rows; every look-up
 * takes the same time whatever their number.
 */
export class SessionTable<Row extends SessionRow> {
  readonly #rows = new Map<number, Row>();
  /** By own end, then by the peer's. */
  readonly #byEnds = new Map<number, Map<number, Row>>();
  #reserved: readonly Ip4[] = [];
  #ends: TunnelEnds = { ownMacs: new Set(), nextHopMacs: new Set(), addresses: new Set() };

  get size(): number {
    return this.#rows.size;
  }

  /** In the order in which they were added. */
  get rows(): Iterable<Row> {
    return this.#rows.values();
  }

  /** What must stay out of every tunnel here. */
  get ends(): TunnelEnds {
    return this.#ends;
  }

  /** Tunnel endpoints besides those of the rows. */
  get reserved(): readonly Ip4[] {
    return this.#reserved;
  }

  set reserved(addresses: readonly Ip4[]) {
    this.#reserved = addresses;
    this.#collectEnds();
  }

  /** Whether a session could be added: there is room, and no row has its id or its addresses and ports. */
  isFree(session: EngineSession): boolean {
    const { sessionId, udp, ownIp, ownPort, peerIp, peerPort } = session;
    const taken = this.#rows.has(sessionId) || this.#at(udp, ownIp, ownPort, peerIp, peerPort) !== undefined;
    return !taken && this.#rows.size < ENGINE_SESSIONS;
  }

  /** False, and nothing is changed, when the session is not {@link isFree}. */
  add(row: Row): boolean {
    const { session } = row;
    if (!this.isFree(session)) return false;
    this.#rows.set(session.sessionId, row);
    const own = endKey(session.udp, session.ownIp, session.ownPort);
    const peers = this.#byEnds.get(own) ?? new Map<number, Row>();
    this.#byEnds.set(own, peers.set(endKey(session.udp, session.peerIp, session.peerPort), row));
    this.#collectEnds();
    return true;
  }

  remove(sessionId: number): void {
    const row = this.#rows.get(sessionId);
    if (row === undefined) return;
    const { udp, ownIp, ownPort, peerIp, peerPort } = row.session;
    const own = endKey(udp, ownIp, ownPort);
    const peers = this.#byEnds.get(own);
    peers?.delete(endKey(udp, peerIp, peerPort));
    if (peers?.size === 0) this.#byEnds.delete(own);
    this.#rows.delete(sessionId);
    this.#collectEnds();
  }

  clear(): void {
    this.#rows.clear();
    this.#byEnds.clear();
    this.#collectEnds();
  }

  /** Of blocks G, I and L: the keys and header values of a session. */
  row(sessionId: number): Row | undefined {
    return this.#rows.get(sessionId);
  }

  /** Of block B: the session of a frame that a peer sent to this node; undefined is a miss. */
  sessionTo(frame: FrameView): number | undefined {
    const { ip } = frame;
    const ports = frame.udp ?? frame.tcp;
    if (ip === undefined || ports === undefined) return undefined;
    const isUdp = frame.udp !== undefined;
    const row = this.#at(isUdp, ip.destination, ports.destinationPort, ip.source, ports.sourcePort);
    return row?.session.ownMac === frame.ethernet.destination ? row.session.sessionId : undefined;
  }

  /** The session of a frame that the software of this node sends to the session's peer (leg packets). */
  sessionFrom(frame: FrameView): number | undefined {
    const { ip } = frame;
    const ports = frame.udp ?? frame.tcp;
    if (ip === undefined || ports === undefined) return undefined;
    const isUdp = frame.udp !== undefined;
    return this.#at(isUdp, ip.source, ports.sourcePort, ip.destination, ports.destinationPort)?.session.sessionId;
  }

  isOwn(mac: Mac): boolean {
    return this.#ends.ownMacs.has(mac);
  }

  #at(udp: boolean, ownIp: Ip4, ownPort: number, peerIp: Ip4, peerPort: number): Row | undefined {
    return this.#byEnds.get(endKey(udp, ownIp, ownPort))?.get(endKey(udp, peerIp, peerPort));
  }

  #collectEnds(): void {
    const sessions = [...this.#rows.values()].map(({ session }) => session);
    this.#ends = {
      ownMacs: new Set(sessions.map(({ ownMac }) => ownMac)),
      nextHopMacs: new Set(sessions.map(({ nextHopMac }) => nextHopMac)),
      addresses: new Set([...sessions.flatMap(({ ownIp, peerIp }) => [ownIp, peerIp]), ...this.#reserved]),
    };
  }
}

function endKey(udp: boolean, ip: Ip4, port: number): number {
  return ip * END_FACTOR + port * 2 + (udp ? 1 : 0);
}
