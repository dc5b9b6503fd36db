import type { TcpConnection } from '../../actors/tcp/connection.ts';
import type { Comparison } from './statement.ts';
import { meant } from './value.ts';

/** What `check` can look at: counters, and what is known of the path. Times are microseconds. */
export function figuresOf(connection: TcpConnection): Readonly<Record<string, number>> {
  const { cwnd, srtt_us, rto_us, window, mss } = connection.path;
  return { ...connection.stats, cwnd, srtt: srtt_us, rto: rto_us, window, mss, sendSpace: connection.sendSpace };
}

/** The value that `check` names. @throws Error when there is none of that name */
export function figureOf(connection: TcpConnection | undefined, name: string): number {
  if (connection === undefined) throw new Error('there is no connection to check');
  const figures = figuresOf(connection);
  const value = figures[name];
  if (value === undefined) throw new Error(`"check" knows no "${name}": ${meant(name, Object.keys(figures))}`);
  return value;
}

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
