import type { ElkEdgeSection, ElkNode } from 'elkjs/lib/elk-api.js';
import { useEffect, useState } from 'react';
import { layout } from './elk.ts';

/** The laid-out graph, or what went wrong; undefined while elkjs works on it. */
export function useLayout(graph: ElkNode): ElkNode | Error | undefined {
  const key = JSON.stringify(graph);
  const [done, setDone] = useState<{ key: string; result: ElkNode | Error }>();
  useEffect(() => {
    let isWanted = true;
    const keep = (result: ElkNode | Error) => isWanted && setDone({ key, result });
    layout(JSON.parse(key) as ElkNode).then(keep, (error: unknown) =>
      keep(error instanceof Error ? error : new Error(String(error))),
    );
    return () => {
      isWanted = false;
    };
  }, [key]);
  return done?.key === key ? done.result : undefined;
}

const CORNER_PX = 7;

/** SVG path of an edge, its corners rounded. */
export function edgePath({ startPoint, bendPoints = [], endPoint }: ElkEdgeSection): string {
  const points = [startPoint, ...bendPoints, endPoint];
  const parts = [`M${startPoint.x} ${startPoint.y}`];
  for (let at = 1; at < points.length - 1; at++) {
    const [before, corner, after] = points.slice(at - 1, at + 2);
    const into = towards(corner, before);
    const out = towards(corner, after);
    parts.push(`L${into.x} ${into.y}`, `Q${corner.x} ${corner.y} ${out.x} ${out.y}`);
  }
  return [...parts, `L${endPoint.x} ${endPoint.y}`].join(' ');
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A point near `from`, on the way to `to`. */
function towards(from: Point, to: Point): Point {
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const share = distance === 0 ? 0 : Math.min(CORNER_PX, distance / 2) / distance;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}
