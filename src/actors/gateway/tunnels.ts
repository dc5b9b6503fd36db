import type { FourTuple } from '../../engine/f13.ts';
import type { LayerHost } from '../host.ts';
import { Layer, type MachineView, type SavedLayer } from '../layer.ts';
import type { MachineCommand } from '../machine-host.ts';
import type { Port } from '../port.ts';
import type {
  Leg,
  RecordParameters,
  SettingIndication,
  SettingRequest,
  SslIndication,
  SslRequest,
} from '../services.ts';
import type { JournalData } from '../tap.ts';
import { ephemeralPort, jittered } from './chance.ts';
import { type GatewayConfig, RENEW_EVERY_MS, TUNNEL_SESSIONS } from './config.ts';
import { Peer, type SavedPeer } from './peer.ts';
import { connectRequest, legTerms, renewalRefusal, type SavedTunnelSession, TunnelSession } from './session.ts';
import { TunnelSessions } from './sessions.ts';
import { type GatewayStatus, statusOf } from './status.ts';
import { UnclaimedLegs } from './unclaimed-legs.ts';

/**
 * What accelerator control and gateway application have in common: listening and dialling, sessions and peers, announcements to the
 * driver, renewal, replacement. Port `ssl` to SSL, `settings` to the intermediate driver.
 */
export abstract class TunnelsLayer extends Layer {
  protected readonly ssl: Port<SslIndication, SslRequest>;
  protected readonly settings: Port<SettingIndication, SettingRequest>;
  readonly #config: GatewayConfig;
  readonly #peers: ReadonlyMap<string, Peer>;
  readonly #sessions = new TunnelSessions();
  readonly #unclaimed = new UnclaimedLegs();
  readonly #most: number;
  #dialled = 0;
  /** What {@link activeSessions} gives until one of them changes. */
  #active: readonly TunnelSession[] | undefined;

