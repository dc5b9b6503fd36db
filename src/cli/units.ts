import { InvalidArgumentError } from 'commander';

/** Readers of numbers with units, for options. Each throws commander's InvalidArgumentError with what would be right. */

const NUMBER = /^(\d+(?:\.\d+)?)([a-zA-Z%]*)$/;
const TIME_US: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1_000_000 };
const DECIMAL: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };
/** `10M`, `10MB` and `100Mbit` are all usual. */
const UNIT_TAIL = /(bit\/s|bits?|bps|bytes?|b)$/;

/** `1%` or `0.01`: a ratio from 0 to 1. */
export function ratio(text: string): number {
  const [number, unit] = parts(text);
  const value = unit === '%' ? number / 100 : unit === '' ? number : Number.NaN;
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('Give a ratio, like 1% or 0.01.');
  return value;
}

/** `20ms`, `1s`, `500us`: microseconds. */
export function duration_us(text: string): number {
  const [number, unit] = parts(text);
  const factor = TIME_US[unit];
  if (factor === undefined) throw new InvalidArgumentError('Give a time with its unit, like 20ms, 1s or 500us.');
  return Math.round(number * factor);
}

/** `100M`, `1G`: bits per second, decimal. */
export function rate_bps(text: string): number {
  return decimal(text, 'Give bits per second, like 100M or 1G.');
}

/** `10M`, `1G`: bytes, decimal. */
export function byteCount(text: string): number {
  return decimal(text, 'Give a number of bytes, like 10M or 1500.');
}

/** A whole number from 0 up. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

function decimal(text: string, message: string): number {
  const [number, unit] = parts(text);
  const factor = DECIMAL[unit.toLowerCase().replace(UNIT_TAIL, '')];
  if (factor === undefined) throw new InvalidArgumentError(message);
  return Math.round(number * factor);
}

function parts(text: string): [number: number, unit: string] {
  const match = NUMBER.exec(text);
  return match === null ? [Number.NaN, '?'] : [Number(match[1]), match[2]];
}
