import type { GoodputCell } from './compare.ts';
import type { Observation } from './observe.ts';

/** Characters. */
const CELL_WIDTH = 9;

/** Goodput in Mbit/s: a line for each topology, a column for each round trip time and loss. */
export function goodputText(cells: readonly GoodputCell[]): string {
  const ways = unique(cells.map(wayOf));
  const topologies = unique(cells.map(({ topology }) => topology));
  const nameWidth = Math.max(...topologies.map(({ length }) => length), 'RTT ms'.length) + 1;
  const line = (name: string, texts: readonly string[]): string =>
    name.padEnd(nameWidth) + texts.map((text) => text.padStart(CELL_WIDTH)).join('');
  const columns = ways.map((way) => cells.find((cell) => wayOf(cell) === way) as GoodputCell);
  return [
    line(
      'RTT ms',
      columns.map(({ rtt_ms }) => String(rtt_ms)),
    ),
    line(
      'loss %',
      columns.map(({ loss }) => String(Number((loss * 100).toFixed(2)))),
    ),
    ...topologies.map((topology) =>
      line(
        topology,
        ways.map((way) => {
          const cell = cells.find((each) => each.topology === topology && wayOf(each) === way);
          return cell === undefined ? '' : mbit(cell.goodput_bps);
        }),
      ),
    ),
  ].join('\n');
}

/** Where the cipher ran, how often a user's frame crossed the MAC layer, which TCPs sent again: a line for each topology. */
export function observationText(seen: readonly Observation[]): string {
  const rows = seen.map(({ topology, ciphers, crossings, retransmitted }) => [
    topology,
    listed(unique(ciphers.map(({ gateway, layer, kind }) => `${kind} ${layer} in ${gateway}`))),
    listed(crossings.map(({ device, perFrame }) => `${device} ${perFrame}`)),
    listed(retransmitted.map(({ device, tcp }) => `TCP ${tcp} in ${device}`)),
  ]);
  const head = ['topology', 'cipher', 'crossings of MAC for each frame', 'TCPs that sent again at 1 % loss'];
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length)) + 2);
  return [head, ...rows]
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at]))
        .join('')
        .trimEnd(),
    )
    .join('\n');
}

export function mbit(bps: number): string {
  return (bps / 1e6).toFixed(2);
}

function wayOf({ rtt_ms, loss }: GoodputCell): string {
  return `${rtt_ms} ${loss}`;
}

function listed(texts: readonly string[]): string {
  return texts.length === 0 ? 'none' : texts.join(', ');
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
