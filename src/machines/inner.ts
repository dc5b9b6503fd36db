import { assign, setup } from 'xstate';
import { command } from './command.ts';

/** CONN-REQ goes out so often while nobody has answered; the first pause, each next one twice as long. */
export const REQUESTS = 3;
const FIRST_PAUSE_MS = 500;
/** Pauses once the counterpart has shown that it is there, and how many of them in a row may pass without another word. */
const AWAITED_PAUSE_MS = 10_000;
const AWAITED_PAUSES = 6;

export type InnerEvent =
  /** The host's SYN came and is held. */
  | { type: 'syn' }
  /** The same SYN once more. */
  | { type: 'syn.again' }
  /** CONN-REQ came; once more. */
  | { type: 'request' }
  | { type: 'request.again' }
  | { type: 'done' }
  | { type: 'trying' }
  /** What the far TCP said, or what told on the way. */
  | { type: 'refused'; reason: number; code: number }
  /** Whoever is there has no counterpart. */
  | { type: 'alone' }
  | { type: 'local.connected' }
  /** The host's TCP does not open what the CONN-REQ asked for. */
  | { type: 'local.refused'; reason: number; code: number }
  /** The stream that comes from the host has ended. */
  | { type: 'local.ended' }
  /** The host's connection is over in good order; `confirmed`: the peer is known to have our FIN. */
  | { type: 'local.finished'; confirmed: boolean }
  /** It is over by RST, or because the host is silent. */
  | { type: 'local.broken' }
  /** The peer's FIN came, in order. */
  | { type: 'peer.ended' }
  | { type: 'peer.reset' }
  /** The peer has all that we sent, our FIN included. */
  | { type: 'confirmed' }
  /** The leg can't go on. */
  | { type: 'broken'; reason: number }
  | { type: 'timer.retry' }
  | { type: 'stop'; reason: number };

interface InnerContext {
  /** Requests without an answer, or pauses without a word. */
  tries: number;
  /** In handshake `immediate`: the host has ended its stream before there was anybody to tell. */
  endedEarly: boolean;
}

const RESET = { type: 'sendReset' as const, params: reasonOf };
const BREAKS = {
  'local.broken': { target: 'CLOSED', actions: ['sendResetByHost' as const] },
  'peer.reset': { target: 'CLOSED', actions: ['abortLocal' as const] },
  broken: { target: 'CLOSED', actions: [RESET, 'abortLocal' as const] },
  stop: { target: 'CLOSED', actions: [RESET, 'abortLocal' as const] },
};
/** The CONN-DONE was lost. */
const AGAIN = { 'request.again': { actions: ['sendDone' as const] } };
const ANSWERS = {
  done: [
    {
      guard: 'endedEarly' as const,
      target: 'LOCAL_ENDED',
      actions: ['disarmRetry' as const, 'releaseLocal' as const, 'sendFin' as const],
    },
    { target: 'OPEN', actions: ['disarmRetry' as const, 'releaseLocal' as const] },
  ],
  refused: { target: 'CLOSED', actions: ['disarmRetry' as const, { type: 'refuseLocal' as const, params: refusalOf }] },
  'local.broken': { target: 'CLOSED', actions: ['disarmRetry' as const] },
  'local.ended': { actions: ['noteEarlyEnd' as const] },
  stop: { target: 'CLOSED', actions: ['disarmRetry' as const, 'abortLocal' as const] },
};

/**
 * One end of a session on the inner leg (spec 5.5): its host's TCP on one side, the other end's messages on the other. At the near end a
 * SYN of the host is held (or answered at once, `immediate`) until CONN-DONE; at the far end CONN-REQ opens a connection to the host.
 * Whoever has ended its stream first gets the other one's FIN only after all its bytes and its FIN have arrived at the other host:
 * until then a RST can still tell it that they did not.
 */
