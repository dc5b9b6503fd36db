import { setup } from 'xstate';
import { command } from './command.ts';

export type SpliceEvent =
  /** A SYN came from the near host and is held. */
  | { type: 'near.syn' }
  | { type: 'far.connected' }
  | { type: 'far.refused' }
  | { type: 'far.unreachable' }
  /** The stream that comes from that side has ended: its FIN was in order. */
  | { type: 'near.ended' }
  | { type: 'far.ended' }
  /** That side is over in good order: both FINs are acknowledged. */
  | { type: 'near.finished' }
  | { type: 'far.finished' }
  /** That side is over by RST, or because its host is silent. */
  | { type: 'near.broken' }
  | { type: 'far.broken' }
  /** The owner gives up. */
  | { type: 'stop' };

const BOTH = { stop: { target: 'DONE', actions: ['abortNear' as const, 'abortFar' as const] } };
const NEAR_BREAKS = { 'near.broken': { target: 'DONE', actions: ['abortFar' as const] } };
const FAR_BREAKS = { 'far.broken': { target: 'DONE', actions: ['abortNear' as const] } };
const ANY = { ...BOTH, ...NEAR_BREAKS, ...FAR_BREAKS };

/**
 * Two TCP connections as one: what one side's host does is done to the other side's. Near is the side whose SYN came; far is opened for
 * it. A stream that ends is ended on the other side; when both hosts have ended theirs and the near one was first, it gets the far FIN
 * only after all its bytes and its FIN have arrived there: until then a RST can still tell it that they did not.
 */
export const spliceMachine = setup({
  types: {} as { events: SpliceEvent },
  actions: {
    openFar: command(),
    releaseNear: command(),
    refuseNear: command(),
    /** Somebody on the way knows that there is no way; the near host is to hear it as it would have. */
    tellUnreachable: command(),
    /** FIN after everything written. */
    closeNear: command(),
    closeFar: command(),
    abortNear: command(),
    abortFar: command(),
  },
}).createMachine({
  id: 'splice',
  initial: 'WAITING',
  states: {
    WAITING: {
      on: { 'near.syn': { target: 'OPENING', actions: ['openFar'] }, stop: { target: 'DONE' } },
    },
    OPENING: {
      on: {
        'far.connected': { target: 'OPEN', actions: ['releaseNear'] },
        'far.refused': { target: 'DONE', actions: ['refuseNear'] },
        // Nobody answers. The near host has been asking for longer, and has most likely given up before.
        'far.broken': { target: 'DONE', actions: ['refuseNear'] },
        'far.unreachable': { target: 'DONE', actions: ['tellUnreachable', 'refuseNear'] },
        ...NEAR_BREAKS,
        ...BOTH,
      },
    },
    OPEN: {
      on: {
        'near.ended': { target: 'NEAR_ENDED', actions: ['closeFar'] },
        'far.ended': { target: 'FAR_ENDED', actions: ['closeNear'] },
        ...ANY,
      },
    },
    /** Half closed: only the far host sends. */
    NEAR_ENDED: {
      on: { 'far.ended': { target: 'FAR_FINISHING' }, ...ANY },
    },
    /** Both have ended; the last of the near host's bytes, and its FIN, are on their way to the far one. */
    FAR_FINISHING: {
      on: { 'far.finished': { target: 'NEAR_LEFT', actions: ['closeNear'] }, ...ANY },
    },
    /** Half closed: only the near host sends. */
    FAR_ENDED: {
      on: { 'near.ended': { target: 'BOTH_ENDED', actions: ['closeFar'] }, ...ANY },
    },
    BOTH_ENDED: {
      on: {
        'near.finished': { target: 'FAR_LEFT' },
        'far.finished': { target: 'NEAR_LEFT' },
        ...ANY,
      },
    },
    NEAR_LEFT: {
      on: { 'near.finished': { target: 'DONE' }, 'near.broken': { target: 'DONE' }, ...BOTH },
    },
    FAR_LEFT: {
      on: { 'far.finished': { target: 'DONE' }, 'far.broken': { target: 'DONE' }, ...BOTH },
    },
    DONE: {},
  },
});
