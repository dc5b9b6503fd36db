import { TCP_STATES } from '../../machines/tcp.ts';
import { type SegmentPattern, segmentPattern } from './pattern.ts';
import { meant, type Names, numberOf, timeOf } from './value.ts';

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

export type Comparison = '=' | '<' | '<=' | '>' | '>=';

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
  | { readonly kind: 'dropped'; readonly reason: string }
  | { readonly kind: 'check'; readonly name: string; readonly comparison: Comparison; readonly value: number };

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
      return { kind: 'dropped', reason: single(values, '"dropped"') };
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
  return segment;
}

function callOf(name: CallName, values: readonly string[], names: Names): Action {
  if (!CALLS_WITH_BYTES.includes(name)) {
    none(values, name);
    return { kind: 'call', name, bytes: 0, urgent: false };
  }
  const urgent = name === 'write' && values[1] === 'urgent';
  const bytes = numberOf(single(urgent ? values.slice(0, 1) : values, `"${name}"`), names);
  if (bytes < 1) throw new Error(`"${name}" needs at least 1 byte`);
  return { kind: 'call', name, bytes, urgent };
}

function eventOf(name: EventName, values: readonly string[], names: Names): Action {
  if (name === 'closed')
    return { kind: 'event', name, bytes: undefined, reason: oneOf(values, END_REASONS, '"closed"') };
  if (name === 'data' || name === 'urgent')
    return { kind: 'event', name, bytes: numberOf(single(values, `"${name}"`), names), reason: undefined };
  none(values, name);
  return { kind: 'event', name, bytes: undefined, reason: undefined };
}

function nothingOf(values: readonly string[]): Action {
  if (values.length === 0) return { kind: 'nothing', for_us: 0 };
  if (values.length !== 2 || values[0] !== 'for') throw new Error('write "nothing" or "nothing for 500ms"');
  return { kind: 'nothing', for_us: timeOf(values[1] as string) };
}

function checkOf(values: readonly string[], names: Names): Action {
  const [name, middle, last] = values;
  const hasSign = values.length === 3;
  if (name === undefined || (values.length !== 2 && !hasSign))
    throw new Error('write "check cwnd 14600" or "check rto >= 200ms"');
  const comparison = hasSign ? (middle as string) : '=';
  if (!isOneOf(['=', '<', '<=', '>', '>='] as const, comparison))
    throw new Error(`"${comparison}" is no comparison: =, <, <=, > or >=`);
  const value = (hasSign ? last : middle) as string;
  return {
    kind: 'check',
    name,
    comparison,
    value: /[a-z]$/.test(value) && !names.has(value) ? timeOf(value) : numberOf(value, names),
  };
}

function icmpOf(values: readonly string[], names: Names): Action {
  const [word = '', ...more] = values;
  if (!isOneOf(ICMP_ERRORS, word)) throw new Error(`"icmp" knows no "${word}": ${meant(word, ICMP_ERRORS)}`);
  const mtu = word === 'too-big' ? numberOf(more.shift() ?? '', names) : 0;
  const hasSeq = more.length === 2 && more[0] === 'seq';
  if (more.length > 0 && !hasSeq) throw new Error('write "icmp too-big 1000" or "icmp port-unreachable seq 1"');
  return { kind: 'icmp', error: word, mtu, seq: hasSeq ? numberOf(more[1] as string, names) : undefined };
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
