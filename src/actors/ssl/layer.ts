import type { SuiteId } from '../../engine/crypto/suite.ts';
import { isAesSuite, mayBeOffered, SUITE_PREFERENCE } from '../../engine/crypto/suite.ts';
import type { RecordLimits } from '../../engine/records/limits.ts';
import type { Ip4 } from '../../wire/address.ts';
import { u32 } from '../../wire/bytes.ts';
import { isIp6 } from '../../wire/ip-address.ts';
import type { AdmissionLimits } from '../admission.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { Port } from '../port.ts';
import type { SslIndication, SslRequest, TcpIndication, TcpRequest } from '../services.ts';
import type { JournalData } from '../tap.ts';
import { CipherWays, type SavedCipherWays, type SslCipher } from './cipher-ways.ts';
import { failureOfTcp } from './failures.ts';
import type { SavedSslSession } from './saved-session.ts';
import { SslSession } from './session.ts';
import type { SslSessionHost, SslSessionStart } from './session-host.ts';
import type { Wishes } from './terms.ts';
import { engineParts } from './tls-line.ts';
import type { PeerExpectation, TlsEvent } from './tls-provider.ts';

/** Accepted sessions that have not shown who they are yet; more are aborted at once. This and the others unless the options say otherwise. */
export const HALF_OPEN_SESSIONS = 64;
/** Of these from one address: a stranger who holds them all for their whole time keeps nobody else out. */
export const HALF_OPEN_SESSIONS_PER_ADDRESS = 8;
/** So many more are taken from the addresses of configured peers. */
export const HALF_OPEN_SESSIONS_FOR_PEERS = 8;
/** Sessions in all. */
export const SSL_SESSIONS = 256;
const CIPHER_TIMER = 'cipher';
/** Largest IP packet of an Ethernet. */
const PATH_MTU_BYTES = 1500;

export interface SslPeer {
  /** Name of the peer in the config, and in its certificate unless there is a pin. */
  readonly name: string;
  /** `sha256/BASE64` of the SPKI; where given, only this counts. */
  readonly pin?: string;
  /** Where it listens, if that is known: {@link HALF_OPEN_SESSIONS_FOR_PEERS} are for it. */
  readonly address?: Ip4;
}

/** Whom an SSL layer speaks to, and what it offers. */
export interface SslOptions {
  /** Own tunnel address. */
  readonly address: Ip4;
  readonly peers: readonly SslPeer[];
  /** Most wanted first; default all that encrypt, AES-256-GCM first. The clear suite (SSL off) only alone. */
  readonly suites?: readonly SuiteId[];
  /** Fragment orders, most wanted first; default fragment-then-encrypt (1), then encrypt-then-fragment (0). */
  readonly orders?: readonly (0 | 1)[];
  /** Bytes of an IP packet on the way to the peer; default {@link PATH_MTU_BYTES}. */
  readonly pathMtu?: number;
  /** Key limits other than the usual, for tests. */
  readonly limits?: Partial<RecordLimits>;
  /** Left out: here, in software. */
  readonly cipher?: SslCipher;
  /** Default {@link SSL_SESSIONS}. */
  readonly sessions?: number;
  /** Default {@link HALF_OPEN_SESSIONS}, in all and from one address. */
  readonly halfOpen?: AdmissionLimits;
}

/** One session as {@link SslLayer.status} tells it. */
export interface SslSessionStatus {
  readonly session: string;
  readonly state: string;
  readonly peer: string;
  /** TLS sessions so far. */
  readonly generation: number;
  readonly suite?: SuiteId;
  readonly order?: 0 | 1;
  readonly pathMtu?: number;
  /** There where nothing authenticates what arrives: an in-line cipher takes the place of sealed records. */
  readonly integrity?: 'none';
  /** Where the record part is on. */
  readonly epochs?: { readonly send: number; readonly receive: number };
}

/**
 * SSL 1002/2002/3002 (spec 1.2, 2.4): TLS 1.3 with both certificates over the TCP below, the negotiation inside it, and the record part
 * that seals and opens frames where no engine does. Port `upper` to the application, `lower` to TCP.
 */
export class SslLayer extends Layer {
  readonly kind = 'ssl';
  readonly #upper: Port<SslRequest, SslIndication>;
  readonly #lower: Port<TcpIndication, TcpRequest>;
  readonly #options: SslOptions;
  readonly #wishes: Wishes;
  readonly #most: number;
  readonly #halfOpen: AdmissionLimits;
  readonly #sessions = new Map<string, SslSession>();
  readonly #ciphers: CipherWays;

