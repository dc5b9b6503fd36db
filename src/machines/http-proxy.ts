import { setup } from 'xstate';
import { command } from './command.ts';
import { onOffMachine } from './on-off.ts';

/** The proxy as a whole. */
export const httpProxyMachine = onOffMachine('http-proxy');

const STATUS = ({ event }: { readonly event: { type: string } }) => ({
  status: (event as unknown as { status: number }).status,
});

/** One client of an HTTP proxy and the server that it asks for. `clean`: the connection has ended in good order. */
export const proxyTunnelMachine = setup({
  types: {} as {
    events:
      | { type: 'REQUEST' }
      | { type: 'BAD'; status: number }
      | { type: 'SERVER_CONNECTED' }
      | { type: 'SERVER_FAILED'; status: number }
      | { type: 'CLIENT_CLOSED'; clean: boolean }
      | { type: 'SERVER_CLOSED'; clean: boolean }
      | { type: 'TIMEOUT' };
  },
  guards: { clean: ({ event }) => 'clean' in event && event.clean },
  actions: {
    connect: command(),
    accept: command(),
    refuse: command<{ status: number }>(),
    abortClient: command(),
    abortServer: command(),
    forget: command(),
  },
}).createMachine({
  id: 'proxy-tunnel',
  initial: 'READING',
  states: {
    READING: {
      on: {
        REQUEST: { target: 'CONNECTING', actions: 'connect' },
        BAD: { target: 'REFUSING', actions: { type: 'refuse', params: STATUS } },
        TIMEOUT: { target: 'REFUSING', actions: { type: 'refuse', params: { status: 408 } } },
        CLIENT_CLOSED: { target: 'GONE', actions: 'forget' },
      },
    },
    CONNECTING: {
      on: {
        SERVER_CONNECTED: { target: 'OPEN', actions: 'accept' },
        SERVER_FAILED: { target: 'REFUSING', actions: { type: 'refuse', params: STATUS } },
        CLIENT_CLOSED: { target: 'CLOSING', actions: 'abortServer' },
      },
    },
    OPEN: {
      on: {
        CLIENT_CLOSED: [
          { guard: 'clean', target: 'CLOSING' },
          { target: 'CLOSING', actions: 'abortServer' },
        ],
        SERVER_CLOSED: [
          { guard: 'clean', target: 'CLOSING' },
          { target: 'CLOSING', actions: 'abortClient' },
        ],
      },
    },
    /** The client has its answer and may take it. */
    REFUSING: {
      on: { CLIENT_CLOSED: { target: 'GONE', actions: 'forget' }, TIMEOUT: { actions: 'abortClient' } },
    },
    /** One of the two connections is over. */
    CLOSING: {
      on: {
        CLIENT_CLOSED: { target: 'GONE', actions: 'forget' },
        SERVER_CLOSED: { target: 'GONE', actions: 'forget' },
      },
    },
    GONE: { type: 'final' },
  },
});
