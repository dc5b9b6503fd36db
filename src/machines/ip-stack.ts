import { assign, setup } from 'xstate';
import type { Mac } from '../wire/address.ts';
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

/** Requests sent before a neighbour counts as gone. */
export const ARP_TRIES = 3;

interface NeighbourContext {
  mac: Mac;
  tries: number;
}

/**
 * One entry of the ARP cache. HEARD is any ARP packet from the neighbour; USED is a packet to it while nothing was heard for long,
 * so that it is asked again, directly. DOUBT: whoever sent by way of it had no answer. GONE: the table forgets the entry.
 */
export const neighbourMachine = setup({
  types: {} as {
    context: NeighbourContext;
    events:
      | { type: 'RESOLVE' }
      | { type: 'HEARD'; mac: Mac }
      | { type: 'USED' }
      | { type: 'DOUBT' }
      | { type: 'TIMEOUT' };
  },
  guards: { triesLeft: ({ context }) => context.tries < ARP_TRIES },
  actions: {
    ask: command(),
    askDirectly: command(),
    flush: command(),
    armReachable: command(),
    armStale: command(),
    giveUp: command(),
    forget: command(),
  },
}).createMachine({
  id: 'neighbour',
  context: { mac: 0, tries: 0 },
  initial: 'NEW',
  states: {
    NEW: {
      on: {
        RESOLVE: { target: 'INCOMPLETE', actions: [assign({ tries: 1 }), 'ask'] },
        HEARD: { target: 'REACHABLE', actions: [assign({ mac: ({ event }) => event.mac }), 'armReachable'] },
      },
    },
    INCOMPLETE: {
      on: {
        HEARD: { target: 'REACHABLE', actions: [assign({ mac: ({ event }) => event.mac }), 'armReachable', 'flush'] },
        TIMEOUT: [
          { guard: 'triesLeft', actions: [assign({ tries: ({ context }) => context.tries + 1 }), 'ask'] },
          { target: 'GONE', actions: 'giveUp' },
        ],
      },
    },
    REACHABLE: {
      on: {
        HEARD: { actions: [assign({ mac: ({ event }) => event.mac }), 'armReachable'] },
        TIMEOUT: { target: 'STALE', actions: 'armStale' },
        DOUBT: { target: 'STALE', actions: 'armStale' },
      },
    },
    STALE: {
      on: {
        HEARD: { target: 'REACHABLE', actions: [assign({ mac: ({ event }) => event.mac }), 'armReachable'] },
        USED: { target: 'PROBE', actions: [assign({ tries: 1 }), 'askDirectly'] },
        TIMEOUT: { target: 'GONE', actions: 'forget' },
      },
    },
    PROBE: {
      on: {
        HEARD: { target: 'REACHABLE', actions: [assign({ mac: ({ event }) => event.mac }), 'armReachable'] },
        TIMEOUT: [
          { guard: 'triesLeft', actions: [assign({ tries: ({ context }) => context.tries + 1 }), 'askDirectly'] },
          { target: 'GONE', actions: 'giveUp' },
        ],
      },
    },
    GONE: { type: 'final' },
  },
});
