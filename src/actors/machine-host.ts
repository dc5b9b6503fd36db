import { type AnyStateMachine, createActor, type EventFrom, type InputFrom, type SnapshotFrom } from 'xstate';
import type { JournalData } from './tap.ts';
import { type Step, TransitionMemo } from './transition-memo.ts';

/** A command that a machine's transition gave. */
export interface MachineCommand {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: each machine's own parameter type; the actor that hosts it knows it
  readonly params: any;
}

/** Carries out the commands of a machine: an object, so that one of which there are very many needs no closure. */
export interface MachineExecutor {
  execute(command: MachineCommand): void;
}

/** What a host tells about its machine's life. */
export interface MachineObserver {
  transition(instance: string, machine: string, event: { type: string }, from: string, to: string): void;
  command(instance: string, command: MachineCommand): void;
}

/** Sees which transitions were taken, over all hosts; set by test runs and by nothing else. */
export interface TransitionWatcher {
  machine(machine: AnyStateMachine): void;
  taken(machine: AnyStateMachine, key: string): void;
}

let watcher: TransitionWatcher | undefined;

/** Puts a watcher in place; gives the one before. */
export function watchTransitions(next: TransitionWatcher | undefined): TransitionWatcher | undefined {
  const before = watcher;
  watcher = next;
  return before;
}

/** Plain saved form of a machine: value and context. */
export type SavedMachine = { readonly [key: string]: JournalData | undefined };

/** What all hosts of a machine share. */
interface TransitionScope {
  readonly scope: never;
  readonly memo: TransitionMemo;
  commands: MachineCommand[];
}

/**
 * Runs one XState machine without XState's actor system: events in, snapshot and commands out, run to completion.
 * The snapshot is the only keeper of the state; `decision` is what frame handlers read of it.
 */
export class MachineHost<M extends AnyStateMachine, D = unknown> {
  readonly machine: M;
  readonly instance: string;
  /** Frozen view for frame handlers, computed anew on each transition. */
  decision: D;
  #snapshot: SnapshotFrom<M>;
  readonly #decide: (snapshot: SnapshotFrom<M>) => D;
  readonly #executor: MachineExecutor;
  readonly #observer: MachineObserver | undefined;
  /** Events that wait while one is worked off; none outside of that. */
  #events: EventFrom<M>[] | undefined;
  #initialCommands: readonly MachineCommand[];

  constructor(options: {
    machine: M;
    instance: string;
    input?: InputFrom<M>;
    decide: (snapshot: SnapshotFrom<M>) => D;
    execute: MachineExecutor['execute'] | MachineExecutor;
    observer?: MachineObserver;
  }) {
    this.machine = options.machine;
    this.instance = options.instance;
    this.#decide = options.decide;
    const { execute } = options;
    this.#executor = typeof execute === 'function' ? { execute } : execute;
    this.#observer = options.observer;
    watcher?.machine(options.machine);
    const { memo } = scopeOf(options.machine);
    const first = memo.initial(options.input, () => firstStep(options.machine, options.input));
    this.#snapshot = first.snapshot as SnapshotFrom<M>;
    this.#initialCommands = first.commands;
    this.decision = this.#decide(this.#snapshot);
  }

  get snapshot(): SnapshotFrom<M> {
    return this.#snapshot;
  }

