import { type TcpDecision, type TcpState, tcpDecisionOf, tcpMachine } from '../../machines/tcp.ts';
import { EMPTY } from '../../wire/bytes.ts';
import { routeBytes } from '../../wire/ip-options.ts';
import { seqDiff, seqIn } from '../../wire/seq.ts';
import { Flag } from '../../wire/tcp.ts';
import type { DropReason } from '../drop-reason.ts';
import type { MachineView } from '../layer.ts';
import { type MachineCommand, MachineHost } from '../machine-host.ts';
import type { TcpStatus } from '../services.ts';
import { ConnectionParts } from './connection-parts.ts';
import type { ConnectionCore, ConnectionEvent, TcpConnectionHost, TcpConnectionOptions, TcpStats } from './core.ts';
import { PORT_REUSE_US, TIMESTAMPS_BYTES } from './limits.ts';
import { mssOfPath } from './path-mtu.ts';
import { RareTimers } from './rare-timers.ts';
import { bare, type InSegment } from './segment.ts';
import { bareSeq } from './send-numbers.ts';
import { chosen, type TcpChoices, type TcpSettings } from './settings.ts';
import { machinesOf, pathOf, statusOf, type TcpPath } from './status.ts';
import { timedOut } from './timeouts.ts';
import { isSuccessor } from './timestamps.ts';
import type { Urgent } from './urgent.ts';
import { troubled } from './user-timeout.ts';

export type { ConnectionEvent, TcpConnectionHost, TcpConnectionOptions, TcpStats } from './core.ts';

export type SavedConnection = ReturnType<TcpConnection['save']>;

/**
 * One TCP connection, sans-IO (RFC 9293): the machine decides about states, sender and receiver carry the data. Used as an operating
 * system's TCP by the TCP layer, and by the intermediate driver, which ends a local TCP in the name of a far one.
 * Each call works to the end: first the change, then what is told to the user, then what goes out.
 */
export class TcpConnection implements ConnectionCore {
  readonly host: TcpConnectionHost;
  readonly options: TcpConnectionOptions;
  readonly machine: MachineHost<typeof tcpMachine, TcpDecision>;
  settings: TcpSettings;
  readonly rareTimers: RareTimers;
  readonly #parts: ConnectionParts;
  #untold: ConnectionEvent[] | undefined;
  #busy = false;

  constructor(host: TcpConnectionHost, options: TcpConnectionOptions) {
    this.host = host;
    this.options = options;
    this.settings = chosen(options);
    this.rareTimers = new RareTimers(host);
    this.machine = new MachineHost({
      machine: tcpMachine,
      instance: options.name,
      input: { holds: options.holdSynAck === true },
      decide: tcpDecisionOf,
      execute: this,
      observer: host.observer,
    });
    this.#parts = new ConnectionParts(this, this.machine);
  }

  get stats(): TcpStats {
    return this.#parts.stats;
  }

  get urgent(): Urgent {
    return this.#parts.urgent;
  }

  get decision(): TcpDecision {
    return this.machine.decision;
  }

  /** One of the 11 states. */
  get state(): TcpState {
    return this.decision.state;
  }

