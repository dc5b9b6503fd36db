import { type GoodputCell, type GoodputPlan, goodputCells } from '../../src/lab/compare.ts';
import { type Observation, observe } from '../../src/lab/observe.ts';
import { TOPOLOGIES } from '../../src/topologies/topologies.ts';

/** What the pages quote: the lab's comparison of all of them, as `glassgate lab compare --json` prints it. */
export interface Measured {
  readonly plan: GoodputPlan;
  readonly cells: readonly GoodputCell[];
  readonly seen: readonly Observation[];
}

/** Names of the topologies that have a page: embodiments, prior arts, TCP over TCP, three sites; variants stand on the page of what they vary. */
export function pageNames(): string[] {
  return TOPOLOGIES.map(({ name }) => name).filter((name) =>
    /^(e\d+|prior-art-\d|tcp-over-tcp|three-sites)$/.test(name),
  );
}

/** Small enough to be done again in a minute, large enough to leave slow start behind. */
export function comparePlan(): GoodputPlan {
  return { topologies: pageNames(), seed: 1, seeds: 3, bytes: 2_000_000, limit_us: 30_000_000 };
}

export function measure(onStep: (text: string) => void): Measured {
  const plan = comparePlan();
  const seen = plan.topologies.map((topology) => {
    onStep(topology);
    return observe(topology);
  });
  const cells: GoodputCell[] = [];
  for (const cell of goodputCells(plan)) {
    onStep(`${cell.topology} ${cell.rtt_ms} ms ${cell.loss}`);
    cells.push(cell);
  }
  return { plan, cells, seen };
}
