import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import { useEffect, useMemo, useRef } from 'react';
import { type Chart, type ChartState, litStates, takenTransition } from '../../../src/page-model/chart.ts';
import { chartGraph, HEADER_PX, innerLines, LINE_PX, START, transitionText } from '../layout/chart-graph.ts';
import { edgePath, useLayout } from '../layout/useLayout.ts';

/** Present state and last transition of the instance that is drawn. */
export interface Now {
  readonly state: string;
  readonly last?: { readonly event: string; readonly from: string; readonly to: string };
}

/** A chart is not drawn smaller than this, it is scrolled. */
const SMALLEST_SCALE = 0.62;

/** The state chart of a machine, laid out from its own definition; `now` lights the present state. */
export function ChartDrawing({ chart, now }: { chart: Chart; now?: Now }) {
  const graph = useMemo(() => chartGraph(chart), [chart]);
  const laidOut = useLayout(graph);
  const lit = useMemo(() => (now ? litStates(chart, now.state) : new Set<string>()), [chart, now]);
  const box = useLitInView(`${chart.id} ${now?.state} ${laidOut !== undefined}`);
  const taken = now?.last && takenTransition(chart, now.last.event, now.last.from, now.last.to);
  if (laidOut === undefined) return <p className="empty">Drawing …</p>;
  if (laidOut instanceof Error) return <p className="notice">This chart could not be drawn: {laidOut.message}</p>;
  const { width = 0, height = 0 } = laidOut;
  const label = `State chart of ${chart.id}${now ? `, now ${now.state}` : ''}`;
  const takenEdge = taken && `${taken.source} ${taken.target}`;
  const edges = [...(laidOut.edges ?? [])].sort((a, b) => Number(a.id === takenEdge) - Number(b.id === takenEdge));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="drawing" ref={box} aria-label={label} tabIndex={0}>
      <svg
        role="img"
        aria-label={label}
        viewBox={`0 0 ${width} ${height}`}
        style={{ width, minWidth: width * SMALLEST_SCALE }}
      >
        <defs>
          {['arrow', 'arrow-taken'].map((id) => (
            <marker
              key={id}
              id={id}
              viewBox="0 0 8 8"
              refX="7.5"
              refY="4"
              markerUnits="userSpaceOnUse"
              markerWidth="9"
              markerHeight="9"
              orient="auto"
            >
              <path d="M0 0.5 8 4 0 7.5z" className={id} />
            </marker>
          ))}
        </defs>
        {nodesOf(laidOut).map((node) => (
          <StateBox
            key={node.id}
            node={node}
            state={chart.states.find(({ id }) => id === node.id)}
            isLit={lit.has(node.id)}
          />
        ))}
        {edges.map((edge) => (
          <Edge
            key={edge.id}
            edge={edge}
            chart={chart}
            takenEvent={edge.id === takenEdge ? now?.last?.event : undefined}
          />
        ))}
      </svg>
    </section>
  );
}

/** Scrolls a drawing that is wider than its box, so that the lit state is in the middle; anew for each `key`. */
function useLitInView(key: string) {
  const box = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key is the reason to scroll
  useEffect(() => {
    const lit = [...(box.current?.querySelectorAll('[data-lit="true"] rect') ?? [])].at(-1);
    if (box.current === null || lit === undefined || lit === null) return;
    const [outer, inner] = [box.current.getBoundingClientRect(), lit.getBoundingClientRect()];
    box.current.scrollLeft += inner.left + inner.width / 2 - (outer.left + outer.width / 2);
  }, [key]);
  return box;
}

/** All nodes, outer ones first. */
function nodesOf(node: ElkNode): ElkNode[] {
  return (node.children ?? []).flatMap((child) => [child, ...nodesOf(child)]);
}

function StateBox({ node, state, isLit }: { node: ElkNode; state: ChartState | undefined; isLit: boolean }) {
  const { x = 0, y = 0, width = 0, height = 0 } = node;
  if (state === undefined) return <circle className="start" cx={x + width / 2} cy={y + height / 2} r={width / 2 - 1} />;
  const isOuter = node.children !== undefined && node.children.length > 0;
  const lines = innerLines(state);
  return (
    <g
      className={`state ${state.kind} ${isOuter ? 'outer' : ''} ${isLit ? 'lit' : ''}`}
      data-state={state.id}
      data-lit={isLit}
    >
      <title>{stateTitle(state)}</title>
      <rect x={x} y={y} width={width} height={height} rx={isOuter ? 12 : 9} />
      {state.kind === 'final' && (
        <rect className="ring" x={x + 3} y={y + 3} width={width - 6} height={height - 6} rx="7" />
      )}
      <text
        className="name"
        x={isOuter ? x + 14 : x + width / 2}
        y={y + HEADER_PX / 2 + 5}
        textAnchor={isOuter ? 'start' : 'middle'}
      >
        {state.name}
      </text>
      {lines.length > 0 && <line x1={x} x2={x + width} y1={y + HEADER_PX} y2={y + HEADER_PX} />}
      {lines.map((text, at) => (
        <text key={text} className="inner" x={x + 10} y={y + HEADER_PX + (at + 1) * LINE_PX}>
          {text}
        </text>
      ))}
    </g>
  );
}

function stateTitle({ id, inner, entry }: ChartState): string {
  const actions = inner.map((each) => `${transitionText(each)} / ${each.actions.join(', ') || 'nothing'}`);
  return [id, ...entry.map((name) => `entry / ${name}`), ...actions].join('\n');
}

function Edge({ edge, chart, takenEvent }: { edge: ElkExtendedEdge; chart: Chart; takenEvent: string | undefined }) {
  const section = edge.sections?.[0];
  if (section === undefined) return null;
  const transitions = chart.edges.find(({ from, to }) => `${from} ${to}` === edge.id)?.transitions ?? [];
  const label = edge.labels?.[0];
  const isTaken = takenEvent !== undefined;
  const title = transitions
    .map((each) => `${transitionText(each)} / ${each.actions.join(', ') || 'nothing'}`)
    .join('\n');
  return (
    <g className={`edge ${isTaken ? 'taken' : ''} ${edge.id.startsWith(START) ? 'first' : ''}`}>
      <title>{title}</title>
      <path d={edgePath(section)} markerEnd={`url(#${isTaken ? 'arrow-taken' : 'arrow'})`} />
      {transitions.map((each, at) => (
        <text
          key={transitionText(each)}
          className={each.event === takenEvent ? 'now' : undefined}
          x={(label?.x ?? 0) + 3}
          y={(label?.y ?? 0) + (at + 1) * LINE_PX - 4}
        >
          {transitionText(each)}
        </text>
      ))}
    </g>
  );
}