export const innerMachine = setup({
  types: {} as { events: InnerEvent; context: InnerContext },
  guards: {
    endedEarly: ({ context }) => context.endedEarly,
    hasTries: ({ context }) => context.tries < REQUESTS,
    isAwaited: ({ context }) => context.tries < AWAITED_PAUSES,
  },
  actions: {
    countTry: assign({ tries: ({ context }) => context.tries + 1 }),
    forgetTries: assign({ tries: 0 }),
    noteEarlyEnd: assign({ endedEarly: true }),
    sendRequest: command(),
    sendTrying: command(),
    sendDone: command(),
    sendRefused: command<{ reason: number; code: number }>(),
    sendFin: command(),
    sendReset: command<{ reason: number }>(),
    sendResetByHost: command(),
    armRetry: command<{ delay_ms: number }>(),
    disarmRetry: command(),
    openLocal: command(),
    /** Answers the held SYN. */
    releaseLocal: command(),
    refuseLocal: command<{ reason: number; code: number }>(),
    /** Nobody answered for too long. */
    refuseLocalTimedOut: command(),
    /** The held SYN goes out as it came. */
    bypass: command<{ heard: boolean }>(),
    /** FIN after everything written. */
    closeLocal: command(),
    abortLocal: command(),
  },
}).createMachine({
  id: 'inner',
  context: { tries: 0, endedEarly: false },
  initial: 'WAITING',
  states: {
    WAITING: {
      on: {
        syn: {
          target: 'HELD',
          actions: ['sendRequest', 'countTry', { type: 'armRetry', params: { delay_ms: FIRST_PAUSE_MS } }],
        },
        request: { target: 'OPENING', actions: ['openLocal'] },
      },
    },
    /** Near: CONN-REQ is out, and nobody has answered yet. */
    HELD: {
      on: {
        'syn.again': { actions: ['sendRequest'] },
        'timer.retry': [
          { guard: 'hasTries', actions: ['sendRequest', { type: 'armRetry', params: pauseOf }, 'countTry'] },
          { target: 'CLOSED', actions: [{ type: 'bypass', params: { heard: false } }] },
        ],
        alone: { target: 'CLOSED', actions: ['disarmRetry', { type: 'bypass', params: { heard: true } }] },
        trying: {
          target: 'AWAITED',
          actions: ['forgetTries', { type: 'armRetry', params: { delay_ms: AWAITED_PAUSE_MS } }],
        },
        ...ANSWERS,
      },
    },
    /** Near: the counterpart is there, and its host has still to answer. */
    AWAITED: {
      on: {
        'syn.again': { actions: ['sendRequest'] },
        trying: { actions: ['forgetTries'] },
        'timer.retry': [
          {
            guard: 'isAwaited',
            actions: ['sendRequest', { type: 'armRetry', params: { delay_ms: AWAITED_PAUSE_MS } }, 'countTry'],
          },
          { target: 'CLOSED', actions: ['refuseLocalTimedOut'] },
        ],
        ...ANSWERS,
      },
    },
    /** Far: our TCP asks the host's. */
    OPENING: {
      on: {
        'request.again': { actions: ['sendTrying'] },
        'local.connected': { target: 'OPEN', actions: ['sendDone'] },
        'local.refused': { target: 'CLOSED', actions: [{ type: 'sendRefused', params: refusalOf }] },
        'peer.reset': { target: 'CLOSED', actions: ['abortLocal'] },
        stop: { target: 'CLOSED', actions: [RESET, 'abortLocal'] },
      },
    },
    OPEN: {
      on: {
        'local.ended': { target: 'LOCAL_ENDED', actions: ['sendFin'] },
        'peer.ended': { target: 'PEER_ENDED', actions: ['closeLocal'] },
        ...AGAIN,
        ...BREAKS,
      },
    },
    /** Half closed: only the peer's host sends. */
    LOCAL_ENDED: {
      on: { 'peer.ended': { target: 'FINISHING', actions: ['closeLocal'] }, ...AGAIN, ...BREAKS },
    },
    /** Both have ended; the peer's last bytes are on their way to the host. */
    FINISHING: {
      on: {
        'local.finished': [{ guard: ({ event }) => event.confirmed, target: 'CLOSED' }, { target: 'CONFIRMING' }],
        ...BREAKS,
      },
    },
    /** Half closed: only our host sends. */
    PEER_ENDED: {
      on: { 'local.ended': { target: 'DRAINING' }, ...BREAKS },
    },
    /** Our host has ended as second: our FIN waits until it has everything. */
    DRAINING: {
      on: { 'local.finished': { target: 'CONFIRMING', actions: ['sendFin'] }, ...BREAKS },
    },
    /** The host is done; the last of its bytes are on their way to the peer. */
    CONFIRMING: {
      on: {
        confirmed: { target: 'CLOSED' },
        'peer.reset': { target: 'CLOSED' },
        broken: { target: 'CLOSED', actions: [RESET] },
        stop: { target: 'CLOSED', actions: [RESET] },
      },
    },
    CLOSED: {},
  },
});

function reasonOf({ event }: { event: InnerEvent }): { reason: number } {
  return { reason: event.type === 'broken' || event.type === 'stop' ? event.reason : 0 };
}

function refusalOf({ event }: { event: InnerEvent }): { reason: number; code: number } {
  const told = event.type === 'refused' || event.type === 'local.refused';
  return told ? { reason: event.reason, code: event.code } : { reason: 0, code: 0 };
}

/** Called before the try is counted. */
function pauseOf({ context }: { context: InnerContext }): { delay_ms: number } {
  return { delay_ms: FIRST_PAUSE_MS * 2 ** context.tries };
}
