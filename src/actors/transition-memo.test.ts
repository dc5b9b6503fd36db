import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, assign, setup } from 'xstate';
import { productMachines } from '../../test/support/product-machines.ts';
import { command } from '../machines/command.ts';
import { tcpMachine } from '../machines/tcp.ts';
import { type MachineCommand, MachineHost, stepOf, watchTransitions } from './machine-host.ts';
import { SeededRandom } from './random.ts';
import { MEMO_SNAPSHOTS, TransitionMemo } from './transition-memo.ts';

const RUNS = 20;
const EVENTS = 60;
const MACHINES = await productMachines();

// What random events do to a machine is no test of a transition.
watchTransitions(undefined);

/** Every field that a product machine reads of its input or an event; what a machine doesn't know it does not look at. */
function inputOf(random: SeededRandom): Record<string, boolean> {
  const names = ['holds', 'immediate', 'dialable', 'client', 'promiscuous'];
  return Object.fromEntries(names.map((name) => [name, random.below(2) === 0]));
}
function eventOf(machine: AnyStateMachine, random: SeededRandom): { type: string } {
  const type = machine.events[random.below(machine.events.length)];
  const sessionId = random.below(3);
  const payload = {
    reason: random.below(4),
    mac: random.below(9),
    from: 'original',
    sessionId,
    session: { sessionId },
  };
  const isBare = type.includes('.commanded') || type === 'FIN' || random.below(3) > 0;
  return isBare && !type.includes('.commanded') ? { type } : { type, ...payload };
}

function hosted(machine: AnyStateMachine, input: unknown) {
  const commands: MachineCommand[] = [];
  const host = new MachineHost({
    machine,
    instance: '',
    input: input as never,
    decide: () => undefined,
    execute: (each) => commands.push(each),
  });
  return { host, commands };
}

const plain = (snapshot: unknown) => {
  const { status, value, context, output } = snapshot as Record<string, unknown>;
  return { status, value, context, output };
};

describe('remembered transitions', () => {
  it.each(MACHINES.map((machine) => [machine.id, machine] as const))('are those of XState: %s', (_, machine) => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const random = new SeededRandom(seed, machine.id);
      const input = inputOf(random);
      const { host, commands } = hosted(machine, input);
      host.start();
      let truth: unknown = new MachineHost({
        machine: machine.provide({}),
        instance: '',
        input: input as never,
        decide: () => undefined,
        execute: () => {},
      }).snapshot;
      for (let at = 0; at < EVENTS; at++) {
        const event = eventOf(machine, random);
        const step = stepOf(machine, truth, event);
        truth = step.snapshot;
        commands.length = 0;
        host.send(event as never);
        expect(plain(host.snapshot)).toEqual(plain(truth));
        expect(commands).toEqual(step.commands);
      }
    }
  });

  it('let all instances in one state share its snapshot, restored ones too', () => {
    const one = hosted(tcpMachine, { holds: false }).host;
    const other = hosted(tcpMachine, { holds: false }).host;
    expect(other.snapshot).toBe(one.snapshot);
    for (const host of [one, other]) host.send({ type: 'open.active' });
    expect(other.snapshot).toBe(one.snapshot);
    const restored = hosted(tcpMachine, { holds: false }).host;
    restored.restore(one.save());
    expect(restored.snapshot).toBe(one.snapshot);
    expect(hosted(tcpMachine, { holds: true }).host.snapshot).not.toBe(
      hosted(tcpMachine, { holds: false }).host.snapshot,
    );
  });

  it('are asked of XState again when the event says more than its type', () => {
    const machine = setup({
      types: {} as { context: { last: number }; events: { type: 'set'; value?: number } },
      actions: { tell: command<{ value: number }>() },
    }).createMachine({
      context: { last: 0 },
      on: {
        set: {
          actions: [
            assign({ last: ({ event }) => event.value ?? -1 }),
            { type: 'tell', params: ({ event }) => ({ value: event.value ?? -1 }) },
          ],
        },
      },
    });
    const { host, commands } = hosted(machine, undefined);
    for (const value of [5, 6, undefined, 7, undefined])
      host.send({ type: 'set', ...(value !== undefined && { value }) } as never);
    expect(commands.map(({ params }) => params.value)).toEqual([5, 6, -1, 7, -1]);
    expect(host.snapshot.context).toEqual({ last: -1 });
  });

  it('are found again after an event that says more than its type, and nobody can change what all share', () => {
    const machine = setup({
      types: {} as { events: { type: 'go'; far?: boolean } },
      actions: { tell: command<{ value: number }>() },
    }).createMachine({
      initial: 'A',
      states: {
        A: { on: { go: { target: 'B', actions: { type: 'tell', params: { value: 1 } } } } },
        B: { on: { go: 'A' } },
      },
    });
    const one = hosted(machine, undefined);
    const other = hosted(machine, undefined);
    one.host.send({ type: 'go' });
    other.host.send({ type: 'go', far: true });
    expect(other.host.snapshot).toBe(one.host.snapshot);
    expect(() => Object.assign(one.commands[0].params, { value: 2 })).toThrow(TypeError);
    expect(() => Object.assign(one.commands[0], { type: 'other' })).toThrow(TypeError);
  });

  it('are bounded, and a context that is not plain is left alone', () => {
    const memo = new TransitionMemo(tcpMachine);
    const snapshot = (context: object) => ({ status: 'active', value: 'A', context, children: {} });
    const first = snapshot({ id: 0 });
    expect(memo.same(first)).toBe(first);
    expect(memo.same(snapshot({ id: 0 }))).toBe(first);
    for (let id = 1; id <= MEMO_SNAPSHOTS; id++) memo.same(snapshot({ id }));
    const late = snapshot({ id: MEMO_SNAPSHOTS });
    expect(memo.same(late)).toBe(late);
    expect(memo.same(snapshot({ id: MEMO_SNAPSHOTS }))).not.toBe(late);
    expect(memo.same(snapshot({ id: 0 }))).toBe(first);
    for (const odd of [[1], new Map(), { nested: {} }, { number: 0.5 }, { zero: -0 }, { missing: undefined }]) {
      const fresh = new TransitionMemo(tcpMachine);
      fresh.same(snapshot(odd));
      expect(fresh.same(snapshot(odd))).not.toBe(fresh.same(snapshot(odd)));
    }
  });
});
