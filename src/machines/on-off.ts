import { setup } from 'xstate';

/** A layer that only runs or does not: everything it gets while STOPPED is dropped. */
export function onOffMachine(id: string) {
  return setup({
    types: {} as { events: { type: 'START' } | { type: 'STOP' } },
  }).createMachine({
    id,
    initial: 'STOPPED',
    states: {
      STOPPED: { on: { START: { target: 'RUNNING' } } },
      RUNNING: { on: { STOP: { target: 'STOPPED' } } },
    },
  });
}
