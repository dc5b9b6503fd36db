import { legDigest } from '../../engine/leg-digest.ts';
import { StreamSplitter } from '../../engine/stream-splitter.ts';
import { type LegEvent, LINGER_MS, legMachine } from '../../machines/leg.ts';
import { EMPTY, toHex } from '../../wire/bytes.ts';
import { buildLeg, buildUdpHello, LegKind } from '../../wire/leg.ts';
import { buildComplete, buildLegData, buildReasonBody, buildRequest } from '../../wire/leg-body.ts';
import { seqAdd } from '../../wire/seq.ts';
import { NO_TOKEN, PROTOCOL_VERSION, Reason, reasonName, TOKEN_BYTES, type Token } from '../../wire/terms.ts';
import type { LegStream } from '../leg/leg-stream.ts';
import { type MachineCommand, MachineHost } from '../machine-host.ts';
import type { F13Line } from '../records/f13-line.ts';
import type { PeerTrust } from '../records/peer-trust.ts';
import type { ConnectionEvent, TcpConnection } from '../tcp/connection.ts';
import type { InSegment } from '../tcp/segment.ts';
import { LOCAL_TCP_TIMER } from './local-tcp.ts';
import {
  type LegDecision,
  legDecision,
  type SavedLegSession,
  type SessionHost,
  type SessionStart,
} from './session-host.ts';
import { legLine, legLocalTcp, legStream, legTrust } from './session-parts.ts';
import { tupleKey } from './settings.ts';

/** Receive ids that a session knows at a time: of the present TLS session and the one before. */
const RECEIVE_IDS = 2;
/** Unanswered bytes that a session may send before the peer has shown its token, per byte received. */
const AMPLIFICATION = 3;

/**
 * One accelerated session: block A (the local TCP, terminated in the name of the far one), B-G around it, and the leg to the far
 * driver. Whole TLS records ride on the leg's reliable stream, each F14 is one datagram that nobody repeats.
 */
export class LegSession {
  readonly start: SessionStart;
  readonly key: string;
  readonly line: F13Line;
  readonly local: TcpConnection;
  readonly stream: LegStream;
  readonly trust: PeerTrust;
  readonly #host: SessionHost;
  readonly #machine: MachineHost<typeof legMachine, LegDecision>;
  readonly #fromLocal = new StreamSplitter();
  readonly #fromPeer = new StreamSplitter();
  #ownToken: Token;
  #peerToken: Token = NO_TOKEN;
  #cookie: Uint8Array = EMPTY;
  #receiveIds: readonly number[] = [];
  /** The peer has sent our token back: its address is true. */
  #echoed = false;
  #received = 0;
  #sent = 0;

