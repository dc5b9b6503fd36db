import { setup } from 'xstate';
import { command } from './command.ts';

/** An interface's own address (RFC 5227): announced on start, defended once per interval when somebody else uses it. */
export const ipStackMachine = setup({
  types: {} as { events: { type: 'START' } | { type: 'STOP' } | { type: 'CONFLICT' } | { type: 'INTERVAL_OVER' } },
  actions: { announce: command(), startInterval: command(), clearInterval: command() },
}).createMachine({
  id: 'ip-stack',
  initial: 'STOPPED',
  states: {
    STOPPED: { on: { START: { target: 'RUNNING', actions: 'announce' } } },
    RUNNING: {
      on: {
        CONFLICT: { target: 'DEFENDING', actions: ['announce', 'startInterval'] },
        STOP: { target: 'STOPPED' },
      },
    },
    DEFENDING: {
      on: {
        INTERVAL_OVER: { target: 'RUNNING' },
        STOP: { target: 'STOPPED', actions: 'clearInterval' },
      },
    },
  },
});
