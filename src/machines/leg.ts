import { assign, setup } from 'xstate';
import { command } from './command.ts';

/** Times that HELLO is sent: with 300 ms doubling a silent far end is given up after about 19 s. */
export const HELLO_TRIES = 6;
/** Times that a connection request is sent. */
export const REQUEST_TRIES = 8;
export const FIRST_RETRY_MS = 300;
/** A local TCP that leaves the forged SYN unanswered for so long refuses. */
export const FORGED_MS = 20_000;
/** A leg whose streams have both ended still answers so long: the peer may not know that its last packet arrived. */
export const LINGER_MS = 10_000;

export interface LegContext {
  readonly immediate: boolean;
  /** Times that the present packet was sent. */
  readonly sent: number;
}

export type LegEvent =
  /** Near end: the local TCP's SYN was taken from it. */
  | { type: 'syn.taken' }
  /** Far end: a connection request with a valid cookie for an announced destination. */
  | { type: 'request.accepted' }
  /** The same request again: our answer was lost. */
  | { type: 'request.again' }
  | { type: 'cookie.received' }
  | { type: 'complete.received' }
  | { type: 'refused.received'; reason: number }
  /** The peer is gone: it did not answer for itself when somebody said so. */
  | { type: 'peer.lost' }
  /** Keys were handed over: the peer is who it must be. */
  | { type: 'peer.proven' }
  | { type: 'timer.retry' }
  | { type: 'timer.linger' }
  /** Far end: the local TCP answered the forged SYN. */
  | { type: 'local.connected' }
  /** Far end: the local TCP answered the forged SYN by RST, or not at all. */
  | { type: 'local.refused'; reason: number }
  /** The local TCP's connection has ended or was reset. */
  | { type: 'local.gone'; reason: number }
  /** Both directions of the stream were ended in order. */
  | { type: 'stream.finished' }
  /** A stream packet went unanswered too often, or the local TCP spoke nonsense. */
  | { type: 'stream.failed'; reason: number }
  | { type: 'withdrawn'; reason: number };

interface Why {
  reason: number;
}

/**
 * One driver-to-driver leg (docs/PROTOCOL.md section 2; spec 2.4 steps 7-17). Near end: IDLE, HELLO-SENT, REQUESTED, OPEN. Far end: IDLE,
 * SYN-FORGED, OPEN. The near end holds its TCP's SYN until COMPLETE, or answers it at once (`immediate`).
 */
