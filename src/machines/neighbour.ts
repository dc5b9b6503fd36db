import { assign, setup } from 'xstate';
import type { Mac } from '../wire/address.ts';
import { command } from './command.ts';

/** Requests sent before a neighbour counts as gone (RFC 1122 section 2.3.2.1; RFC 4861 section 10). */
export const NEIGHBOUR_TRIES = 3;

interface NeighbourContext {
  mac: Mac;
  tries: number;
}

/**
 * One neighbour of an interface, found by ARP or by Neighbour Discovery (RFC 4861 section 7.3.2). CONFIRMED: it has just shown that it is
 * there. LEARNED: its address was told, but not that it hears us. DOUBTED: somebody told another address, but not that it is better, or
 * whoever sent by way of it had no answer. USED is a packet to it while nothing was heard for long: unless it is heard of soon, it is asked
 * again, directly. GONE: the table forgets it.
 */
export const neighbourMachine = setup({
  types: {} as {
    context: NeighbourContext;
    events:
      | { type: 'RESOLVE' }
      | { type: 'CONFIRMED'; mac: Mac }
      | { type: 'LEARNED'; mac: Mac }
      | { type: 'DOUBTED' }
      | { type: 'USED' }
      | { type: 'TIMEOUT' };
  },
  guards: { triesLeft: ({ context }) => context.tries < NEIGHBOUR_TRIES },
  actions: {
    ask: command(),
    askDirectly: command(),
    flush: command(),
    armReachable: command(),
    armStale: command(),
    armDelay: command(),
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
        CONFIRMED: { target: 'REACHABLE', actions: [assign({ mac: ({ event }) => event.mac }), 'armReachable'] },
        LEARNED: { target: 'STALE', actions: [assign({ mac: ({ event }) => event.mac }), 'armStale'] },
      },
    },
    INCOMPLETE: {
      on: {
        CONFIRMED: {
          target: 'REACHABLE',
          actions: [assign({ mac: ({ event }) => event.mac }), 'armReachable', 'flush'],
        },
        LEARNED: { target: 'DELAY', actions: [assign({ mac: ({ event }) => event.mac }), 'armDelay', 'flush'] },
        TIMEOUT: [
          { guard: 'triesLeft', actions: [assign({ tries: ({ context }) => context.tries + 1 }), 'ask'] },
          { target: 'GONE', actions: 'giveUp' },
        ],
      },
    },
    REACHABLE: {
      on: {
        CONFIRMED: { actions: [assign({ mac: ({ event }) => event.mac }), 'armReachable'] },
        LEARNED: { target: 'STALE', actions: [assign({ mac: ({ event }) => event.mac }), 'armStale'] },
        DOUBTED: { target: 'STALE', actions: 'armStale' },
        TIMEOUT: { target: 'STALE', actions: 'armStale' },
      },
    },
    STALE: {
      on: {
        CONFIRMED: { target: 'REACHABLE', actions: [assign({ mac: ({ event }) => event.mac }), 'armReachable'] },
        LEARNED: { actions: [assign({ mac: ({ event }) => event.mac }), 'armStale'] },
        USED: { target: 'DELAY', actions: 'armDelay' },
        TIMEOUT: { target: 'GONE', actions: 'forget' },
      },
    },
    DELAY: {
      on: {
        CONFIRMED: { target: 'REACHABLE', actions: [assign({ mac: ({ event }) => event.mac }), 'armReachable'] },
        LEARNED: { target: 'STALE', actions: [assign({ mac: ({ event }) => event.mac }), 'armStale'] },
        TIMEOUT: { target: 'PROBE', actions: [assign({ tries: 1 }), 'askDirectly'] },
      },
    },
    PROBE: {
      on: {
        CONFIRMED: { target: 'REACHABLE', actions: [assign({ mac: ({ event }) => event.mac }), 'armReachable'] },
        LEARNED: { target: 'STALE', actions: [assign({ mac: ({ event }) => event.mac }), 'armStale'] },
        TIMEOUT: [
          { guard: 'triesLeft', actions: [assign({ tries: ({ context }) => context.tries + 1 }), 'askDirectly'] },
          { target: 'GONE', actions: 'giveUp' },
        ],
      },
    },
    GONE: { type: 'final' },
  },
});
