import type { Segment } from '../../../src/actors/tcp/segment.ts';
import { flagNames } from '../../../src/wire/tcp.ts';
import type { FuzzEnd } from './end.ts';
import { Fault } from './wire-model.ts';

type Ends = readonly [FuzzEnd, FuzzEnd];

/** After a run in which nothing excuses anything else: both ended in order, and all that was written was delivered. @throws Fault */
export function checkEnds(ends: Ends): void {
  const [client, server] = ends;
  if (client.kinds.length === 0 && server.kinds.length === 0) return;
  for (const [end, other] of [
    [client, server],
    [server, client],
  ]) {
    // Whoever was in TIME-WAIT may be gone before our FIN comes again: a RST then, but nothing is missing.
    const isLate = end.reason === 'closed reset' && other.reason === 'closed normal' && other.delivered === end.written;
    if (end.reason !== 'closed normal' && !isLate)
      throw new Fault(`${end.options.connection.name} ends ${end.reason}: ${statesOf(ends, [])}`);
    if (end.delivered !== other.written) throw new Fault(`${end.delivered} of ${other.written} bytes delivered`);
  }
}

/** Never opened, or ended before anything was kept. */
export function isIdle(end: FuzzEnd): boolean {
  return end.connection.state === 'CLOSED' && end.timers.size === 0;
}

/** Both ends in words, for a fault. */
export function statesOf(ends: Ends, excuses: readonly string[]): string {
  const states = ends.map(
    (end) => `${end.connection.state} ${end.kinds} delivered ${end.delivered}/${ends[1 - end.options.index].written}`,
  );
  return `${states.join(' | ')}; excuses ${excuses}`;
}

/** A segment in words, for the trace. */
export function describe(segment: Segment): string {
  const { seq, ack, flags, window, options, payload } = segment;
  return `${flagNames(flags)} seq ${seq} ack ${ack} win ${window} len ${payload.length} ${JSON.stringify(options)}`;
}
