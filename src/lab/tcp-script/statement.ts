import { DROP_REASONS, type DropReason } from '../../actors/drop-reason.ts';
import { TCP_STATES } from '../../machines/tcp.ts';
import { COMPARISONS, type Comparison, FIGURES, type FigureName, isTime } from './checks.ts';
import { type SegmentPattern, segmentPattern } from './pattern.ts';
import { FIELD_16, FIELD_32, meant, type Names, numberIn, numberOf, type Range, RELATIVE, timeOf } from './value.ts';

/** What one line may write: kept in memory as a whole. */
const BYTES: Range = { least: 1, most: 10_000_000 };
/** Text of a segment to inject: the longest IP packet less the longest headers. */
const INJECTED_BYTES = 65_535 - 20 - 60;

/** When a line happens: after the line before, counted from the beginning of the case, or at any time until then. */
export interface When {
  readonly kind: 'after' | 'at' | 'within';
  readonly time_us: number;
}

export const CALLS = [
  'connect',
  'listen',
  'unlisten',
  'close',
  'abort',
  'release',
  'refuse',
  'write',
  'consume',
] as const;
export type CallName = (typeof CALLS)[number];
const CALLS_WITH_BYTES: readonly CallName[] = ['write', 'consume'];

export const EVENTS = [
  'connected',
  'accepted',
  'data',
  'urgent',
  'remote-closed',
  'closed',
  'full',
  'writable',
  'troubled',
] as const;
export type EventName = (typeof EVENTS)[number];

export const ICMP_ERRORS = ['too-big', 'port-unreachable', 'host-unreachable'] as const;
export type IcmpError = (typeof ICMP_ERRORS)[number];

/** What a line does or expects. */
export type Action =
  | { readonly kind: 'inject'; readonly segment: SegmentPattern }
  | { readonly kind: 'icmp'; readonly error: IcmpError; readonly mtu: number; readonly seq: number | undefined }
  | { readonly kind: 'call'; readonly name: CallName; readonly bytes: number; readonly urgent: boolean }
  | { readonly kind: 'pass' }
  | { readonly kind: 'segment'; readonly segment: SegmentPattern }
  | {
      readonly kind: 'event';
      readonly name: EventName;
      readonly bytes: number | undefined;
      readonly reason: string | undefined;
    }
  | { readonly kind: 'nothing'; readonly for_us: number }
  | { readonly kind: 'ignore'; readonly what: 'segments' | 'events' | 'all' }
  | { readonly kind: 'state'; readonly state: string }
  | { readonly kind: 'dropped'; readonly reason: DropReason }
  | { readonly kind: 'check'; readonly name: FigureName; readonly comparison: Comparison; readonly value: number };

export interface Statement {
  readonly line: number;
  readonly text: string;
  readonly when: When | undefined;
  readonly action: Action;
}

const OTHER_WORDS = ['nothing', 'ignore', 'state', 'dropped', 'check', 'icmp'];
/** Words that lines of a case begin with, besides those that become other lines. */
export const WORDS: readonly string[] = ['>', '<', '+TIME', 'at', 'within', ...CALLS, ...EVENTS, ...OTHER_WORDS];
const END_REASONS = ['normal', 'reset', 'refused', 'timed-out', 'unreachable', 'aborted'];

/** Reads a line that is one step of a case. @throws Error that says what is wrong */
export function actionOf(text: string, names: Names): Pick<Statement, 'when' | 'action'> {
  const found = /^(?:\+(\S+)|(at|within)\s+(\S+))(?:\s+(.*))?$/.exec(text);
  if (found === null) return { when: undefined, action: plainAction(text, names) };
  const [, after, kind, time, rest] = found;
  const when: When = { kind: (kind ?? 'after') as When['kind'], time_us: timeOf((after ?? time) as string) };
  const action: Action = rest === undefined ? { kind: 'pass' } : plainAction(rest, names);
  const waits = action.kind === 'segment' || action.kind === 'event';
  if (when.kind === 'within' && !waits)
    throw new Error('only what is expected may come "within" a time: a segment or an event');
  return { when, action };
}

function plainAction(text: string, names: Names): Action {
  if (text.startsWith('>')) return { kind: 'segment', segment: segmentPattern(text.slice(1).trim(), names) };
  if (text.startsWith('<')) return { kind: 'inject', segment: injected(segmentPattern(text.slice(1).trim(), names)) };
  const [word = '', ...values] = text.split(/\s+/);
  if (isOneOf(CALLS, word)) return callOf(word, values, names);
  if (isOneOf(EVENTS, word)) return eventOf(word, values, names);
  switch (word) {
    case 'nothing':
      return nothingOf(values);
    case 'ignore':
      return { kind: 'ignore', what: oneOf(values, ['segments', 'events', 'all'] as const, '"ignore"') };
    case 'state':
      return { kind: 'state', state: oneOf(values, TCP_STATES, '"state"') };
    case 'dropped':
      return { kind: 'dropped', reason: oneOf(values, DROP_REASONS, '"dropped"') };
    case 'check':
      return checkOf(values, names);
    case 'icmp':
      return icmpOf(values, names);
    default:
      throw new Error(`nothing is called "${word}": ${meant(word, WORDS)}`);
  }
}

