/** Goodput of a topology's kernel hosts at one loss: what was measured in each round, and the median, bits per second. */
export interface UnderLoss {
  readonly topology: string;
  /** Of the whole way, each direction. */
  readonly lossRatio: number;
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
  readonly goodput_bps: number;
}

/** Points in the order of the topologies, then of the losses. */
export function underLoss(
  transfers: readonly Transfer[],
  topologies: readonly string[],
  losses: readonly number[],
): UnderLoss[] {
  return topologies.flatMap((topology) =>
    losses.map((lossRatio) => {
      const fits = (each: Transfer): boolean => each.topology === topology && each.lossRatio === lossRatio;
      const rounds_bps = transfers.filter(fits).map(({ goodput_bps }) => goodput_bps);
      return { topology, lossRatio, rounds_bps, median_bps: median(rounds_bps) };
    }),
  );
}

export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const CELL_WIDTH = 13;
const MBIT_BITS = 1e6;

/** Medians in Mbit/s, a row for each topology, a column for each loss. */
export function underLossTable(
  points: readonly UnderLoss[],
  topologies: readonly string[],
  losses: readonly number[],
): string {
  const cellOf = (topology: string, lossRatio: number): string => {
    const point = points.find((each) => each.topology === topology && each.lossRatio === lossRatio);
    return ((point?.median_bps ?? Number.NaN) / MBIT_BITS).toFixed(1);
  };
  const rows = topologies.map((topology) => [topology, ...losses.map((loss) => cellOf(topology, loss))]);
  return [['Mbit/s', ...losses.map((loss) => `${loss * 100} %`)], ...rows]
    .map((cells) => cells.map((cell) => cell.padStart(CELL_WIDTH)).join(''))
    .join('\n');
}
