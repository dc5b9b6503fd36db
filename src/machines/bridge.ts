import { setup } from 'xstate';
import { command } from './command.ts';
import { onOffMachine } from './on-off.ts';

/** The bridge as a whole. */
export const bridgeMachine = onOffMachine('bridge');

/** One port of a bridge: after its budget of broadcasts is spent it takes none for a while. */
export const bridgePortMachine = setup({
  types: {} as { events: { type: 'BUDGET_SPENT' } | { type: 'QUIET_OVER' } | { type: 'STOP' } },
  actions: { startQuiet: command(), endQuiet: command() },
}).createMachine({
  id: 'bridge-port',
  initial: 'FORWARDING',
  states: {
    FORWARDING: { on: { BUDGET_SPENT: { target: 'SUPPRESSING', actions: 'startQuiet' } } },
    SUPPRESSING: {
      on: {
        QUIET_OVER: { target: 'FORWARDING', actions: 'endQuiet' },
        STOP: { target: 'FORWARDING', actions: 'endQuiet' },
      },
    },
  },
});