  /** Present state as text: `ESTABLISHED` or `open.idle`. */
  get state(): string {
    return stateText(stateValue(this.#snapshot));
  }

  /** Carries out the commands of the initial state; call once when the layer starts. */
  start(): void {
    const commands = this.#initialCommands;
    this.#initialCommands = NO_COMMANDS;
    for (const command of commands) this.#carryOut(command);
  }

  /** Takes an event; commands run after the new snapshot stands, events sent meanwhile wait their turn. */
  send(event: EventFrom<M>): void {
    if (this.#events !== undefined) {
      this.#events.push(event);
      return;
    }
    this.#events = [];
    try {
      for (let next: EventFrom<M> | undefined = event; next !== undefined; next = this.#events.shift())
        this.#step(next);
    } finally {
      this.#events = undefined;
    }
  }

  save(): SavedMachine {
    return this.machine.getPersistedSnapshot(this.#snapshot, undefined) as unknown as SavedMachine;
  }

  restore(saved: SavedMachine): void {
    const { scope, memo } = scopeOf(this.machine);
    const restored = this.machine.restoreSnapshot(structuredClone(saved) as never, scope);
    this.#snapshot = memo.same(restored) as SnapshotFrom<M>;
    this.#initialCommands = NO_COMMANDS;
    this.decision = this.#decide(this.#snapshot);
  }

  #step(event: EventFrom<M>): void {
    if (watcher !== undefined) this.#tell(watcher, event);
    const before = this.#snapshot;
    const { memo } = scopeOf(this.machine);
    const { snapshot, commands } = memo.step(before, event, () => stepOf(this.machine, before, event));
    this.#snapshot = snapshot as SnapshotFrom<M>;
    if (this.#snapshot !== before) this.decision = this.#decide(this.#snapshot);
    this.#observer?.transition(this.instance, this.machine.id, event, stateText(stateValue(before)), this.state);
    for (const command of commands) this.#carryOut(command);
  }

  #tell(to: TransitionWatcher, event: EventFrom<M>): void {
    for (const key of enabledTransitionKeys(this.machine, this.#snapshot, event)) to.taken(this.machine, key);
  }

  #carryOut(command: MachineCommand): void {
    this.#observer?.command(this.instance, command);
    this.#executor.execute(command);
  }
}

function stateValue(snapshot: unknown): unknown {
  return (snapshot as { readonly value: unknown }).value;
}

/** `OPEN`, or `OPEN.IDLE` for a nested state; parallel regions are joined by `+`. */
export function stateText(value: unknown): string {
  if (typeof value === 'string') return value;
  return Object.entries(value as Record<string, unknown>)
    .map(([state, inner]) => {
      const rest = stateText(inner);
      return rest === '' ? state : `${state}.${rest}`;
    })
    .join('+');
}

interface Definition {
  readonly source: { readonly id: string; readonly transitions: Map<string, readonly unknown[]> };
  readonly eventType: string;
}

/** Keys `state id|event|index` of the transitions that `event` would take now. */
function enabledTransitionKeys(machine: AnyStateMachine, snapshot: unknown, event: unknown): string[] {
  const enabled = machine.getTransitionData(snapshot as never, event as never) as unknown as Definition[];
  return enabled.map((definition) => transitionKey(definition));
}

/** Name of one transition in coverage lists: `machine.STATE|EVENT|index`. */
export function transitionKey(definition: Definition): string {
  const index = (definition.source.transitions.get(definition.eventType) ?? []).indexOf(definition);
  return `${definition.source.id}|${definition.eventType}|${index}`;
}

/** All transition keys of a machine. */
export function allTransitionKeys(machine: AnyStateMachine): string[] {
  const keys: string[] = [];
  const visit = (node: AnyStateMachine['root']): void => {
    for (const definitions of node.transitions.values()) {
      for (const definition of definitions) keys.push(transitionKey(definition as unknown as Definition));
    }
    for (const child of Object.values(node.states)) visit(child as AnyStateMachine['root']);
  };
  visit(machine.root);
  return keys;
}

const NO_COMMANDS: readonly MachineCommand[] = [];

function firstStep(machine: AnyStateMachine, input: unknown): Step {
  const scope = scopeOf(machine);
  scope.commands = [];
  const snapshot = machine.getInitialSnapshot(scope.scope, input as never);
  return { snapshot, commands: scope.commands };
}

/** XState's own transition: what an event leads to. */
export function stepOf(machine: AnyStateMachine, before: unknown, event: unknown): Step {
  const scope = scopeOf(machine);
  scope.commands = [];
  const snapshot = machine.transition(before as never, event as never, scope.scope);
  return { snapshot, commands: scope.commands };
}

const scopes = new WeakMap<AnyStateMachine, TransitionScope>();

/**
 * XState's pure `transition()` makes an actor for each call (30 us); its machine wants only this scope, made once (2-4 us).
 * This is the one place that knows XState's inner contract.
 */
function scopeOf(machine: AnyStateMachine): TransitionScope {
  const known = scopes.get(machine);
  if (known !== undefined) return known;
  const self = { ...inertActor, id: machine.id };
  const made: TransitionScope = {
    memo: new TransitionMemo(machine),
    commands: [],
    scope: {
      self,
      system: inertActor.system,
      id: machine.id,
      sessionId: '',
      logger: nothing,
      defer: nothing,
      emit: nothing,
      stopChild: nothing,
      actionExecutor: (action: MachineCommand) => {
        made.commands.push({ type: action.type, params: action.params });
      },
    } as never,
  };
  scopes.set(machine, made);
  return made;
}

function nothing(): void {}

const INERT_LOGIC = {
  transition: (state: unknown) => state,
  getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined }),
  getPersistedSnapshot: (state: unknown) => state,
};
const inertActor = createActor(INERT_LOGIC as never, {} as never) as unknown as { id: string; system: unknown };
