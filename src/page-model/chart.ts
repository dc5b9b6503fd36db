import type { AnyStateMachine } from 'xstate';

/** One transition as a chart shows it. */
export interface ChartTransition {
  readonly event: string;
  /** Names of the guard and of the actions; none for what has no name. */
  readonly guard?: string;
  readonly actions: readonly string[];
}

export interface ChartState {
  /** Path of keys, `OPEN.UNPROVEN`: what journal records and status call it. */
  readonly id: string;
  readonly name: string;
  /** Id of the state around it; null at the top. */
  readonly parent: string | null;
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** Entered first when the state around it, or the machine, is entered. */
  readonly isInitial: boolean;
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  /** Transitions that stay in this state. */
  readonly inner: readonly ChartTransition[];
}

/** All transitions from one state to another. */
export interface ChartEdge {
  readonly from: string;
  readonly to: string;
  readonly transitions: readonly ChartTransition[];
}

/** A machine's state chart, without any place on a picture. Plain data. */
export interface Chart {
  /** Id of the machine. */
  readonly id: string;
  readonly states: readonly ChartState[];
  readonly edges: readonly ChartEdge[];
}

type StateNode = AnyStateMachine['root'];
type Definition = StateNode['transitions'] extends Map<string, (infer T)[]> ? T : never;

/** Action that changes a machine's context without having a name. */
const UNNAMED_ASSIGN = 'xstate.assign';
/** Event name of a transition that is taken without an event. */
const ALWAYS = '(always)';

/** The chart of a machine, from the machine's own definition. */
export function chartOf(machine: AnyStateMachine): Chart {
  const nodes = nodesUnder(machine.root);
  return { id: machine.id, states: nodes.map((node) => stateOf(node)), edges: edgesOf(nodes) };
}

/** Ids of the states that are on when a machine is in `state`: `OPEN.UNPROVEN` lights `OPEN` and `OPEN.UNPROVEN`; `+` joins parallel ones. */
export function litStates(chart: Chart, state: string): ReadonlySet<string> {
  const lit = new Set<string>();
  for (const part of state.split('+')) {
    const found = chart.states.find(({ id }) => id === part) ?? chart.states.find(({ id }) => id.endsWith(`.${part}`));
    for (let id: string | null = found?.id ?? null; id !== null; ) {
      lit.add(id);
      id = chart.states.find((each) => each.id === id)?.parent ?? null;
    }
  }
  return lit;
}

/** The edge or inner transition that was taken: the first one for `event` on the way outwards from `from`. */
export function takenTransition(
  chart: Chart,
  event: string,
  from: string,
  to: string,
): { readonly source: string; readonly target: string } | undefined {
  const sources = litStates(chart, from);
  const targets = litStates(chart, to);
  for (const source of [...sources].sort((a, b) => b.length - a.length)) {
    const edge = chart.edges.find(
      (each) => each.from === source && targets.has(each.to) && hasEvent(each.transitions, event),
    );
    if (edge !== undefined) return { source, target: edge.to };
    const state = chart.states.find(({ id }) => id === source);
    if (state !== undefined && from === to && hasEvent(state.inner, event)) return { source, target: source };
  }
  return undefined;
}

function hasEvent(transitions: readonly ChartTransition[], event: string): boolean {
  return transitions.some((each) => each.event === event);
}

/** All state nodes below, outer ones before inner ones, in the order of the definition. */
function nodesUnder(node: StateNode): StateNode[] {
  return (Object.values(node.states) as StateNode[]).flatMap((child) => [child, ...nodesUnder(child)]);
}

function stateOf(node: StateNode): ChartState {
  return {
    id: idOf(node),
    name: node.key,
    parent: node.path.length > 1 ? node.path.slice(0, -1).join('.') : null,
    kind: node.type,
    isInitial: (node.parent?.initial?.target ?? []).some((target) => target === node),
    entry: namesOf(node.entry),
    exit: namesOf(node.exit),
    inner: definitionsOf(node)
      .filter(({ target }) => target === undefined)
      .map(transitionOf),
  };
}

function edgesOf(nodes: readonly StateNode[]): ChartEdge[] {
  const edges = new Map<string, { from: string; to: string; transitions: ChartTransition[] }>();
  for (const node of nodes) {
    for (const definition of definitionsOf(node)) {
      for (const target of (definition.target ?? []) as StateNode[]) {
        const [from, to] = [idOf(node), idOf(target)];
        const edge = edges.get(`${from} ${to}`) ?? { from, to, transitions: [] };
        edge.transitions.push(transitionOf(definition));
        edges.set(`${from} ${to}`, edge);
      }
    }
  }
  return [...edges.values()];
}

function definitionsOf(node: StateNode): Definition[] {
  return [...[...node.transitions.values()].flat(), ...((node.always ?? []) as Definition[])];
}

function transitionOf(definition: Definition): ChartTransition {
  const guard = nameOf(definition.guard);
  return {
    event: definition.eventType === '' ? ALWAYS : definition.eventType,
    ...(guard !== undefined && { guard }),
    actions: namesOf(definition.actions),
  };
}

function idOf(node: StateNode): string {
  return node.path.join('.');
}

function namesOf(actions: readonly unknown[]): string[] {
  return actions.map(nameOf).filter((name) => name !== undefined);
}

/** Guards and actions are names, objects with a `type`, or functions of XState, whose `type` tells what they do. */
function nameOf(part: unknown): string | undefined {
  if (part === undefined || part === null) return undefined;
  if (typeof part === 'string') return part;
  const { type, name } = part as { type?: unknown; name?: unknown };
  const text = typeof type === 'string' ? type : typeof name === 'string' && name !== '' ? name : undefined;
  return text === UNNAMED_ASSIGN ? 'assign' : text;
}
