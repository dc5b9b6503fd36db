import { SeededRandom } from '../../../src/actors/random.ts';
import type { ConnectionEvent } from '../../../src/actors/tcp/connection.ts';
import type { Segment } from '../../../src/actors/tcp/segment.ts';
import { FuzzEnd } from './end.ts';
import { checkEnds, describe, isIdle, statesOf } from './ending.ts';
import { Flight, type Flying } from './flight.ts';
import { ALL_FEATURES, type Features, isnOf, type Network, networkOf, optionsOf, pick, skewed } from './knobs.ts';
import { harmlessLie, hostileLie } from './lies.ts';
import { Fault } from './wire-model.ts';

export interface RunOptions {
  readonly seed: number;
  /** Hostile runs inject lies that a TCP may have to believe; honest ones none that may change what is delivered. */
  readonly hostile: boolean;
  readonly steps: number;
  readonly features?: Features;
  readonly trace?: (line: string) => void;
}

export interface RunResult {
  /** Segments that reached one of the connections. */
  readonly segments: number;
  /** Those that the other end did not send so. */
  readonly lies: number;
  readonly step: number;
  /** Arrivals by the state that they met. */
  readonly states: ReadonlyMap<string, number>;
  readonly fault?: string;
}

/** True segments that are kept to make lies of. */
const REMEMBERED_SEGMENTS = 64;
/** Bounds of what a user writes at once; large ones are rare, so that most of a run is disturbed. */
const WRITE_BYTES = [10, 100, 100, 3_000, 3_000, 3_000, 20_000, 20_000, 20_000, 200_000];
/** On a clean network everything must come to its end within this. */
const END_STEPS = 400_000;
const END_US = 6 * 3_600_000_000;
const HOUR_US = 3_600_000_000;

/** One run: two ends in states that real traffic leads to, chance at the network and at the users, then a clean network. */
export function fuzzRun(options: RunOptions): RunResult {
  const run = new FuzzRun(options);
  try {
    run.disturb();
    run.settle();
    return run.result();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const text = error instanceof Fault ? error.message : (error.stack ?? String(error));
    return { ...run.result(), fault: text };
  }
}

class FuzzRun {
  readonly #options: RunOptions;
  readonly #random: SeededRandom;
  readonly #features: Features;
  readonly #network: Network;
  readonly #ends: readonly [FuzzEnd, FuzzEnd];
  readonly #memory: [Segment[], Segment[]] = [[], []];
  readonly #flight = new Flight();
  #now_us = 0;
  #segments = 0;
  #lies = 0;
  readonly #met = new Map<string, number>();
  #step = 0;
  #clean = false;
  /** Calls that end a connection without order, and whatever else excuses one that did not close as it should. */
  readonly #excuses: string[] = [];