  constructor(host: LayerHost, label: string, config: GatewayConfig) {
    super(host, label);
    this.#config = config;
    this.#most = config.sessions ?? TUNNEL_SESSIONS;
    this.ssl = this.addPort<SslIndication, SslRequest>('ssl', (indication) => this.#fromSsl(indication));
    this.settings = this.addPort<SettingIndication, SettingRequest>('settings', (indication) =>
      this.fromDriver(indication),
    );
    const observer = host.observer(label);
    this.#peers = new Map(
      config.peers.map((peer) => [peer.name, new Peer(peer, observer, (...args) => this.#executeForPeer(...args))]),
    );
  }

  /** Gives the session's keys and ids to whoever seals and opens records; `installed` is sent to the session when that is done. */
  protected abstract install(session: TunnelSession): void;
  /** The same for the keys of a renewal. */
  protected abstract reinstall(session: TunnelSession): void;
  /** Takes the session from whoever seals and opens its records. */
  protected abstract release(session: TunnelSession): void;
  /** A frame of the peer, where SSL opens records. */
  protected abstract frameFromPeer(indication: Extract<SslIndication, { kind: 'frame' }>): void;
  /** Frames for the peer take this session from now on; undefined: there is none any more. */
  protected activated(_peer: string, _session: TunnelSession | undefined): void {}

  override start(): void {
    const { listen, address } = this.#config;
    if (listen !== undefined) {
      const { port, shape, handshake } = listen;
      this.settings.send({ kind: 'announce-listen', address, port, shape, handshake });
      this.ssl.send({ kind: 'listen', port });
    }
    for (const peer of this.#peers.values()) if (peer.config.connect) this.#tellPeer(peer, 'connect');
  }

  override stop(): void {
    this.#drain();
  }

  override timerFired(name: string): void {
    const at = name.indexOf(':');
    const of = name.slice(at + 1);
    if (name.slice(0, at) === 'back-off') {
      const peer = this.#peers.get(of);
      if (peer !== undefined) this.#tellPeer(peer, 'timer');
    } else this.#sessions.get(of)?.send({ type: 'timer' });
  }

  /** `connect`, `disconnect`, `demand`, `renew` with `{ peer }`; `drain`. */
  override outsideEvent(name: string, data: JournalData): boolean {
    if (name === 'drain') {
      this.#drain();
      return true;
    }
    const peer = this.#peers.get(String((data as { readonly peer?: string } | null)?.peer));
    if (peer === undefined) return false;
    if (name === 'connect' || name === 'disconnect' || name === 'demand') this.#tellPeer(peer, name);
    else if (name === 'renew') this.#renew(peer);
    else return false;
    return true;
  }

  override machines(): readonly MachineView[] {
    const hosts = [...this.#peers.values(), ...this.#sessions.all].map(({ machine }) => machine);
    return hosts.map(({ instance, machine, state }) => ({ instance, machine, state }));
  }

  status(): GatewayStatus {
    return statusOf(this.#config, [...this.#peers.values()], this.#sessions, this.counters);
  }

  save(): SavedLayer {
    return {
      version: 1,
      dialled: this.#dialled,
      unclaimed: this.#unclaimed.save() as never,
      peers: [...this.#peers].map(([name, peer]) => [name, peer.save()]) as never,
      sessions: this.#sessions.all.map((session) => session.save()) as never,
    };
  }

  restore(saved: SavedLayer): void {
    this.#dialled = saved.dialled as number;
    this.#unclaimed.restore(saved.unclaimed as unknown as readonly Leg[]);
    for (const [name, peer] of saved.peers as unknown as readonly [string, SavedPeer][])
      this.#peers.get(name)?.restore(peer);
    this.#sessions.clear();
    for (const each of saved.sessions as unknown as readonly SavedTunnelSession[]) {
      const session = this.#add(each.name, each.tuple, each.client, undefined, each.driver);
      session.restore(each);
      this.#sessions.belongs(session);
    }
    this.#active = undefined;
  }

  /** The session that each peer's frames take. */
  protected activeSessions(): readonly TunnelSession[] {
    this.#active ??= [...this.#peers.values()].flatMap(({ active }) => this.#sessions.get(active ?? '') ?? []);
    return this.#active;
  }

  /** The session that a peer's frames take. */
  protected activeSession(peer: string): TunnelSession | undefined {
    return this.#sessions.get(this.#peers.get(peer)?.active ?? '');
  }

  protected session(name: string): TunnelSession | undefined {
    return this.#sessions.get(name);
  }

  // ---- SSL's indications ----

  #fromSsl(indication: SslIndication): void {
    if (indication.kind === 'frame') return this.frameFromPeer(indication);
    if (indication.kind === 'accepted') return this.#accepted(indication.session, indication.tuple);
    const session = this.#sessions.get(indication.session);
    if (session === undefined) return;
    switch (indication.kind) {
      case 'connected':
        return session.send({ type: 'ssl.connected' });
      case 'secured':
        return this.#secured(session, indication.parameters);
      case 'authenticated':
        return session.send({ type: 'authenticated' });
      case 'closed':
        this.note('session-closed', { session: session.name, peer: session.facts.peer, reason: indication.reason });
        return session.send({ type: 'ssl.closed' });
    }
  }

  #accepted(name: string, tuple: FourTuple): void {
    if (this.#sessions.size >= this.#most) {
      this.drop('too-many-sessions', undefined, name);
      this.ssl.send({ kind: 'close', session: name });
      return;
    }
    const session = this.#add(name, tuple, false, undefined, this.settings.connected);
    session.send({ type: 'accepted' });
    const leg = this.#unclaimed.claim(tuple);
    if (leg !== undefined) this.#legOpen(session, leg);
  }

  /** Any certificate of the CA is not any gateway: only configured peers, and only those the operator has not sent away. */
  #secured(session: TunnelSession, parameters: RecordParameters): void {
    const { facts } = session;
    facts.peer ??= parameters.peerName;
    this.#sessions.belongs(session);
    // Also when a session is renewed: another peer's certificate does not take over a session.
    const isSamePeer = facts.peer === parameters.peerName;
    if (isSamePeer && this.#peers.get(facts.peer)?.welcome === true) {
      facts.parameters = parameters;
      return session.send({ type: 'ssl.secured' });
    }
    this.drop('peer-not-allowed', undefined, parameters.peerName);
    for (const key of Object.values(parameters.keys)) this.host.vault.forget(key);
    session.send({ type: 'close' });
  }

  // ---- the driver's indications ----

  protected fromDriver(indication: SettingIndication): void {
    switch (indication.kind) {
      case 'leg-open':
        return this.#legOpened(indication);
      case 'leg-closed':
        this.#unclaimed.forget(indication.tuple);
        return this.#sessions.byTuple(indication.tuple)?.send({ type: 'leg.closed' });
      case 'engine-started':
        return this.#sessions.byEngineSession(indication.sessionId)?.send({ type: 'installed' });
      case 'engine-authenticated':
        return this.#sessions.byEngineSession(indication.sessionId)?.send({ type: 'authenticated' });
      case 'engine-stopped':
      case 'engine-disconnect':
        return this.#sessions.byEngineSession(indication.sessionId)?.send({ type: 'engine.ended' });
    }
  }

  #legOpened({ kind: _, ...leg }: Extract<SettingIndication, { kind: 'leg-open' }>): void {
    const { tuple } = leg;
    const session = this.#sessions.byTuple(tuple);
    if (session !== undefined) this.#legOpen(session, leg);
    else this.#unclaimed.keep(leg);
  }

  #legOpen(session: TunnelSession, leg: Leg): void {
    session.facts.leg = leg;
    session.send({ type: 'leg.open' });
  }

  // ---- commands of a session's machine ----

  #executeForSession(session: TunnelSession, { type, params }: MachineCommand): void {
    const { name } = session;
    switch (type) {
      case 'connect':
        return this.#connect(session);
      case 'tellLeg':
        return this.#tellLeg(session);
      case 'install':
        return this.install(session);
      case 'reinstall':
        return this.reinstall(session);
      case 'sayInstalled':
        return this.#toSsl({ kind: 'installed', session: name });
      case 'up':
        return this.#up(session);
      case 'askRenewal':
        return this.#toSsl({ kind: 'renew', session: name });
      case 'armRenewal':
        return this.setTimer(`phase:${name}`, (this.#config.renewEvery_ms ?? RENEW_EVERY_MS) * 1000);
      case 'armTimer':
        return this.setTimer(`phase:${name}`, params.delay_ms * 1000);
      case 'disarmTimer':
        return this.clearTimer(`phase:${name}`);
      case 'closeSsl':
        this.#carriesNoMore(session);
        return this.#toSsl({ kind: 'close', session: name });
      case 'ended':
        return this.#ended(session);
      case 'forget':
        // The leg's last packet needs the F13 numbers that the engine keeps until it is stopped.
        this.settings.send({ kind: 'withdraw', tuple: session.tuple });
        this.release(session);
        this.#sessions.delete(session);
    }
  }

  #connect(session: TunnelSession): void {
    const { tuple, facts } = session;
    const { shape, handshake } = (this.#peers.get(facts.peer as string) as Peer).config;
    this.settings.send({ kind: 'announce-connect', tuple, shape, handshake });
    this.#toSsl(connectRequest(session));
  }

  #tellLeg({ name, facts }: TunnelSession): void {
    const choice = facts.peer === undefined ? this.#config.listen : this.#peers.get(facts.peer)?.config;
    this.#toSsl({ kind: 'leg', session: name, ...legTerms(facts, choice) });
  }

  /**
   * Of two sessions of one peer the newer stays. The gateway whose name comes first decides that alone: so two that dialled each other
   * at the same time do not each close the session that the other keeps.
   */
  #up(session: TunnelSession): void {
    session.facts.up_us = this.host.now_us();
    const peer = this.#peers.get(session.facts.peer as string) as Peer;
    peer.learnedAddress = session.tuple.remote;
    this.#activate(peer, session);
    this.count('sessionsUp');
    this.note('session-up', { session: session.name, peer: peer.config.name, ...session.caveat });
    this.#tellPeer(peer, 'session.up');
    if (this.#config.name > peer.config.name) return;
    for (const other of this.#of(peer)) if (other !== session && other.carries) other.send({ type: 'close' });
  }

  #ended(session: TunnelSession): void {
    const peer = this.#peers.get(session.facts.peer ?? '');
    if (peer === undefined) return;
    this.#carriesNoMore(session);
    const left = this.#of(peer).filter((other) => other !== session);
    if (!left.some(({ machine }) => machine.decision.carries || machine.decision.dialling))
      this.#tellPeer(peer, 'session.ended');
  }

  /** Its peer's frames take another session, if there is one. */
  #carriesNoMore(session: TunnelSession): void {
    const peer = this.#peers.get(session.facts.peer ?? '');
    if (peer?.active !== session.name) return;
    this.#activate(
      peer,
      this.#of(peer).findLast(({ carries }) => carries),
    );
  }

