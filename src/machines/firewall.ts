import { assign, setup } from 'xstate';
import { onOffMachine } from './on-off.ts';

/** The firewall as a whole. */
export const firewallMachine = onOffMachine('firewall');

/** Which end of a tracked connection sent a packet: `original` opened it. */
export type FlowDirection = 'original' | 'reply';

type FromFlow = { readonly from: FlowDirection };

/**
 * One tracked TCP connection, with the states of Linux's connection tracking. Gets control segments only; ACK only where
 * the state waits for one.
 */
export const tcpFlowMachine = setup({
  types: {} as {
    context: { closer: FlowDirection };
    events:
      | ({ type: 'SYN_ACK' } & FromFlow)
      | ({ type: 'ACK' } & FromFlow)
      | ({ type: 'FIN' } & FromFlow)
      | ({ type: 'RST' } & FromFlow)
      | { type: 'TIMEOUT' };
  },
  guards: { fromOtherSide: ({ context, event }) => 'from' in event && event.from !== context.closer },
}).createMachine({
  id: 'flow-tcp',
  context: { closer: 'original' },
  initial: 'SYN_SENT',
  states: {
    SYN_SENT: {
      on: { SYN_ACK: { target: 'SYN_RECV' }, RST: { target: 'CLOSE' }, TIMEOUT: { target: 'GONE' } },
    },
    SYN_RECV: {
      on: {
        ACK: { target: 'ESTABLISHED' },
        FIN: { target: 'FIN_WAIT', actions: assign({ closer: ({ event }) => event.from }) },
        RST: { target: 'CLOSE' },
        TIMEOUT: { target: 'GONE' },
      },
    },
    ESTABLISHED: {
      on: {
        FIN: { target: 'FIN_WAIT', actions: assign({ closer: ({ event }) => event.from }) },
        RST: { target: 'CLOSE' },
        TIMEOUT: { target: 'GONE' },
      },
    },
    FIN_WAIT: {
      on: {
        ACK: { target: 'CLOSE_WAIT' },
        FIN: { guard: 'fromOtherSide', target: 'LAST_ACK' },
        RST: { target: 'CLOSE' },
        TIMEOUT: { target: 'GONE' },
      },
    },
    CLOSE_WAIT: {
      on: {
        FIN: { guard: 'fromOtherSide', target: 'LAST_ACK' },
        RST: { target: 'CLOSE' },
        TIMEOUT: { target: 'GONE' },
      },
    },
    LAST_ACK: {
      on: { ACK: { target: 'TIME_WAIT' }, RST: { target: 'CLOSE' }, TIMEOUT: { target: 'GONE' } },
    },
    TIME_WAIT: { on: { TIMEOUT: { target: 'GONE' } } },
    CLOSE: { on: { TIMEOUT: { target: 'GONE' } } },
    GONE: { type: 'final' },
  },
});

/** One tracked exchange of datagrams: UDP or ICMP echo. ASSURED: both ends have spoken. */
export const datagramFlowMachine = setup({
  types: {} as { events: { type: 'REPLY' } | { type: 'TIMEOUT' } },
}).createMachine({
  id: 'flow-datagram',
  initial: 'UNREPLIED',
  states: {
    UNREPLIED: { on: { REPLY: { target: 'ASSURED' }, TIMEOUT: { target: 'GONE' } } },
    ASSURED: { on: { TIMEOUT: { target: 'GONE' } } },
    GONE: { type: 'final' },
  },
});
