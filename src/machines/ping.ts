import { setup } from 'xstate';
import { command } from './command.ts';

/** One echo request that waits for its reply. */
export const pingMachine = setup({
  types: {} as { events: { type: 'REPLY' } | { type: 'TIMEOUT' } },
  actions: { tellPong: command(), tellLost: command() },
}).createMachine({
  id: 'ping',
  initial: 'WAITING',
  states: {
    WAITING: {
      on: {
        REPLY: { target: 'ANSWERED', actions: 'tellPong' },
        TIMEOUT: { target: 'LOST', actions: 'tellLost' },
      },
    },
    ANSWERED: { type: 'final' },
    LOST: { type: 'final' },
  },
});
