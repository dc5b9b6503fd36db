import { SeededRandom } from '../../../src/actors/random.ts';
import {
  type ConnectionEvent,
  TcpConnection,
  type TcpConnectionHost,
  type TcpConnectionOptions,
} from '../../../src/actors/tcp/connection.ts';
import { CHALLENGE_PERIOD_US, CHALLENGES_PER_PERIOD, RECEIVE_BUFFER_BYTES } from '../../../src/actors/tcp/limits.ts';
import { resetFor, type Segment } from '../../../src/actors/tcp/segment.ts';
import { seqAdd, seqDiff } from '../../../src/wire/seq.ts';
import { Flag } from '../../../src/wire/tcp.ts';
import { checkBytes, Fault, WireModel } from './wire-model.ts';

/** What a user may be told more than once. */
const REPEATED = ['full', 'writable', 'urgent', 'troubled'];

/** Bytes that one end may write in a run. */
export const STREAM_BYTES = 1 << 20;
/** A byte of a lie at a place differs from the true one by this: what is delivered must be one of both. */
export const LIE = 0xa5;
const STREAMS = [new SeededRandom(11).bytes(STREAM_BYTES), new SeededRandom(22).bytes(STREAM_BYTES)] as const;
/** A step may fill a window; far beyond that something runs in circles. */
const MAX_SEGMENTS_PER_STEP = 40_000;
const SILENT = { transition: () => {}, command: () => {} };
/** Timers that neither repeat anything nor ask for a window. */
const IDLE_TIMERS = ['ack', 'keepalive', 'time-wait'];

export interface EndOptions {
  readonly index: 0 | 1;
  readonly connection: TcpConnectionOptions;
  readonly isns: readonly [number, number];
  readonly now_us: () => number;
  readonly carry: (segment: Segment) => void;
  /** No byte may be delivered that the other user did not write. */
  readonly honest: boolean;
}

/** One end of a run: a connection with its timers, a user who keeps count, and the model that watches the wire. */
export class FuzzEnd {
  readonly options: EndOptions;
  readonly timers = new Map<string, number>();
  readonly model: WireModel;
  readonly own: Uint8Array;
  readonly theirs: Uint8Array;
  readonly kinds: string[] = [];
  connection: TcpConnection;
  written = 0;
  delivered = 0;
  unread = 0;
  closed = false;
  gone = false;
  /** The user reads at once. */
  reads = true;
  onEvent: (event: ConnectionEvent) => void = () => {};
  readonly #host: TcpConnectionHost;
  #sentInStep = 0;
  #resetsInStep = 0;
  #challengeTimes_us: number[] = [];

  constructor(options: EndOptions) {
    const { index, isns } = options;
    this.options = options;
    this.own = STREAMS[index];
    this.theirs = STREAMS[1 - index];
    this.model = new WireModel({
      isn: isns[index],
      peerIsn: isns[1 - index],
      own: this.own,
      now_us: options.now_us,
      written: () => this.written,
      closed: () => this.closed,
      isUnderWay: (seq) => this.connection.isUnderWay(seq),
    });
    this.#host = this.#makeHost();
    this.connection = new TcpConnection(this.#host, options.connection);
  }

  /** The number of the other side's stream that this end waits for. */
  get frontier(): number {
    return seqAdd(this.options.isns[1 - this.options.index], Math.max(this.model.acked, 1 + this.delivered));
  }

  get reason(): string | undefined {
    return this.kinds.find((kind) => kind.startsWith('closed '));
  }

  run(step: (connection: TcpConnection) => void): void {
    const challenges = this.connection.stats.challenges;
    this.#sentInStep = this.#resetsInStep = 0;
    step(this.connection);
    if (this.connection.stats.challenges > challenges) this.#challenged();
    if (this.#resetsInStep > 1) throw new Fault(`${this.#resetsInStep} RSTs in one step`);
    this.#checkRest();
  }

  arrive(segment: Segment): void {
    this.model.arrives(segment);
    const isSyn = (segment.flags & (Flag.SYN | Flag.ACK | Flag.RST)) === Flag.SYN;
    const isFresh = this.connection.state === 'CLOSED' && this.kinds.length === 0;
    if (isFresh && isSyn) this.run((connection) => connection.openPassive(segment));
    else if (isFresh || this.gone) this.#answerAsClosed(segment);
    else this.run((connection) => connection.segment(segment));
  }

  fire(name: string): void {
    this.timers.delete(name);
    this.run((connection) => connection.timerFired(name));
  }

  write(length: number, urgent = false): void {
    const count = Math.min(length, STREAM_BYTES - this.written);
    const before = this.written;
    const { writable } = this.connection.decision;
    if (writable) this.written += count;
    this.run((connection) => {
      const taken = connection.write(this.own.subarray(before, before + count), urgent);
      if (taken !== writable) throw new Fault(`write gives ${taken} in ${connection.state}`);
    });
  }

  read(bytes: number): void {
    const count = Math.min(bytes, this.unread);
    if (count === 0) return;
    this.unread -= count;
    this.run((connection) => connection.consumed(count));
  }

  close(): void {
    this.closed = true;
    this.run((connection) => connection.close());
  }

  /** Goes on from the saved state alone. */
  restore(): void {
    const saved = structuredClone(this.connection.save());
    this.connection = new TcpConnection(this.#host, this.options.connection);
    this.connection.restore(saved);
  }

  #makeHost(): TcpConnectionHost {
    const { index, isns, now_us } = this.options;
    return {
      now_us,
      setTimer: (name, delay_us) => this.#setTimer(name, delay_us),
      clearTimer: (name) => this.timers.delete(name),
      isn: () => isns[index],
      transmit: (segment) => this.#transmit(segment),
      indicate: (event) => this.#indicated(event),
      observer: SILENT,
    };
  }

  #setTimer(name: string, delay_us: number): void {
    if (!Number.isInteger(delay_us) || delay_us <= 0) throw new Fault(`timer ${name} for ${delay_us} us`);
    if (this.gone) throw new Fault(`timer ${name} after the end`);
    this.timers.set(name, this.options.now_us() + delay_us);
  }

  #transmit(segment: Segment): void {
    if (this.gone) throw new Fault('sends after the end');
    this.#sentInStep += 1;
    if (this.#sentInStep > MAX_SEGMENTS_PER_STEP) throw new Fault('sends without end in one step');
    if ((segment.flags & Flag.RST) !== 0) this.#resetsInStep += 1;
    this.model.sends(segment);
    this.options.carry(segment);
  }

  /** What a closed port says. */
  #answerAsClosed(segment: Segment): void {
    const answer = resetFor(segment);
    if (answer !== undefined) this.options.carry(answer);
  }