export const legMachine = setup({
  types: {} as { context: LegContext; events: LegEvent; input: { immediate: boolean } },
  actions: {
    sendHello: command(),
    sendRequest: command(),
    sendComplete: command(),
    sendRefused: command<Why>(),
    sendBye: command<Why>(),
    /** `delay_ms` until `timer.retry`. */
    armRetry: command<{ delay_ms: number }>(),
    disarmRetry: command(),
    armLinger: command(),
    disarmLinger: command(),
    /** SYN in the name of the near TCP. */
    forgeSyn: command(),
    /** SYN+ACK in the name of the far TCP. */
    releaseLocal: command(),
    /** RST in the name of the far TCP. */
    abortLocal: command(),
    indicateOpen: command(),
    indicateClosed: command<Why>(),
    /** The leg needs nothing any more. */
    forget: command(),
    sentOnce: assign({ sent: 1 }),
    sentAgain: assign({ sent: ({ context }) => context.sent + 1 }),
  },
  guards: {
    immediate: ({ context }) => context.immediate,
    hold: ({ context }) => !context.immediate,
    helloTriesLeft: ({ context }) => context.sent < HELLO_TRIES,
    requestTriesLeft: ({ context }) => context.sent < REQUEST_TRIES,
  },
}).createMachine({
  id: 'leg',
  context: ({ input }) => ({ immediate: input.immediate, sent: 0 }),
  initial: 'IDLE',
  states: {
    IDLE: {
      on: {
        'syn.taken': [
          {
            guard: 'immediate',
            target: 'HELLO-SENT',
            actions: ['releaseLocal', 'sentOnce', 'sendHello', { type: 'armRetry', params: firstRetry }],
          },
          { target: 'HELLO-SENT', actions: ['sentOnce', 'sendHello', { type: 'armRetry', params: firstRetry }] },
        ],
        'request.accepted': {
          target: 'SYN-FORGED',
          actions: ['forgeSyn', { type: 'armRetry', params: { delay_ms: FORGED_MS } }],
        },
      },
    },
    'HELLO-SENT': {
      on: {
        'cookie.received': {
          target: 'REQUESTED',
          actions: ['sentOnce', 'sendRequest', { type: 'armRetry', params: firstRetry }],
        },
        'timer.retry': [
          { guard: 'helloTriesLeft', actions: ['sentAgain', 'sendHello', { type: 'armRetry', params: nextRetry }] },
          { target: 'CLOSED', actions: ['abortLocal', { type: 'indicateClosed', params: timedOut }] },
        ],
        'refused.received': {
          target: 'CLOSED',
          actions: ['disarmRetry', 'abortLocal', { type: 'indicateClosed', params: reasonOf }],
        },
        'local.gone': { target: 'CLOSED', actions: ['disarmRetry', { type: 'indicateClosed', params: reasonOf }] },
        withdrawn: {
          target: 'CLOSED',
          actions: ['disarmRetry', 'abortLocal', { type: 'indicateClosed', params: reasonOf }],
        },
      },
    },
    REQUESTED: {
      on: {
        'complete.received': [
          { guard: 'hold', target: 'OPEN', actions: ['disarmRetry', 'releaseLocal', 'indicateOpen'] },
          { target: 'OPEN', actions: ['disarmRetry', 'indicateOpen'] },
        ],
        'timer.retry': [
          { guard: 'requestTriesLeft', actions: ['sentAgain', 'sendRequest', { type: 'armRetry', params: nextRetry }] },
          { target: 'CLOSED', actions: ['abortLocal', { type: 'indicateClosed', params: timedOut }] },
        ],
        'refused.received': {
          target: 'CLOSED',
          actions: ['disarmRetry', 'abortLocal', { type: 'indicateClosed', params: reasonOf }],
        },
        'local.gone': {
          target: 'CLOSED',
          actions: ['disarmRetry', { type: 'sendBye', params: reasonOf }, { type: 'indicateClosed', params: reasonOf }],
        },
        withdrawn: {
          target: 'CLOSED',
          actions: [
            'disarmRetry',
            { type: 'sendBye', params: reasonOf },
            'abortLocal',
            { type: 'indicateClosed', params: reasonOf },
          ],
        },
      },
    },
    'SYN-FORGED': {
      on: {
        'local.connected': { target: 'OPEN', actions: ['disarmRetry', 'sendComplete', 'indicateOpen'] },
        'local.refused': {
          target: 'CLOSED',
          actions: [
            'disarmRetry',
            { type: 'sendRefused', params: reasonOf },
            { type: 'indicateClosed', params: reasonOf },
          ],
        },
        'timer.retry': {
          target: 'CLOSED',
          actions: [
            { type: 'sendRefused', params: timedOut },
            'abortLocal',
            { type: 'indicateClosed', params: timedOut },
          ],
        },
        withdrawn: {
          target: 'CLOSED',
          actions: [
            'disarmRetry',
            { type: 'sendRefused', params: reasonOf },
            'abortLocal',
            { type: 'indicateClosed', params: reasonOf },
          ],
        },
      },
    },
    OPEN: {
      initial: 'UNPROVEN',
      on: {
        'request.again': { actions: 'sendComplete' },
        'local.gone': {
          target: 'CLOSED',
          actions: [
            { type: 'sendBye', params: reasonOf },
            { type: 'indicateClosed', params: reasonOf },
          ],
        },
        'stream.finished': {
          target: 'LINGERING',
          actions: ['armLinger', { type: 'indicateClosed', params: noReason }],
        },
        'peer.lost': { target: 'CLOSED', actions: ['abortLocal', { type: 'indicateClosed', params: timedOut }] },
        'stream.failed': {
          target: 'CLOSED',
          actions: ['abortLocal', { type: 'indicateClosed', params: reasonOf }],
        },
        withdrawn: {
          target: 'CLOSED',
          actions: [{ type: 'sendBye', params: reasonOf }, 'abortLocal', { type: 'indicateClosed', params: reasonOf }],
        },
      },
      states: {
        /** Anybody with a true address gets as far as this; such legs are few (see the driver's limits). */
        UNPROVEN: { on: { 'peer.proven': 'PROVEN' } },
        PROVEN: {},
      },
    },
    LINGERING: {
      on: {
        'timer.linger': { target: 'CLOSED', actions: { type: 'sendBye', params: noReason } },
        withdrawn: { target: 'CLOSED', actions: ['disarmLinger', { type: 'sendBye', params: reasonOf }] },
      },
    },
    CLOSED: { entry: 'forget' },
  },
});

function firstRetry(): { delay_ms: number } {
  return { delay_ms: FIRST_RETRY_MS };
}

function nextRetry({ context }: { context: LegContext }): { delay_ms: number } {
  return { delay_ms: FIRST_RETRY_MS * 2 ** (context.sent - 1) };
}

/** Number 3 of docs/PROTOCOL.md section 2. */
function timedOut(): Why {
  return { reason: 3 };
}

function noReason(): Why {
  return { reason: 0 };
}

function reasonOf({ event }: { event: LegEvent }): Why {
  return { reason: 'reason' in event ? event.reason : 0 };
}
