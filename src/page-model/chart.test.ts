import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, createMachine, StateMachine } from 'xstate';
import { allTransitionKeys } from '../actors/machine-host.ts';
import { engineMachine } from '../machines/engine.ts';
import { legMachine } from '../machines/leg.ts';
import { loadCharts } from '../transport/page/machines.ts';
import { chartOf, litStates, takenTransition } from './chart.ts';

const files = globSync('src/machines/*.ts').filter((path) => !path.endsWith('.test.ts'));
const modules = await Promise.all(files.map((path) => import(`../machines/${basename(path, '.ts')}.ts`)));
const machines: AnyStateMachine[] = modules
  .flatMap((each) => Object.values(each))
  .filter((each) => each instanceof StateMachine);

describe('a chart', () => {
  it('is there for every machine that is exported in src/machines', async () => {
    const charts = await loadCharts();
    expect(machines.length).toBeGreaterThan(10);
    expect(charts.map(({ id }) => id)).toEqual([...new Set(machines.map(({ id }) => id))].sort());
  });

  it.each(machines.map((machine) => [machine.id, machine] as const))(
    'of %s has every state and every transition',
    (_, machine) => {
      const { states, edges } = chartOf(machine);
      const ids = states.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { from, to } of edges) expect(ids).toEqual(expect.arrayContaining([from, to]));
      for (const { parent } of states) if (parent !== null) expect(ids).toContain(parent);
      const drawn = [...states.flatMap(({ inner }) => inner), ...edges.flatMap(({ transitions }) => transitions)];
      expect(drawn).toHaveLength(allTransitionKeys(machine).length);
      expect(states.filter(({ parent, isInitial }) => parent === null && isInitial)).toHaveLength(1);
    },
  );

  it('names guards and actions, and tells transitions that stay from those that go', () => {
    const { states, edges } = chartOf(engineMachine);
    expect(edges.find(({ from }) => from === 'PASS-THROUGH')).toEqual({
      from: 'PASS-THROUGH',
      to: 'ACCELERATING',
      transitions: [{ event: 'start.commanded', actions: ['remember', 'installSession', 'reportStarted'] }],
    });
    const inner = states.find(({ id }) => id === 'ACCELERATING')?.inner;
    expect(inner?.map(({ event, guard }) => [event, guard])).toContainEqual(['renew.commanded', 'known']);
  });

  it('lights a state and those around it', () => {
    expect([...litStates(chartOf(legMachine), 'OPEN.UNPROVEN')]).toEqual(['OPEN.UNPROVEN', 'OPEN']);
    expect([...litStates(chartOf(legMachine), 'NOWHERE')]).toEqual([]);
  });

  it('lights all regions of a parallel state, and draws what has no event or no name', () => {
    const region = {
      initial: 'off',
      states: { off: { on: { go: 'on' } }, on: { always: { target: 'off', guard: () => false } } },
    };
    const chart = chartOf(createMachine({ id: 'two', type: 'parallel', states: { left: region, right: region } }));
    expect([...litStates(chart, 'left.on+right.off')]).toEqual(['left.on', 'left', 'right.off', 'right']);
    expect(chart.edges.find(({ from }) => from === 'left.on')?.transitions[0]).toMatchObject({
      event: '(always)',
      actions: [],
    });
  });

  it('finds the transition that was taken, also one of an outer state', () => {
    const chart = chartOf(legMachine);
    expect(takenTransition(chart, 'cookie.received', 'HELLO-SENT', 'REQUESTED')).toEqual({
      source: 'HELLO-SENT',
      target: 'REQUESTED',
    });
    expect(takenTransition(chart, 'withdrawn', 'OPEN.UNPROVEN', 'CLOSED')).toEqual({
      source: 'OPEN',
      target: 'CLOSED',
    });
    expect(takenTransition(chart, 'request.again', 'OPEN.UNPROVEN', 'OPEN.UNPROVEN')).toEqual({
      source: 'OPEN',
      target: 'OPEN',
    });
    expect(takenTransition(chart, 'nothing.such', 'OPEN.UNPROVEN', 'CLOSED')).toBeUndefined();
  });
});
