import { setup } from 'xstate';
import { command } from './command.ts';

type Reasoned = { readonly event: { type: string } };
const REASON = ({ event }: Reasoned) => ({ reason: (event as unknown as { reason: string }).reason });

/** A connection that is opened through an HTTP proxy: to the proxy first, then CONNECT, then it is as if it went straight. */
export const httpConnectMachine = setup({
  types: {} as {
    events:
      | { type: 'CONNECTED' }
      | { type: 'ACCEPTED' }
      | { type: 'FAILED'; reason: string }
      | { type: 'CLOSED'; reason: string };
  },
  actions: {
    ask: command(),
    tellConnected: command(),
    abort: command(),
    tellClosed: command<{ reason: string }>(),
    forget: command(),
  },
}).createMachine({
  id: 'http-connect',
  initial: 'CONNECTING',
  states: {
    CONNECTING: {
      on: {
        CONNECTED: { target: 'ASKING', actions: 'ask' },
        CLOSED: { target: 'DONE', actions: ['forget', { type: 'tellClosed', params: REASON }] },
      },
    },
    ASKING: {
      on: {
        ACCEPTED: { target: 'DONE', actions: ['forget', 'tellConnected'] },
        FAILED: { target: 'ABORTING', actions: ['abort', { type: 'tellClosed', params: REASON }] },
        CLOSED: { target: 'DONE', actions: ['forget', { type: 'tellClosed', params: REASON }] },
      },
    },
    ABORTING: { on: { CLOSED: { target: 'DONE', actions: 'forget' } } },
    DONE: { type: 'final' },
  },
});
