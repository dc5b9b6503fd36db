import { describe, expect, it } from 'vitest';
import { type MachineCommand, MachineHost } from '../actors/machine-host.ts';
import { type SpliceEvent, spliceMachine } from './splice.ts';

type Kind = SpliceEvent['type'];

/** What leads from the beginning to each state. */
const PATHS: Readonly<Record<string, readonly Kind[]>> = {
  WAITING: [],
  OPENING: ['near.syn'],
  OPEN: ['near.syn', 'far.connected'],
  NEAR_ENDED: ['near.syn', 'far.connected', 'near.ended'],
  FAR_FINISHING: ['near.syn', 'far.connected', 'near.ended', 'far.ended'],
  FAR_ENDED: ['near.syn', 'far.connected', 'far.ended'],
  BOTH_ENDED: ['near.syn', 'far.connected', 'far.ended', 'near.ended'],
  NEAR_LEFT: ['near.syn', 'far.connected', 'near.ended', 'far.ended', 'far.finished'],
  FAR_LEFT: ['near.syn', 'far.connected', 'far.ended', 'near.ended', 'near.finished'],
  DONE: ['stop'],
};

/** Every event that means something in a state, where it leads, and what is done. */
const TABLE: Readonly<Record<string, Readonly<Partial<Record<Kind, readonly string[]>>>>> = {
  WAITING: { 'near.syn': ['OPENING', 'openFar'], stop: ['DONE'] },
  OPENING: {
    'far.connected': ['OPEN', 'releaseNear'],
    'far.refused': ['DONE', 'refuseNear'],
    'far.unreachable': ['DONE', 'tellUnreachable', 'refuseNear'],
    'far.broken': ['DONE', 'refuseNear'],
    'near.broken': ['DONE', 'abortFar'],
    stop: ['DONE', 'abortNear', 'abortFar'],
  },
  OPEN: { 'near.ended': ['NEAR_ENDED', 'closeFar'], 'far.ended': ['FAR_ENDED', 'closeNear'], ...breaks() },
  NEAR_ENDED: { 'far.ended': ['FAR_FINISHING'], ...breaks() },
  FAR_FINISHING: { 'far.finished': ['NEAR_LEFT', 'closeNear'], ...breaks() },
  FAR_ENDED: { 'near.ended': ['BOTH_ENDED', 'closeFar'], ...breaks() },
  BOTH_ENDED: { 'near.finished': ['FAR_LEFT'], 'far.finished': ['NEAR_LEFT'], ...breaks() },
  NEAR_LEFT: { 'near.finished': ['DONE'], 'near.broken': ['DONE'], stop: ['DONE', 'abortNear', 'abortFar'] },
  FAR_LEFT: { 'far.finished': ['DONE'], 'far.broken': ['DONE'], stop: ['DONE', 'abortNear', 'abortFar'] },
  DONE: {},
};

function breaks(): Partial<Record<Kind, readonly string[]>> {
  return {
    'near.broken': ['DONE', 'abortFar'],
    'far.broken': ['DONE', 'abortNear'],
    stop: ['DONE', 'abortNear', 'abortFar'],
  };
}

const KINDS: readonly Kind[] = [
  'near.syn',
  'far.connected',
  'far.refused',
  'far.unreachable',
  'near.ended',
  'far.ended',
  'near.finished',
  'far.finished',
  'near.broken',
  'far.broken',
  'stop',
];

describe.each(Object.keys(TABLE))('the splice in %s', (state) => {
  it.each(KINDS)('%s', (type) => {
    const commands: string[] = [];
    const host = new MachineHost({
      machine: spliceMachine,
      instance: 'splice',
      decide: (snapshot) => snapshot.value as string,
      execute: (each: MachineCommand) => commands.push(each.type),
    });
    for (const each of PATHS[state]) host.send({ type: each });
    expect(host.decision).toBe(state);
    commands.length = 0;
    host.send({ type });
    expect([host.decision, ...commands]).toEqual(TABLE[state][type] ?? [state]);
  });
});
