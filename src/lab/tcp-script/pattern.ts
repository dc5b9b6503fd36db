import { Flag } from '../../wire/tcp.ts';
import { FIELD_16, FIELD_32, meant, type Names, numberIn, numberOf, type Range, RELATIVE } from './value.ts';

/** The longest IP packet less two headers without options. */
const TEXT: Range = { least: 0, most: 65_535 - 40 };
/** A byte on the wire; TCP takes what is over 14 as 14. */
const WINDOW_SCALE: Range = { least: 0, most: 255 };

/** A number that a line names. `absolute`: as it stands on the wire, not counted from the initial number. */
export interface Figure {
  readonly value: number;
  readonly absolute: boolean;
}
/** Undefined: the line says nothing about it. */
export type Wanted<T> = T | '*' | undefined;

export interface OptionPattern {
  readonly mss?: Wanted<number>;
  readonly wscale?: Wanted<number>;
  readonly sackOK?: true;
  readonly ts?: readonly [Wanted<number>, Wanted<number>];
  readonly sack?: Wanted<readonly (readonly [number, number])[]>;
  /** `...`: there may be others. */
  readonly open: boolean;
}

/** A segment as a line of a script writes it: to be injected, or to be compared with one that was sent. */
export interface SegmentPattern {
  readonly flags: Wanted<number>;
  /** PSH is compared where the line names it only. */
  readonly push: boolean | undefined;
  readonly seq: Wanted<Figure>;
  readonly length: Wanted<number>;
  readonly ack: Wanted<Figure>;
  readonly window: Wanted<number>;
  readonly urgent: Wanted<number>;
  /** Port of the other end. */
  readonly port: number | undefined;
  readonly ecn: Wanted<number>;
  readonly options: OptionPattern | undefined;
  /** Text of other bytes than the stream has there. */
  readonly garbled: boolean;
  readonly badChecksum: boolean;
}

type Draft = { -readonly [K in keyof SegmentPattern]: SegmentPattern[K] };

/** Names of the ECN field of the IP header (RFC 3168 section 5). */
export const ECN_NAMES = ['not-ect', 'ect1', 'ect0', 'ce'] as const;
const FLAG_NAMES = Object.keys(Flag);
const WORDS = ['seq', 'ack', 'win', 'len', 'urg', 'port', 'ecn', 'garbled', 'bad-checksum'];
const OPTION_WORDS = ['mss', 'wscale', 'sackOK', 'sack', 'ts', 'none', '...'];

/** Reads `SYN+ACK seq 0 ack 1 win 65535 <mss 1460>`. @throws Error that says what is wrong */
export function segmentPattern(text: string, names: Names): SegmentPattern {
  const found = /^([^<>]*)(?:<([^<>]*)>)?([^<>]*)$/.exec(text);
  if (found === null) throw new Error('options stand in one pair of < and >, like <mss 1460, sackOK>');
  const [, before = '', options, after = ''] = found;
  const [flags, ...words] = `${before} ${after}`.trim().split(/\s+/);
  const draft: Draft = {
    ...readFlags(flags ?? ''),
    seq: undefined,
    length: undefined,
    ack: undefined,
    window: undefined,
    urgent: undefined,
    port: undefined,
    ecn: undefined,
    options: options === undefined ? undefined : readOptions(options, names),
    garbled: false,
    badChecksum: false,
  };
  while (words.length > 0) readWord(draft, words, names);
  return draft;
}

function readFlags(text: string): { flags: Wanted<number>; push: boolean | undefined } {
  if (text === '*') return { flags: '*', push: undefined };
  if (text === 'none') return { flags: 0, push: false };
  let flags = 0;
  let push: boolean | undefined;
  for (const part of text.split(/(?=[+-])/)) {
    const name = part.replace(/^[+-]/, '');
    if (!FLAG_NAMES.includes(name))
      throw new Error(
        `"${name}" is no flag: ${sentence(meant(name, FLAG_NAMES))} A segment begins with its flags, like SYN+ACK, or none`,
      );
    if (part.startsWith('-') && name !== 'PSH') throw new Error('only PSH can be ruled out, like ACK-PSH');
    if (name === 'PSH') push = !part.startsWith('-');
    else flags |= Flag[name as keyof typeof Flag];
  }
  return { flags, push };
}

/** With the stop that a list lacks, and a question has. */
function sentence(text: string): string {
  return text.endsWith('?') ? text : `${text}.`;
}

