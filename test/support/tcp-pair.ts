import { SeededRandom } from '../../src/actors/random.ts';
import { VirtualScheduler } from '../../src/actors/scheduler.ts';
import {
  type ConnectionEvent,
  TcpConnection,
  type TcpConnectionHost,
  type TcpConnectionOptions,
} from '../../src/actors/tcp/connection.ts';
import type { Segment } from '../../src/actors/tcp/segment.ts';
import { pattern as endlessPattern } from '../../src/actors/test-application/pattern.ts';
import { TimerTable } from '../../src/actors/timer-table.ts';
import { concat, EMPTY } from '../../src/wire/bytes.ts';
import { Flag, flagNames, type TcpOptions } from '../../src/wire/tcp.ts';
import type { Bottleneck } from './bottleneck.ts';

/** What a memory link does to segments; probabilities from 0 to 1. */
export interface Impairments {
  readonly delay_us?: number;
  /** Each segment takes up to so much longer: those behind it may overtake. */
  readonly jitter_us?: number;
  readonly loss?: number;
  readonly duplicate?: number;
  /** Super-segments arrive whole, as over an interface that puts segments together; otherwise cut. */
  readonly merges?: boolean;
}

const SILENT = { transition: () => {}, command: () => {} };
export const MSS_BYTES = 1460;

/** One end of a pair: a connection with its timers, and everything it said. */
export class TcpEnd {
  readonly options: TcpConnectionOptions;
  readonly host: TcpConnectionHost;
  connection: TcpConnection;
  readonly events: ConnectionEvent[] = [];
  readonly sent: Segment[] = [];
  /** Delivered bytes count as consumed at once. */
  consumes = true;
  /** Everything sent and received is kept; switched off where it would be gigabytes. */
  records = true;
  receivedBytes = 0;
  /** Called after each change of the connection: may exchange it for a restored one. */
  afterStep: (end: TcpEnd) => void = () => {};
  onEvent: (event: ConnectionEvent) => void = () => {};
  readonly timers: TimerTable;
  readonly #received: Uint8Array[] = [];

  constructor(
    scheduler: VirtualScheduler,
    options: TcpConnectionOptions,
    isn: number,
    carry: (segment: Segment) => void,
  ) {
    this.options = options;
    this.timers = new TimerTable(scheduler, (layer, name) => {
      this.timers.fired(layer, name);
      this.run((connection) => connection.timerFired(name));
    });
    this.host = {
      now_us: () => scheduler.now_us(),
      setTimer: (name, delay_us) => this.timers.set('', name, scheduler.now_us() + delay_us),
      clearTimer: (name) => this.timers.clear('', name),
      isn: () => isn,
      transmit: (segment) => {
        if (this.records) this.sent.push(segment);
        carry(segment);
      },
      indicate: (event) => this.#indicated(event),
      observer: SILENT,
    };
    this.connection = new TcpConnection(this.host, options);
  }

  /** Does something with the connection, then lets `afterStep` look at it. */
  run(step: (connection: TcpConnection) => void): void {
    step(this.connection);
    this.afterStep(this);
  }

  /** A SYN opens a closed end that listens. */
  arrive(segment: Segment): void {
    this.run((connection) => {
      const isSyn = (segment.flags & (Flag.SYN | Flag.ACK | Flag.RST)) === Flag.SYN;
      const isFresh = connection.state === 'CLOSED' && this.events.length === 0;
      if (isFresh && isSyn) connection.openPassive(segment);
      else connection.segment(segment);
    });
  }

  get received(): Uint8Array {
    return concat(...this.#received);
  }

  /** Kinds of all events but data, in order. */
  get kinds(): string[] {
    return this.events.map((event) => (event.kind === 'closed' ? `closed ${event.reason}` : event.kind));
  }

  /** Flags of everything sent. */
  get flags(): string[] {
    return this.sent.map((segment) => flagNames(segment.flags));
  }

  #indicated(event: ConnectionEvent): void {
    if (event.kind === 'data') {
      this.receivedBytes += event.bytes.length;
      if (this.records) this.#received.push(event.bytes);
      if (this.consumes) this.connection.consumed(event.bytes.length);
    } else {
      this.events.push(event);
    }
    this.onEvent(event);
  }
}

/** Two connections over a link with impairments, on virtual time. `client` opens, `server` listens. */
export class TcpPair {
  readonly scheduler: VirtualScheduler;
  /** Of the segments that the client sends; ACKs have a free way back. */
  readonly bottleneck: Bottleneck | undefined;
  readonly random: SeededRandom;
  readonly client: TcpEnd;
  readonly server: TcpEnd;
  link: Impairments;
  /** False swallows a segment, by direction. */
  passes: (segment: Segment, from: 'client' | 'server') => boolean = () => true;