  constructor(host: LayerHost, label: string, options: SslOptions) {
    super(host, label);
    this.#options = options;
    if (options.suites !== undefined && !mayBeOffered(options.suites))
      throw new RangeError('the clear suite stands alone: it is configured at both ends, never negotiated');
    this.#most = options.sessions ?? SSL_SESSIONS;
    this.#halfOpen = options.halfOpen ?? { all: HALF_OPEN_SESSIONS, perAddress: HALF_OPEN_SESSIONS_PER_ADDRESS };
    const { suites = SUITE_PREFERENCE, cipher } = options;
    this.#wishes = {
      suites: cipher?.by === 'inline' ? suites.filter(isAesSuite) : suites,
      ...(cipher?.by === 'inline' && { inline: true }),
      orders: options.orders ?? [1, 0],
      pathMtu: options.pathMtu ?? PATH_MTU_BYTES,
    };
    this.#ciphers = new CipherWays(cipher, {
      host,
      label,
      sessions: this.#sessions,
      addPort: (name, onReceived) => this.addPort(name, onReceived),
      setTimer: (delay_us) => this.setTimer(CIPHER_TIMER, delay_us),
      drop: (reason, frame, detail) => this.drop(reason, frame, detail),
      count: (counter) => this.count(counter),
    });
    this.#upper = this.addPort<SslRequest, SslIndication>('upper', (request) => this.#requested(request));
    this.#lower = this.addPort<TcpIndication, TcpRequest>('lower', (indication) => this.#fromTcp(indication));
  }

  override stop(): void {
    for (const session of [...this.#sessions.values()]) session.event({ type: 'close' });
  }

  override timerFired(name: string): void {
    if (name === CIPHER_TIMER) return this.#ciphers.timerFired();
    const at = name.indexOf(':');
    this.#sessions.get(name.slice(at + 1))?.timerFired(name.slice(0, at));
  }

  override outsideEvent(name: string, data: JournalData): boolean {
    if (name !== 'tls') return false;
    const { engine, ...event } = data as { readonly engine: string };
    const parts = engineParts(engine);
    const session = parts && this.#sessions.get(parts.session);
    if (parts === undefined || session === undefined) return false;
    session.tlsEvent(parts.generation, event as TlsEvent);
    return true;
  }

  override machines(): readonly MachineView[] {
    return [...this.#sessions.values()].flatMap((session) => session.machines);
  }

  status(): readonly SslSessionStatus[] {
    return [...this.#sessions.values()].map(({ start, state, facts, generation, epochs }) => {
      const { suite, order, pathMtu, integrity } = facts.parameters ?? {};
      const peer = facts.peerName === '' ? (start.peer ?? '') : facts.peerName;
      return { session: start.name, state, peer, generation, suite, order, pathMtu, integrity, epochs };
    });
  }

  save(): SavedLayer {
    const sessions = [...this.#sessions.values()].map((session) => session.save());
    return {
      version: 1,
      sessions: sessions as never,
      ciphers: this.#ciphers.save() as never,
    };
  }

  restore(saved: SavedLayer): void {
    this.#sessions.clear();
    for (const each of saved.sessions as unknown as readonly SavedSslSession[]) this.#add(each.start).restore(each);
    this.#ciphers.restore(saved.ciphers as unknown as SavedCipherWays);
  }

  // ---- the application's requests ----

  #requested(request: SslRequest): void {
    if (request.kind === 'listen' || request.kind === 'unlisten') return this.#toTcp(request);
    if (request.kind === 'connect') return this.#connect(request);
    const session = this.#sessions.get(request.session);
    if (session === undefined) {
      if (request.kind === 'frame') this.drop('no-session', request.frame, request.session);
      return;
    }
    switch (request.kind) {
      case 'frame':
        return session.sealFrame(request.frame);
      case 'leg':
        return session.tellLeg(request);
      case 'installed':
        return this.#ciphers.isBelow ? undefined : session.event({ type: 'installed' });
      case 'renew':
        return session.renew();
      case 'records':
        return session.turnOnRecords(request.parameters);
      case 'close':
        return session.event({ type: 'close' });
    }
  }

  #connect(request: Extract<SslRequest, { kind: 'connect' }>): void {
    const { session: name, peer, destination, destinationPort, sourcePort } = request;
    if (this.#sessions.size >= this.#most || this.#sessions.has(name)) {
      this.#upper.send({ kind: 'closed', session: name, reason: 'busy' });
      return;
    }
    const tuple = {
      local: this.#options.address,
      localPort: sourcePort,
      remote: destination,
      remotePort: destinationPort,
    };
    this.#add({ name, role: 'client', peer, tuple }).event({ type: 'connect' });
  }

  // ---- TCP's indications ----

  #fromTcp(indication: TcpIndication): void {
    if (indication.kind === 'accepted') return this.#accepted(indication);
    const session = this.#sessions.get(indication.connection);
    if (session === undefined) return;
    switch (indication.kind) {
      case 'connected':
        return session.event({ type: 'tcp.connected' });
      case 'data':
        return session.received(indication.bytes);
      case 'full':
        return session.tcpFull();
      case 'writable':
        return session.tcpWritable();
      case 'status':
        return session.cipherBelow?.located(indication);
      case 'remote-closed':
        return session.remoteClosed();
      case 'closed':
        return session.tcpGone(failureOfTcp(indication.reason));
    }
  }

  #accepted({ connection, localPort, remote, remotePort }: Extract<TcpIndication, { kind: 'accepted' }>): void {
    // Tunnels run over IPv4 (docs/PROTOCOL.md section 1).
    if (isIp6(remote)) {
      this.drop('peer-not-allowed', undefined, connection);
      return this.#toTcp({ kind: 'abort', connection });
    }
    if (this.#sessions.size >= this.#most || !this.#takesHalfOpen(remote)) {
      this.drop('too-many-sessions', undefined, connection);
      return this.#toTcp({ kind: 'abort', connection });
    }
    const tuple = { local: this.#options.address, localPort, remote, remotePort };
    this.#add({ name: connection, role: 'server', tuple }).event({ type: 'accepted' });
  }

  // ---- inside ----

  #takesHalfOpen(remote: Ip4): boolean {
    const halfOpen = [...this.#sessions.values()].filter((session) => session.halfOpen);
    const isOfPeer = this.#options.peers.some(({ address }) => address === remote);
    const sameAddress = halfOpen.filter(({ start }) => start.tuple.remote === remote);
    return (
      halfOpen.length < this.#halfOpen.all + (isOfPeer ? HALF_OPEN_SESSIONS_FOR_PEERS : 0) &&
      sameAddress.length < this.#halfOpen.perAddress
    );
  }

  #toTcp(request: TcpRequest): void {
    this.#lower.send(request);
  }

  #add(start: SslSessionStart): SslSession {
    const session = new SslSession(this.#sessionHost(start), start);
    this.#sessions.set(start.name, session);
    return session;
  }

  #sessionHost({ name, tuple }: SslSessionStart): SslSessionHost {
    const { host, label } = this;
    return {
      now_us: () => host.now_us(),
      setTimer: (timer, delay_us) => this.setTimer(`${timer}:${name}`, delay_us),
      clearTimer: (timer) => this.clearTimer(`${timer}:${name}`),
      vault: host.vault,
      ...this.#ciphers.accessFor(name, tuple),
      observer: host.observer(label),
      wishes: this.#wishes,
      limits: this.#options.limits ?? {},
      newConnectionId: () => this.#newConnectionId(),
      expectation: (peer) => this.#expectation(peer),
      peerNameOf: (shown) =>
        this.#options.peers.find(({ name: known, pin }) => known === shown || pin === shown)?.name ?? shown,
      openTls: (engine, options) => host.openTls(label, engine, options),
      tlsEngine: (engine) => host.tlsEngine(label, engine),
      closeTls: (engine) => host.closeTls(label, engine),
      toTcp: (request) => this.#toTcp(request),
      indicate: (indication) => void this.#upper.send(indication),
      frame: (bytes) => host.frame(bytes),
      drop: (reason, frame, detail) => this.drop(reason, frame, detail),
      count: (counter) => this.count(counter),
      note: (note, data) => this.note(note, data),
      ended: () => this.#sessions.delete(name),
    };
  }

  #expectation(peer: string | undefined): PeerExpectation {
    const wanted = this.#options.peers.filter(({ name }) => peer === undefined || name === peer);
    return {
      names: wanted.flatMap(({ name, pin }) => (pin === undefined ? [name] : [])),
      pins: wanted.flatMap(({ pin }) => (pin === undefined ? [] : [pin])),
    };
  }

  /** One draw; the next free number where it is taken. */
  #newConnectionId(): number {
    const live = new Set([...this.#sessions.values()].flatMap(({ connectionIds }) => connectionIds));
    let id = u32(this.host.randomBytes(this.label, 4), 0);
    while (id === 0 || live.has(id)) id = (id + 1) >>> 0;
    return id;
  }
}
