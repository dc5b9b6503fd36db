import { assign, setup } from 'xstate';
import { command } from './command.ts';
import { FIRST_RETRY_MS, HELLO_TRIES, LINGER_MS } from './leg.ts';

/** ICMP says that nobody is there: HELLO goes out once more, and silence for so long is believed. */
export const DOUBT_MS = 2_000;

export interface UdpContext {
  /** Times that HELLO was sent. */
  readonly sent: number;
  /** What ICMP said, for the case that it is true. */
  readonly doubt: string;
}

export type UdpEvent =
  /** Near end: the user asks for a connection. */
  | { type: 'connect' }
  /** Far end: a packet that brought a valid cookie to a port that is listened on. */
  | { type: 'cookie.returned' }
  /** Near end: the answer to HELLO. */
  | { type: 'cookie.received' }
  /** First packet with both tokens: the peer keeps this connection. */
  | { type: 'peer.heard' }
  /** The peer keeps no connection: REFUSED or BYE, before anything else of it. `reason`: what the user will be told. */
  | { type: 'peer.refused'; reason: string }
  /** The peer did not answer for itself when somebody said that it is gone. */
  | { type: 'peer.lost' }
  /** ICMP says that HELLO did not arrive. */
  | { type: 'icmp.unreachable'; reason: string }
  /** A stream packet went unanswered too often, or the peer's stream holds nonsense. */
  | { type: 'stream.failed' }
  /** Both directions of the stream were ended in order. */
  | { type: 'stream.finished' }
  /** The user wants no more of it. */
  | { type: 'abort' }
  | { type: 'timer' };

interface Why {
  reason: string;
}
interface Delay {
  delay_ms: number;
}

/**
 * One connection of a UDP layer 2003/3003 (docs/PROTOCOL.md section 2; spec 11.4 steps 3-6): one establishment packet each way, HELLO and COOKIE.
 * Near end: IDLE, HELLO-SENT, OPEN. Far end: IDLE until the cookie has come back, then OPEN.
 */
export const udpMachine = setup({
  types: {} as { context: UdpContext; events: UdpEvent },
  actions: {
    sendHello: command(),
    /** BYE: the peer shall not wait for us. */
    sendBye: command(),
    /** `timer` comes after `delay_ms`. */
    armTimer: command<Delay>(),
    disarmTimer: command(),
    /** The stream may send. */
    openStream: command(),
    indicateAccepted: command(),
    indicateConnected: command(),
    indicateClosed: command<Why>(),
    /** Nothing of it is needed any more. */
    forget: command(),
    sentOnce: assign({ sent: 1 }),
    sentAgain: assign({ sent: ({ context }) => context.sent + 1 }),
    keepDoubt: assign({ doubt: ({ event }) => reasonOf({ event }).reason }),
  },
  guards: { triesLeft: ({ context }) => context.sent < HELLO_TRIES },
}).createMachine({
  id: 'udp',
  context: { sent: 0, doubt: '' },
  initial: 'IDLE',
  states: {
    IDLE: {
      on: {
        connect: {
          target: 'HELLO-SENT',
          actions: ['sentOnce', 'sendHello', { type: 'armTimer', params: firstRetry }],
        },
        'cookie.returned': { target: 'OPEN.ESTABLISHED', actions: ['indicateAccepted', 'openStream'] },
      },
    },
    'HELLO-SENT': {
      on: {
        'cookie.received': { target: 'OPEN', actions: ['disarmTimer', 'indicateConnected', 'openStream'] },
        'icmp.unreachable': {
          target: 'DOUBTED',
          actions: ['keepDoubt', 'sendHello', { type: 'armTimer', params: doubtTime }],
        },
        timer: [
          { guard: 'triesLeft', actions: ['sentAgain', 'sendHello', { type: 'armTimer', params: nextRetry }] },
          { target: 'CLOSED', actions: { type: 'indicateClosed', params: timedOut } },
        ],
        abort: { target: 'CLOSED', actions: ['disarmTimer', { type: 'indicateClosed', params: aborted }] },
      },
    },
    /** Whoever guesses the ports can forge an ICMP error: the cookie still wins. */
    DOUBTED: {
      on: {
        'cookie.received': { target: 'OPEN', actions: ['disarmTimer', 'indicateConnected', 'openStream'] },
        timer: { target: 'CLOSED', actions: { type: 'indicateClosed', params: doubtOf } },
        abort: { target: 'CLOSED', actions: ['disarmTimer', { type: 'indicateClosed', params: aborted }] },
      },
    },
    OPEN: {
      initial: 'OPENING',
      on: {
        'peer.lost': { target: 'CLOSED', actions: { type: 'indicateClosed', params: reset } },
        'stream.failed': { target: 'CLOSED', actions: ['sendBye', { type: 'indicateClosed', params: timedOut }] },
        'stream.finished': {
          target: 'LINGERING',
          actions: [
            { type: 'armTimer', params: lingerTime },
            { type: 'indicateClosed', params: normal },
          ],
        },
        abort: { target: 'CLOSED', actions: ['sendBye', { type: 'indicateClosed', params: aborted }] },
      },
      states: {
        /** The near end sends with the cookie, until it knows the token of the other end. */
        OPENING: {
          on: {
            'peer.heard': 'ESTABLISHED',
            'peer.refused': { target: '#udp.CLOSED', actions: { type: 'indicateClosed', params: reasonOf } },
          },
        },
        ESTABLISHED: {},
      },
    },
    /** Over for the user; the peer may not know yet that its last packet arrived. */
    LINGERING: { on: { timer: 'CLOSED', abort: { target: 'CLOSED', actions: 'disarmTimer' } } },
    CLOSED: { entry: 'forget' },
  },
});

function firstRetry(): Delay {
  return { delay_ms: FIRST_RETRY_MS };
}

function nextRetry({ context }: { context: UdpContext }): Delay {
  return { delay_ms: FIRST_RETRY_MS * 2 ** (context.sent - 1) };
}

function doubtTime(): Delay {
  return { delay_ms: DOUBT_MS };
}

function lingerTime(): Delay {
  return { delay_ms: LINGER_MS };
}

function normal(): Why {
  return { reason: 'normal' };
}

function timedOut(): Why {
  return { reason: 'timed-out' };
}

function aborted(): Why {
  return { reason: 'aborted' };
}

function reset(): Why {
  return { reason: 'reset' };
}

function doubtOf({ context }: { context: UdpContext }): Why {
  return { reason: context.doubt };
}

function reasonOf({ event }: { event: UdpEvent }): Why {
  return { reason: 'reason' in event ? event.reason : '' };
}
