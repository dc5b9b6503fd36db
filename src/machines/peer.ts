import { assign, setup } from 'xstate';
import { command } from './command.ts';

/** First wait before dialling again; doubles. */
export const BACK_OFF_FIRST_MS = 1_000;
export const BACK_OFF_MOST_MS = 60_000;
const DOUBLINGS_MOST = 10;

export interface PeerContext {
  /** The config has an address to dial; without one only `demand` dials, to an address that was learned. */
  readonly dialable: boolean;
  /** Dialled again when the session ends, or does not come up. */
  readonly wanted: boolean;
  /** Failures since the last session that came up. */
  readonly failures: number;
}

export type PeerEvent =
  | { type: 'connect' }
  | { type: 'disconnect' }
  /** Traffic wants a session, and there is an address to dial. */
  | { type: 'demand' }
  /** A session of this peer came up, whoever dialled. */
  | { type: 'session.up' }
  /** No session of this peer is left, or the one that was being dialled failed. */
  | { type: 'session.ended' }
  | { type: 'timer' };

/** What a gateway does about one configured peer: dial, wait, or be dialled. */
export const peerMachine = setup({
  types: {} as { context: PeerContext; events: PeerEvent; input: { dialable: boolean } },
  actions: {
    dial: command(),
    /** Closes all sessions of the peer. */
    hangUp: command(),
    /** `timer` comes after about `delay_ms`. */
    armBackOff: command<{ delay_ms: number }>(),
    disarmBackOff: command(),
    isWanted: assign({ wanted: true }),
    failedOnce: assign({ failures: ({ context }) => Math.min(context.failures + 1, DOUBLINGS_MOST) }),
    succeeded: assign({ failures: 0 }),
  },
  guards: {
    dialable: ({ context }) => context.dialable,
    wanted: ({ context }) => context.wanted,
  },
}).createMachine({
  id: 'peer',
  context: ({ input }) => ({ dialable: input.dialable, wanted: false, failures: 0 }),
  initial: 'IDLE',
  states: {
    /** Lets itself be dialled. */
    IDLE: {
      on: {
        connect: { guard: 'dialable', target: 'DIALLING', actions: ['isWanted', 'dial'] },
        demand: { target: 'DIALLING', actions: 'dial' },
        'session.up': { target: 'UP' },
        disconnect: { target: 'OFF' },
      },
    },
    DIALLING: {
      on: {
        connect: { guard: 'dialable', actions: 'isWanted' },
        'session.up': { target: 'UP', actions: 'succeeded' },
        'session.ended': { target: 'BACK-OFF', actions: [{ type: 'armBackOff', params: backOff }, 'failedOnce'] },
        disconnect: { target: 'OFF', actions: 'hangUp' },
      },
    },
    UP: {
      on: {
        connect: { guard: 'dialable', actions: 'isWanted' },
        'session.ended': [
          { guard: 'wanted', target: 'BACK-OFF', actions: [{ type: 'armBackOff', params: backOff }, 'failedOnce'] },
          { target: 'IDLE' },
        ],
        disconnect: { target: 'OFF', actions: 'hangUp' },
      },
    },
    'BACK-OFF': {
      on: {
        timer: [{ guard: 'wanted', target: 'DIALLING', actions: 'dial' }, { target: 'IDLE' }],
        connect: { guard: 'dialable', target: 'DIALLING', actions: ['isWanted', 'disarmBackOff', 'dial'] },
        'session.up': { target: 'UP', actions: ['disarmBackOff', 'succeeded'] },
        disconnect: { target: 'OFF', actions: 'disarmBackOff' },
      },
    },
    /** The operator's word: neither dials nor lets itself be dialled. */
    OFF: {
      on: {
        connect: [
          { guard: 'dialable', target: 'DIALLING', actions: ['isWanted', 'succeeded', 'dial'] },
          { target: 'IDLE' },
        ],
      },
    },
  },
});

function backOff({ context }: { context: PeerContext }): { delay_ms: number } {
  return { delay_ms: Math.min(BACK_OFF_FIRST_MS * 2 ** context.failures, BACK_OFF_MOST_MS) };
}
