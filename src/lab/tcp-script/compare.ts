import { seqAdd, seqDiff } from '../../wire/seq.ts';
import { Flag, flagNames } from '../../wire/tcp.ts';
import { type Bases, optionsText } from './numbers.ts';
import { ECN_NAMES, type Figure, type OptionPattern, type SegmentPattern, type Wanted } from './pattern.ts';
import { firstWrongByte, PEER_PORT, Stream, type WireSegment } from './wire-segment.ts';

/** In what a sent segment is not what a line expects; empty when it is. */
export function differences(pattern: SegmentPattern, segment: WireSegment, bases: Bases): string[] {
  const found: string[] = [];
  const say = (name: string, came: string | number, wanted: string | number): void => {
    found.push(`${name} ${came} instead of ${wanted}`);
  };
  const flags = segment.flags & ~Flag.PSH;
  const pushes = (segment.flags & Flag.PSH) !== 0;
  if (typeof pattern.flags === 'number' && pattern.flags !== flags)
    say('flags', flagNames(flags), flagNames(pattern.flags));
  if (pattern.push !== undefined && pattern.push !== pushes) found.push(pushes ? 'PSH is set' : 'PSH is not set');
  compareFigure('seq', pattern.seq, segment.seq, bases.ours ?? 0, say);
  if (pattern.length !== '*' && (pattern.length ?? 0) !== segment.payload.length)
    say('length', segment.payload.length, pattern.length ?? 0);
  compareFigure('ack', pattern.ack, segment.ack, bases.peerIsn, say);
  compareNumber('win', pattern.window, segment.window, say);
  compareNumber('urg', pattern.urgent, segment.urgent, say);
  if (typeof pattern.ecn === 'number' && pattern.ecn !== segment.ecn)
    say('ecn', ECN_NAMES[segment.ecn] as string, ECN_NAMES[pattern.ecn] as string);
  if (segment.port !== (pattern.port ?? PEER_PORT)) say('port', segment.port, pattern.port ?? PEER_PORT);
  if (pattern.options !== undefined) found.push(...optionDifferences(pattern.options, segment, bases));
  const wrong = firstWrongByte(segment.payload, textOffset(segment, bases.ours ?? 0), Stream.OURS);
  if (wrong >= 0) found.push(`byte ${wrong} of the text is not what was written`);
  return found;
}

/** Place in the stream of a segment's first byte of text. */
export function textOffset({ seq, flags }: WireSegment, isn: number): number {
  return seqDiff(seq, isn) - ((flags & Flag.SYN) !== 0 ? 0 : 1);
}

type Say = (name: string, came: string | number, wanted: string | number) => void;

function compareFigure(name: string, wanted: Wanted<Figure>, came: number, base: number, say: Say): void {
  if (wanted === undefined || wanted === '*') return;
  const expected = wanted.absolute ? wanted.value >>> 0 : seqAdd(base, wanted.value);
  if (expected === came) return;
  if (wanted.absolute) say(name, `=${came}`, `=${wanted.value}`);
  else say(name, seqDiff(came, base), wanted.value);
}

function compareNumber(name: string, wanted: Wanted<number>, came: number | undefined, say: Say): void {
  if (wanted === undefined || (wanted === '*' && came !== undefined)) return;
  if (wanted !== came) say(name, came ?? 'missing', wanted);
}

function optionDifferences(pattern: OptionPattern, segment: WireSegment, bases: Bases): string[] {
  const { mss, windowScale, sackPermitted, timestamps, sacks } = segment.options;
  const found: string[] = [];
  const say: Say = (name, came, wanted) => {
    found.push(`option ${name} ${came} instead of ${wanted}`);
  };
  compareNumber('mss', pattern.mss, mss, say);
  compareNumber('wscale', pattern.wscale, windowScale, say);
  if (pattern.sackOK && !sackPermitted) found.push('option sackOK is missing');
  if (pattern.ts !== undefined) {
    const value = timestamps === undefined ? undefined : seqDiff(timestamps.value, bases.clock ?? 0);
    compareNumber('ts, the clock:', pattern.ts[0], value, say);
    compareNumber('ts, the echo:', pattern.ts[1], timestamps?.echo, say);
  }
  if (pattern.sack !== undefined) {
    const came = optionsText({ sacks }, bases, true).replace('sack ', '');
    const wanted = pattern.sack === '*' ? '*' : pattern.sack.map(([left, right]) => `${left}:${right}`).join(' ');
    if (came === '' || (wanted !== '*' && wanted !== came)) say('sack', came || 'missing', wanted);
  }
  if (pattern.open) return found;
  const present = { mss, wscale: windowScale, sackOK: sackPermitted, ts: timestamps, sack: sacks };
  for (const name of ['mss', 'wscale', 'sackOK', 'ts', 'sack'] as const) {
    if (present[name] !== undefined && pattern[name] === undefined) found.push(`option ${name} is there`);
  }
  return found;
}
