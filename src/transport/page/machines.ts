import { readdir } from 'node:fs/promises';
import { type AnyStateMachine, StateMachine } from 'xstate';
import { type Chart, chartOf } from '../../page-model/chart.ts';

/** Where every machine is, in sources and in the compiled package alike. */
const MACHINES = new URL('../../machines/', import.meta.url);
const MODULE = /^(?!.*\.(test|d)\.ts$).*\.(ts|js)$/;

/** Charts of all machines that a module in `machines/` exports, by id. A new file there needs no word here. */
export async function loadCharts(folder: URL = MACHINES): Promise<Chart[]> {
  const names = (await readdir(folder)).filter((name) => MODULE.test(name)).sort();
  const modules = await Promise.all(
    names.map((name) => import(new URL(name, folder).href) as Promise<Record<string, unknown>>),
  );
  const machines = modules.flatMap((each) => Object.values(each).filter(isMachine));
  return [...new Map(machines.map((machine) => [machine.id, machine])).values()]
    .map(chartOf)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function isMachine(value: unknown): value is AnyStateMachine {
  return value instanceof StateMachine;
}
