import type { SnapshotFrom } from 'xstate';
import type { Vault } from '../../engine/crypto/vault.ts';
import { type FourTuple, f13Overhead } from '../../engine/f13.ts';
import type { RecordLimits } from '../../engine/records/limits.ts';
import { type SavedSplitter, StreamSplitter } from '../../engine/stream-splitter.ts';
import { type SslEvent, sslMachine } from '../../machines/ssl.ts';
import { concat, EMPTY } from '../../wire/bytes.ts';
import { buildNegotiation, type NegotiationMessage, type Offer, parseNegotiation } from '../../wire/negotiation.ts';
import { Reason } from '../../wire/terms.ts';
import { UNIT_LEG } from '../../wire/unit.ts';
import type { DropReason } from '../drop-reason.ts';
import type { Frame } from '../frame.ts';
import { type MachineCommand, MachineHost, type MachineObserver, type SavedMachine } from '../machine-host.ts';
import { RecordSession, type RecordSessionNews, type SavedRecordSession } from '../records/record-session.ts';
import type { RecordParameters, SslFailure, SslIndication, TcpRequest } from '../services.ts';
import type { JournalData } from '../tap.ts';
import { type SavedTcpWriter, TcpWriter } from './tcp-writer.ts';
import {
  deriveParameters,
  judgeGo,
  judgeOffer,
  type LegFacts,
  makeGo,
  makeOffer,
  type Terms,
  type Wishes,
} from './terms.ts';
import type { PeerExpectation, TlsEngine, TlsEvent, TlsFailure, TlsOpen } from './tls-provider.ts';

/** Between two renewals at least so long: keys of the session before then live at most beside two others. */
export const RENEWALS_APART_MS = 30_000;
/** Negotiation bytes that may wait for the rest of a message. */
const NEGOTIATION_BYTES = 1024;
/** Connection ids of so many generations count as live. */
const LIVE_GENERATIONS = 3;
const TLS_HANDSHAKE = 0x16;

/** What a session needs of the layer that it is part of. */
export interface SslSessionHost {
  now_us(): number;
  setTimer(name: string, delay_us: number): void;
  clearTimer(name: string): void;
  readonly vault: Vault;
  readonly observer: MachineObserver;
  readonly wishes: Wishes;
  readonly limits: Partial<RecordLimits>;
  /** Random, nonzero, of no other session. */
  newConnectionId(): number;
  /** Who may be at the other end; all configured peers for an accepted session. */
  expectation(peer: string | undefined): PeerExpectation;
  /** Name of the configured peer that showed a name or a pin. */
  peerNameOf(shown: string): string;
  openTls(engine: string, options: TlsOpen): void;
  tlsEngine(engine: string): TlsEngine | undefined;
  closeTls(engine: string): void;
  toTcp(request: TcpRequest): void;
  indicate(indication: SslIndication): void;
  frame(bytes: Uint8Array): Frame;
  drop(reason: DropReason, frame: Frame | undefined, detail?: JournalData): void;
  count(name: string): void;
  note(name: string, data: JournalData): void;
  ended(): void;
}

/** What a session begins with. */
export interface SslSessionStart {
  /** Also the name of the TCP connection. */
  readonly name: string;
  readonly role: 'client' | 'server';
  /** Client: who must be at the other end. */
  readonly peer?: string;
  readonly tuple: FourTuple;
}

export interface SavedSslSession {
  readonly start: SslSessionStart;
  readonly machine: SavedMachine;
  readonly splitter: SavedSplitter;
  readonly writer: SavedTcpWriter;
  readonly records?: SavedRecordSession;
  /** Parameters that the record part was turned on with. */
  readonly firstParameters?: RecordParameters;
  readonly facts: Facts;
}

/** Plain data that control events leave behind. */
interface Facts {
  /** Number of the newest TLS session; 0 before the first. */
  generation: number;
  /** The one whose records arrive. */
  receiving: number;
  leg?: LegFacts;
  offer?: Offer;
  terms?: Terms;
  /** Negotiation bytes without an end yet. */
  rest: Uint8Array;
  peerName: string;
  parameters?: RecordParameters;
  /** Receive ids, newest first. */
  ids: readonly number[];
  renewed_us?: number;
}

