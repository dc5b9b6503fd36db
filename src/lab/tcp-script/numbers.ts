import { TIMESTAMP_TICK_US } from '../../actors/tcp/limits.ts';
import { seqAdd, seqDiff } from '../../wire/seq.ts';
import { Flag, flagNames, type TcpOptions } from '../../wire/tcp.ts';
import { ECN_NAMES, type Figure } from './pattern.ts';
import { PEER_PORT, type WireSegment } from './wire-segment.ts';

/** Numbers further from the initial one than this are shown absolute where they are 0. */
const FAR = 1_000_000;

/** What a script counts from: both initial numbers, and our timestamp clock. One for each port of the peer. */
export class Bases {
  readonly peerIsn: number;
  /** Of our newest connection with that port; undefined before its SYN was seen. */
  ours: number | undefined;
  /** Our timestamp clock at the beginning of the case. */
  clock: number | undefined;
  /** A new connection has drawn its number: its SYN comes next. */
  isFresh = false;

  constructor(peerIsn: number) {
    this.peerIsn = peerIsn;
  }

  /** Learns from a segment of ours. */
  learn(segment: WireSegment, now_us: number): void {
    const { timestamps } = segment.options;
    if ((segment.flags & Flag.SYN) !== 0 && (this.ours === undefined || this.isFresh)) {
      this.ours = segment.seq;
      this.clock = undefined;
      this.isFresh = false;
    }
    if (timestamps !== undefined) this.clock ??= seqAdd(timestamps.value, -Math.floor(now_us / TIMESTAMP_TICK_US));
  }

  ourFigure(figure: Figure): number {
    return figure.absolute ? figure.value >>> 0 : seqAdd(this.ours ?? 0, figure.value);
  }

  peerFigure(figure: Figure): number {
    return figure.absolute ? figure.value >>> 0 : seqAdd(this.peerIsn, figure.value);
  }
}

/** A segment in the words of the language; `isOurs`: the TCP under test has sent it. */
export function segmentText(segment: WireSegment, bases: Bases, isOurs: boolean): string {
  const { seq, ack, flags, payload, window, urgent, options, ecn, port } = segment;
  const ours = bases.ours ?? 0;
  const [mine, other] = isOurs ? [ours, bases.peerIsn] : [bases.peerIsn, ours];
  const from = figureText(seq, mine);
  const range = payload.length === 0 ? from : `${from}:${Number(from) + payload.length}`;
  const words = [
    isOurs ? '>' : '<',
    flagNames(flags),
    'seq',
    payload.length > 0 && from.startsWith('=') ? `${from} len ${payload.length}` : range,
  ];
  if ((flags & Flag.ACK) !== 0) words.push('ack', figureText(ack, other));
  words.push('win', String(window));
  if (urgent !== 0) words.push('urg', String(urgent));
  if (ecn !== 0) words.push('ecn', ECN_NAMES[ecn] as string);
  if (port !== PEER_PORT) words.push('port', String(port));
  const text = optionsText(options, bases, isOurs);
  if (text !== '') words.push(`<${text}>`);
  return words.join(' ');
}

function figureText(value: number, base: number): string {
  const relative = seqDiff(value, base);
  return value === 0 && Math.abs(relative) > FAR ? '=0' : String(relative);
}

/** `mss 1460, sackOK`: without the brackets. */
export function optionsText(options: TcpOptions, bases: Bases, isOurs: boolean): string {
  const { mss, sackPermitted, timestamps, windowScale, sacks } = options;
  const acked = isOurs ? bases.peerIsn : (bases.ours ?? 0);
  const words: string[] = [];
  if (mss !== undefined) words.push(`mss ${mss}`);
  if (sackPermitted) words.push('sackOK');
  if (timestamps !== undefined) {
    const clock = bases.clock ?? 0;
    const [value, echo] = isOurs
      ? [seqDiff(timestamps.value, clock), timestamps.echo]
      : [timestamps.value, timestamps.echo === 0 ? 0 : seqDiff(timestamps.echo, clock)];
    words.push(`ts ${value} ${echo}`);
  }
  if (windowScale !== undefined) words.push(`wscale ${windowScale}`);
  if (sacks !== undefined)
    words.push(`sack ${sacks.map(({ left, right }) => `${seqDiff(left, acked)}:${seqDiff(right, acked)}`).join(' ')}`);
  return words.join(', ');
}