  constructor(
    options: {
      seed?: number;
      link?: Impairments;
      /** Several pairs can share the time and a bottleneck. */
      scheduler?: VirtualScheduler;
      bottleneck?: Bottleneck;
      client?: Partial<TcpConnectionOptions>;
      server?: Partial<TcpConnectionOptions>;
      isn?: readonly [number, number];
    } = {},
  ) {
    this.random = new SeededRandom(options.seed ?? 1);
    this.scheduler = options.scheduler ?? new VirtualScheduler();
    this.bottleneck = options.bottleneck;
    this.link = options.link ?? {};
    const [clientIsn, serverIsn] = options.isn ?? [1_000, 2_000];
    const address = { local: 1, localPort: 40_000, remote: 2, remotePort: 443, mss: MSS_BYTES };
    const reverse = { local: 2, localPort: 443, remote: 1, remotePort: 40_000, mss: MSS_BYTES };
    this.client = new TcpEnd(this.scheduler, { ...address, name: 'client', ...options.client }, clientIsn, (segment) =>
      this.#carry(segment, 'client', () => this.server),
    );
    this.server = new TcpEnd(this.scheduler, { ...reverse, name: 'server', ...options.server }, serverIsn, (segment) =>
      this.#carry(segment, 'server', () => this.client),
    );
  }

  /** Opens and runs until both ends are connected. */
  connect(): this {
    this.client.run((connection) => connection.openActive());
    this.run(() => this.client.kinds.includes('connected') && this.server.kinds.includes('connected'));
    return this;
  }

  /** Runs until `done`, at most `limit_us` longer; whether it was done. */
  run(done: () => boolean, limit_us = 600_000_000): boolean {
    return this.scheduler.runWhile(() => !done(), this.scheduler.now_us() + limit_us);
  }

  /** Lets time pass. */
  pass(time_us: number): void {
    this.scheduler.runUntil(this.scheduler.now_us() + time_us);
  }

  #carry(segment: Segment, from: 'client' | 'server', to: () => TcpEnd): void {
    const pieces = this.link.merges === true ? [segment] : cutSegment(segment);
    for (const piece of pieces) this.#carryOne(piece, from, to);
  }

  #carryOne(segment: Segment, from: 'client' | 'server', to: () => TcpEnd): void {
    if (!this.passes(segment, from)) return;
    const { loss = 0, duplicate = 0 } = this.link;
    if (this.random.fraction() < loss) return;
    this.#deliver(segment, from, to);
    if (this.random.fraction() < duplicate) this.#deliver(segment, from, to);
  }

  #deliver(segment: Segment, from: 'client' | 'server', to: () => TcpEnd): void {
    const { delay_us = 1_000, jitter_us = 0 } = this.link;
    let carried = { segment, leaves_us: this.scheduler.now_us() };
    if (this.bottleneck !== undefined && from === 'client') {
      const taken = this.bottleneck.offer(segment);
      if (taken === undefined) return;
      carried = taken;
    }
    const arrival_us = Math.round(carried.leaves_us) + delay_us + this.random.below(jitter_us + 1);
    this.scheduler.at(arrival_us, () => to().arrive(carried.segment));
  }
}

/** What an interface that cuts makes of a segment: FIN and PSH stay on the last piece. */
export function cutSegment(segment: Segment): Segment[] {
  const { segment_bytes, ...rest } = segment;
  const { payload, flags, seq } = rest;
  if (segment_bytes === undefined || payload.length <= segment_bytes) return [rest];
  const pieces: Segment[] = [];
  for (let from = 0; from < payload.length; from += segment_bytes) {
    const part = payload.subarray(from, from + segment_bytes);
    const isLast = from + part.length === payload.length;
    const kept = isLast ? flags : flags & ~(Flag.FIN | Flag.PSH);
    pieces.push({ ...rest, seq: (seq + from) >>> 0, flags: kept, payload: part });
  }
  return pieces;
}

const patterns = new Map<number, Uint8Array>();

/** The beginning of a seed's pattern; not to be changed. */
export function pattern(length: number, seed = 1): Uint8Array {
  let bytes = patterns.get(seed);
  if (bytes === undefined || bytes.length < length) {
    bytes = endlessPattern(seed, 0, length).slice();
    patterns.set(seed, bytes);
  }
  return bytes.subarray(0, length);
}

/** A segment as a stranger or a peer by hand might send it. */
export function segment(flags: number, seq: number, ack = 0, options: TcpOptions = {}, payload = EMPTY): Segment {
  return { seq: seq >>> 0, ack: ack >>> 0, flags, window: 65_535, options, payload };
}

const BITS_PER_BYTE = 8;
const CHUNK_BYTES = 1 << 20;

/** The end writes for ever, as much as its queue takes; nothing is kept of what goes over the link. */
export function flood(pair: TcpPair): void {
  const { client, server } = pair;
  client.records = server.records = false;
  const fill = (): void => {
    while (client.connection.sendSpace > 0 && client.connection.write(pattern(CHUNK_BYTES)));
  };
  client.onEvent = (event) => {
    if (event.kind === 'writable') fill();
  };
  client.run(fill);
}

/** Megabits of payload per second that arrive at the server in the time given, from now on. */
export function goodput_Mbps(pair: TcpPair, time_us: number): number {
  const before = pair.server.receivedBytes;
  pair.pass(time_us);
  return ((pair.server.receivedBytes - before) * BITS_PER_BYTE) / time_us;
}

/** Makes an end live from its saved state alone: after each step it is saved, and a fresh object restored from that goes on. */
export function restoring(end: TcpEnd): void {
  end.afterStep = () => {
    const saved = structuredClone(end.connection.save());
    end.connection = new TcpConnection(end.host, end.options);
    end.connection.restore(saved);
  };
}
