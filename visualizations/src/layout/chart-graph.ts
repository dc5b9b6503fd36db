import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import type { Chart, ChartState, ChartTransition } from '../../../src/page-model/chart.ts';

/** Sizes in pixels; text is set in a fixed-width font, so its width is known before it is drawn. */
export const LINE_PX = 16;
export const HEADER_PX = 30;
const CHARACTER_PX = 7.3;
const NAME_CHARACTER_PX = 8.2;
const PADDING_PX = 14;
const START_PX = 12;

/** `START` pseudo states and their edges have this before the id of the state they lead to. */
export const START = 'start ';

/** `timer.retry [helloTriesLeft]` */
export function transitionText({ event, guard }: ChartTransition): string {
  return guard === undefined ? event : `${event} [${guard}]`;
}

/** Lines below a state's name: what happens without leaving it. */
export function innerLines({ entry, exit, inner }: ChartState): string[] {
  return [
    ...entry.map((name) => `entry / ${name}`),
    ...exit.map((name) => `exit / ${name}`),
    ...inner.map(transitionText),
  ];
}

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
  'elk.spacing.nodeNode': '28',
  'elk.spacing.edgeNode': '18',
  'elk.spacing.edgeEdge': '12',
  'elk.spacing.edgeLabel': '4',
  'elk.layered.spacing.nodeNodeBetweenLayers': '34',
  'elk.layered.spacing.edgeNodeBetweenLayers': '16',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.cycleBreaking.strategy': 'MODEL_ORDER',
  'elk.layered.feedbackEdges': 'true',
  'elk.padding': '[top=12,left=12,bottom=12,right=12]',
};

/** The graph that elkjs lays out for a chart. */
export function chartGraph(chart: Chart): ElkNode {
  const childrenOf = (parent: string | null): ElkNode[] => {
    const states = chart.states.filter((state) => state.parent === parent);
    const starts = states
      .filter(({ isInitial }) => isInitial)
      .map(({ id }) => ({ id: START + id, width: START_PX, height: START_PX }));
    return [...starts, ...states.map((state) => nodeOf(state, childrenOf(state.id)))];
  };
  const starts: ElkExtendedEdge[] = chart.states
    .filter(({ isInitial }) => isInitial)
    .map(({ id }) => ({ id: `${START}${id} edge`, sources: [START + id], targets: [id] }));
  const edges = chart.edges.map(({ from, to, transitions }) => ({
    id: `${from} ${to}`,
    sources: [from],
    targets: [to],
    labels: [labelOf(transitions)],
  }));
  return { id: 'root', layoutOptions: OPTIONS, children: childrenOf(null), edges: [...starts, ...edges] };
}

function nodeOf(state: ChartState, children: ElkNode[]): ElkNode {
  const lines = innerLines(state);
  const width =
    Math.max(state.name.length * NAME_CHARACTER_PX, ...lines.map(({ length }) => length * CHARACTER_PX)) +
    2 * PADDING_PX;
  const height = HEADER_PX + lines.length * LINE_PX + (lines.length > 0 ? 8 : 0);
  if (children.length === 0) return { id: state.id, width, height };
  const padding = `[top=${height + 10},left=${PADDING_PX},bottom=${PADDING_PX},right=${PADDING_PX}]`;
  return {
    id: state.id,
    children,
    layoutOptions: {
      'elk.padding': padding,
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      'elk.nodeSize.minimum': `(${width}, ${height})`,
    },
  };
}

function labelOf(transitions: readonly ChartTransition[]) {
  const lines = transitions.map(transitionText);
  return {
    text: lines.join('\n'),
    width: Math.max(...lines.map(({ length }) => length)) * CHARACTER_PX + 6,
    height: lines.length * LINE_PX,
  };
}
