import type { TcpConnection } from '../../actors/tcp/connection.ts';
import { newStats, type TcpStats } from '../../actors/tcp/core.ts';

/** Counters, and numbers of bytes, that `check` can look at. */
const COUNTS = [...(Object.keys(newStats()) as (keyof TcpStats)[]), 'cwnd', 'window', 'mss', 'sendSpace'] as const;
/** Times that `check` can look at. */
const TIMES = ['srtt', 'rto'] as const;
export type FigureName = (typeof COUNTS | typeof TIMES)[number];
export const FIGURES: readonly FigureName[] = [...TIMES, ...COUNTS];
export const COMPARISONS = ['=', '<', '<=', '>', '>='] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** A time's value is written with its unit. */
export function isTime(name: FigureName): boolean {
  return (TIMES as readonly FigureName[]).includes(name);
}

/** The value that `check` names; times are microseconds. */
export function figureOf(connection: TcpConnection, name: FigureName): number {
  const { cwnd, srtt_us, rto_us, window, mss } = connection.path;
  const { stats, sendSpace } = connection;
  return { ...stats, cwnd, srtt: srtt_us, rto: rto_us, window, mss, sendSpace }[name];
}

/** Whether the comparison of a `check` line is true. */
export function holds(value: number, comparison: Comparison, wanted: number): boolean {
  switch (comparison) {
    case '=':
      return value === wanted;
    case '<':
      return value < wanted;
    case '<=':
      return value <= wanted;
    case '>':
      return value > wanted;
    case '>=':
      return value >= wanted;
  }
}
