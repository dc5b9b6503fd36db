import { f13Overhead } from '../../engine/f13.ts';
import { StreamSplitter } from '../../engine/stream-splitter.ts';
import { type SslEvent, sslMachine } from '../../machines/ssl.ts';
import type { NegotiationMessage } from '../../wire/negotiation.ts';
import { Reason } from '../../wire/terms.ts';
import type { Frame } from '../frame.ts';
import { type MachineCommand, MachineHost } from '../machine-host.ts';
import type { RecordSessionHost, RecordSessionNews } from '../records/record-session.ts';
import type { RecordParameters, SslFailure, SslIndication } from '../services.ts';
import { Agreement } from './agreement.ts';
import type { CipherBelow } from './cipher-below.ts';
import type { CipherAnswer } from './cipher-desk.ts';
import { type Decision, decide } from './decision.ts';
import { failureOfStop, failureOfTls, stopReasonOf } from './failures.ts';
import { FramePath } from './frame-path.ts';
import { RecordPart } from './record-part.ts';
import { RENEWALS_APART_MS, renewalRefusal } from './renewal.ts';
import type { SavedSslSession, SslSessionFacts } from './saved-session.ts';
import { connectRequest, type SslSessionHost, type SslSessionStart } from './session-host.ts';
import { TcpWriter } from './tcp-writer.ts';
import { deriveParameters, type LegFacts } from './terms.ts';
import { TlsLine, type TlsLineHost } from './tls-line.ts';
import type { TlsEvent } from './tls-provider.ts';

/** One TLS session after another over one TCP connection, with the records of the session in the same byte stream. */
export class SslSession {
  readonly start: SslSessionStart;
  readonly #host: SslSessionHost;
  readonly #machine: MachineHost<typeof sslMachine, Decision>;
  readonly #splitter = new StreamSplitter();
  readonly #writer: TcpWriter;
  readonly #tls: TlsLine;
  readonly #agreement: Agreement;
  readonly #records: RecordPart;
  readonly #frames: FramePath;
  #facts: SslSessionFacts = { peerName: '' };

