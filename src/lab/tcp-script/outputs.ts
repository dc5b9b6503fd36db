import type { Action } from './statement.ts';
import { firstWrongByte, Stream, type WireSegment } from './wire-segment.ts';

const ADVICE = 'troubled';

/** One line of the story of a case. */
export interface TraceLine {
  readonly time_us: number;
  /** Line of the script that did or expected it; absent for what only happened. */
  line?: number;
  readonly text: string;
}

interface Output {
  readonly kind: 'segment' | 'event';
  readonly time_us: number;
  text: string;
  readonly segment?: WireSegment;
  readonly event?: string;
  /** Bytes of data, not yet expected by a line. */
  bytes: number;
  readonly wrongByte?: number;
  readonly traced: TraceLine;
}

/** What the TCP under test has sent and told, waiting for lines that expect it; and the story of all that happened. */
export class Outputs {
  readonly trace: TraceLine[] = [];
  /** Outputs so far, also those that were expected. */
  count = 0;
  #waiting: Output[] = [];
  readonly #now_us: () => number;

  constructor(now_us: () => number) {
    this.#now_us = now_us;
  }

  note(text: string, line?: number): TraceLine {
    const traced: TraceLine = { time_us: this.#now_us(), ...(line !== undefined && { line }), text };
    this.trace.push(traced);
    return traced;
  }

  add(kind: 'segment' | 'event', text: string, more: { segment?: WireSegment; event?: string }): void {
    this.#push({ kind, text, time_us: this.#now_us(), bytes: 0, traced: this.note(text), ...more });
  }

  /** Data for the user; `at` is its place in the peer's stream. */
  addData(bytes: Uint8Array, at: number): void {
    const text = `data ${bytes.length}`;
    const wrongByte = firstWrongByte(bytes, at, Stream.PEERS);
    const output = { kind: 'event', event: 'data', text, bytes: bytes.length, wrongByte } as const;
    this.#push({ ...output, time_us: this.#now_us(), traced: this.note(text) });
  }

  /** What waits longest. Advice to the user need not be expected, so it does not count here. */
  first(): Output | undefined {
    return this.#waiting.find(({ event }) => event !== ADVICE);
  }

  /** The first of what a line may be about: advice only for a line about advice. */
  firstOf(kind: Output['kind'], isAdvice = false): Output | undefined {
    return this.#waiting.find((output) => output.kind === kind && (output.event === ADVICE) === isAdvice);
  }

  takeSegment(): WireSegment | undefined {
    const output = this.firstOf('segment');
    this.#remove(output);
    return output?.segment;
  }

  /** Takes the event that a line expects; in what it is another. Data that came in pieces counts together. */
  takeEvent({ name, bytes, reason }: Action & { kind: 'event' }): string[] {
    const output = this.firstOf('event', name === ADVICE);
    const wanted = [name, reason ?? bytes].filter((word) => word !== undefined).join(' ');
    if (name !== 'data') {
      if (output?.text !== wanted) return [`${wanted} was expected`];
      this.#remove(output);
      return [];
    }
    let left = bytes ?? 0;
    while (left > 0) {
      const next = this.firstOf('event');
      if (next?.event !== 'data') return [`data ${bytes} was expected, of which ${left} are missing`];
      if ((next.wrongByte ?? -1) >= 0) return [`byte ${next.wrongByte} of it is not what the peer has there`];
      const taken = Math.min(left, next.bytes);
      left -= taken;
      next.bytes -= taken;
      next.text = `data ${next.bytes}`;
      if (next.bytes === 0) this.#remove(next);
      else return [`${next.bytes} bytes more than data ${bytes}`];
    }
    return [];
  }

  /** Forgets what waits. */
  drop(what: 'segments' | 'events' | 'all'): void {
    this.#waiting = this.#waiting.filter(({ kind }) => what !== 'all' && what !== `${kind}s`);
  }

  /** Notes in the story which line has expected an output. */
  mark({ traced }: Output, line: number): void {
    traced.line = line;
  }

  #push(output: Output): void {
    if (output.event !== ADVICE) this.count += 1;
    this.#waiting.push(output);
  }

  #remove(output: Output | undefined): void {
    this.#waiting = this.#waiting.filter((each) => each !== output);
  }
}
