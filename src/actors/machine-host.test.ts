import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';
import { command } from '../machines/command.ts';
import { allTransitionKeys, type MachineCommand, MachineHost, stateText, watchTransitions } from './machine-host.ts';

const door = setup({
  types: {} as { context: { opened: number }; events: { type: 'open'; hard: boolean } | { type: 'close' } },
  actions: {
    creak: command<{ times: number }>(),
    slam: command(),
    count: assign({ opened: ({ context }) => context.opened + 1 }),
  },
  guards: { hard: ({ event }) => event.type === 'open' && event.hard },
}).createMachine({
  id: 'door',
  context: { opened: 0 },
  initial: 'SHUT',
  entry: 'slam',
  states: {
    SHUT: {
      on: {
        open: [
          {
            guard: 'hard',
            target: 'OPEN',
            actions: ['count', { type: 'creak', params: ({ context }) => ({ times: context.opened }) }],
          },
          { actions: 'slam' },
        ],
      },
    },
    OPEN: { on: { close: 'SHUT' } },
  },
});

function host(onCommand: (command: MachineCommand) => void = () => {}): {
  host: MachineHost<typeof door, { passable: boolean }>;
  log: string[];
} {
  const log: string[] = [];
  const made = new MachineHost({
    machine: door,
    instance: 'front',
    decide: (snapshot) => ({ passable: snapshot.matches('OPEN') }),
    execute: (command) => {
      log.push(command.params === undefined ? command.type : `${command.type} ${JSON.stringify(command.params)}`);
      onCommand(command);
    },
    observer: {
      transition: (instance, machine, event, from, to) =>
        log.push(`${machine}/${instance} ${event.type}: ${from} > ${to}`),
      command: () => {},
    },
  });
  return { host: made, log };
}

describe('machine host', () => {
  it('gives commands with parameters and decides anew on each transition', () => {
    const { host: made, log } = host();
    made.start();
    expect(made.decision).toEqual({ passable: false });
    made.send({ type: 'open', hard: false });
    made.send({ type: 'open', hard: true });
    expect(made.decision).toEqual({ passable: true });
    expect(made.state).toBe('OPEN');
    expect(log).toEqual([
      'slam',
      'door/front open: SHUT > SHUT',
      'slam',
      'door/front open: SHUT > OPEN',
      'creak {"times":1}',
    ]);
  });

  it('takes events that a command sends after the commands of the present one', () => {
    const { host: made, log } = host((given) => {
      if (given.type === 'creak') made.send({ type: 'close' });
    });
    made.send({ type: 'open', hard: true });
    expect(made.state).toBe('SHUT');
    expect(log.at(-1)).toBe('door/front close: OPEN > SHUT');
  });

  it('saves and restores', () => {
    const { host: made } = host();
    made.send({ type: 'open', hard: true });
    const { host: other, log } = host();
    other.restore(JSON.parse(JSON.stringify(made.save())));
    other.start();
    expect([other.state, other.snapshot.context, other.decision, log]).toEqual([
      'OPEN',
      { opened: 1 },
      { passable: true },
      [],
    ]);
  });

  it('tells a watcher which transitions were taken', () => {
    const taken: string[] = [];
    const before = watchTransitions({
      machine: () => {},
      taken: (_machine, key) => taken.push(key),
    });
    const { host: made } = host();
    made.send({ type: 'open', hard: true });
    made.send({ type: 'close' });
    watchTransitions(before);
    made.send({ type: 'close' });
    expect(taken).toEqual(['door.SHUT|open|0', 'door.OPEN|close|0']);
    expect(allTransitionKeys(door)).toEqual(['door.SHUT|open|0', 'door.SHUT|open|1', 'door.OPEN|close|0']);
  });

  it('writes nested and parallel states as text', () => {
    expect(stateText({ OPEN: { IDLE: {} } })).toBe('OPEN.IDLE');
    expect(stateText({ A: 'x', B: 'y' })).toBe('A.x+B.y');
  });
});
