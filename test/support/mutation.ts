import type { AnyStateMachine } from 'xstate';
import { transitionKey } from '../../src/actors/machine-host.ts';

type StateNode = AnyStateMachine['root'];
type Transition = Parameters<typeof transitionKey>[0];

/** What is behind a removed transition moves up and would have its key, so each machine is looked at once. */
const done = new WeakSet<AnyStateMachine>();

/** Takes one transition (key of `allTransitionKeys`) out of a machine, before its first event; a machine without it stays as it is. */
export function removeTransition(machine: AnyStateMachine, key: string): void {
  if (done.has(machine)) return;
  done.add(machine);
  visit(machine.root, (node) => {
    for (const [event, transitions] of node.transitions) {
      const left = transitions.filter((transition) => transitionKey(transition as unknown as Transition) !== key);
      if (left.length < transitions.length) node.transitions.set(event, left);
    }
  });
}

function visit(node: StateNode, see: (node: StateNode) => void): void {
  see(node);
  for (const child of Object.values(node.states)) visit(child as StateNode, see);
}
