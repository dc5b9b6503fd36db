import { setup } from 'xstate';
import { command } from './command.ts';
import { onOffMachine } from './on-off.ts';

/** IP stack 3005B as a whole. */
export const identityStackMachine = onOffMachine('identity-stack');

/**
 * One identity that it speaks as. HELD: sessions use it. LINGERING: none does any more, but TCP's last segments of the last one may
 * still go to and fro. GONE: the stack forgets it.
 */
export const identityMachine = setup({
  types: {} as { events: { type: 'ALL_LEFT' } | { type: 'TAKEN' } | { type: 'TIMEOUT' } | { type: 'STOP' } },
  actions: { armLinger: command(), disarmLinger: command(), forget: command() },
}).createMachine({
  id: 'identity',
  initial: 'HELD',
  states: {
    HELD: {
      on: { ALL_LEFT: { target: 'LINGERING', actions: 'armLinger' }, STOP: { target: 'GONE', actions: 'forget' } },
    },
    LINGERING: {
      on: {
        TAKEN: { target: 'HELD', actions: 'disarmLinger' },
        TIMEOUT: { target: 'GONE', actions: 'forget' },
        STOP: { target: 'GONE', actions: ['disarmLinger', 'forget'] },
      },
    },
    GONE: { type: 'final' },
  },
});
