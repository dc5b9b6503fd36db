/** Goodput of a topology's kernel hosts at one loss: what was measured in each round, and the median, bits per second. */
export interface UnderLoss {
  readonly topology: string;
  /** Of the whole way, each direction. */
  readonly lossRatio: number;
  /** Transfers at once; goodput is of all together. */
  readonly connections: number;
  readonly rounds_bps: readonly number[];
  readonly median_bps: number;
}

/** What is written to `docs/embodiments/under-loss.json`, for the table and the picture made of it. */
export interface UnderLossResult {
  /** What each point is made of. */
  readonly about: {
    readonly bytes: number;
    readonly roundTrip_ms: number;
    readonly rounds: number;
    readonly congestion: string;
  };
  readonly points: readonly UnderLoss[];
}

interface Transfer {
  readonly topology: string;
  readonly lossRatio: number;
  readonly connections: number;
  readonly goodput_bps: number;
}

/** Points in the order of the topologies, then of the numbers of connections, then of the losses. */
export function underLoss(
  transfers: readonly Transfer[],
  topologies: readonly string[],
  connections: readonly number[],
  losses: readonly number[],
): UnderLoss[] {
  return topologies.flatMap((topology) =>
    connections.flatMap((count) =>
      losses.map((lossRatio) => {
        const fits = (each: Transfer): boolean =>
          each.topology === topology && each.connections === count && each.lossRatio === lossRatio;
        const rounds_bps = transfers.filter(fits).map(({ goodput_bps }) => goodput_bps);
        return { topology, lossRatio, connections: count, rounds_bps, median_bps: median(rounds_bps) };
      }),
    ),
  );
}

export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const CELL_WIDTH = 17;
const MBIT_BITS = 1e6;

/** Medians in Mbit/s, a row for each topology and number of connections, a column for each loss. */
export function underLossTable(points: readonly UnderLoss[], losses: readonly number[]): string {
  const rows = new Map<string, string[]>();
  for (const { topology, connections, median_bps } of points) {
    const name = `${topology} x ${connections}`;
    rows.set(name, [...(rows.get(name) ?? [name]), (median_bps / MBIT_BITS).toFixed(1)]);
  }
  return [['Mbit/s', ...losses.map((loss) => `${loss * 100} %`)], ...rows.values()]
    .map((cells) => cells.map((cell) => cell.padStart(CELL_WIDTH)).join(''))
    .join('\n');
}