  constructor(host: SslSessionHost, start: SslSessionStart) {
    this.start = start;
    this.#host = host;
    this.#writer = new TcpWriter((bytes) => host.toTcp({ kind: 'write', connection: start.name, bytes }));
    this.#agreement = new Agreement(host.wishes, host.newConnectionId);
    this.#records = new RecordPart(this.#recordHost(), host.limits);
    this.#frames = new FramePath(start, host, this.#records, this.#writer, {
      toPeer: (bytes) => this.#toPeer(bytes),
      receiverReady: () => this.#machine.send({ type: 'installed' }),
      fail: () => this.#fail('internal', 'the in-line cipher does not serve the session'),
    });
    this.#tls = new TlsLine(this.#tlsHost(), start.name);
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

  /** Somebody connected to us and has not yet agreed on anything as a configured peer: until the very end, if he never does. */
  get halfOpen(): boolean {
    return this.start.role === 'server' && this.#facts.parameters === undefined;
  }

  get machines(): readonly { readonly instance: string; readonly machine: never; readonly state: string }[] {
    const records = this.#records.session?.machine;
    const below = this.cipherBelow?.machine;
    return [this.#machine, records, below].filter((machine) => machine !== undefined) as never;
  }

  /** TLS sessions so far. */
  get generation(): number {
    return this.#tls.generation;
  }

  get facts(): Readonly<SslSessionFacts> {
    return this.#facts;
  }

  /** Receive ids that may be in use. */
  get connectionIds(): readonly number[] {
    return this.#agreement.ids;
  }

  get epochs(): { readonly send: number; readonly receive: number } | undefined {
    return this.#records.session?.epochs;
  }

  get cipherBelow(): CipherBelow | undefined {
    return this.#frames.cipherBelow;
  }

  event(event: SslEvent): void {
    this.#machine.send(event);
  }

  // ---- the application ----

  tellLeg(leg: LegFacts): void {
    this.#agreement.tellLeg(leg);
    this.#machine.send({ type: 'leg' });
  }

  renew(): void {
    const refusal = renewalRefusal({
      client: this.start.role === 'client',
      inline: this.cipherBelow !== undefined,
      established: this.decision.established,
      steady: this.#records.steady,
      since_us: this.#sinceRenewal_us(),
    });
    if (refusal === undefined) return this.#machine.send({ type: 'renew' });
    const { start, facts } = this;
    const peer = facts.peerName === '' ? (start.peer ?? '') : facts.peerName;
    this.#host.note('renewal-refused', { session: start.name, peer, detail: refusal });
  }

  /** Turns the record part on, or gives it the keys of a renewal. */
  turnOnRecords(parameters: RecordParameters): void {
    const payloadBytes = parameters.pathMtu - f13Overhead(this.#agreement.leg?.shape ?? 'tcp');
    this.cipherBelow?.turnOn(parameters);
    if (!this.#records.turnOn(parameters, payloadBytes))
      this.#fail('malformed', 'renewed before the last renewal was over');
  }

  sealFrame(frame: Frame): void {
    this.#frames.seal(frame);
  }

  /** A cipher elsewhere is done with a record. */
  cipherAnswered(answer: CipherAnswer): void {
    this.#frames.answered(answer);
  }

  cipherRefused(): void {
    this.#refuse('busy', 'the cipher takes no more sessions');
  }

  // ---- TCP ----

  received(bytes: Uint8Array): void {
    for (const part of this.#splitter.push(bytes)) {
      if (part.kind === 'tls') this.#tlsRecord(part.bytes);
      else this.#frames.unit(part.bytes);
    }
    this.#host.toTcp({ kind: 'consumed', connection: this.start.name, bytes: bytes.length });
    if (this.#splitter.broken) this.#fail('malformed', 'neither a TLS record nor a unit');
  }

  remoteClosed(): void {
    this.#tls.receiveEnd();
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
    if (!this.#tls.hears(generation)) return;
    switch (event.kind) {
      case 'output':
        // What the TLS session before still says would be taken for the new one's.
        if (generation === this.#tls.generation) this.#toPeer(event.bytes);
        return;
      case 'secured':
        this.#facts.peerName = this.#host.peerNameOf(event.peerName);
        return this.#machine.send({ type: 'tls.secured' });
      case 'data':
        return this.#tls.data(event.bytes);
      case 'ended':
        return this.#machine.send({ type: 'tls.ended' });
      case 'failed':
        return this.#fail(failureOfTls(event.reason), event.detail);
    }
  }

  timerFired(name: string): void {
    if (name === 'phase') this.#machine.send({ type: 'timer' });
    else this.#records.timerFired(name);
  }

  save(): SavedSslSession {
    return {
      start: this.start,
      machine: this.#machine.save(),
      splitter: this.#splitter.save(),
      tls: this.#tls.save(),
      writer: this.#writer.save(),
      records: this.#records.save(),
      agreement: this.#agreement.save(),
      facts: { ...this.#facts },
      below: this.cipherBelow?.save(),
    };
  }

  restore(saved: SavedSslSession): void {
    this.#machine.restore(saved.machine);
    this.#splitter.restore(saved.splitter);
    this.#tls.restore(saved.tls);
    this.#writer.restore(saved.writer);
    this.#agreement.restore(saved.agreement);
    this.#facts = saved.facts;
    this.#records.restore(saved.records);
    this.cipherBelow?.restore(saved.below);
  }

  // ---- inside: records ----

  #recordHost(): RecordSessionHost {
    const { vault, cipher, observer, now_us, setTimer, clearTimer } = this.#host;
    const transmit = (unit: Uint8Array): void => this.#toPeer(unit);
    return {
      vault,
      ...(cipher && { cipher }),
      observer,
      now_us,
      setTimer,
      clearTimer,
      transmit,
      news: (news) => this.#news(news),
    };
  }

  #news(news: RecordSessionNews): void {
    if (news.kind === 'authenticated') this.#host.indicate({ kind: 'authenticated', session: this.start.name });
    else if (news.why === 'peer-bye') this.#machine.send({ type: 'records.bye' });
    else if (news.why === 'peer-dead') this.#machine.send({ type: 'records.dead' });
    else this.#machine.send({ type: 'close' });
  }

  // ---- inside: TLS and negotiation ----

  #tlsHost(): TlsLineHost {
    const { openTls, tlsEngine, closeTls } = this.#host;
    const malformed = (detail: string): void => this.#fail('malformed', detail);
    return { openTls, tlsEngine, closeTls, malformed, negotiated: (message) => this.#negotiated(message) };
  }

  #toPeer(bytes: Uint8Array): void {
    if (!this.#writer.control(bytes)) this.#fail('busy', 'too much waits for TCP');
  }

  #tlsRecord(record: Uint8Array): void {
    if (this.decision.established && this.#tls.begins(record)) {
      if (this.start.role === 'client') return this.#fail('malformed', 'a server does not begin a TLS session');
      if (this.cipherBelow !== undefined) return this.#fail('malformed', 'not renewed under an in-line cipher');
      if (this.#sinceRenewal_us() < (RENEWALS_APART_MS / 2) * 1000) return this.#fail('malformed', 'renewed too soon');
      this.#machine.send({ type: 'hello.received' });
    }
    this.#tls.receive(record);
  }

  #openTls(): void {
    const { role, peer } = this.start;
    const isRenewal = this.#tls.generation > 0;
    if (isRenewal) this.#facts.renewed_us = this.#host.now_us();
    // A renewal does not change who is at the other end: not even one configured peer for another.
    this.#tls.open({ role, peer: this.#host.expectation(isRenewal ? this.#facts.peerName : peer) });
  }

  /** False when the message has no place now. */
  #negotiated(message: NegotiationMessage): boolean {
    if (message.kind === 'stop') {
      this.#machine.send({ type: 'stop.received', reason: failureOfStop(message.reason) });
      return true;
    }
    if (message.kind !== this.decision.expects) return false;
    if (message.kind === 'offer') {
      this.#agreement.keepOffer(message);
      this.#machine.send({ type: 'offer.received' });
      return true;
    }
    const failure = this.#agreement.judgeGo(message);
    if (failure !== undefined) this.#refuse(failure, 'GO');
    else this.#machine.send({ type: 'go.received' });
    return true;
  }

  #agree(): void {
    const failure = this.#agreement.judgeOffer();
    if (failure === undefined) this.#accept();
    else this.#refuse(failure, 'OFFER');
  }

  /** Both: keys from the exporter, and word to the application. */
  #accept(): void {
    const { engine } = this.#tls;
    const { terms } = this.#agreement;
    const parameters =
      engine && deriveParameters(this.#host.vault, engine, terms, this.start.role, this.#facts.peerName);
    if (parameters === undefined) return this.#fail('closed-early', 'TLS ended during the negotiation');
    this.#facts.parameters = parameters;
    this.#host.count('handshakes');
    this.#host.indicate({ kind: 'secured', session: this.start.name, parameters });
  }

  #endTls(why: string): void {
    const said = this.#tls.say({ kind: 'stop', reason: stopReasonOf(why) });
    this.#tls.engine?.end();
    if (!said) this.#machine.send({ type: 'tls.ended' });
  }

  /** Infinity before the first. */
  #sinceRenewal_us(): number {
    const { renewed_us } = this.#facts;
    return renewed_us === undefined ? Number.POSITIVE_INFINITY : this.#host.now_us() - renewed_us;
  }

  #fail(reason: SslFailure, detail: string): void {
    this.#noteFailure(reason, detail);
    this.#machine.send({ type: 'failed', reason });
  }

  /** What the peer offered or chose cannot be; TLS stands, so the peer is told why. */
  #refuse(reason: SslFailure, detail: string): void {
    this.#noteFailure(reason, detail);
    this.#machine.send({ type: 'refused', reason });
  }

  #noteFailure(reason: SslFailure, detail: string): void {
    if (this.decision.alive) this.#host.note('ssl-failed', { session: this.start.name, reason, detail });
  }

  // ---- commands of the machine ----

  #execute({ type, params }: MachineCommand): void {
    const { name, tuple } = this.start;
    switch (type) {
      case 'tcpConnect':
        return this.#host.toTcp(connectRequest(this.start));
      case 'tcpClose':
        this.#writer.writable();
        this.#writer.close();
        return this.#host.toTcp({ kind: 'close', connection: name });
      case 'tcpAbort':
        return this.#host.toTcp({ kind: 'abort', connection: name });
      case 'openTls':
        return this.#openTls();
      case 'endTls':
        return this.#endTls(params.reason);
      case 'sendOffer':
        return void this.#tls.say(this.#agreement.makeOffer());
      case 'agree':
        return this.#agree();
      case 'accept':
        return this.#accept();
      case 'sendGo':
        return void this.#tls.say(this.#agreement.makeGo());
      case 'stopRecords':
        return this.#records.stop(Reason.OPERATOR);
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
    this.cipherBelow?.ended();
    this.#writer.close();
    this.#records.stop(Reason.OPERATOR);
    this.#host.clearTimer('phase');
    this.#tls.close();
    this.#host.ended();
  }
}
