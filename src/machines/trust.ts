import { assign, setup } from 'xstate';
import { command } from './command.ts';

/** Probes that a rumour costs at most. */
export const TRUST_PROBES = 5;
/** Between two probes; after the last one the peer counts as lost. */
export const PROBE_EVERY_MS = 1_000;
/** After the peer has answered, rumours are not heard for so long: each costs a probe. */
export const CALM_MS = 5_000;

export type TrustEvent =
  /** Something unauthenticated says that the peer is gone: BYE or RST in clear, ICMP. */
  | { type: 'rumour' }
  /** A packet that only the peer can have made. */
  | { type: 'heard' }
  | { type: 'timer' };

/**
 * What a rumour about the peer's end is worth (DESIGN: it only shortens the dead-peer timer): the peer is asked, several times, and
 * only its silence is believed. Used by the leg and by the session of records alike.
 */
export const trustMachine = setup({
  types: {} as { context: { readonly probes: number }; events: TrustEvent },
  actions: {
    sendProbe: command(),
    arm: command<{ delay_ms: number }>(),
    tellLost: command(),
    first: assign({ probes: 1 }),
    again: assign({ probes: ({ context }) => context.probes + 1 }),
  },
  guards: { probesLeft: ({ context }) => context.probes < TRUST_PROBES },
}).createMachine({
  id: 'trust',
  context: { probes: 0 },
  initial: 'TRUSTED',
  states: {
    TRUSTED: {
      on: {
        rumour: {
          target: 'SUSPECT',
          actions: ['first', 'sendProbe', { type: 'arm', params: { delay_ms: PROBE_EVERY_MS } }],
        },
      },
    },
    SUSPECT: {
      on: {
        heard: { target: 'CALM', actions: { type: 'arm', params: { delay_ms: CALM_MS } } },
        timer: [
          {
            guard: 'probesLeft',
            actions: ['again', 'sendProbe', { type: 'arm', params: { delay_ms: PROBE_EVERY_MS } }],
          },
          { target: 'LOST', actions: 'tellLost' },
        ],
      },
    },
    CALM: { on: { timer: 'TRUSTED' } },
    LOST: {},
  },
});
