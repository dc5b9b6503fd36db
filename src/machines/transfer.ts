import { setup } from 'xstate';
import { command } from './command.ts';

/** Tells how the transfer ended. */
const TELL = {
  type: 'tell' as const,
  params: ({ event }: { event: { reason: string } }) => ({ reason: event.reason }),
};

/** One transfer of the lab's application over one TCP connection, at the end that sends or the one that receives. */
export const transferMachine = setup({
  types: {} as {
    context: { sends: boolean };
    input: { sends: boolean };
    events:
      | { type: 'OPEN' }
      | { type: 'FULL' }
      | { type: 'WRITABLE' }
      | { type: 'ALL_SENT' }
      | { type: 'REMOTE_CLOSED' }
      | { type: 'CLOSED'; reason: string };
  },
  guards: { sends: ({ context }) => context.sends },
  actions: {
    startClock: command(),
    sendMore: command(),
    pause: command(),
    close: command(),
    tell: command<{ reason: string }>(),
  },
}).createMachine({
  id: 'transfer',
  context: ({ input }) => input,
  initial: 'CONNECTING',
  states: {
    CONNECTING: {
      on: {
        OPEN: [
          { guard: 'sends', target: 'SENDING', actions: ['startClock', 'sendMore'] },
          { target: 'RECEIVING', actions: 'startClock' },
        ],
        CLOSED: { target: 'DONE', actions: TELL },
      },
    },
    SENDING: {
      on: {
        FULL: { target: 'PAUSED', actions: 'pause' },
        ALL_SENT: { target: 'CLOSING', actions: 'close' },
        CLOSED: { target: 'DONE', actions: TELL },
      },
    },
    PAUSED: {
      on: {
        WRITABLE: { target: 'SENDING', actions: 'sendMore' },
        CLOSED: { target: 'DONE', actions: TELL },
      },
    },
    RECEIVING: {
      on: {
        REMOTE_CLOSED: { target: 'CLOSING', actions: 'close' },
        CLOSED: { target: 'DONE', actions: TELL },
      },
    },
    CLOSING: { on: { CLOSED: { target: 'DONE', actions: TELL } } },
    DONE: { type: 'final' },
  },
});