  constructor(options: RunOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed, 'tcp-fuzz');
    this.#features = options.features ?? ALL_FEATURES;
    this.#network = networkOf(this.#random);
    this.#now_us = skewed(this.#random, 2 ** 44);
    const isns = [isnOf(this.#random), isnOf(this.#random)] as const;
    const holds = this.#random.below(4) === 0;
    this.#ends = [this.#makeEnd(0, isns, false), this.#makeEnd(1, isns, holds)];
    this.#trace(`honest ${!options.hostile} network ${JSON.stringify(this.#network)}`);
    for (const end of this.#ends) this.#trace(JSON.stringify(end.options.connection));
  }

  result(): RunResult {
    return { segments: this.#segments, lies: this.#lies, step: this.#step, states: this.#met };
  }

  /** So many steps of whatever chance wants. */
  disturb(): void {
    const [client, server] = this.#ends;
    client.run((connection) => connection.openActive());
    if (this.#random.below(20) === 0) server.run((connection) => connection.openActive());
    for (; this.#step < this.#options.steps; this.#step++) {
      if (client.gone && server.gone) return;
      this.#disturbOnce();
    }
  }

  /** A network without faults and users who read everything and close: then all of it must end, and in order. */
  settle(): void {
    this.#clean = true;
    const before_us = this.#now_us;
    for (const end of this.#ends) this.#wantsToEnd(end);
    for (let steps = 0; !this.#ends.every((end) => end.gone || isIdle(end)); steps++) {
      if (this.#now_us - before_us > END_US || steps > END_STEPS)
        throw new Fault(`no end: ${statesOf(this.#ends, this.#excuses)}`);
      if (!this.#next()) throw new Fault(`nothing left to happen: ${statesOf(this.#ends, this.#excuses)}`);
      for (const end of this.#ends) if (end.connection.decision.held) end.run((connection) => connection.release());
    }
    if (!this.#options.hostile && this.#excuses.length === 0) checkEnds(this.#ends);
  }

  #makeEnd(index: 0 | 1, isns: readonly [number, number], holdSynAck: boolean): FuzzEnd {
    const ports = index === 0 ? [1, 40_000, 2, 443] : [2, 443, 1, 40_000];
    const [local, localPort, remote, remotePort] = ports;
    const name = index === 0 ? 'client' : 'server';
    const end: FuzzEnd = new FuzzEnd({
      index,
      isns,
      connection: { mss: 1_460, ...optionsOf(this.#random), name, local, localPort, remote, remotePort, holdSynAck },
      now_us: () => this.#now_us,
      carry: (segment) => this.#carry(end, segment),
      honest: !this.#options.hostile,
    });
    end.onEvent = (event) => this.#userHears(end, event);
    return end;
  }

  #disturbOnce(): void {
    const random = this.#random;
    const chance = random.below(100);
    const end = this.#ends[random.below(2)];
    if (chance < 60) this.#next();
    else if (chance < 72) this.#userActs(end);
    else if (chance < 92) this.#lie(end);
    else if (chance < 93) this.#jump();
    else if (chance < 95) this.#restore(end);
    else this.#next();
  }

  // ---- the network ----

  #carry(from: FuzzEnd, segment: Segment): void {
    const to = this.#ends[1 - from.options.index];
    this.#trace(`${from.options.connection.name} sends ${describe(segment)}`);
    const memory = this.#memory[to.options.index];
    memory[this.#segments % REMEMBERED_SEGMENTS] = segment;
    const { delay_us, jitter_us, loss, duplicate } = this.#network;
    const isLost = this.#random.fraction() < loss && this.#features.loss;
    const isTwice = this.#random.fraction() < duplicate && this.#features.duplicates;
    const late_us = this.#features.reordering ? this.#random.below(jitter_us + 1) : 0;
    if (this.#clean) {
      this.#flight.add({ at_us: this.#now_us + delay_us, to, segment });
      return;
    }
    if (!isLost) this.#flight.add({ at_us: this.#now_us + delay_us + late_us, to, segment });
    if (isTwice) this.#flight.add({ at_us: this.#now_us + delay_us + this.#random.below(jitter_us + 1), to, segment });
  }

  /** The next arrival or timer; false when there is none. */
  #next(): boolean {
    let due_us = this.#flight.due_us;
    let timer: { end: FuzzEnd; name: string } | undefined;
    for (const end of this.#ends) {
      for (const [name, at_us] of end.timers) {
        if (at_us >= due_us) continue;
        due_us = at_us;
        timer = { end, name };
      }
    }
    if (due_us === Number.POSITIVE_INFINITY) return false;
    this.#now_us = Math.max(this.#now_us, due_us);
    if (timer !== undefined) this.#fire(timer.end, timer.name);
    else this.#deliver(this.#flight.take());
    return true;
  }

  #fire(end: FuzzEnd, name: string): void {
    this.#trace(`${end.options.connection.name} timer ${name}`);
    end.fire(name);
  }

  #deliver({ to, segment }: Flying): void {
    this.#trace(`${to.options.connection.name} gets ${describe(segment)}`);
    this.#segments += 1;
    const { state, held } = to.connection.decision;
    const met = held ? 'HELD' : state;
    this.#met.set(met, (this.#met.get(met) ?? 0) + 1);
    to.arrive(segment);
  }

  #lie(to: FuzzEnd): void {
    const known = this.#memory[to.options.index].filter((each) => each !== undefined);
    if (known.length === 0) return;
    const target = {
      random: this.#random,
      to,
      from: this.#ends[1 - to.options.index],
      base: pick(this.#random, known),
    };
    const lie = this.#options.hostile ? hostileLie(target) : harmlessLie(target);
    if (lie === undefined || !this.#features.lies) return;
    this.#trace('lie:');
    this.#lies += 1;
    this.#deliver({ at_us: this.#now_us, to, segment: lie });
  }

  #jump(): void {
    const by_us = pick(this.#random, [1_000_000, HOUR_US, skewed(this.#random, 30 * 24 * HOUR_US)]);
    if (!this.#features.clockJumps) return;
    this.#trace(`clock jumps ${by_us}`);
    this.#now_us += by_us;
    if (by_us <= HOUR_US) return;
    // Nothing lives that long on a network: timestamps, which protect against what does, have turned by half.
    this.#flight.clear();
    for (const memory of this.#memory) memory.length = 0;
  }

  #restore(end: FuzzEnd): void {
    if (this.#features.restores && !end.gone) end.restore();
  }

  // ---- the users ----

  #userActs(end: FuzzEnd): void {
    const random = this.#random;
    const act = random.below(100);
    const size = skewed(random, pick(random, WRITE_BYTES));
    if (act < 50) end.write(size, random.below(30) === 0);
    else if (act < 80) end.read(1 + skewed(random, 1 + end.unread));
    else if (act < 90) end.reads = random.below(2) === 0;
    else this.#userCalls(end, random.below(1_000));
  }

  #userCalls(end: FuzzEnd, call: number): void {
    if (!this.#features.calls) return;
    this.#trace(`${end.options.connection.name} call ${call}`);
    if (call < 40) this.#closes(end);
    else if (call < 50) this.#violently(end, 'abort');
    else if (call < 52) this.#violently(end, 'refuse');
    else if (call < 54) this.#violently(end, 'unreachable');
    else if (call < 200 && end.connection.decision.held) end.run((connection) => connection.release());
    else if (call < 250) end.run((connection) => connection.pathMtu(68 + skewed(this.#random, 9_000)));
  }

  /** Before the connection stands, to close is to give up. */
  #closes(end: FuzzEnd): void {
    if (end.connection.state === 'SYN-SENT' || end.connection.decision.held) this.#excuses.push('close');
    end.close();
  }

  #violently(end: FuzzEnd, how: 'abort' | 'refuse' | 'unreachable'): void {
    this.#excuses.push(how);
    end.run((connection) => (how === 'unreachable' ? connection.unreachable(true) : connection[how]()));
  }

  /** Calls from within an event: part of the step that told it. */
  #userHears(end: FuzzEnd, event: ConnectionEvent): void {
    const kind = event.kind === 'closed' ? `closed ${event.reason}` : event.kind;
    if (kind !== 'data') this.#trace(`${end.options.connection.name} hears ${kind}`);
    if (kind === 'closed timed-out') this.#timedOut(end);
    if (event.kind === 'remote-closed' && (this.#clean || this.#random.below(3) === 0)) {
      end.closed = true;
      end.connection.close();
    }
  }

  /** On a clean network somebody who lives is always heard. */
  #timedOut(end: FuzzEnd): void {
    const other = this.#ends[1 - end.options.index];
    if (this.#clean && !this.#options.hostile && !other.gone)
      throw new Fault(`timed out: ${statesOf(this.#ends, this.#excuses)}`);
    this.#excuses.push('timed out');
  }

  #wantsToEnd(end: FuzzEnd): void {
    if (end.gone || end.connection.state === 'CLOSED') return;
    end.reads = true;
    end.read(end.unread);
    if (end.connection.decision.held) end.run((connection) => connection.release());
    if (end.connection.state !== 'SYN-SENT') end.close();
    else
      end.onEvent = (event) => {
        this.#userHears(end, event);
        if (event.kind !== 'connected') return;
        end.closed = true;
        end.connection.close();
      };
  }

  #trace(line: string): void {
    this.#options.trace?.(`${this.#step} ${this.#now_us} ${line}`);
  }
}
