import type { ElkNode } from 'elkjs/lib/elk-api.js';
import type { CableView, DeviceView } from '../../../src/page-model/view.ts';

const CHARACTER_PX = 8;
const HEIGHT_PX = 34;

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.edgeRouting': 'POLYLINE',
  'elk.json.edgeCoords': 'ROOT',
  'elk.spacing.nodeNode': '18',
  'elk.layered.spacing.nodeNodeBetweenLayers': '46',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.padding': '[top=6,left=6,bottom=6,right=6]',
};

/** The graph that elkjs lays out for devices and their cables. */
export function networkGraph(devices: readonly DeviceView[], cables: readonly CableView[]): ElkNode {
  return {
    id: 'root',
    layoutOptions: OPTIONS,
    children: devices.map(({ name }) => ({ id: name, width: name.length * CHARACTER_PX + 26, height: HEIGHT_PX })),
    edges: cables.map(({ name, a, b }) => ({
      id: name,
      sources: [a],
      targets: [b],
      labels: [{ text: name, width: name.length * CHARACTER_PX, height: 14 }],
    })),
  };
}
