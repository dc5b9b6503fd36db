import { TIMESTAMP_TICK_US } from '../../actors/tcp/limits.ts';
import { seqAdd } from '../../wire/seq.ts';
import { Flag, type TcpOptions, tcpOptionsLength } from '../../wire/tcp.ts';
import { textOffset } from './compare.ts';
import type { Bases } from './numbers.ts';
import type { OptionPattern, SegmentPattern, Wanted } from './pattern.ts';
import { PEER_PORT, Stream, streamBytes, type WireSegment } from './wire-segment.ts';

const DEFAULT_WINDOW = 65_535;

interface Clock {
  readonly value: number;
  readonly at_us: number;
}

/** The script's side of a connection: makes segments of lines, with what a line leaves out. */
export class ScriptPeer {
  /** Its timestamp clock as its SYN has set it. */
  #clock: Clock | undefined;
  #theyOffer = false;
  #lastHeard = 0;
  /** Number of its last SYN. */
  synAt = 0;

  /** Notes what the TCP under test has sent. */
  hear({ flags, options }: WireSegment): void {
    if ((flags & Flag.SYN) !== 0) this.#theyOffer = options.timestamps !== undefined;
    if (options.timestamps !== undefined) this.#lastHeard = options.timestamps.value;
  }

  /** The segment that a line means. */
  segment(pattern: SegmentPattern, bases: Bases, now_us: number): WireSegment {
    const flags = (numberIn(pattern.flags) ?? 0) | (pattern.push ? Flag.PSH : 0);
    const seq = pattern.seq === undefined || pattern.seq === '*' ? 0 : bases.peerFigure(pattern.seq);
    const ack = pattern.ack === undefined || pattern.ack === '*' ? 0 : bases.ourFigure(pattern.ack);
    const head = {
      seq,
      ack,
      flags,
      window: numberIn(pattern.window) ?? DEFAULT_WINDOW,
      urgent: numberIn(pattern.urgent) ?? 0,
      options: this.#options(pattern.options, flags, bases, now_us),
      payload: new Uint8Array(0),
      ecn: numberIn(pattern.ecn) ?? 0,
      port: pattern.port ?? PEER_PORT,
    };
    if ((flags & Flag.SYN) !== 0) this.#begin(head, bases, now_us);
    const stream = pattern.garbled ? Stream.GARBLED : Stream.PEERS;
    const payload = streamBytes(textOffset(head, bases.peerIsn), numberIn(pattern.length) ?? 0, stream);
    return { ...head, payload };
  }

  #begin({ seq, options }: WireSegment, bases: Bases, now_us: number): void {
    this.synAt = (seq - bases.peerIsn) | 0;
    this.#clock = options.timestamps === undefined ? undefined : { value: options.timestamps.value, at_us: now_us };
  }

  #options(pattern: OptionPattern | undefined, flags: number, bases: Bases, now_us: number): TcpOptions {
    if (pattern === undefined) return this.#usual(flags, now_us);
    const { mss, wscale, sackOK, ts, sack } = pattern;
    const options: TcpOptions = { mss: numberIn(mss), windowScale: numberIn(wscale), sackPermitted: sackOK };
    if (ts !== undefined) {
      const value = numberIn(ts[0]) ?? this.#now(now_us);
      const echo = numberIn(ts[1]);
      const isRelative = (flags & Flag.ACK) !== 0 && echo !== undefined;
      options.timestamps = {
        value,
        echo: echo === undefined ? this.#lastHeard : isRelative ? seqAdd(bases.clock ?? 0, echo) : echo,
      };
    }
    if (Array.isArray(sack)) {
      const at = (number: number): number => seqAdd(bases.ours ?? 0, number);
      options.sacks = sack.map(([left, right]) => ({ left: at(left), right: at(right) }));
    }
    return options;
  }

  /** Timestamps once both ends have offered them. */
  #usual(flags: number, now_us: number): TcpOptions {
    const isAgreed = this.#theyOffer && this.#clock !== undefined && (flags & Flag.SYN) === 0;
    return isAgreed ? { timestamps: { value: this.#now(now_us), echo: this.#lastHeard } } : {};
  }

  #now(now_us: number): number {
    const { value, at_us } = this.#clock ?? { value: 0, at_us: 0 };
    return seqAdd(value, Math.floor((now_us - at_us) / TIMESTAMP_TICK_US));
  }
}

function numberIn(value: Wanted<number>): number | undefined {
  return value === '*' ? undefined : value;
}

/** All its SACK blocks have room in a header; what has none would be left out without a word. */
export function blocksFit(options: TcpOptions): boolean {
  const { sacks } = options;
  return sacks === undefined || tcpOptionsLength({ ...options, sacks: sacks.slice(1) }) < tcpOptionsLength(options);
}
