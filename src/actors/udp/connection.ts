import { StreamSplitter } from '../../engine/stream-splitter.ts';
import { type UdpEvent, udpMachine } from '../../machines/udp.ts';
import { EMPTY } from '../../wire/bytes.ts';
import { buildLeg, buildUdpHello, LegKind } from '../../wire/leg.ts';
import { buildLegData, buildOpen, buildReasonBody } from '../../wire/leg-body.ts';
import { NO_TOKEN, Reason, type Token } from '../../wire/terms.ts';
import type { LegEnd } from '../leg/leg-end.ts';
import { LegStream } from '../leg/leg-stream.ts';
import { type MachineCommand, MachineHost } from '../machine-host.ts';
import { PeerTrust } from '../records/peer-trust.ts';
import {
  type SavedUdpConnection,
  type UdpConnectionHost,
  type UdpConnectionStart,
  type UdpDecision,
  udpDecision,
} from './connection-host.ts';

/**
 * One connection of a UDP layer, and one end of a leg: TLS records ride on its reliable stream, each F14 unit is a datagram that nobody
 * acknowledges or repeats ([1322]).
 */
export class UdpConnection implements LegEnd {
  readonly start: UdpConnectionStart;
  readonly stream: LegStream;
  readonly #host: UdpConnectionHost;
  readonly #machine: MachineHost<typeof udpMachine, UdpDecision>;
  readonly #trust: PeerTrust;
  readonly #fromUser = new StreamSplitter();
  readonly #fromPeer = new StreamSplitter();
  #peerToken: Token = NO_TOKEN;
  #cookie: Uint8Array = EMPTY;
  /** The user was told that the peer's stream has ended. */
  #ended = false;

