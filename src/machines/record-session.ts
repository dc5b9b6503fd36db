import { setup } from 'xstate';
import { command } from './command.ts';

export type RecordSessionEvent =
  | { type: 'start' }
  /** First record of the present keys that opened. */
  | { type: 'opened.first' }
  /** New keys of a new TLS session were installed beside the present ones. */
  | { type: 'renew' }
  /** First record under the new keys that opened. */
  | { type: 'opened.renewed' }
  /** Nothing was heard for a while. */
  | { type: 'timer.quiet' }
  /** Nothing was heard for too long. */
  | { type: 'timer.dead' }
  /** The age or use of the present keys asks for the next epoch. */
  | { type: 'rekey.due' }
  /** The peer did not answer for itself when somebody said that it is gone. */
  | { type: 'peer.lost' }
  | { type: 'bye.received'; reason: number }
  | { type: 'numbers.used-up' }
  | { type: 'stop'; reason: number };

interface Why {
  reason: number;
}

/**
 * Life of one session of records (DESIGN: order of starting, rekey, peer death). The server opens records from INSTALLED on but sends
 * nothing until one has opened; the client sends at once and repeats KEEPALIVE until the server has answered.
 */
export const recordSessionMachine = setup({
  types: {} as { context: { readonly client: boolean }; events: RecordSessionEvent; input: { client: boolean } },
  actions: {
    startReceiving: command(),
    startSending: command(),
    sendKeepalive: command(),
    sendBye: command<Why>(),
    armQuiet: command(),
    disarmTimers: command(),
    nextEpoch: command(),
    /** Sends under the new keys from now on. */
    useRenewed: command(),
    /** The keys before live 30 s more. */
    retireOld: command(),
    indicateAuthenticated: command(),
    indicateEnded: command<{ why: 'peer-bye' | 'peer-dead' | 'numbers-used-up'; reason: number }>(),
    forgetKeys: command(),
  },
  guards: { client: ({ context }) => context.client },
}).createMachine({
  id: 'record-session',
  context: ({ input }) => ({ client: input.client }),
  initial: 'IDLE',
  states: {
    IDLE: {
      on: {
        start: [
          {
            guard: 'client',
            target: 'CONFIRMING',
            actions: ['startReceiving', 'startSending', 'sendKeepalive', 'armQuiet'],
          },
          { target: 'INSTALLED', actions: ['startReceiving', 'armQuiet'] },
        ],
      },
    },
    /** Server: receives, and sends nothing. */
    INSTALLED: {
      on: {
        'opened.first': { target: 'LIVE', actions: ['startSending', 'sendKeepalive', 'indicateAuthenticated'] },
        'timer.dead': {
          target: 'ENDED',
          actions: [{ type: 'indicateEnded', params: dead }, 'disarmTimers', 'forgetKeys'],
        },
        stop: { target: 'ENDED', actions: ['disarmTimers', 'forgetKeys'] },
      },
    },
    /** Client: sends, and waits for the first record of the server. */
    CONFIRMING: {
      on: {
        'opened.first': { target: 'LIVE', actions: 'indicateAuthenticated' },
        'timer.quiet': { actions: 'sendKeepalive' },
        'timer.dead': {
          target: 'ENDED',
          actions: [{ type: 'indicateEnded', params: dead }, 'disarmTimers', 'forgetKeys'],
        },
        stop: { target: 'ENDED', actions: [{ type: 'sendBye', params: reasonOf }, 'disarmTimers', 'forgetKeys'] },
      },
    },
    LIVE: {
      initial: 'STEADY',
      on: {
        'timer.quiet': { actions: 'sendKeepalive' },
        'timer.dead': {
          target: 'ENDED',
          actions: [{ type: 'indicateEnded', params: dead }, 'disarmTimers', 'forgetKeys'],
        },
        'rekey.due': { actions: 'nextEpoch' },
        'peer.lost': {
          target: 'ENDED',
          actions: [{ type: 'indicateEnded', params: dead }, 'disarmTimers', 'forgetKeys'],
        },
        'bye.received': {
          target: 'ENDED',
          actions: [{ type: 'indicateEnded', params: bye }, 'disarmTimers', 'forgetKeys'],
        },
        'numbers.used-up': {
          target: 'ENDED',
          actions: [{ type: 'indicateEnded', params: usedUp }, 'disarmTimers', 'forgetKeys'],
        },
        stop: { target: 'ENDED', actions: [{ type: 'sendBye', params: reasonOf }, 'disarmTimers', 'forgetKeys'] },
      },
      states: {
        STEADY: {
          on: {
            renew: [
              { guard: 'client', target: 'RENEWING', actions: ['useRenewed', 'sendKeepalive'] },
              { target: 'RENEWING' },
            ],
          },
        },
        /** Two sets of keys are alive; the server changes over when the first record under the new ones opens. */
        RENEWING: {
          on: {
            'opened.renewed': [
              { guard: 'client', target: 'STEADY', actions: 'retireOld' },
              { target: 'STEADY', actions: ['useRenewed', 'sendKeepalive', 'retireOld'] },
            ],
          },
        },
      },
    },
    ENDED: {},
  },
});

function dead(): { why: 'peer-dead'; reason: number } {
  return { why: 'peer-dead', reason: 3 };
}

function usedUp(): { why: 'numbers-used-up'; reason: number } {
  return { why: 'numbers-used-up', reason: 0 };
}

function bye({ event }: { event: RecordSessionEvent }): { why: 'peer-bye'; reason: number } {
  return { why: 'peer-bye', reason: 'reason' in event ? event.reason : 0 };
}

function reasonOf({ event }: { event: RecordSessionEvent }): Why {
  return { reason: 'reason' in event ? event.reason : 0 };
}
