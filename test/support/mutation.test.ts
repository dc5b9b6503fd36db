import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { allTransitionKeys, MachineHost } from '../../src/actors/machine-host.ts';
import { removeTransition } from './mutation.ts';
import { sample } from './mutation-run.ts';

function doorMachine() {
  return setup({
    types: {} as { events: { type: 'open'; hard: boolean } | { type: 'close' } },
    guards: { hard: ({ event }) => event.type === 'open' && event.hard },
  }).createMachine({
    id: 'door',
    initial: 'SHUT',
    on: { close: '.SHUT' },
    states: {
      SHUT: { on: { open: [{ guard: 'hard', target: 'WIDE' }, { target: 'AJAR' }] } },
      AJAR: {},
      WIDE: { on: { close: 'AJAR' } },
    },
  });
}

function host(removed: string): MachineHost<ReturnType<typeof doorMachine>> {
  const machine = doorMachine();
  removeTransition(machine, removed);
  // As for each further instance of one machine: nothing more may go.
  removeTransition(machine, removed);
  return new MachineHost({ machine, instance: '', decide: () => ({}), execute: () => {} });
}

describe('a machine without one of its transitions', () => {
  it('takes the next that fits', () => {
    const without = host('door.SHUT|open|0');
    expect(allTransitionKeys(without.machine)).toHaveLength(allTransitionKeys(doorMachine()).length - 1);
    without.send({ type: 'open', hard: true });
    expect(without.state).toBe('AJAR');
  });

  it('leaves the event to the state around it', () => {
    const without = host('door.WIDE|close|0');
    without.send({ type: 'open', hard: true });
    without.send({ type: 'close' });
    expect(without.state).toBe('SHUT');
  });

  it('does nothing where nothing else fits, and is whole without a removal', () => {
    const without = host('door.SHUT|open|1');
    without.send({ type: 'open', hard: false });
    expect(without.state).toBe('SHUT');
    const whole = host('door.SHUT|slam|0');
    whole.send({ type: 'open', hard: false });
    expect(whole.state).toBe('AJAR');
  });
});

describe('the sample of a mutation run', () => {
  const mutants = Array.from({ length: 100 }, (_, index) => ({ key: `door: ${index}`, files: [] }));

  it('follows from the seed and has no transition twice', () => {
    const picked = sample(mutants, 40, 7);
    expect(new Set(picked).size).toBe(40);
    expect(sample(mutants, 40, 7)).toEqual(picked);
    expect(sample(mutants, 40, 8)).not.toEqual(picked);
    expect(sample(mutants, Number.POSITIVE_INFINITY, 7)).toHaveLength(mutants.length);
  });
});
