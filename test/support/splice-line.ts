import { SeededRandom } from '../../src/actors/random.ts';
import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import type { TcpConnectionOptions } from '../../src/actors/tcp/connection.ts';
import { resetFor, type Segment } from '../../src/actors/tcp/segment.ts';
import { type SpliceHost, type SpliceSideHost, TcpSplice } from '../../src/actors/tcp/splice.ts';
import { TimerTable } from '../../src/actors/timer-table.ts';
import { MSS_BYTES, TcpEnd } from './tcp-pair.ts';

export interface LineOptions {
  readonly seed?: number;
  readonly loss?: number;
  /** Nobody listens at the server's address. */
  readonly closed?: boolean;
  readonly connections?: Partial<TcpConnectionOptions>;
  readonly splice?: Partial<TcpConnectionOptions>;
  /** The splice lives from its saved state alone. */
  readonly restores?: boolean;
}

const DELAY_US = 2_000;
const CLIENT = { local: 1, localPort: 40_000, remote: 2, remotePort: 443, mss: MSS_BYTES };
const SERVER = { local: 2, localPort: 443, remote: 1, remotePort: 40_000, mss: MSS_BYTES };
const SILENT = { transition: () => {}, command: () => {} };
type Side = 'near' | 'far';

/** A client and a server, joined by one TCP or by a splice in the middle: what both users see is to be the same. */
export class SpliceLine {
  readonly scheduler = new VirtualScheduler();
  readonly client: TcpEnd;
  readonly server: TcpEnd;
  splice: TcpSplice | undefined;
  /** Most bytes that the splice ever held, each way. */
  readonly peak = { forth: 0, back: 0 };
  /** Segments between a host and whatever it speaks to; false swallows one. */
  passes: (segment: Segment, host: 'client' | 'server', outwards: boolean) => boolean = () => true;
  readonly #options: LineOptions;
  readonly #random: SeededRandom;
  readonly #timers: TimerTable;
  #host: SpliceHost | undefined;

  constructor(spliced: boolean, options: LineOptions = {}) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed ?? 1, 'splice-line');
    const { scheduler } = this;
    const { connections } = options;
    this.#timers = new TimerTable(scheduler, (side, name) => {
      this.#timers.fired(side, name);
      this.#onSplice((splice) => splice[side as Side].timerFired(name));
    });
    this.client = new TcpEnd(scheduler, { ...CLIENT, name: 'client', ...connections }, 1_000, (segment) =>
      this.#carry(segment, 'client', true, () => (spliced ? this.#toSplice('near', segment) : this.#toServer(segment))),
    );
    this.server = new TcpEnd(scheduler, { ...SERVER, name: 'server', ...connections }, 2_000, (segment) =>
      this.#carry(segment, 'server', true, () => (spliced ? this.#toSplice('far', segment) : this.#toClient(segment))),
    );
    if (spliced) this.#build();
  }

  run(done: () => boolean, limit_us = 900_000_000): boolean {
    return this.scheduler.runWhile(() => !done(), this.scheduler.now_us() + limit_us);
  }

  pass(time_us: number): void {
    this.scheduler.runUntil(this.scheduler.now_us() + time_us);
  }

  #build(): void {
    const host: SpliceHost = {
      near: this.#sideHost('near', 3_000, (segment) =>
        this.#carry(segment, 'client', false, () => this.#toClient(segment)),
      ),
      far: this.#sideHost('far', 4_000, (segment) =>
        this.#carry(segment, 'server', false, () => this.#toServer(segment)),
      ),
      unreachable: () => this.client.run((connection) => connection.unreachable(true)),
    };
    this.#host = host;
    this.splice = this.#make();
  }

  #make(): TcpSplice {
    const { splice } = this.#options;
    return new TcpSplice(this.#host as SpliceHost, {
      name: 'splice',
      near: { ...SERVER, name: 'splice.near', ...splice },
      far: { ...CLIENT, name: 'splice.far', ...splice },
    });
  }

  #sideHost(side: Side, isn: number, transmit: (segment: Segment) => void): SpliceSideHost {
    const { scheduler } = this;
    return {
      now_us: () => scheduler.now_us(),
      setTimer: (name, delay_us) => this.#timers.set(side, name, scheduler.now_us() + delay_us),
      clearTimer: (name) => this.#timers.clear(side, name),
      isn: () => isn,
      transmit,
      observer: SILENT,
    };
  }

  #toSplice(side: Side, segment: Segment): void {
    this.#onSplice((splice) => {
      if (side === 'near' && splice.machine.decision === 'WAITING') splice.open(segment);
      else if (splice[side].state !== 'CLOSED') splice[side].segment(segment);
      else this.#answerFor(side, segment);
    });
  }

  /** What a TCP layer says where there is no connection any more. */
  #answerFor(side: Side, segment: Segment): void {
    const answer = resetFor(segment);
    if (answer !== undefined) this.#host?.[side].transmit(answer);
  }

  #toClient(segment: Segment): void {
    if (!this.client.kinds.includes('gone')) return this.client.arrive(segment);
    this.#refuse(segment, 'client');
  }

  #toServer(segment: Segment): void {
    const isOver = this.server.kinds.includes('gone') || this.#options.closed === true;
    if (!isOver) return this.server.arrive(segment);
    this.#refuse(segment, 'server');
  }

  /** A closed port of a host answers. */
  #refuse(segment: Segment, host: 'client' | 'server'): void {
    const answer = resetFor(segment);
    if (answer === undefined) return;
    this.#carry(answer, host, true, () => {
      if (this.splice !== undefined) this.#toSplice(host === 'client' ? 'near' : 'far', answer);
      else if (host === 'server') this.#toClient(answer);
      else this.#toServer(answer);
    });
  }

  #onSplice(step: (splice: TcpSplice) => void): void {
    const splice = this.splice as TcpSplice;
    step(splice);
    const { forth, back } = splice.held;
    this.peak.forth = Math.max(this.peak.forth, forth);
    this.peak.back = Math.max(this.peak.back, back);
    if (this.#options.restores !== true) return;
    const saved = structuredClone(splice.save());
    this.splice = this.#make();
    this.splice.restore(saved);
  }

  #carry(segment: Segment, host: 'client' | 'server', outwards: boolean, arrive: () => void): void {
    if (!this.passes(segment, host, outwards)) return;
    if (this.#random.fraction() < (this.#options.loss ?? 0)) return;
    this.scheduler.at(this.scheduler.now_us() + DELAY_US, arrive);
  }
}
