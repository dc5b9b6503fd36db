import { setup } from 'xstate';
import { command } from './command.ts';

/** The line side of a network interface: frames pass while the link is up. */
export const phyMachine = setup({
  types: {} as { events: { type: 'LINK_UP' } | { type: 'LINK_DOWN' } },
  actions: { tellLink: command<{ up: boolean }>() },
}).createMachine({
  id: 'phy',
  initial: 'DOWN',
  states: {
    DOWN: { on: { LINK_UP: { target: 'UP', actions: { type: 'tellLink', params: { up: true } } } } },
    UP: { on: { LINK_DOWN: { target: 'DOWN', actions: { type: 'tellLink', params: { up: false } } } } },
  },
});
