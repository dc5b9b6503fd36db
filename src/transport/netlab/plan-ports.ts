import { splitPort } from '../../topologies/build.ts';
import type { DevicePlan, LayerPlan, StackPlan } from '../../topologies/plan.ts';

const BOUNDARY = 'cable';

/** The layers of a plan that are made of a block, from the top. */
export function layersOf<B extends LayerPlan['block']>(
  { layers }: Pick<StackPlan, 'layers'>,
  block: B,
): Extract<LayerPlan, { block: B }>[] {
  return layers.filter((layer): layer is Extract<LayerPlan, { block: B }> => layer.block === block);
}

/** Names of a device's boundary ports, in the order in which they are joined. */
export function boundariesOf({ joins }: Pick<StackPlan, 'joins'>): string[] {
  return joins
    .flatMap((join) => join.split(' - ').map(splitPort))
    .flatMap(([label, port]) => (label === BOUNDARY ? [port] : []));
}

/** Labels of the layers between a boundary port and the next layer above that several stacks share (which is left out), from below. */
export function branchAbove({ joins }: Pick<DevicePlan, 'joins'>, boundary: string): string[] {
  const labels: string[] = [];
  const start = `${BOUNDARY}.${boundary}`;
  for (let at: string | undefined = otherEnd(joins, start); at !== undefined; ) {
    const [label, port] = splitPort(at);
    // A layer with one stack below it calls that port by what it is; one with several calls each by a name.
    if (port !== 'cable' && port !== 'lower') break;
    labels.push(label);
    at = otherEnd(joins, `${label}.upper`);
  }
  return labels;
}

function otherEnd(joins: readonly string[], port: string): string | undefined {
  for (const join of joins) {
    const [one, other] = join.split(' - ');
    if (one === port) return other;
    if (other === port) return one;
  }
  return undefined;
}