interface Decision {
  readonly expects: 'offer' | 'go' | undefined;
  readonly established: boolean;
  /** Counts against the limit of handshakes under way. */
  readonly halfOpen: boolean;
  readonly alive: boolean;
}

function decide(snapshot: SnapshotFrom<typeof sslMachine>): Decision {
  const alive = snapshot.matches('ALIVE');
  const established = snapshot.matches({ ALIVE: 'ESTABLISHED' });
  const awaitsOffer = snapshot.matches({ ALIVE: 'AWAITING-OFFER' });
  const awaitsGo = snapshot.matches({ ALIVE: 'AWAITING-GO' });
  return {
    expects: awaitsOffer ? 'offer' : awaitsGo ? 'go' : undefined,
    established,
    halfOpen: alive && !established,
    alive,
  };
}

/** One TLS session after another over one TCP connection, with the records of the session in the same byte stream. */
export class SslSession {
  readonly start: SslSessionStart;
  readonly #host: SslSessionHost;
  readonly #machine: MachineHost<typeof sslMachine, Decision>;
  readonly #splitter = new StreamSplitter();
  readonly #writer: TcpWriter;
  #records: RecordSession | undefined;
  #firstParameters: RecordParameters | undefined;
  #facts: Facts = { generation: 0, receiving: 0, rest: EMPTY, peerName: '', ids: [] };

