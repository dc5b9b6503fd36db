import ELK, { type ElkNode } from 'elkjs/lib/elk-api.js';
import workerUrl from 'elkjs/lib/elk-worker.min.js?url';

/** Layouts remembered; a chart's layout does not depend on its state. */
const REMEMBERED = 100;

const elk = new ELK({ workerFactory: () => new Worker(workerUrl) });
const known = new Map<string, Promise<ElkNode>>();

/** Lays a graph out, in a worker. Equal graphs are laid out once. */
export function layout(graph: ElkNode): Promise<ElkNode> {
  const key = JSON.stringify(graph);
  const before = known.get(key);
  if (before !== undefined) return before;
  if (known.size >= REMEMBERED) known.clear();
  const made = elk.layout(graph);
  known.set(key, made);
  return made;
}