/** What comes from a script must be a whole segment. */
function injected(segment: SegmentPattern): SegmentPattern {
  const { flags, seq, ack, length, window, urgent, ecn } = segment;
  if ([flags, seq, ack, length, window, urgent, ecn].includes('*'))
    throw new Error('a segment to inject has no "*": write the value');
  if (seq === undefined) throw new Error('a segment to inject needs a number: seq N, or seq FROM:TO');
  if (typeof length === 'number' && length > INJECTED_BYTES)
    throw new Error(`a segment to inject has at most ${INJECTED_BYTES} bytes of text, this one has ${length}`);
  return segment;
}

function callOf(name: CallName, values: readonly string[], names: Names): Action {
  if (!CALLS_WITH_BYTES.includes(name)) {
    none(values, name);
    return { kind: 'call', name, bytes: 0, urgent: false };
  }
  const urgent = name === 'write' && values[1] === 'urgent';
  const text = single(urgent ? values.slice(0, 1) : values, `"${name}"`);
  const bytes = numberIn(BYTES, `the number of bytes behind "${name}"`, text, names);
  return { kind: 'call', name, bytes, urgent };
}

function eventOf(name: EventName, values: readonly string[], names: Names): Action {
  if (name === 'closed')
    return { kind: 'event', name, bytes: undefined, reason: oneOf(values, END_REASONS, '"closed"') };
  if (name === 'data' || name === 'urgent')
    return { kind: 'event', name, bytes: bytesOf(name, values, names), reason: undefined };
  none(values, name);
  return { kind: 'event', name, bytes: undefined, reason: undefined };
}

function nothingOf(values: readonly string[]): Action {
  if (values.length === 0) return { kind: 'nothing', for_us: 0 };
  if (values.length !== 2 || values[0] !== 'for') throw new Error('write "nothing" or "nothing for 500ms"');
  return { kind: 'nothing', for_us: timeOf(values[1] as string) };
}

function bytesOf(name: EventName, values: readonly string[], names: Names): number {
  return numberIn(
    { ...FIELD_32, least: 1 },
    `the number of bytes behind "${name}"`,
    single(values, `"${name}"`),
    names,
  );
}

function checkOf(values: readonly string[], names: Names): Action {
  const [name, middle, last] = values;
  const hasSign = values.length === 3;
  if (name === undefined || (values.length !== 2 && !hasSign))
    throw new Error('write "check cwnd 14600" or "check rto >= 200ms"');
  if (!isOneOf(FIGURES, name)) throw new Error(`"check" knows no "${name}": ${meant(name, FIGURES)}`);
  const comparison = hasSign ? (middle as string) : '=';
  if (!isOneOf(COMPARISONS, comparison)) throw new Error(`"${comparison}" is no comparison: =, <, <=, > or >=`);
  return { kind: 'check', name, comparison, value: checkedValue(name, (hasSign ? last : middle) as string, names) };
}

function checkedValue(name: FigureName, text: string, names: Names): number {
  if (isTime(name)) return timeOf(text);
  if (/^[\d.]+[a-z]+$/i.test(text)) throw new Error(`"${name}" is no time: write a whole number without a unit`);
  return numberOf(text, names);
}

function icmpOf(values: readonly string[], names: Names): Action {
  const [word = '', ...more] = values;
  if (!isOneOf(ICMP_ERRORS, word)) throw new Error(`"icmp" knows no "${word}": ${meant(word, ICMP_ERRORS)}`);
  const mtu = word === 'too-big' ? mtuOf(more.shift(), names) : 0;
  const hasSeq = more.length === 2 && more[0] === 'seq';
  if (more.length > 0 && !hasSeq) throw new Error('write "icmp too-big 1000" or "icmp port-unreachable seq 1"');
  const seq = hasSeq ? numberIn(RELATIVE, '"seq"', more[1] as string, names) : undefined;
  return { kind: 'icmp', error: word, mtu, seq };
}

function mtuOf(text: string | undefined, names: Names): number {
  if (text === undefined || text === 'seq') throw new Error('"icmp too-big" needs the path\'s MTU: icmp too-big 1000');
  return numberIn(FIELD_16, 'an MTU', text, names);
}

function single(values: readonly string[], word: string): string {
  if (values.length !== 1) throw new Error(`${word} has one value behind it`);
  return values[0] as string;
}

function none(values: readonly string[], word: string): void {
  if (values.length > 0) throw new Error(`"${word}" stands alone: "${values.join(' ')}" means nothing here`);
}

function oneOf<const T extends string>(values: readonly string[], known: readonly T[], word: string): T {
  const value = single(values, word);
  if (!isOneOf(known, value)) throw new Error(`${word} knows no "${value}": ${meant(value, known)}`);
  return value;
}

function isOneOf<const T extends string>(known: readonly T[], value: string): value is T {
  return (known as readonly string[]).includes(value);
}