  constructor(host: UdpConnectionHost, start: UdpConnectionStart) {
    const { localPort, remotePort } = start.tuple;
    this.start = start;
    this.#host = host;
    this.stream = new LegStream({
      sendData: (sequence, bytes, fin) => this.#sendData(sequence, { bytes, fin }),
      sendAcknowledge: () => this.#send(LegKind.ACKNOWLEDGE),
      armRetry: (delay_us) => host.setTimer('stream', delay_us),
      disarmRetry: () => host.clearTimer('stream'),
      failed: () => this.event({ type: 'stream.failed' }),
    });
    this.#trust = new PeerTrust(
      {
        observer: host.observer,
        setTimer: (delay_us) => host.setTimer('trust', delay_us),
        clearTimer: () => host.clearTimer('trust'),
        probe: () => this.#send(LegKind.PING),
        lost: () => this.event({ type: 'peer.lost' }),
      },
      `trust-${localPort}-${remotePort}`,
    );
    this.#machine = new MachineHost({
      machine: udpMachine,
      instance: `udp-${localPort}-${remotePort}`,
      decide: udpDecision,
      execute: (command) => this.#execute(command),
      observer: host.observer,
    });
  }

  get decision(): UdpDecision {
    return this.#machine.decision;
  }

  get machines(): readonly MachineHost<never, unknown>[] {
    return [this.#machine, this.#trust.machine] as never;
  }

  get ownToken(): Token {
    return this.start.ownToken;
  }

  get peerToken(): Token {
    return this.#peerToken;
  }

  event(event: UdpEvent): void {
    this.#machine.send(event);
  }

  /** Far end: the cookie has come back, from an end that names itself so. */
  accept(peerToken: Token): void {
    this.#peerToken = peerToken;
    this.event({ type: 'cookie.returned' });
  }

  /** Near end: the answer to HELLO. */
  takeCookie(cookie: Uint8Array): void {
    this.#cookie = cookie.slice();
    this.event({ type: 'cookie.received' });
  }

  // ---- the user ----

  /** Whole TLS records go into the stream, each F14 unit into a datagram of its own. */
  write(bytes: Uint8Array): void {
    for (const part of this.#fromUser.push(bytes)) {
      if (part.kind === 'tls') this.stream.write(part.bytes);
      else this.#sendUnit(part.bytes);
    }
    if (this.#fromUser.broken) this.event({ type: 'stream.failed' });
  }

  /** Ends our direction after all that was written; before the peer has answered there is nothing to end in order. */
  close(): void {
    if (!this.decision.open) return this.event({ type: 'abort' });
    this.stream.finish();
    this.#finishWhenBothEnded();
  }

  // ---- the peer ----

  /** A packet that only the peer can have made. */
  heard(peerToken: Token): void {
    if (this.decision.opening) {
      this.#peerToken = peerToken;
      this.event({ type: 'peer.heard' });
    }
    this.#trust.heard();
  }

  /** Somebody says that the peer is gone: it is asked. */
  rumour(): void {
    if (this.decision.open) this.#trust.rumour();
  }

  /** ICMP says that the peer cannot be reached. */
  unreachable(reason: 'refused' | 'unreachable'): void {
    if (this.decision.awaitsCookie) this.event({ type: 'icmp.unreachable', reason });
    else this.rumour();
  }

  refused(): void {
    this.event({ type: 'peer.refused', reason: 'refused' });
  }

  /** Before anything else of the peer it says that there is no connection; later it is a rumour. */
  bye(): void {
    if (this.decision.opening) this.event({ type: 'peer.refused', reason: 'reset' });
    else this.rumour();
  }

  deliver(bytes: Uint8Array): void {
    for (const part of this.#fromPeer.push(bytes)) {
      if (part.kind === 'tls') this.#indicateData(part.bytes);
      else this.#host.drop('unexpected-unit', 'a record in the stream');
    }
    if (this.#fromPeer.broken) return this.event({ type: 'stream.failed' });
    if (this.stream.remoteEnded && !this.#ended) {
      this.#ended = true;
      this.#host.indicate({ kind: 'remote-closed', connection: this.start.name });
    }
    this.#finishWhenBothEnded();
  }

  acknowledged(): void {
    this.#finishWhenBothEnded();
  }

  answerPing(): void {
    this.#send(LegKind.ACKNOWLEDGE);
  }

  /** One F14 unit of the peer, for the user to judge. */
  deliverUnit(unit: Uint8Array): void {
    this.#host.count('unitsIn');
    this.#indicateData(unit);
  }

  timerFired(name: string): void {
    if (name === 'phase') this.event({ type: 'timer' });
    else if (name === 'stream') this.stream.retry();
    else if (name === 'trust') this.#trust.timerFired();
  }

  save(): SavedUdpConnection {
    return {
      start: this.start,
      machine: this.#machine.save(),
      trust: this.#trust.save(),
      stream: this.stream.save(),
      fromUser: this.#fromUser.save(),
      fromPeer: this.#fromPeer.save(),
      peerToken: this.#peerToken,
      cookie: this.#cookie,
      ended: this.#ended,
    };
  }

  restore(saved: SavedUdpConnection): void {
    this.#machine.restore(saved.machine);
    this.#trust.restore(saved.trust);
    this.stream.restore(saved.stream);
    this.#fromUser.restore(saved.fromUser);
    this.#fromPeer.restore(saved.fromPeer);
    this.#peerToken = saved.peerToken;
    this.#cookie = saved.cookie;
    this.#ended = saved.ended;
  }

  #indicateData(bytes: Uint8Array): void {
    this.#host.indicate({ kind: 'data', connection: this.start.name, bytes });
  }

  #finishWhenBothEnded(): void {
    if (this.stream.localEnded && this.stream.remoteEnded) this.event({ type: 'stream.finished' });
  }

  #sendUnit(unit: Uint8Array): void {
    if (!this.decision.open) return this.#host.drop('not-started', 'record before the connection stands');
    this.#host.count('unitsOut');
    this.#host.transmit(unit);
  }

  /** With the cookie as long as the far end may not have kept anything. */
  #sendData(sequence: number, body: { bytes: Uint8Array; fin: boolean }): void {
    if (this.#peerToken === NO_TOKEN) this.#send(LegKind.OPEN, buildOpen({ cookie: this.#cookie, ...body }), sequence);
    else this.#send(LegKind.DATA, buildLegData(body), sequence);
  }

  #send(kind: number, body: Uint8Array = EMPTY, sequence = this.stream.next): void {
    const tokens = { senderToken: this.ownToken, receiverToken: this.#peerToken };
    this.#host.transmit(buildLeg({ kind, ...tokens, sequence, acknowledgement: this.stream.expected }, body));
  }

  // ---- commands of the machine ----

  #execute({ type, params }: MachineCommand): void {
    const { name: connection, tuple } = this.start;
    switch (type) {
      case 'sendHello':
        return this.#host.transmit(buildUdpHello(this.ownToken));
      case 'sendBye':
        return this.#send(LegKind.BYE, buildReasonBody(Reason.RESET_BY_TCP));
      case 'armTimer':
        return this.#host.setTimer('phase', params.delay_ms * 1000);
      case 'disarmTimer':
        return this.#host.clearTimer('phase');
      case 'openStream':
        return this.stream.open();
      case 'indicateAccepted': {
        const { localPort, remote, remotePort } = tuple;
        return this.#host.indicate({ kind: 'accepted', connection, localPort, remote, remotePort });
      }
      case 'indicateConnected':
        return this.#host.indicate({ kind: 'connected', connection, localPort: tuple.localPort });
      case 'indicateClosed':
        return this.#host.indicate({ kind: 'closed', connection, reason: params.reason });
      case 'forget':
        this.#host.clearTimer('stream');
        this.#trust.close();
        return this.#host.ended();
    }
  }
}
