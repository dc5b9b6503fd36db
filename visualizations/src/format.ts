/** `12.345 ms` after `origin_us`; seconds from 10 s on. */
export function sinceText(time_us: number, origin_us: number): string {
  const delta_us = time_us - origin_us;
  if (delta_us >= 10_000_000) return `${(delta_us / 1_000_000).toFixed(3)} s`;
  return `${(delta_us / 1000).toFixed(delta_us % 1000 === 0 ? 1 : 3)} ms`;
}

const GOOD = new Set([
  'UP',
  'ESTABLISHED',
  'LIVE',
  'OPEN',
  'ACCELERATING',
  'FORWARDING',
  'REACHABLE',
  'RUNNING',
  'FILTERING',
  'PROMISCUOUS',
  'ASSURED',
]);
const OVER = new Set(['CLOSED', 'ENDED', 'DOWN', 'STOPPED', 'GONE', 'OFF', 'IDLE', 'CLOSE']);

/** Colour of a state: at work, at rest or over, or on its way. Only a hint: states of new machines are `busy` until they are named here. */
export function stateTone(state: string): 'good' | 'over' | 'busy' {
  const parts = state.split(/[.+]/);
  if (parts.some((part) => GOOD.has(part))) return 'good';
  return parts.some((part) => OVER.has(part)) ? 'over' : 'busy';
}