  constructor(host: SslSessionHost, start: SslSessionStart) {
    this.start = start;
    this.#host = host;
    this.#writer = new TcpWriter((bytes) => host.toTcp({ kind: 'write', connection: start.name, bytes }));
    this.#machine = new MachineHost({
      machine: sslMachine,
      instance: start.name,
      input: { client: start.role === 'client' },
      decide,
      execute: (command) => this.#execute(command),
      observer: host.observer,
    });
  }

  get state(): string {
    return this.#machine.state;
  }

  get decision(): Decision {
    return this.#machine.decision;
  }

  get machines(): readonly { readonly instance: string; readonly machine: never; readonly state: string }[] {
    const records = this.#records?.machine;
    return [this.#machine, ...(records === undefined ? [] : [records])] as never;
  }

  get facts(): Readonly<Facts> {
    return this.#facts;
  }

  get epochs(): { readonly send: number; readonly receive: number } | undefined {
    return this.#records?.epochs;
  }

  event(event: SslEvent): void {
    this.#machine.send(event);
  }

  // ---- the application ----

  tellLeg(leg: LegFacts): void {
    this.#facts.leg = { digest: leg.digest, shape: leg.shape, handshake: leg.handshake };
    this.#machine.send({ type: 'leg' });
  }

  renew(): void {
    if (!this.#mayRenew()) return this.#host.note('renewal-refused', { session: this.start.name });
    this.#machine.send({ type: 'renew' });
  }

  /** Turns the record part on, or gives it the keys of a renewal. */
  useRecords(parameters: RecordParameters): void {
    const payloadBytes = parameters.pathMtu - f13Overhead(this.#facts.leg?.shape ?? 'tcp');
    if (this.#records !== undefined) {
      if (!this.#records.renew(parameters, payloadBytes))
        this.#fail('malformed', 'renewed before the last renewal was over');
      return;
    }
    this.#records = this.#newRecords(parameters);
    this.#records.start();
  }

  sealFrame(frame: Frame): void {
    if (this.#records === undefined) return this.#host.drop('not-started', frame);
    if (!this.#writer.takesData) return this.#host.drop('queue-full', frame);
    const units = this.#records.seal(frame.bytes);
    if (typeof units === 'string') return this.#host.drop(units, frame);
    this.#host.count('sealed');
    for (const unit of units) this.#writer.data(unit);
  }

  // ---- TCP ----

  received(bytes: Uint8Array): void {
    for (const part of this.#splitter.push(bytes)) {
      if (part.kind === 'tls') this.#tlsRecord(part.bytes);
      else this.#unit(part.bytes);
    }
    this.#host.toTcp({ kind: 'consumed', connection: this.start.name, bytes: bytes.length });
    if (this.#splitter.broken) this.#fail('malformed', 'neither a TLS record nor a unit');
  }

  remoteClosed(): void {
    for (const generation of new Set([this.#facts.receiving, this.#facts.generation]))
      this.#engine(generation)?.receiveEnd();
  }

  tcpGone(reason: SslFailure): void {
    this.#writer.close();
    this.#machine.send({ type: 'tcp.gone', reason });
  }

  tcpFull(): void {
    this.#writer.full();
  }

  tcpWritable(): void {
    this.#writer.writable();
  }

  // ---- TLS ----

  tlsEvent(generation: number, event: TlsEvent): void {
    const { generation: newest, receiving } = this.#facts;
    if (generation !== newest && generation !== receiving) return;
    switch (event.kind) {
      case 'output':
        // What the TLS session before still says would be taken for the new one's.
        if (generation === newest) this.#toPeer(event.bytes);
        return;
      case 'secured':
        this.#facts.peerName = this.#host.peerNameOf(event.peerName);
        return this.#machine.send({ type: 'tls.secured' });
      case 'data':
        return this.#negotiation(event.bytes);
      case 'ended':
        return this.#machine.send({ type: 'tls.ended' });
      case 'failed':
        return this.#fail(failureOf(event.reason), event.detail);
    }
  }

  timerFired(name: string): void {
    if (name === 'phase') this.#machine.send({ type: 'timer' });
    else this.#records?.timerFired(name);
  }

  save(): SavedSslSession {
    return {
      start: this.start,
      machine: this.#machine.save(),
      splitter: this.#splitter.save(),
      writer: this.#writer.save(),
      ...(this.#records && { records: this.#records.save(), firstParameters: this.#firstParameters }),
      facts: { ...this.#facts },
    };
  }

  restore(saved: SavedSslSession): void {
    this.#machine.restore(saved.machine);
    this.#splitter.restore(saved.splitter);
    this.#writer.restore(saved.writer);
    this.#facts = saved.facts;
    if (saved.records === undefined || saved.firstParameters === undefined) return;
    this.#records = this.#newRecords(saved.firstParameters);
    this.#records.restore(saved.records);
  }

  // ---- inside: records ----

  #newRecords(parameters: RecordParameters): RecordSession {
    this.#firstParameters = parameters;
    const payloadBytes = parameters.pathMtu - f13Overhead(this.#facts.leg?.shape ?? 'tcp');
    const { vault, observer, limits } = this.#host;
    const host = {
      now_us: () => this.#host.now_us(),
      setTimer: (name: string, delay_us: number) => this.#host.setTimer(name, delay_us),
      clearTimer: (name: string) => this.#host.clearTimer(name),
      vault,
      observer,
      transmit: (unit: Uint8Array) => this.#toPeer(unit),
      news: (news: RecordSessionNews) => this.#news(news),
    };
    return new RecordSession(host, parameters, { payloadBytes, limits });
  }

  #unit(unit: Uint8Array): void {
    const type = unit[0] as number;
    if (this.#records === undefined || type === UNIT_LEG) return this.#host.drop('unexpected-unit', undefined, type);
    const received = this.#records.receive(unit);
    if (received.kind === 'refused') return this.#host.drop(received.reason, undefined, received.detail);
    if (received.kind !== 'frame') return;
    this.#host.count('opened');
    this.#host.indicate({ kind: 'frame', session: this.start.name, frame: this.#host.frame(received.bytes) });
  }

  #news(news: RecordSessionNews): void {
    if (news.kind === 'authenticated') this.#host.indicate({ kind: 'authenticated', session: this.start.name });
    else if (news.why === 'peer-bye') this.#machine.send({ type: 'records.bye' });
    else if (news.why === 'peer-dead') this.#machine.send({ type: 'records.dead' });
    else this.#machine.send({ type: 'close' });
  }

  // ---- inside: TLS and negotiation ----

  #engine(generation: number): TlsEngine | undefined {
    return this.#host.tlsEngine(engineName(this.start.name, generation));
  }

  #toPeer(bytes: Uint8Array): void {
    if (!this.#writer.control(bytes)) this.#fail('busy', 'too much waits for TCP');
  }

  /** A handshake record in clear after the session stood begins the next TLS session (docs/PROTOCOL.md section 5). */
  #tlsRecord(record: Uint8Array): void {
    const facts = this.#facts;
    if (record[0] === TLS_HANDSHAKE && facts.receiving < facts.generation) this.#receiveNewest();
    else if (record[0] === TLS_HANDSHAKE && this.decision.established) {
      if (this.start.role === 'client') return this.#fail('malformed', 'a server does not begin a TLS session');
      if (this.#tooSoon()) return this.#fail('malformed', 'renewed too soon');
      this.#machine.send({ type: 'hello.received' });
    }
    this.#engine(facts.receiving)?.receive(record);
  }

  #receiveNewest(): void {
    const facts = this.#facts;
    if (facts.receiving !== 0) this.#host.closeTls(engineName(this.start.name, facts.receiving));
    facts.receiving = facts.generation;
    facts.rest = EMPTY;
  }

  #openTls(): void {
    const { name, role, peer } = this.start;
    const facts = this.#facts;
    facts.generation += 1;
    if (facts.generation > 1) facts.renewed_us = this.#host.now_us();
    const engine = engineName(name, facts.generation);
    this.#host.openTls(engine, { role, peer: this.#host.expectation(peer), sessionLabel: engine });
    // A client hears the session before until the server's new one begins.
    if (role === 'server' || facts.generation === 1) this.#receiveNewest();
    this.#engine(facts.generation)?.start();
  }

  #negotiation(bytes: Uint8Array): void {
    const all = concat(this.#facts.rest, bytes);
    let at = 0;
    while (at < all.length) {
      const read = parseNegotiation(all, at, all.length);
      if (!read.ok && read.reason === 'incomplete') break;
      if (!read.ok) return this.#fail('malformed', read.reason);
      at = read.end;
      if (!this.#negotiated(read.message)) return this.#fail('malformed', `unexpected ${read.message.kind}`);
    }
    this.#facts.rest = all.slice(at);
    if (this.#facts.rest.length > NEGOTIATION_BYTES) this.#fail('malformed', 'endless negotiation');
  }

  /** False when the message has no place now. */
  #negotiated(message: NegotiationMessage): boolean {
    if (message.kind === 'stop') {
      this.#machine.send({ type: 'stop.received' });
      return true;
    }
    if (message.kind !== this.decision.expects) return false;
    if (message.kind === 'offer') {
      this.#facts.offer = message;
      this.#machine.send({ type: 'offer.received' });
      return true;
    }
    const { offer, leg } = this.#facts;
    const terms = judgeGo(message, offer as Offer, leg as LegFacts);
    if (typeof terms === 'string') this.#fail(terms, 'GO');
    else {
      this.#facts.terms = terms;
      this.#machine.send({ type: 'go.received' });
    }
    return true;
  }

  #sendOffer(): void {
    this.#facts.offer = makeOffer(this.#host.wishes, this.#facts.leg as LegFacts, this.#newId());
    this.#say(this.#facts.offer);
  }

  #agree(): void {
    const { offer, leg } = this.#facts;
    const terms = judgeOffer(offer as Offer, this.#host.wishes, leg as LegFacts, this.#newId());
    if (typeof terms === 'string') return this.#fail(terms, 'OFFER');
    this.#facts.terms = terms;
    this.#accept();
  }

  /** Both: keys from the exporter, and word to the application. */
  #accept(): void {
    const { generation, terms, peerName } = this.#facts;
    const engine = this.#engine(generation);
    const { vault } = this.#host;
    const parameters = engine && deriveParameters(vault, engine, terms as Terms, this.start.role, peerName);
    if (parameters === undefined) return this.#fail('closed-early', 'TLS ended during the negotiation');
    this.#facts.parameters = parameters;
    this.#host.count('handshakes');
    this.#host.indicate({ kind: 'secured', session: this.start.name, parameters });
  }

  #say(message: NegotiationMessage): boolean {
    return this.#engine(this.#facts.generation)?.write(buildNegotiation(message)) ?? false;
  }

  #endTls(): void {
    const said = this.#say({ kind: 'stop', reason: Reason.OPERATOR });
    this.#engine(this.#facts.generation)?.end();
    if (!said) this.#machine.send({ type: 'tls.ended' });
  }

  #newId(): number {
    const id = this.#host.newConnectionId();
    this.#facts.ids = [id, ...this.#facts.ids].slice(0, LIVE_GENERATIONS);
    return id;
  }

  #mayRenew(): boolean {
    if (this.start.role === 'server' || !this.decision.established || this.#tooSoon()) return false;
    return this.#records === undefined || this.#records.state === 'LIVE.STEADY';
  }

  #tooSoon(): boolean {
    const { renewed_us } = this.#facts;
    return renewed_us !== undefined && this.#host.now_us() - renewed_us < RENEWALS_APART_MS * 1000;
  }

  #fail(reason: SslFailure, detail: string): void {
    if (this.decision.alive) this.#host.note('ssl-failed', { session: this.start.name, reason, detail });
    this.#machine.send({ type: 'failed', reason });
  }

  // ---- commands of the machine ----

  #execute({ type, params }: MachineCommand): void {
    const { name, tuple } = this.start;
    switch (type) {
      case 'tcpConnect':
        return this.#host.toTcp({
          kind: 'connect',
          connection: name,
          destination: tuple.remote,
          destinationPort: tuple.remotePort,
          sourcePort: tuple.localPort,
        });
      case 'tcpClose':
        this.#writer.writable();
        this.#writer.close();
        return this.#host.toTcp({ kind: 'close', connection: name });
      case 'tcpAbort':
        return this.#host.toTcp({ kind: 'abort', connection: name });
      case 'openTls':
        return this.#openTls();
      case 'endTls':
        return this.#endTls();
      case 'sendOffer':
        return this.#sendOffer();
      case 'agree':
        return this.#agree();
      case 'accept':
        return this.#accept();
      case 'sendGo':
        this.#say(makeGo(this.#facts.terms as Terms, this.#host.wishes, this.#facts.leg as LegFacts));
        return;
      case 'stopRecords':
        return this.#records?.stop(Reason.OPERATOR);
      case 'armTimer':
        return this.#host.setTimer('phase', params.delay_ms * 1000);
      case 'disarmTimer':
        return this.#host.clearTimer('phase');
      case 'indicateAccepted':
        return this.#host.indicate({ kind: 'accepted', session: name, tuple });
      case 'indicateConnected':
        return this.#host.indicate({ kind: 'connected', session: name, tuple });
      case 'indicateClosed':
        return this.#closed(params.reason);
      case 'forget':
        return this.#forget();
    }
  }

  #closed(reason: Extract<SslIndication, { kind: 'closed' }>['reason']): void {
    this.#host.count(`closed:${reason}`);
    this.#host.indicate({ kind: 'closed', session: this.start.name, reason });
  }

  #forget(): void {
    const { name } = this.start;
    this.#writer.close();
    this.#records?.stop(Reason.OPERATOR);
    this.#host.clearTimer('phase');
    for (const generation of new Set([this.#facts.receiving, this.#facts.generation])) {
      if (generation !== 0) this.#host.closeTls(engineName(name, generation));
    }
    this.#host.ended();
  }
}

/** Name of a TLS engine: session and generation. */
export function engineName(session: string, generation: number): string {
  return `${session}#${generation}`;
}

/** The parts of {@link engineName}; undefined for anything else. */
export function engineParts(engine: string): { readonly session: string; readonly generation: number } | undefined {
  const at = engine.lastIndexOf('#');
  const generation = Number(engine.slice(at + 1));
  return at > 0 && Number.isInteger(generation) ? { session: engine.slice(0, at), generation } : undefined;
}

function failureOf(reason: TlsFailure): SslFailure {
  if (reason === 'timeout') return 'timed-out';
  return reason === 'too-many-handshakes' ? 'busy' : reason;
}