  /** `ownToken` is given when a saved session is restored, which draws nothing. */
  constructor(host: SessionHost, start: SessionStart, ownToken: Token = toHex(host.randomBytes(TOKEN_BYTES))) {
    this.start = start;
    this.key = tupleKey(start.tuple);
    this.#host = host;
    this.#ownToken = ownToken;
    this.line = legLine(host, start);
    this.local = legLocalTcp(host, start, this.line, (event) => this.#localEvent(event));
    this.stream = legStream(host, {
      sendData: (sequence, bytes, fin) => this.sendLeg(LegKind.DATA, buildLegData({ fin, bytes }), false, sequence),
      sendAcknowledge: () => this.sendLeg(LegKind.ACKNOWLEDGE),
      failed: () => this.#machine.send({ type: 'stream.failed', reason: Reason.TIMED_OUT }),
    });
    this.trust = legTrust(host, start, {
      probe: () => this.sendLeg(LegKind.PING),
      lost: () => this.#machine.send({ type: 'peer.lost' }),
    });
    this.#machine = new MachineHost({
      machine: legMachine,
      instance: `leg-${start.tuple.localPort}-${start.tuple.remotePort}`,
      input: { immediate: start.handshake === 'immediate' },
      decide: legDecision,
      execute: (command) => this.#execute(command),
      observer: host.observer,
    });
  }

  get state(): string {
    return this.#machine.state;
  }

  get decision(): LegDecision {
    return this.#machine.decision;
  }

  get machines(): readonly MachineHost<never, unknown>[] {
    return [this.#machine, this.local.machine, this.trust.machine] as never;
  }

  get ownToken(): Token {
    return this.#ownToken;
  }

  get peerToken(): Token {
    return this.#peerToken;
  }

  /** Near end: the local TCP's SYN, taken from it. */
  takeSyn(syn: InSegment): void {
    this.local.openPassive(syn);
    this.#machine.send({ type: 'syn.taken' });
  }

  /** Far end: a valid connection request arrived. */
  takeRequest(senderToken: Token, requestBytes: number): void {
    this.#peerToken = senderToken;
    this.#received += requestBytes;
    this.#machine.send({ type: 'request.accepted' });
  }

  event(event: LegEvent): void {
    this.#machine.send(event);
  }

  /** The COOKIE has come; the request will carry it. `peerNumber`: number of the peer's first payload byte (TCP shape). */
  takeCookie(cookie: Uint8Array, peerNumber: number): void {
    this.#cookie = cookie.slice();
    this.line.keeper.peerStarted(peerNumber);
    this.#machine.send({ type: 'cookie.received' });
  }

  /** COMPLETE has come. */
  takeComplete(senderToken: Token): void {
    this.#peerToken = senderToken;
    this.#machine.send({ type: 'complete.received' });
  }

  /** A valid packet of the peer: everything but its kind. */
  heard(seq: number | undefined, bytes: number): void {
    this.#received += bytes;
    if (seq !== undefined) this.line.accepted(seq, bytes);
    this.#echoed = true;
    this.trust.heard();
  }

  /** Bytes of the peer's stream, in order. */
  deliver(bytes: Uint8Array): void {
    for (const part of this.#fromPeer.push(bytes)) this.local.write(part.bytes);
    if (this.#fromPeer.broken) this.#machine.send({ type: 'stream.failed', reason: Reason.VERSION });
    if (this.stream.remoteEnded) this.local.close();
    this.#finishWhenBothEnded();
  }

  /** One F14 of the peer for the local TCP; false when it is not for this session. */
  deliverRecord(unit: Uint8Array, connectionId: number): boolean {
    if (!this.#receiveIds.includes(connectionId)) return false;
    if (this.local.sendSpace < unit.length) this.#host.drop('local-tcp-full', 'record');
    else this.local.write(unit);
    return true;
  }

  /** The peer acknowledged stream bytes; the last of them may have been the end. */
  acknowledged(): void {
    this.#finishWhenBothEnded();
  }

  /** The request came again: our answer was lost. */
  requestAgain(requestBytes: number): void {
    this.#received += requestBytes;
    this.#machine.send({ type: 'request.again' });
  }

  /** Something unauthenticated says that the peer is gone; before and after the leg stands it means nothing. */
  rumour(): void {
    if (this.decision.open) this.trust.rumour();
  }

  /**
   * ICMP says that the peer cannot be reached. `seq`: F13 number that it quotes; the one of our SYN-shaped HELLO nobody can guess
   * (RFC 5927), so that answer is believed. Everything else is a rumour.
   */
  unreachable(seq: number | undefined): void {
    const isAboutHello = this.decision.awaitsCookie && this.start.shape === 'tcp';
    if (!isAboutHello) this.rumour();
    else if (seq === seqAdd(this.line.keeper.numbers.next, -1)) {
      this.#machine.send({ type: 'refused.received', reason: Reason.REFUSED_BY_TCP });
    }
  }

  /** Keys were handed over for this session. */
  proven(): void {
    this.#machine.send({ type: 'peer.proven' });
  }

  announceRecords(receiveConnectionId: number): void {
    this.#receiveIds = [receiveConnectionId, ...this.#receiveIds.filter((id) => id !== receiveConnectionId)].slice(
      0,
      RECEIVE_IDS,
    );
  }

  sendLeg(kind: number, body: Uint8Array = EMPTY, reset = false, sequence = this.stream.next): void {
    const unit = buildLeg(
      {
        kind,
        senderToken: this.#ownToken,
        receiverToken: this.#peerToken,
        sequence,
        acknowledgement: this.stream.expected,
      },
      body,
    );
    if (this.start.end === 'far' && !this.#echoed && this.#sent + unit.length > AMPLIFICATION * this.#received) {
      this.#host.drop('amplification-limit', 'leg packet');
      return;
    }
    this.#sent += unit.length;
    this.line.send(unit, reset);
  }

  timerFired(name: string): void {
    if (name === 'retry') this.#machine.send({ type: 'timer.retry' });
    else if (name === 'trust') this.trust.timerFired();
    else if (name === 'linger') this.#machine.send({ type: 'timer.linger' });
    else if (name === 'stream') this.stream.retry();
    else if (name === 'f13') this.line.timerFired();
    else if (name.startsWith(LOCAL_TCP_TIMER)) this.local.timerFired(name.slice(LOCAL_TCP_TIMER.length));
  }

  save(): SavedLegSession {
    return {
      start: this.start,
      machine: this.#machine.save(),
      line: this.line.save(),
      local: this.local.save(),
      stream: this.stream.save(),
      fromLocal: this.#fromLocal.save(),
      fromPeer: this.#fromPeer.save(),
      ownToken: this.#ownToken,
      peerToken: this.#peerToken,
      cookie: this.#cookie,
      receiveIds: this.#receiveIds,
      trust: this.trust.save(),
      echoed: this.#echoed,
      received: this.#received,
      sent: this.#sent,
    };
  }

  restore(saved: SavedLegSession): void {
    this.#machine.restore(saved.machine);
    this.line.restore(saved.line);
    this.local.restore(saved.local);
    this.stream.restore(saved.stream);
    this.#fromLocal.restore(saved.fromLocal);
    this.#fromPeer.restore(saved.fromPeer);
    this.#ownToken = saved.ownToken;
    this.#peerToken = saved.peerToken;
    this.#cookie = saved.cookie;
    this.#receiveIds = saved.receiveIds;
    this.trust.restore(saved.trust);
    this.#echoed = saved.echoed;
    this.#received = saved.received;
    this.#sent = saved.sent;
  }

  // ---- the local TCP ----

  #localEvent(event: ConnectionEvent): void {
    switch (event.kind) {
      case 'connected':
        if (this.start.end === 'far') this.#machine.send({ type: 'local.connected' });
        return;
      case 'data':
        return this.#localData(event.bytes);
      case 'remote-closed':
        this.stream.finish();
        return this.#finishWhenBothEnded();
      case 'closed':
        return this.#localClosed(event.reason);
      case 'gone':
        return this.#endWhenNothingIsLeft();
    }
  }

  /** Block B and D: TLS records into the reliable stream, each F14 into a datagram of its own. */
  #localData(bytes: Uint8Array): void {
    for (const part of this.#fromLocal.push(bytes)) {
      if (part.kind === 'tls') this.stream.write(part.bytes);
      else if (this.decision.open) this.#sendRecord(part.bytes);
      else this.#host.drop('not-started', 'record before the leg stands');
    }
    this.local.consumed(bytes.length);
    if (this.#fromLocal.broken) this.#machine.send({ type: 'stream.failed', reason: Reason.VERSION });
  }

  #sendRecord(unit: Uint8Array): void {
    this.#host.count('recordsOut');
    this.line.send(unit);
  }

  #localClosed(reason: string): void {
    if (this.decision.forging) {
      this.#machine.send({
        type: 'local.refused',
        reason: reason === 'timed-out' ? Reason.TIMED_OUT : Reason.REFUSED_BY_TCP,
      });
    } else if (reason !== 'normal') {
      this.#machine.send({ type: 'local.gone', reason: Reason.RESET_BY_TCP });
    }
  }

  #finishWhenBothEnded(): void {
    if (this.stream.localEnded && this.stream.remoteEnded) this.#machine.send({ type: 'stream.finished' });
  }

  // ---- commands of the machine ----

  #execute({ type, params }: MachineCommand): void {
    switch (type) {
      case 'sendHello':
        return this.#sendHello();
      case 'sendRequest':
        return this.sendLeg(LegKind.REQUEST, this.#requestBody());
      case 'sendComplete':
        return this.sendLeg(LegKind.COMPLETE, buildComplete());
      case 'sendRefused':
        return this.sendLeg(LegKind.REFUSED, buildReasonBody(params.reason), true);
      case 'sendBye':
        return this.sendLeg(LegKind.BYE, buildReasonBody(params.reason), true);
      case 'armRetry':
        return this.#host.setTimer('retry', params.delay_ms * 1000);
      case 'disarmRetry':
        return this.#host.clearTimer('retry');
      case 'armLinger':
        return this.#host.setTimer('linger', LINGER_MS * 1000);
      case 'disarmLinger':
        return this.#host.clearTimer('linger');
      case 'forget':
        return this.#forget();
      case 'forgeSyn':
        return this.local.openActive();
      case 'releaseLocal':
        return this.local.release();
      case 'abortLocal':
        return this.local.abort();
      case 'indicateOpen':
        return this.#indicateOpen();
      case 'indicateClosed':
        return this.#indicateClosed(params.reason);
    }
  }

  #sendHello(): void {
    if (this.start.shape === 'udp') this.line.send(buildUdpHello(this.#ownToken));
    else this.#host.toLine(this.line.keeper.syn());
  }

  #requestBody(): Uint8Array {
    const { tuple, shape, handshake } = this.start;
    return buildRequest({
      protocolVersion: PROTOCOL_VERSION,
      udp: shape === 'udp',
      immediate: handshake === 'immediate',
      cookie: this.#cookie,
      destination: tuple.remote,
      destinationPort: tuple.remotePort,
      source: tuple.local,
      sourcePort: tuple.localPort,
    });
  }

  #indicateOpen(): void {
    const { tuple, shape, handshake } = this.start;
    this.stream.open();
    this.#host.indicate({
      kind: 'leg-open',
      tuple,
      digest: legDigest({ udp: shape === 'udp', immediate: handshake === 'immediate' }, 0),
      shape,
      handshake,
      ownMac: this.start.ownMac,
      nextHopMac: this.line.keeper.link.nextHop,
    });
  }

  #indicateClosed(reason: number): void {
    this.#host.indicate({ kind: 'leg-closed', tuple: this.start.tuple, reason: reasonName(reason) });
  }

  #forget(): void {
    this.line.close();
    this.trust.close();
    this.#host.clearTimer('stream');
    this.#endWhenNothingIsLeft();
  }

  /** The local TCP may still be in TIME-WAIT when the leg is over, and the other way round. */
  #endWhenNothingIsLeft(): void {
    if (this.decision.closed && this.local.state === 'CLOSED') this.#host.ended();
  }
}
