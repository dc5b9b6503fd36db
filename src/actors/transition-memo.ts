import type { AnyStateMachine } from 'xstate';
import type { MachineCommand } from './machine-host.ts';

/** What an event leads to. */
export interface Step {
  readonly snapshot: unknown;
  readonly commands: readonly MachineCommand[];
}

/** Snapshots of one machine that are remembered; one whose contexts make more of them goes on without. */
export const MEMO_SNAPSHOTS = 256;

/**
 * Remembers what a machine's transitions give, so that thousands of instances share their snapshots and no event is worked out twice.
 * Sound because a transition is a pure function of snapshot and event: only events that are nothing but their type are remembered, and
 * only between active snapshots that are wholly told by value and plain context. All others are worked out each time.
 */
export class TransitionMemo {
  readonly #machine: AnyStateMachine;
  readonly #initial = new Map<string, Step>();
  readonly #snapshots = new Map<string, unknown>();
  /** Of each remembered snapshot, what the events lead to. */
  readonly #steps = new Map<unknown, Map<string, Step>>();

  constructor(machine: AnyStateMachine) {
    this.#machine = machine;
  }

  /** The first snapshot for this input. */
  initial(input: unknown, workOut: () => Step): Step {
    const key = plainKey(input);
    const known = key === undefined ? undefined : this.#initial.get(key);
    if (known !== undefined) return known;
    const step = this.#shared(workOut());
    if (key !== undefined && this.#initial.size < MEMO_SNAPSHOTS) this.#initial.set(key, frozen(step));
    return step;
  }

  /** What `event` leads to from `snapshot`. */
  step(snapshot: unknown, event: { readonly type: string }, workOut: () => Step): Step {
    const steps = this.#steps.get(snapshot);
    if (steps === undefined) return workOut();
    // Not remembered itself, but where it leads to the next event may be.
    if (!isBare(event)) return this.#shared(workOut());
    const known = steps.get(event.type);
    if (known !== undefined) return known;
    const step = this.#shared(workOut());
    // What the machine has no event for may have any name: that is not collected.
    if (this.#machine.events.includes(event.type)) steps.set(event.type, frozen(step));
    return step;
  }

  /** The remembered snapshot that equals this one; where there is none, this one, remembered from now on if it can be. */
  same(snapshot: unknown): unknown {
    if (this.#steps.has(snapshot)) return snapshot;
    const key = snapshotKey(snapshot);
    if (key === undefined) return snapshot;
    const known = this.#snapshots.get(key);
    if (known !== undefined || this.#snapshots.size >= MEMO_SNAPSHOTS) return known ?? snapshot;
    this.#snapshots.set(key, snapshot);
    this.#steps.set(snapshot, new Map());
    return snapshot;
  }

  #shared({ snapshot, commands }: Step): Step {
    return { snapshot: this.same(snapshot), commands };
  }
}

/** All instances get the same commands from now on: none may change them for the others. */
function frozen(step: Step): Step {
  for (const each of step.commands) Object.freeze(Object.freeze(each).params);
  return step;
}

/** What tells a snapshot from all others of its machine; undefined when that is more than a value and a plain context. */
function snapshotKey(snapshot: unknown): string | undefined {
  const { status, value, context, historyValue, children } = snapshot as {
    readonly status: string;
    readonly value: unknown;
    readonly context: unknown;
    readonly historyValue?: object;
    readonly children: object;
  };
  const hasMore = Object.keys(historyValue ?? {}).length > 0 || Object.keys(children).length > 0;
  const contextKey = plainKey(context);
  return status === 'active' && !hasMore && contextKey !== undefined
    ? `${JSON.stringify(value)} ${contextKey}`
    : undefined;
}

/** The same text for equal records of booleans, whole numbers and text; undefined for anything else. */
function plainKey(record: unknown): string | undefined {
  if (record === undefined) return '';
  if (typeof record !== 'object' || record === null || Object.getPrototypeOf(record) !== Object.prototype)
    return undefined;
  return Object.values(record).every(isPlain) ? JSON.stringify(Object.entries(record).sort()) : undefined;
}

function isPlain(value: unknown): boolean {
  return (
    typeof value === 'boolean' || typeof value === 'string' || (Number.isSafeInteger(value) && !Object.is(value, -0))
  );
}

/** Nothing but a type. */
function isBare(event: object): boolean {
  for (const name in event) if (name !== 'type') return false;
  return true;
}