  #indicated(event: ConnectionEvent): void {
    if (this.gone) throw new Fault(`tells ${event.kind} after the end`);
    if (event.kind === 'data') this.#data(event.bytes);
    else this.#told(event.kind === 'closed' ? `closed ${event.reason}` : event.kind);
    if (event.kind === 'gone') this.gone = true;
    this.onEvent(event);
  }

  #data(bytes: Uint8Array): void {
    if (!this.kinds.includes('connected') && !this.closed) throw new Fault('data before connected');
    if (this.kinds.includes('remote-closed')) throw new Fault('data after the end of the stream');
    if (bytes.length === 0) throw new Fault('data of no bytes');
    if (this.options.honest) checkBytes(bytes, this.theirs, this.delivered, 'delivers');
    else this.#checkLies(bytes);
    this.delivered += bytes.length;
    this.unread += bytes.length;
    if (!this.model.arrived.covers(1, 1 + this.delivered)) throw new Fault('delivers what did not arrive');
    if (this.reads) {
      this.unread -= bytes.length;
      this.connection.consumed(bytes.length);
    }
  }

  /** Of a liar's bytes each must at least be one that was meant for its place. */
  #checkLies(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) {
      const truth = this.theirs[(this.delivered + at) % STREAM_BYTES];
      if (bytes[at] !== truth && bytes[at] !== (truth ^ LIE))
        throw new Fault(`a byte of elsewhere at ${this.delivered + at}`);
    }
  }

  #told(kind: string): void {
    const once = !REPEATED.includes(kind);
    if (once && this.kinds.includes(kind)) throw new Fault(`tells ${kind} twice`);
    if (this.reason !== undefined && kind !== 'gone') throw new Fault(`tells ${kind} after ${this.reason}`);
    if (once) this.kinds.push(kind);
  }

  #challenged(): void {
    const now_us = this.options.now_us();
    this.#challengeTimes_us = this.#challengeTimes_us.filter((time_us) => now_us - time_us < CHALLENGE_PERIOD_US);
    this.#challengeTimes_us.push(now_us);
    // Periods do not slide: two of them may meet.
    const count = this.#challengeTimes_us.length;
    if (count > 2 * CHALLENGES_PER_PERIOD) throw new Fault(`${count} challenge ACKs in a second`);
  }

  /** What must hold whenever nothing moves. */
  #checkRest(): void {
    const { connection, model } = this;
    if (this.gone) {
      if (this.timers.size > 0) throw new Fault(`timers after the end: ${[...this.timers.keys()]}`);
      return;
    }
    this.#checkReceived();
    const underWay = model.sentTo > 0 && connection.isUnderWay(seqAdd(connection.sendNext, -1));
    if (!underWay) return;
    for (const name of this.timers.keys()) if (!IDLE_TIMERS.includes(name)) return;
    throw new Fault(`${seqDiff(connection.sendNext, this.options.isns[this.options.index])} under way and no timer`);
  }

  /** What was acknowledged is what the user has, and no more than the buffer waits for it. */
  #checkReceived(): void {
    const { acked } = this.model;
    const most = this.delivered + (this.kinds.includes('remote-closed') ? 2 : 1);
    if (acked > most) throw new Fault(`ACK ${acked}, delivered ${this.delivered} ${this.kinds}`);
    const isEnd = this.kinds.at(-1) === 'remote-closed';
    if (isEnd && acked !== most) throw new Fault(`the stream ended at ${acked}, delivered ${this.delivered}`);
    const buffer = this.options.connection.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES;
    if (this.unread > buffer) throw new Fault(`${this.unread} bytes wait for the user in a buffer of ${buffer}`);
  }
}
