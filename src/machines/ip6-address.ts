import { assign, setup } from 'xstate';
import { command } from './command.ts';

/**
 * One IPv6 address of an interface (RFC 4862 section 5.4): asked for before it is used, announced when nobody had it. DUPLICATE: somebody
 * has it, so it is not used until the interface is started anew.
 */
export const ip6AddressMachine = setup({
  types: {} as {
    context: { probes: number; probesLeft: number };
    input: { probes: number };
    events: { type: 'START' } | { type: 'STOP' } | { type: 'TIMEOUT' } | { type: 'HEARD' };
  },
  guards: { asks: ({ context }) => context.probes > 0, probesLeft: ({ context }) => context.probesLeft > 0 },
  actions: {
    join: command(),
    probe: command(),
    announce: command(),
    clearTimer: command(),
    tellDuplicate: command(),
    tellConflict: command(),
  },
}).createMachine({
  id: 'ip6-address',
  context: ({ input }) => ({ probes: input.probes, probesLeft: 0 }),
  initial: 'STOPPED',
  states: {
    STOPPED: {
      on: {
        START: [
          {
            guard: 'asks',
            target: 'TENTATIVE',
            actions: ['join', assign({ probesLeft: ({ context }) => context.probes - 1 }), 'probe'],
          },
          { target: 'VALID', actions: ['join', 'announce'] },
        ],
      },
    },
    TENTATIVE: {
      on: {
        TIMEOUT: [
          {
            guard: 'probesLeft',
            actions: [assign({ probesLeft: ({ context }) => context.probesLeft - 1 }), 'probe'],
          },
          { target: 'VALID', actions: 'announce' },
        ],
        HEARD: { target: 'DUPLICATE', actions: ['clearTimer', 'tellDuplicate'] },
        STOP: { target: 'STOPPED', actions: 'clearTimer' },
      },
    },
    VALID: {
      on: {
        HEARD: { actions: 'tellConflict' },
        STOP: { target: 'STOPPED' },
      },
    },
    DUPLICATE: { on: { STOP: { target: 'STOPPED' } } },
  },
});
