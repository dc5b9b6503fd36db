import { type InnerEvent, innerMachine } from '../../machines/inner.ts';
import { innerDataBytes } from '../../wire/inner-frame.ts';
import { type InnerMessage, InnerRefusal, InnerReset, NO_INNER_TOKEN } from '../../wire/inner-leg.ts';
import { type MachineCommand, MachineHost } from '../machine-host.ts';
import type { TcpCloseReason } from '../services.ts';
import { InnerLine } from './line.ts';
import type { InnerRandoms, InnerSessionHost, InnerStart, LocalSide, SavedInnerSession } from './session-host.ts';
import { InnerStreams } from './streams.ts';

/** Prefix of the local side's timers among those of the session. */
export const LOCAL_TIMER = 'local/';
/** Code of "host unreachable" (RFC 792), where nobody told a better one. */
const HOST_UNREACHABLE = 1;
/** States in which the streams flow, and in which the peer's goes on. */
const FLOWING = ['OPEN', 'LOCAL_ENDED', 'FINISHING', 'PEER_ENDED', 'DRAINING', 'CONFIRMING'];
const RECEIVING = ['OPEN', 'LOCAL_ENDED'];

interface InnerDecision {
  readonly isOpening: boolean;
  /** DATA, FIN, CREDIT and CHECK mean something. */
  readonly flows: boolean;
  /** The peer's stream goes on. */
  readonly receives: boolean;
  readonly isOver: boolean;
}

function decisionOf(state: string): InnerDecision {
  return Object.freeze({
    isOpening: state === 'OPENING',
    flows: FLOWING.includes(state),
    receives: RECEIVING.includes(state),
    isOver: state === 'CLOSED',
  });
}

/**
 * One end of a session on the inner leg: its machine, a stream each way under credit, and the TCP of its own host behind
 * {@link LocalSide}. What the leg brings goes to `received`, what the host's TCP tells to the `local…` methods.
 */
export class InnerSession {
  readonly start: InnerStart;
  readonly key: string;
  readonly line: InnerLine;
  readonly local: LocalSide;
  readonly #host: InnerSessionHost;
  readonly #randoms: InnerRandoms;
  readonly #machine: MachineHost<typeof innerMachine, InnerDecision>;
  readonly #streams: InnerStreams;
  #peerToken = NO_INNER_TOKEN;

