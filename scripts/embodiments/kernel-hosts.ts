import { mbit } from '../../src/lab/compare-text.ts';
import { goodputSvg } from '../../src/lab/goodput-chart.ts';
import type { UnderLossResult } from '../../test/support/under-loss.ts';

/** How many transfers ran at once, each such number once. */
export function connectionCounts({ points }: UnderLossResult): number[] {
  return [...new Set(points.map(({ connections }) => connections))];
}

/** Medians in Mbit/s of all connections together, a line for each topology and number of connections. */
export function kernelTable(result: UnderLossResult): string {
  const { points } = result;
  const losses = [...new Set(points.map(({ lossRatio }) => lossRatio))];
  const topologies = [...new Set(points.map(({ topology }) => topology))];
  const cell = (topology: string, connections: number, loss: number): string => {
    const point = points.find(
      (each) => each.topology === topology && each.connections === connections && each.lossRatio === loss,
    );
    return point === undefined ? '' : mbit(point.median_bps);
  };
  const rows = connectionCounts(result).flatMap((connections) =>
    topologies.map(
      (topology) =>
        `| ${connections} | [${topology}](embodiments/${topology}.md) | ${losses.map((loss) => cell(topology, connections, loss)).join(' | ')} |`,
    ),
  );
  return [
    `| connections | name | ${losses.map((loss) => `${Number((loss * 100).toFixed(2))} % loss`).join(' | ')} |`,
    `|---:|---|${losses.map(() => '---:').join('|')}|`,
    ...rows,
  ].join('\n');
}

/** Goodput over loss of so many connections at once. */
export function kernelChart({ about, points }: UnderLossResult, connections: number): string {
  const shown = points.filter((point) => point.connections === connections);
  const series = [...new Set(shown.map(({ topology }) => topology))].map((name) => ({
    name,
    points: shown
      .filter(({ topology }) => topology === name)
      .map(({ lossRatio, median_bps }) => ({ loss: lossRatio, goodput_bps: median_bps })),
  }));
  const many = connections === 1 ? 'one connection' : `${connections} connections at once`;
  return goodputSvg({ title: `Kernel hosts, RTT ${about.roundTrip_ms} ms: goodput of ${many}`, series });
}
