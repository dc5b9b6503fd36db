import { describe, expect, it } from 'vitest';
import { MachineHost } from '../actors/machine-host.ts';
import { type BbrEvent, type BbrPhase, bbrDecision, bbrMachine } from './bbr.ts';

const WAY: Readonly<Record<BbrPhase, readonly BbrEvent['type'][]>> = {
  Startup: [],
  Drain: ['pipe.full'],
  ProbeBW_DOWN: ['pipe.full', 'queue.drained'],
  ProbeBW_CRUISE: ['pipe.full', 'queue.drained', 'time.cruise'],
  ProbeBW_REFILL: ['pipe.full', 'queue.drained', 'time.probe'],
  ProbeBW_UP: ['pipe.full', 'queue.drained', 'time.probe', 'pipe.refilled'],
  ProbeRTT: ['rtt.stale'],
};

/** A machine in that phase; commands are noted from there on. */
function at(phase: BbrPhase) {
  const commands: string[] = [];
  const host = new MachineHost({
    machine: bbrMachine,
    instance: 'bbr',
    decide: ({ value }) => bbrDecision(value),
    execute: ({ type }) => commands.push(type),
  });
  for (const type of WAY[phase]) host.send({ type } as BbrEvent);
  expect(host.state).toBe(phase);
  commands.length = 0;
  return { host, commands };
}

describe('the phases of BBR', () => {
  it.each<[BbrPhase, BbrEvent, BbrPhase, string[]]>([
    ['Startup', { type: 'pipe.full' }, 'Drain', ['beginDrain']],
    ['Drain', { type: 'queue.drained' }, 'ProbeBW_DOWN', ['beginDown']],
    ['ProbeBW_DOWN', { type: 'time.cruise' }, 'ProbeBW_CRUISE', []],
    ['ProbeBW_DOWN', { type: 'time.probe' }, 'ProbeBW_REFILL', ['beginRefill']],
    ['ProbeBW_CRUISE', { type: 'time.probe' }, 'ProbeBW_REFILL', ['beginRefill']],
    ['ProbeBW_REFILL', { type: 'pipe.refilled' }, 'ProbeBW_UP', ['beginUp']],
    ['ProbeBW_UP', { type: 'probe.over' }, 'ProbeBW_DOWN', ['beginDown']],
    ['ProbeRTT', { type: 'rtt.probed', full: true }, 'ProbeBW_CRUISE', ['beginDown']],
    ['ProbeRTT', { type: 'rtt.probed', full: false }, 'Startup', []],
    ['ProbeBW_DOWN', { type: 'undo.probe' }, 'ProbeBW_REFILL', ['beginRefill']],
    ['ProbeBW_CRUISE', { type: 'undo.probe' }, 'ProbeBW_REFILL', ['beginRefill']],
  ])('%s: %j leads to %s', (from, event, to, did) => {
    const { host, commands } = at(from);
    host.send(event);
    expect([host.decision.phase, commands]).toEqual([to, did]);
  });

  it.each(['Startup', 'Drain', 'ProbeBW_DOWN', 'ProbeBW_CRUISE', 'ProbeBW_REFILL', 'ProbeBW_UP'] as const)(
    '%s gives way to ProbeRTT when the round trip is stale',
    (from) => {
      const { host, commands } = at(from);
      host.send({ type: 'rtt.stale' });
      expect([host.state, commands]).toEqual(['ProbeRTT', ['beginRttProbe']]);
    },
  );

  it.each(['Drain', 'ProbeBW_DOWN', 'ProbeBW_CRUISE', 'ProbeBW_REFILL', 'ProbeBW_UP'] as const)(
    '%s goes back to Startup when the losses that ended it were none',
    (from) => {
      const { host } = at(from);
      host.send({ type: 'undo.startup' });
      expect(host.state).toBe('Startup');
    },
  );

  it('do not take what another phase is meant by', () => {
    for (const [phase, type] of [
      ['Startup', 'time.probe'],
      ['Drain', 'undo.probe'],
      ['ProbeBW_UP', 'undo.probe'],
      ['ProbeRTT', 'undo.startup'],
      ['ProbeRTT', 'rtt.stale'],
      ['ProbeBW_CRUISE', 'pipe.refilled'],
    ] as const) {
      const { host, commands } = at(phase);
      host.send({ type });
      expect([host.state, commands]).toEqual([phase, []]);
    }
  });
});
