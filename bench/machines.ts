import { createActor } from 'xstate';
import { MachineHost, type MachineObserver } from '../src/actors/machine-host.ts';
import { bridgePortMachine } from '../src/machines/bridge.ts';
import { type Benchmark, mustEqual, type Running } from './support/benchmark.ts';

/** Two transitions, each with a command, that lead in a circle. */
const CIRCLE = [{ type: 'BUDGET_SPENT' }, { type: 'QUIET_OVER' }] as const;

function hosted(observer?: Counting): Running {
  let commands = 0;
  const host = new MachineHost({
    machine: bridgePortMachine,
    instance: '221',
    decide: (snapshot) => Object.freeze({ takesGroupFrames: snapshot.value === 'FORWARDING' }),
    execute: () => {
      commands += 1;
    },
    ...(observer !== undefined && { observer }),
  });
  return {
    prepare(operations) {
      const events = operations + (operations % 2);
      return () => {
        const before = commands;
        for (let at = 0; at < events; at++) host.send(CIRCLE[at % 2]!);
        mustEqual('machine host: commands carried out', commands - before, events);
        if (observer !== undefined) mustEqual('observer: transitions and commands', observer.seen, 2 * commands);
        return { operations: events };
      };
    },
  };
}

/** An observer that only counts: what a journal writes costs extra. */
class Counting implements MachineObserver {
  seen = 0;

  transition(): void {
    this.seen += 1;
  }

  command(): void {
    this.seen += 1;
  }
}

/** XState's own way to run a machine, to compare with. */
function actor(): Running {
  let commands = 0;
  const count = () => {
    commands += 1;
  };
  const running = createActor(bridgePortMachine.provide({ actions: { startQuiet: count, endQuiet: count } }));
  running.start();
  return {
    prepare(operations) {
      const events = operations + (operations % 2);
      return () => {
        const before = commands;
        for (let at = 0; at < events; at++) running.send(CIRCLE[at % 2]!);
        mustEqual('actor: actions run', commands - before, events);
        return { operations: events };
      };
    },
    close: () => running.stop(),
  };
}

/** One operation is one event that takes a transition with one command, which is carried out. */
export const machinesBenchmarks: readonly Benchmark[] = [
  { table: 'machines', name: 'without observer', unit: 'events', open: () => hosted() },
  { table: 'machines', name: 'with observer', unit: 'events', open: () => hosted(new Counting()) },
  { table: 'machines', name: 'an XState actor, to compare', unit: 'events', open: actor },
];
