import { assign, setup } from 'xstate';
import { command } from './command.ts';
import { onOffMachine } from './on-off.ts';

/** IP stack 3005B as a whole. */
export const identityStackMachine = onOffMachine('identity-stack');

/** An address is asked for so often before it is taken. */
export const IDENTITY_PROBES = 2;

/**
 * One identity that it speaks as. ASKING: whether somebody there has the address (RFC 5227 section 2.1.1). HELD: sessions use it. LINGERING: none does any more, but TCP's last segments of the last one may
 * still go to and fro. GONE: the stack forgets it.
 */
export const identityMachine = setup({
  types: {} as {
    events:
      | { type: 'START' }
      | { type: 'CLAIMED' }
      | { type: 'ALL_LEFT' }
      | { type: 'TAKEN' }
      | { type: 'TIMEOUT' }
      | { type: 'STOP' };
    context: { probes: number };
  },
  guards: { hasProbes: ({ context }) => context.probes < IDENTITY_PROBES },
  actions: {
    probe: command(),
    countProbe: assign({ probes: ({ context }) => context.probes + 1 }),
    armProbe: command(),
    disarmProbe: command(),
    /** The IP stack starts, and whoever waits hears so. */
    announce: command(),
    refuse: command<{ reason: 'conflict' | 'full' }>(),
    armLinger: command(),
    disarmLinger: command(),
    forget: command(),
  },
}).createMachine({
  id: 'identity',
  context: { probes: 0 },
  initial: 'NEW',
  states: {
    NEW: { on: { START: { target: 'ASKING', actions: ['probe', 'countProbe', 'armProbe'] } } },
    ASKING: {
      on: {
        TIMEOUT: [
          { guard: 'hasProbes', actions: ['probe', 'countProbe', 'armProbe'] },
          { target: 'HELD', actions: ['announce'] },
        ],
        CLAIMED: {
          target: 'GONE',
          actions: ['disarmProbe', { type: 'refuse', params: { reason: 'conflict' } }, 'forget'],
        },
        STOP: { target: 'GONE', actions: ['disarmProbe', { type: 'refuse', params: { reason: 'full' } }, 'forget'] },
      },
    },
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