  /** `local` makes the local side; it may keep the session and must not call it yet. */
  constructor(
    host: InnerSessionHost,
    key: string,
    start: InnerStart,
    randoms: InnerRandoms,
    local: (session: InnerSession) => LocalSide,
  ) {
    this.start = start;
    this.key = key;
    this.#host = host;
    this.#randoms = randoms;
    this.line = new InnerLine(start.ends, { link: start.link, ...randoms });
    this.#machine = new MachineHost({
      machine: innerMachine,
      instance: `inner-${start.ends.localPort}-${start.ends.remotePort}`,
      decide: ({ value }) => decisionOf(value as string),
      execute: (command) => this.#execute(command),
      observer: host.observer,
    });
    this.#streams = this.#newStreams();
    this.local = local(this);
  }

  get machine(): MachineHost<typeof innerMachine, InnerDecision> {
    return this.#machine;
  }

  get ownToken(): number {
    return this.#randoms.token;
  }

  /** None at the near end before CONN-DONE. */
  get peerToken(): number {
    return this.#peerToken;
  }

  get isOver(): boolean {
    return this.#machine.decision.isOver;
  }

  // ---- the leg ----

  /** Near end: the host's SYN was taken and is held. */
  open(): void {
    this.#tell({ type: 'syn' });
  }

  /** Near end: it came once more. */
  synAgain(): void {
    this.#tell({ type: 'syn.again' });
  }

  /** Far end: the CONN-REQ that the session is for, or the same once more. */
  request(message: InnerMessage & { kind: 'conn-req' }): void {
    if (this.#peerToken !== NO_INNER_TOKEN) return this.#tell({ type: 'request.again' });
    this.#begin(message);
    this.#tell({ type: 'request' });
  }

  /** Asks the peer whether it knows of this session. */
  check(): void {
    this.#streams.check();
  }

  /** Whoever has the other host's address knows nothing of all this: a TCP's RST to one of our frames. */
  alone(): void {
    this.#tell(this.#machine.decision.flows ? { type: 'peer.reset' } : { type: 'alone' });
  }

  /** Somebody on the way says by ICMP that our frames can't get through: believed while there was no answer yet. */
  unreachable(code: number): void {
    this.#tell({ type: 'refused', reason: InnerRefusal.UNREACHABLE, code });
  }

  /** A unit whose token is ours, or a RESET that names the peer's. */
  received(message: InnerMessage): void {
    switch (message.kind) {
      case 'conn-done':
        return this.#done(message);
      case 'trying':
        return this.#tell({ type: 'trying' });
      case 'refused':
        return this.#refused(message.reason, message.code);
      case 'reset':
        return this.#tell({ type: 'peer.reset' });
      default:
        if (this.#machine.decision.flows) this.#streams.received(message);
        else this.#host.drop('not-started', message.kind);
    }
  }

  /** Room came free among what the host has under way. */
  output(): void {
    this.#streams.output();
  }

  /** The owner gives up. */
  stop(): void {
    this.#tell({ type: 'stop', reason: InnerReset.STOPPED });
  }

  timerFired(name: string): void {
    if (name === 'retry') this.#tell({ type: 'timer.retry' });
    else if (name === 'check') this.#streams.checkTimer();
    else if (name === 'report') this.#streams.reportTimer();
    else if (name.startsWith(LOCAL_TIMER)) this.local.timerFired(name.slice(LOCAL_TIMER.length));
  }

  // ---- what the host's TCP tells ----

  localConnected(): void {
    this.#tell({ type: 'local.connected' });
  }

  /** Bytes in order; they are reported by `consumed` as they go on. Some may still be on their way when the session is over. */
  localData(bytes: Uint8Array): void {
    if (!this.isOver) this.#streams.write(bytes);
  }

  /** So many of the bytes that come next are urgent. */
  localUrgent(bytes: number): void {
    this.#streams.urgent(bytes);
  }

  /** The queue towards the host is over its mark; `localWritable` when it has room again. */
  localFull(): void {
    this.#streams.full();
  }

  localWritable(): void {
    this.#streams.writable();
  }

  /** The host's FIN, in order. */
  localEnded(): void {
    this.#tell({ type: 'local.ended' });
  }

  /** The connection to the host is over; `code`: of the ICMP error that said so, where there was one. */
  localClosed(reason: TcpCloseReason, code = HOST_UNREACHABLE): void {
    if (reason !== 'aborted') this.#tell(this.#eventOfClose(reason, code));
  }

  /** Nothing is left of the connection to the host. */
  localGone(): void {
    this.#endWhenNothingIsLeft();
  }

  #eventOfClose(reason: TcpCloseReason, code: number): InnerEvent {
    if (reason === 'normal') return { type: 'local.finished', confirmed: this.#streams.isConfirmed };
    if (!this.#machine.decision.isOpening) return { type: 'local.broken' };
    if (reason === 'unreachable') return { type: 'local.refused', reason: InnerRefusal.UNREACHABLE, code };
    const isSilent = reason === 'timed-out';
    return { type: 'local.refused', reason: isSilent ? InnerRefusal.TIMED_OUT : InnerRefusal.REFUSED, code: 0 };
  }

  // ---- inside ----

  #newStreams(): InnerStreams {
    const host = this.#host;
    const session = this;
    return new InnerStreams({
      ...host,
      key: this.key,
      isAsked: this.start.end === 'far',
      get peerToken() {
        return session.#peerToken;
      },
      get flows() {
        return session.#machine.decision.flows;
      },
      get receives() {
        return session.#machine.decision.receives;
      },
      send: (message) => this.#send(message),
      write: (bytes, urgent) => this.local.write(bytes, urgent),
      consumed: (bytes) => this.local.consumed(bytes),
      peerEnded: () => this.#tell({ type: 'peer.ended' }),
      confirmed: () => this.#tell({ type: 'confirmed' }),
      broken: (reason) => {
        host.count(reason === InnerReset.GAP ? 'gaps' : reason === InnerReset.SILENT ? 'silences' : 'nonsense');
        this.#tell({ type: 'broken', reason });
      },
    });
  }

  #tell(event: InnerEvent): void {
    this.#machine.send(event);
    this.#endWhenNothingIsLeft();
  }

  #endWhenNothingIsLeft(): void {
    if (!this.isOver) return;
    this.#streams.close();
    if (this.local.isGone) this.#host.ended();
  }

  get #mostBytes(): number {
    return innerDataBytes(this.start.mtu, this.start.ends.local);
  }

  #begin({ ownToken, mostBytes, granted }: { ownToken: number; mostBytes: number; granted: number }): void {
    this.#peerToken = ownToken;
    this.#streams.begin(Math.min(mostBytes, this.#mostBytes), granted);
  }

  #done(message: InnerMessage & { kind: 'conn-done' }): void {
    if (this.#peerToken !== NO_INNER_TOKEN || this.isOver) return;
    this.#begin(message);
    this.#tell({ type: 'done' });
    this.#streams.output();
  }

  #refused(reason: number, code: number): void {
    if (reason === InnerRefusal.NOT_TERMINATED) this.#tell({ type: 'alone' });
    else this.#tell({ type: 'refused', reason, code });
  }

  #opening() {
    return { ownToken: this.ownToken, mostBytes: this.#mostBytes, granted: this.#streams.grant() };
  }

  #execute({ type, params }: MachineCommand): void {
    switch (type) {
      case 'sendRequest':
        return this.#send({ kind: 'conn-req', ...this.#opening() });
      case 'sendTrying':
        return this.#send({ kind: 'trying', token: this.#peerToken });
      case 'sendDone':
        this.#send({ kind: 'conn-done', token: this.#peerToken, ...this.#opening() });
        return this.#streams.output();
      case 'sendRefused':
        this.#host.count('refused');
        return this.#send({ kind: 'refused', token: this.#peerToken, reason: params.reason, code: params.code });
      case 'sendFin':
        return this.#streams.finish();
      case 'sendReset':
        return this.#sendReset(params.reason);
      case 'sendResetByHost':
        return this.#sendReset(InnerReset.BY_HOST);
      case 'armRetry':
        return this.#host.setTimer('retry', params.delay_ms * 1000);
      case 'disarmRetry':
        return this.#host.clearTimer('retry');
      default:
        this.#executeLocal(type, params);
    }
  }

  #executeLocal(type: string, params: MachineCommand['params']): void {
    switch (type) {
      case 'openLocal':
        return this.local.open();
      case 'releaseLocal':
        return this.local.release();
      case 'refuseLocal':
        this.#host.count('refused');
        return this.local.refuse(params.reason, params.code);
      case 'refuseLocalTimedOut':
        this.#host.count('refused');
        return this.local.refuse(InnerRefusal.TIMED_OUT, 0);
      case 'bypass':
        return this.local.bypass(params.heard);
      case 'closeLocal':
        return this.local.close();
      case 'abortLocal':
        return this.local.abort();
    }
  }

  #sendReset(reason: number): void {
    this.#send({ kind: 'reset', token: this.#peerToken, reason, unknown: NO_INNER_TOKEN });
  }

  #send(message: InnerMessage): void {
    this.#host.toLine(this.line.frame(message));
  }

  // ---- plain data of everything ----

  save(): SavedInnerSession {
    return {
      start: this.start,
      randoms: this.#randoms,
      peerToken: this.#peerToken,
      machine: this.#machine.save(),
      line: this.line.save(),
      streams: this.#streams.save(),
      local: this.local.save(),
    };
  }

  restore(saved: SavedInnerSession): void {
    this.#peerToken = saved.peerToken;
    this.#machine.restore(saved.machine);
    this.line.restore(saved.line);
    this.#streams.restore(saved.streams);
    this.local.restore(saved.local);
  }
}
