/** A mistake in a script, or a script whose expectation does not hold. */
export class ScriptError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Values of names in sums: the counters of the `repeat`s around a line. */
export type Names = ReadonlyMap<string, number>;

const HOUR_US = 3_600_000_000;
const TIME_US: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  min: 60_000_000,
  h: HOUR_US,
};

/** Longest time that a script may name: a year. */
const TIME_LIMIT_US = 8_784 * HOUR_US;

/** What a number may be, both ends included. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** Fields of 16 and 32 bits as they stand on the wire. */
export const FIELD_16: Range = { least: 0, most: 65_535 };
export const FIELD_32: Range = { least: 0, most: 2 ** 32 - 1 };
/** A number counted from an initial one, on either side of it. */
export const RELATIVE: Range = { least: 1 - 2 ** 32, most: 2 ** 32 - 1 };

/** A number in its range; `what` names it in a message. @throws Error that says what would be right */
export function numberIn({ least, most }: Range, what: string, text: string, names: Names): number {
  const value = numberOf(text, names);
  if (value >= least && value <= most) return value;
  throw new Error(`${what} is ${least} to ${most}: "${text}" is outside`);
}

/** `1460`, `1+2*1460` or `1+i*1460`: a whole number. @throws Error that says what is wrong with it */
export function numberOf(text: string, names: Names): number {
  const terms = text.split(/(?<=[\w)])(?=[+-])/);
  const sum = terms.reduce((total, term) => total + termOf(term, names, text), 0);
  if (!Number.isSafeInteger(sum)) throw new Error(`"${text}" is no whole number`);
  return sum;
}

function termOf(term: string, names: Names, whole: string): number {
  const sign = term.startsWith('-') ? -1 : 1;
  return term
    .replace(/^[+-]/, '')
    .split('*')
    .reduce((product, factor) => product * factorOf(factor, names, whole), sign);
}

function factorOf(factor: string, names: Names, whole: string): number {
  if (/^\d+$/.test(factor)) return Number(factor);
  const value = names.get(factor);
  if (value !== undefined) return value;
  throw new Error(
    /^[a-z]\w*$/i.test(factor)
      ? `"${factor}" in "${whole}" has no value: only the counter of a repeat around the line has one`
      : `"${whole}" is no number: write a whole number or a sum like 1+2*1460`,
  );
}

/** `40ms`, `0.2s`, `2h`: whole microseconds. @throws Error */
export function timeOf(text: string): number {
  const found = /^(\d+(?:\.\d+)?)(us|ms|s|min|h)$/.exec(text);
  if (found === null)
    throw new Error(`"${text}" is no time: write it with its unit, like 40ms, 0.2s, 500us, 2min or 1h`);
  const time_us = Math.round(Number(found[1]) * (TIME_US[found[2] as string] as number));
  if (time_us > TIME_LIMIT_US) throw new Error(`a time is at most ${TIME_LIMIT_US / HOUR_US}h: "${text}" is longer`);
  return time_us;
}

/** `0.040 s`, with as many digits as it needs and three at least. */
export function timeText(time_us: number): string {
  const digits = (time_us / 1e6).toFixed(6).replace(/0{1,3}$/, '');
  return `${digits} s`;
}

/** What to add to a message about a word that nobody knows: the nearest one, or all of them. */
export function meant(word: string, known: readonly string[]): string {
  const near = known
    .map((each) => ({ each, distance: distanceOf(word.toLowerCase(), each.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (near !== undefined && near.distance <= Math.ceil(near.each.length / 3)) return `did you mean "${near.each}"?`;
  return `it may be one of ${known.join(', ')}`;
}

/** Edit distance. */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 0; i < one.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j++) {
      const change = (row[j] as number) + (one[i] === other[j] ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[other.length] as number;
}
