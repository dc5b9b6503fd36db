import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AnyStateMachine, StateMachine } from 'xstate';
import { allTransitionKeys } from '../../src/actors/machine-host.ts';

/** All machines that src/machines exports; the machines of tests are not among them. */
export async function productMachines(): Promise<AnyStateMachine[]> {
  const files = globSync('src/machines/*.ts').filter((path) => !path.endsWith('.test.ts'));
  const modules = await Promise.all(files.map((path) => import(pathToFileURL(resolve(path)).href) as Promise<object>));
  return modules.flatMap((module) =>
    Object.values(module).filter((value): value is AnyStateMachine => value instanceof StateMachine),
  );
}

/** Keys of all their transitions, `machine: from|event|index`, sorted. */
export async function productTransitions(): Promise<string[]> {
  const machines = await productMachines();
  return machines.flatMap((machine) => allTransitionKeys(machine).map((key) => `${machine.id}: ${key}`)).sort();
}
