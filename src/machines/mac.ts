import { setup } from 'xstate';

/** Which arriving frames a network interface hands up. */
export const macMachine = setup({
  types: {} as {
    context: { promiscuous: boolean };
    input: { promiscuous: boolean };
    events: { type: 'START' } | { type: 'STOP' } | { type: 'PROMISCUOUS_ON' } | { type: 'PROMISCUOUS_OFF' };
  },
  guards: { configuredPromiscuous: ({ context }) => context.promiscuous },
}).createMachine({
  id: 'mac',
  context: ({ input }) => input,
  initial: 'STOPPED',
  states: {
    STOPPED: { on: { START: [{ guard: 'configuredPromiscuous', target: 'PROMISCUOUS' }, { target: 'FILTERING' }] } },
    FILTERING: { on: { PROMISCUOUS_ON: { target: 'PROMISCUOUS' }, STOP: { target: 'STOPPED' } } },
    PROMISCUOUS: { on: { PROMISCUOUS_OFF: { target: 'FILTERING' }, STOP: { target: 'STOPPED' } } },
  },
});
