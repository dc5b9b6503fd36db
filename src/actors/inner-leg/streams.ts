import { type InnerMessage, InnerReset } from '../../wire/inner-leg.ts';
import type { DropReason } from '../drop-reason.ts';
import { Checks, type SavedChecks } from './checks.ts';
import { CHECKS, REPORT_US, UNPROVEN_CHECKS } from './limits.ts';
import { InnerReceiver, type SavedInnerReceiver } from './receiver.ts';
import { InnerSender, type SavedInnerSender } from './sender.ts';
import type { UnderWay } from './under-way.ts';

export interface InnerStreamsHost {
  now_us(): number;
  setTimer(name: string, delay_us: number): void;
  clearTimer(name: string): void;
  readonly underWay: UnderWay;
  /** Key of the session in `underWay`. */
  readonly key: string;
  readonly peerToken: number;
  /** The session was asked for from the line: whoever did so has still to show that it hears us. */
  readonly isAsked: boolean;
  /** Units of the streams may go out. */
  readonly flows: boolean;
  /** The peer's stream goes on. */
  readonly receives: boolean;
  send(message: InnerMessage): void;
  /** To the own host, in order. */
  write(bytes: Uint8Array, urgent: boolean): void;
  consumed(bytes: number): void;
  /** The peer's stream has ended. */
  peerEnded(): void;
  /** The peer has everything, our FIN included. */
  confirmed(): void;
  /** The session can't go on; an `InnerReset`. */
  broken(reason: number): void;
  drop(reason: DropReason, detail: string): void;
}

export interface SavedInnerStreams {
  readonly sender: SavedInnerSender;
  readonly receiver: SavedInnerReceiver;
  readonly checks: SavedChecks;
  readonly reporting: boolean;
  readonly proven: boolean;
}

/** The two streams of a session, under credit, and what both ends tell each other about them. Timers `check` and `report`. */
export class InnerStreams {
  readonly #host: InnerStreamsHost;
  readonly #sender: InnerSender;
  readonly #receiver = new InnerReceiver();
  readonly #checks: Checks;
  /** The report timer runs. */
  #reporting = false;
  /** The peer has named the token that only our CONN-DONE has told. */
  #proven: boolean;

