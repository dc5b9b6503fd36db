import { setup } from 'xstate';
import { command } from './command.ts';
import { onOffMachine } from './on-off.ts';

/** Encapsulation processing 3001B as a whole. */
export const encapsulationMachine = onOffMachine('encapsulation');

/** Tells the session how its connection ended. */
const TELL_CLOSED = {
  type: 'tellClosed' as const,
  params: ({ event }: { event: { type: string } }) => ({ reason: (event as unknown as { reason: string }).reason }),
};

/**
 * The connection that TCP 3003B has with a server on behalf of one terminal (spec 6.5 steps 11 to 17, 7.5 steps 7 to 13). ASKING: IP
 * stack 3005B is told to speak as the terminal (embodiment 7 alone). ABANDONED, RESETTING: the session is over, the answer is not here yet.
 */
export const serverSideMachine = setup({
  types: {} as {
    events:
      | { type: 'OPEN'; asTerminal: boolean }
      | { type: 'TAKEN' }
      | { type: 'REFUSED' }
      | { type: 'CONNECTED' }
      | { type: 'CLOSED'; reason: string }
      | { type: 'ABORT' };
  },
  guards: { asTerminal: ({ event }) => event.type === 'OPEN' && event.asTerminal },
  actions: {
    takeIdentity: command(),
    leaveIdentity: command(),
    connect: command(),
    abort: command(),
    tellConnected: command(),
    /** No identity is to be had: as if the connection were refused. */
    tellRefused: command(),
    tellClosed: command<{ reason: string }>(),
    tellGone: command(),
  },
}).createMachine({
  id: 'server-side',
  initial: 'IDLE',
  states: {
    IDLE: {
      on: {
        OPEN: [
          { guard: 'asTerminal', target: 'ASKING', actions: 'takeIdentity' },
          { target: 'CONNECTING', actions: 'connect' },
        ],
      },
    },
    ASKING: {
      on: {
        TAKEN: { target: 'CONNECTING', actions: 'connect' },
        REFUSED: { target: 'GONE', actions: 'tellRefused' },
        ABORT: { target: 'ABANDONED' },
      },
    },
    ABANDONED: {
      on: {
        TAKEN: { target: 'GONE', actions: ['leaveIdentity', 'tellGone'] },
        REFUSED: { target: 'GONE', actions: 'tellGone' },
      },
    },
    CONNECTING: {
      on: {
        CONNECTED: { target: 'CONNECTED', actions: 'tellConnected' },
        CLOSED: { target: 'GONE', actions: ['leaveIdentity', TELL_CLOSED] },
        ABORT: { target: 'RESETTING', actions: 'abort' },
      },
    },
    CONNECTED: {
      on: {
        CLOSED: { target: 'GONE', actions: ['leaveIdentity', TELL_CLOSED] },
        ABORT: { target: 'RESETTING', actions: 'abort' },
      },
    },
    RESETTING: { on: { CLOSED: { target: 'GONE', actions: ['leaveIdentity', 'tellGone'] } } },
    GONE: { type: 'final' },
  },
});