  /** All that a user may want to know. */
  get status(): TcpStatus {
    return statusOf(this.state, this.#parts.sender, this.#parts.receiver, this.urgent);
  }

  /** Bytes that may be written before the queue is over its mark. */
  get sendSpace(): number {
    return this.#parts.sender.space;
  }

  /** The next number that we would send. */
  get sendNext(): number {
    return this.#parts.sender.n.nxt;
  }

  /** Whether a number was sent and is not yet acknowledged. */
  isUnderWay(seq: number): boolean {
    const { una, nxt } = this.#parts.sender.n;
    return seqIn(seq, una, seqDiff(nxt, una));
  }

  /** Its own machine and that of its congestion control, where there is one. */
  get machines(): readonly MachineView[] {
    return machinesOf(this.machine, this.#parts.sender);
  }

  get path(): TcpPath {
    return pathOf(this.#parts.sender);
  }

  // ---- calls of the user ----

  /** Sends SYN. A connection object is opened once. */
  openActive(): void {
    this.#step(() => {
      this.#begin(this.host.isn());
      this.machine.send({ type: 'open.active' });
    });
  }

  /** Takes a SYN that arrived for a listening port; anything else is the caller's to answer. */
  openPassive(syn: InSegment): void {
    this.#step(() => {
      this.#begin(this.host.isn());
      this.stats.segmentsIn += 1;
      this.machine.send({ type: 'open.passive' });
      this.#parts.handshake.agree(syn);
      this.machine.send({ type: 'segment.syn' });
    });
  }

  /**
   * Opens for the ACK of a SYN+ACK with the number `iss` that nothing was kept of; `syn` is what its cookie tells. The ACK itself is
   * the first segment to be taken then.
   */
  openCookie(syn: InSegment, iss: number): void {
    this.#step(() => {
      this.#begin(iss);
      this.#parts.handshake.agree(syn);
      this.#parts.sender.synAcknowledged();
      this.machine.send({ type: 'open.cookie' });
    });
  }

  /** Answers the held SYN by SYN+ACK. */
  release(): void {
    this.#step(() => this.machine.send({ type: 'release' }));
  }

  /** Answers the held SYN by RST. */
  refuse(): void {
    this.#step(() => this.machine.send({ type: 'refuse' }));
  }

  /**
   * Takes bytes whole; they must not be changed any more. `urgent`: they, and all before them, are urgent (new users do better without,
   * RFC 6093). False when nothing can be written in this state.
   */
  write(bytes: Uint8Array, urgent = false): boolean {
    if (!this.decision.writable) return false;
    this.#step(() => {
      this.#parts.sender.write(bytes);
      if (!urgent) return;
      this.urgent.send(this.#parts.sender.end);
      // With a shut window only a bare segment can tell of it at once.
      if (this.decision.sends && this.#parts.sender.n.wnd === 0) this.#parts.receiver.ackNow = true;
    });
    return true;
  }

  /** Changes what was chosen, from the next segment on. What runs by the old choice begins anew at the end of the step. */
  choose(choices: TcpChoices): void {
    this.#step(() => {
      this.settings = chosen(choices, this.settings);
      this.#parts.stopWatching();
    });
  }

  /** The user has worked off so many delivered bytes. */
  consumed(bytes: number): void {
    this.#step(() => this.#parts.receiver.consumed(bytes));
  }

  /** Sends FIN after everything written; the other side may go on sending. */
  close(): void {
    this.#step(() => this.machine.send({ type: 'close' }));
  }

  /** Sends RST and forgets. */
  abort(): void {
    this.#step(() => this.machine.send({ type: 'abort' }));
  }

  // ---- what comes from outside ----

  /** A segment of this connection; the reason when it ended here without effect. */
  segment(segment: InSegment): DropReason | undefined {
    this.stats.segmentsIn += 1;
    // A step without a closure: this is called for every packet.
    const isOuter = this.#begins();
    try {
      this.#parts.keepalive.heard();
      const dropped = this.#parts.arrival.take(segment);
      if (isOuter) this.#finish();
      return dropped;
    } finally {
      if (isOuter) this.#busy = false;
    }
  }

  /** A timer that was set by this connection has gone off. */
  timerFired(name: string): void {
    this.#step(() => {
      const event = timedOut(this.#parts, name);
      if (event !== undefined) this.machine.send(event);
    });
  }

  /** An ICMP error about this connection. A hard one ends it while it opens; later it is only told, as a soft one is (RFC 5927 section 5). */
  unreachable(hard: boolean): void {
    this.#step(() => {
      if (hard) this.machine.send({ type: 'unreachable' });
      if (this.state !== 'CLOSED') troubled(this, 'icmp');
    });
  }

  /** The path takes IP packets of at most `mtu` bytes (RFC 1191, RFC 8201). */
  pathMtu(mtu: number): void {
    const options = (this.#parts.timestamps.on ? TIMESTAMPS_BYTES : 0) + routeBytes(this.settings.route);
    this.#step(() => this.#parts.sender.shrink(mssOfPath(mtu, this.options.local) - options));
  }

  /** In TIME-WAIT: makes room for a newer connection with the same addresses and ports (RFC 9293 MAY-2, RFC 6191). */
  yieldTo(syn: InSegment): boolean {
    const yields = this.state === 'TIME-WAIT' && isSuccessor(syn, this.#parts.receiver.n.nxt, this.#parts.timestamps);
    if (yields) this.giveWay();
    return yields;
  }

  /** Whether it is in TIME-WAIT and a new connection of ours may have its addresses and ports (RFC 6191). */
  get isReusable(): boolean {
    return this.state === 'TIME-WAIT' && this.#parts.timestamps.quietSince(this.host.now_us(), PORT_REUSE_US);
  }

  /** In TIME-WAIT: ends now, for a newer connection. */
  giveWay(): void {
    this.#step(() => this.machine.send({ type: 'syn.newer' }));
  }

  // ---- plain data of everything ----

  save() {
    return {
      version: 1 as const,
      machine: this.machine.save(),
      ...this.#parts.save(),
      settings: this.settings,
    };
  }

  /** Into a fresh object with the same options. Timers themselves are restored by the host. */
  restore(saved: SavedConnection): void {
    this.machine.restore(saved.machine);
    this.settings = saved.settings;
    this.#parts.restore(saved);
  }

  // ---- ConnectionCore: for sender and receiver ----

  emit(seq: number, flags: number, payload: Uint8Array, headroom_bytes = 0): void {
    this.#parts.outgoing.emit(seq, flags, payload, headroom_bytes);
  }

  get stamp(): number {
    return this.#parts.timestamps.stamp(this.host.now_us());
  }

  tell(event: ConnectionEvent): void {
    if (this.#untold?.push(event) === undefined) this.#untold = [event];
  }

  // ---- inside ----

  #begin(iss: number): void {
    this.#parts.sender.begin(iss);
    this.#parts.timestamps.begin(iss);
    this.#parts.keepalive.heard();
  }

  /** Runs one step to its end. A call from within `indicate` is part of the step that told. */
  #step(change: () => void): void {
    const isOuter = this.#begins();
    try {
      change();
      if (isOuter) this.#finish();
    } finally {
      if (isOuter) this.#busy = false;
    }
  }

  /** Whether a step begins now; false within one. */
  #begins(): boolean {
    const isOuter = !this.#busy;
    this.#busy = true;
    return isOuter;
  }

  /** The last of a step: what is told to the user, then what goes out. */
  #finish(): void {
    for (let event = this.#untold?.shift(); event !== undefined; event = this.#untold?.shift())
      this.host.indicate(event);
    this.#untold = undefined;
    this.#push();
  }

  /** Sends what may be sent, and an ACK where none went along. */
  #push(): void {
    if (this.state === 'CLOSED') return;
    this.#parts.sender.output();
    if (this.#parts.receiver.ackNow) this.emit(bareSeq(this.#parts.sender.n), Flag.ACK, EMPTY);
    this.#parts.watch();
  }

  /** For its machine only. */
  execute(command: MachineCommand): void {
    switch (command.type) {
      case 'sendSyn':
      case 'sendSynAck':
        return this.#parts.sender.sendSyn();
      case 'sendAck':
        this.#parts.receiver.ackNow = true;
        return;
      case 'sendFin':
        return this.#parts.sender.output();
      case 'sendReset':
        return this.#reset();
      case 'startTimeWait':
        return this.#parts.startTimeWait();
      case 'tellSynReceived':
        return this.tell({ kind: 'syn-received' });
      case 'tellConnected':
        return this.tell({ kind: 'connected' });
      case 'tellRemoteClosed':
        return this.tell({ kind: 'remote-closed' });
      case 'tellClosed':
        return this.tell({ kind: 'closed', reason: command.params.reason });
      case 'forget':
        return this.#forget();
    }
  }

  /** RFC 9293 section 3.10.5; a SYN that was never answered gets what a closed port would say. */
  #reset(): void {
    const { iss, nxt } = this.#parts.sender.n;
    const seq = nxt === iss ? 0 : bareSeq(this.#parts.sender.n);
    this.stats.segmentsOut += 1;
    this.host.transmit(bare(Flag.RST | Flag.ACK, seq, this.#parts.receiver.n.nxt));
  }

  #forget(): void {
    this.#parts.clear();
    this.tell({ kind: 'gone' });
  }
}