  constructor(host: InnerStreamsHost) {
    this.#host = host;
    this.#proven = !host.isAsked;
    this.#sender = new InnerSender({
      key: host.key,
      underWay: host.underWay,
      sendData: (position, bytes, urgent) => {
        host.send({ kind: 'data', token: host.peerToken, position, bytes, urgent });
      },
      consumed: (bytes) => host.consumed(bytes),
    });
    this.#checks = new Checks({
      now_us: () => host.now_us(),
      setTimer: (delay_us) => host.setTimer('check', delay_us),
      clearTimer: () => host.clearTimer('check'),
      sendCheck: () => this.check(),
      silent: () => host.broken(InnerReset.SILENT),
      stuck: (progress_us) => {
        if (host.underWay.hasMovedSince(progress_us)) this.#sender.free();
      },
    });
  }

  /** The peer has everything, our FIN included. */
  get isConfirmed(): boolean {
    return this.#sender.isConfirmed;
  }

  /** What the peer takes in one unit, and how far it grants. */
  begin(mostBytes: number, granted: number): void {
    this.#sender.begin(mostBytes, granted);
  }

  /** How far the peer may send, for CONN-REQ or CONN-DONE. */
  grant(): number {
    return this.#receiver.report().granted;
  }

  // ---- from the own host ----

  write(bytes: Uint8Array): void {
    this.#sender.write(bytes);
    this.#afterSending();
  }

  urgent(bytes: number): void {
    this.#sender.urgent(bytes);
  }

  /** The host's stream has ended. */
  finish(): void {
    this.#sender.finish();
    this.#afterSending();
  }

  full(): void {
    this.#receiver.full();
  }

  writable(): void {
    this.#receiver.writable();
    this.#report();
  }

  // ---- the leg ----

  /** DATA, FIN, CREDIT or CHECK. */
  received(message: InnerMessage): void {
    if (!this.#proven) this.#prove();
    if (message.kind === 'data') this.#data(message.position, message.bytes, message.urgent);
    else if (message.kind === 'fin') this.#fin(message.position);
    else if (message.kind === 'check') this.#checked(message.sent);
    else if (message.kind === 'credit') this.#credit(message.granted, message.received);
  }

  /** Asks the peer what it has. */
  check(): void {
    this.#host.send({ kind: 'check', token: this.#host.peerToken, sent: this.#sender.sent });
  }

  /** Sends what may be sent now. */
  output(): void {
    this.#sender.output();
    this.#afterSending();
  }

  checkTimer(): void {
    this.#checks.timerFired(this.#isUneasy, this.#proven ? CHECKS : UNPROVEN_CHECKS);
  }

  reportTimer(): void {
    this.#reporting = false;
    if (this.#receiver.isUnreported) this.#sendCredit();
  }

  /** Nothing is sent any more, no timer runs. */
  close(): void {
    this.#checks.stop();
    if (this.#reporting) this.#host.clearTimer('report');
    this.#reporting = false;
    this.#sender.close();
  }

  save(): SavedInnerStreams {
    return {
      sender: this.#sender.save(),
      receiver: this.#receiver.save(),
      checks: this.#checks.save(),
      reporting: this.#reporting,
      proven: this.#proven,
    };
  }

  restore(saved: SavedInnerStreams): void {
    this.#sender.restore(saved.sender);
    this.#receiver.restore(saved.receiver);
    this.#checks.restore(saved.checks);
    this.#reporting = saved.reporting;
    this.#proven = saved.proven;
  }

  /** There is something to ask for soon. */
  get #isUneasy(): boolean {
    return !this.#proven || this.#sender.isUneasy;
  }

  #prove(): void {
    this.#proven = true;
    this.#checks.stop();
    this.#checks.heard(true);
    this.#checks.watch(this.#isUneasy);
  }

  #data(position: number, bytes: Uint8Array, urgent: boolean): void {
    const before = this.#receiver.expected;
    const arrival = this.#receiver.take(position, bytes.length);
    if (arrival === 'old') return this.#host.drop('replayed', 'DATA');
    if (arrival === 'gap') return this.#host.broken(InnerReset.GAP);
    if (arrival === 'beyond' || !this.#host.receives) return this.#host.broken(InnerReset.MALFORMED);
    const fresh = this.#receiver.expected - before;
    this.#host.write(fresh === bytes.length ? bytes : bytes.subarray(bytes.length - fresh), urgent);
    this.#receiver.written(fresh);
    this.#report();
  }

  #fin(position: number): void {
    const arrival = this.#receiver.takeFin(position);
    if (arrival === 'gap') return this.#host.broken(InnerReset.GAP);
    // A stream ends once.
    if (arrival === 'new' && !this.#host.receives) return this.#host.broken(InnerReset.MALFORMED);
    this.#sendCredit();
    if (arrival === 'new') this.#host.peerEnded();
  }

  #checked(sent: number): void {
    if (sent > this.#receiver.expected) return this.#host.broken(InnerReset.GAP);
    // It tells nothing of what we wait for: our own question is not put off by it.
    if (!this.#isUneasy) this.#checks.heard(false);
    this.#sendCredit();
  }

  #credit(granted: number, received: number): void {
    const before = this.#sender.outlook;
    if (!this.#sender.credit(granted, received, this.#host.now_us())) return this.#host.broken(InnerReset.MALFORMED);
    this.#checks.heard(this.#sender.outlook !== before);
    this.#afterSending();
    if (this.#sender.isConfirmed) this.#host.confirmed();
  }

  #afterSending(): void {
    if (!this.#host.flows) return;
    const fin = this.#sender.takeFin();
    if (fin !== undefined) this.#host.send({ kind: 'fin', token: this.#host.peerToken, position: fin });
    this.#checks.watch(this.#isUneasy);
  }

  /** Tells the peer at once where it matters to it, otherwise soon. */
  #report(): void {
    if (!this.#host.flows) return;
    if (this.#receiver.isReportDue) this.#sendCredit();
    else if (this.#receiver.isUnreported && !this.#reporting) {
      this.#reporting = true;
      this.#host.setTimer('report', REPORT_US);
    }
  }

  #sendCredit(): void {
    if (this.#host.flows) this.#host.send({ kind: 'credit', token: this.#host.peerToken, ...this.#receiver.report() });
  }
}