function readWord(draft: Draft, words: string[], names: Names): void {
  const word = words.shift() as string;
  const value = (): string => {
    const next = words.shift();
    if (next === undefined) throw new Error(`"${word}" needs a value behind it`);
    return next;
  };
  switch (word) {
    case 'seq':
      readSeq(draft, value(), names);
      return;
    case 'ack':
      draft.ack = figureOf('"ack"', value(), names);
      return;
    case 'win':
      draft.window = wantedNumber(FIELD_16, '"win"', value(), names);
      return;
    case 'len':
      draft.length = wantedNumber(TEXT, '"len"', value(), names);
      return;
    case 'urg':
      draft.urgent = wantedNumber(FIELD_16, '"urg"', value(), names);
      return;
    case 'port':
      draft.port = numberIn(FIELD_16, '"port"', value(), names);
      return;
    case 'ecn':
      draft.ecn = ecnOf(value());
      return;
    case 'garbled':
      draft.garbled = true;
      return;
    case 'bad-checksum':
      draft.badChecksum = true;
      return;
    default:
      throw new Error(`a segment has no "${word}": ${meant(word, WORDS)}`);
  }
}

/** `1`, or `1:1461` for the numbers from 1 to 1460. */
function readSeq(draft: Draft, text: string, names: Names): void {
  const [from = '', to] = text.split(':');
  draft.seq = figureOf('"seq"', from, names);
  if (to === undefined) return;
  if (draft.seq === '*') throw new Error(`"${text}": a range begins with a number`);
  draft.length = numberOf(to, names) - draft.seq.value;
  if (draft.length < 0) throw new Error(`"${text}": a range ends behind its beginning`);
  if (draft.length > TEXT.most)
    throw new Error(`"${text}": a segment has at most ${TEXT.most} bytes of text, these are ${draft.length}`);
}

function figureOf(word: string, text: string, names: Names): Figure | '*' {
  if (text === '*') return '*';
  if (!text.startsWith('=')) return { value: numberIn(RELATIVE, word, text, names), absolute: false };
  return { value: numberIn(FIELD_32, `${word} on the wire`, text.slice(1), names), absolute: true };
}

function wantedNumber(range: Range, word: string, text: string, names: Names): number | '*' {
  return text === '*' ? '*' : numberIn(range, word, text, names);
}

function ecnOf(text: string): number | '*' {
  if (text === '*') return '*';
  const at = (ECN_NAMES as readonly string[]).indexOf(text);
  if (at < 0) throw new Error(`"${text}" is no ECN mark: ${meant(text, ECN_NAMES)}`);
  return at;
}

function readOptions(text: string, names: Names): OptionPattern {
  const read: { -readonly [K in keyof OptionPattern]: OptionPattern[K] } = { open: false };
  for (const part of text.split(',').map((each) => each.trim())) {
    const [word = '', ...values] = part.split(/\s+/);
    if (word === '...') read.open = true;
    else if (word === 'sackOK') read.sackOK = true;
    else if (word === 'mss') read.mss = wantedNumber(FIELD_16, '"mss"', only(word, values), names);
    else if (word === 'wscale') read.wscale = wantedNumber(WINDOW_SCALE, '"wscale"', only(word, values), names);
    else if (word === 'ts') read.ts = stampsOf(values, names);
    else if (word === 'sack') read.sack = sacksOf(values, names);
    else if (word !== 'none') throw new Error(`TCP has no option "${word}": ${meant(word, OPTION_WORDS)}`);
  }
  return read;
}

function only(word: string, values: readonly string[]): string {
  if (values.length !== 1) throw new Error(`option "${word}" has one value; options are separated by commas`);
  return values[0] as string;
}

function stampsOf([value, echo, ...more]: readonly string[], names: Names): readonly [number | '*', number | '*'] {
  if (value === undefined || echo === undefined || more.length > 0)
    throw new Error('option "ts" has two values: the clock and the echo, like ts 100 0');
  return [
    wantedNumber(RELATIVE, 'the clock of "ts"', value, names),
    wantedNumber(RELATIVE, 'the echo of "ts"', echo, names),
  ];
}

function sacksOf(values: readonly string[], names: Names): '*' | (readonly [number, number])[] {
  if (values.length === 1 && values[0] === '*') return '*';
  if (values.length === 0) throw new Error('option "sack" has blocks, like sack 1461:2921 4381:5841');
  return values.map((block) => {
    const [left, right, ...more] = block.split(':');
    if (right === undefined || more.length > 0) throw new Error(`"${block}" is no SACK block: write it like 1461:2921`);
    const edge = (number: string): number => numberIn(RELATIVE, 'an edge of "sack"', number, names);
    return [edge(left as string), edge(right)] as const;
  });
}