  #activate(peer: Peer, session: TunnelSession | undefined): void {
    peer.active = session?.name;
    this.#active = undefined;
    this.activated(peer.config.name, session);
  }

  // ---- commands of a peer's machine ----

  #executeForPeer(peer: Peer, { type, params }: MachineCommand): void {
    switch (type) {
      case 'dial':
        return this.#dial(peer);
      case 'hangUp':
        for (const session of this.#of(peer)) session.send({ type: 'close' });
        return;
      case 'armBackOff':
        return this.#armBackOff(peer, params.delay_ms);
      case 'disarmBackOff':
        return this.clearTimer(`back-off:${peer.config.name}`);
    }
  }

  #dial(peer: Peer): void {
    const { address } = peer;
    const { name, port } = peer.config;
    if (this.#of(peer).some(({ machine }) => machine.decision.dialling)) return;
    if (this.#sessions.size >= this.#most || address === undefined) return this.#tellPeer(peer, 'session.ended');
    const tuple = {
      local: this.#config.address,
      localPort: this.#freePort(),
      remote: address,
      remotePort: port as number,
    };
    this.#add(`dial-${++this.#dialled}`, tuple, true, name, this.settings.connected).send({ type: 'dial' });
  }

  #armBackOff({ config }: Peer, delay_ms: number): void {
    this.setTimer(`back-off:${config.name}`, jittered(this.host.randomBytes(this.label, 2), delay_ms) * 1000);
  }

  #freePort(): number {
    const used = new Set(this.#sessions.all.map(({ tuple }) => tuple.localPort));
    return ephemeralPort(this.host.randomBytes(this.label, 2), used);
  }

  // ---- inside ----

  #renew(peer: Peer): void {
    const session = this.#sessions.get(peer.active ?? '');
    const refusal = renewalRefusal(peer.config.name, session);
    if (refusal === undefined) session?.send({ type: 'renew' });
    else this.note('renewal-refused', { peer: peer.config.name, detail: refusal });
  }

  #drain(): void {
    const { listen } = this.#config;
    if (listen !== undefined) this.#toSsl({ kind: 'unlisten', port: listen.port });
    for (const peer of this.#peers.values()) this.#tellPeer(peer, 'disconnect');
    for (const session of this.#sessions.all) session.send({ type: 'close' });
  }

  #tellPeer(peer: Peer, type: Parameters<Peer['send']>[0]['type']): void {
    peer.send({ type }, this.host.now_us());
  }

  #of({ config }: Peer): readonly TunnelSession[] {
    return this.#sessions.ofPeer(config.name);
  }

  #toSsl(request: SslRequest): void {
    this.ssl.send(request);
  }

  #add(name: string, tuple: FourTuple, client: boolean, peer: string | undefined, driver: boolean): TunnelSession {
    const session = new TunnelSession({
      name,
      tuple,
      client,
      driver,
      peer,
      observer: this.host.observer(this.label),
      execute: (...args) => this.#executeForSession(...args),
    });
    this.#sessions.add(session);
    return session;
  }
}
