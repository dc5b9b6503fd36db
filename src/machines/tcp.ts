import { setup } from 'xstate';
import { command } from './command.ts';

export type TcpEvent =
  // the user's calls (RFC 9293 section 3.10.1 to 3.10.5)
  | { type: 'open.active' }
  | { type: 'open.passive' }
  /** An ACK has brought back the SYN cookie that was our SYN+ACK's number (RFC 4987 section 3.6). */
  | { type: 'open.cookie' }
  | { type: 'close' }
  | { type: 'abort' }
  /** The held SYN may be answered by SYN+ACK now. */
  | { type: 'release' }
  /** The held SYN is answered by RST. */
  | { type: 'refuse' }
  // segments that were found acceptable and mean a change (section 3.10.7)
  | { type: 'segment.syn' }
  | { type: 'segment.syn-ack' }
  | { type: 'ack.of-syn' }
  | { type: 'ack.of-fin' }
  /** The stream of the other side has ended: its FIN is next in sequence. */
  | { type: 'fin.received' }
  /** The same FIN once more: our last ACK was lost. */
  | { type: 'fin.repeated' }
  | { type: 'rst.accepted' }
  /** SYN-RECEIVED by way of LISTEN only: another SYN in the window; back to LISTEN. */
  | { type: 'syn.again' }
  /** TIME-WAIT only: a connection with numbers beyond this one's takes its place, or its memory is needed. */
  | { type: 'syn.newer' }
  /** An ICMP error that says the other end can't be reached at all. */
  | { type: 'unreachable' }
  // section 3.10.8
  /** Sent again as often as it may be, without an answer. */
  | { type: 'timeout.retransmission' }
  | { type: 'timeout.keepalive' }
  | { type: 'timeout.time-wait' };

/** Why a connection ended; the same words as services.ts. */
export type TcpEnd = 'normal' | 'reset' | 'refused' | 'timed-out' | 'unreachable' | 'aborted';

interface Why {
  readonly reason: TcpEnd;
}

const ended = (reason: TcpEnd) => [{ type: 'tellClosed' as const, params: { reason } }, 'forget' as const] as const;
const resetAndEnd = (reason: TcpEnd) => ['sendReset' as const, ...ended(reason)] as const;

/** Ends that are possible wherever data or a FIN may be on its way. */
const BROKEN = {
  'rst.accepted': { target: '#tcp.CLOSED', actions: [...ended('reset')] },
  'timeout.retransmission': { target: '#tcp.CLOSED', actions: [...ended('timed-out')] },
};
const ABORT = { abort: { target: '#tcp.CLOSED', actions: [...resetAndEnd('aborted')] } };
const KEEPALIVE = { 'timeout.keepalive': { target: '#tcp.CLOSED', actions: [...resetAndEnd('timed-out')] } };

/**
 * One TCP connection (RFC 9293 figure 5): the 11 states by their names. SYN-RECEIVED knows whether its SYN was answered: HELD is
 * for whoever must ask a far end first. A close whose data still waits is in FIN-WAIT-1 or LAST-ACK already, as the RFC has it.
 */
export const tcpMachine = setup({
  types: {} as { context: { readonly holds: boolean }; events: TcpEvent; input: { holds: boolean } },
  actions: {
    sendSyn: command(),
    sendSynAck: command(),
    /** An ACK that does not wait. */
    sendAck: command(),
    sendReset: command(),
    /** FIN after everything written. */
    sendFin: command(),
    startTimeWait: command(),
    tellSynReceived: command(),
    tellConnected: command(),
    tellRemoteClosed: command(),
    tellClosed: command<Why>(),
    /** Nothing is left of the connection. */
    forget: command(),
  },
  guards: { holds: ({ context }) => context.holds },
}).createMachine({
  id: 'tcp',
  context: ({ input }) => ({ holds: input.holds }),
  initial: 'CLOSED',
  states: {
    CLOSED: {
      on: {
        'open.active': { target: 'SYN-SENT', actions: ['sendSyn'] },
        'open.passive': { target: 'LISTEN' },
        'open.cookie': { target: 'ESTABLISHED', actions: ['tellConnected'] },
      },
    },
    LISTEN: {
      on: {
        'segment.syn': [
          { guard: 'holds', target: 'SYN-RECEIVED.HELD', actions: ['tellSynReceived'] },
          { target: 'SYN-RECEIVED.ANSWERED', actions: ['sendSynAck'] },
        ],
      },
    },
    'SYN-SENT': {
      on: {
        'segment.syn-ack': { target: 'ESTABLISHED', actions: ['sendAck', 'tellConnected'] },
        'segment.syn': { target: 'SYN-RECEIVED.ANSWERED', actions: ['sendSynAck'] },
        'rst.accepted': { target: 'CLOSED', actions: [...ended('refused')] },
        'timeout.retransmission': { target: 'CLOSED', actions: [...ended('timed-out')] },
        unreachable: { target: 'CLOSED', actions: [...ended('unreachable')] },
        close: { target: 'CLOSED', actions: [...ended('aborted')] },
        abort: { target: 'CLOSED', actions: [...ended('aborted')] },
      },
    },
    'SYN-RECEIVED': {
      initial: 'ANSWERED',
      on: {
        'rst.accepted': { target: '#tcp.CLOSED', actions: [...ended('refused')] },
        ...ABORT,
      },
      states: {
        HELD: {
          on: {
            release: { target: 'ANSWERED', actions: ['sendSynAck'] },
            refuse: { target: '#tcp.CLOSED', actions: [...resetAndEnd('refused')] },
            close: { target: '#tcp.CLOSED', actions: [...resetAndEnd('aborted')] },
          },
        },
        ANSWERED: {
          on: {
            'ack.of-syn': { target: '#tcp.ESTABLISHED', actions: ['tellConnected'] },
            'syn.again': { target: '#tcp.CLOSED', actions: [...ended('refused')] },
            close: { target: '#tcp.FIN-WAIT-1', actions: ['sendFin'] },
            'timeout.retransmission': { target: '#tcp.CLOSED', actions: [...ended('timed-out')] },
            unreachable: { target: '#tcp.CLOSED', actions: [...ended('unreachable')] },
          },
        },
      },
    },
    ESTABLISHED: {
      on: {
        'fin.received': { target: 'CLOSE-WAIT', actions: ['sendAck', 'tellRemoteClosed'] },
        close: { target: 'FIN-WAIT-1', actions: ['sendFin'] },
        ...BROKEN,
        ...KEEPALIVE,
        ...ABORT,
      },
    },
    'FIN-WAIT-1': {
      on: {
        'ack.of-fin': { target: 'FIN-WAIT-2' },
        'fin.received': { target: 'CLOSING', actions: ['sendAck', 'tellRemoteClosed'] },
        ...BROKEN,
        ...ABORT,
      },
    },
    'FIN-WAIT-2': {
      on: {
        'fin.received': {
          target: 'TIME-WAIT',
          actions: [
            'sendAck',
            'tellRemoteClosed',
            'startTimeWait',
            { type: 'tellClosed', params: { reason: 'normal' } },
          ],
        },
        'rst.accepted': BROKEN['rst.accepted'],
        ...KEEPALIVE,
        ...ABORT,
      },
    },
    'CLOSE-WAIT': {
      on: {
        close: { target: 'LAST-ACK', actions: ['sendFin'] },
        ...BROKEN,
        ...KEEPALIVE,
        ...ABORT,
      },
    },
    CLOSING: {
      on: {
        'ack.of-fin': {
          target: 'TIME-WAIT',
          actions: ['startTimeWait', { type: 'tellClosed', params: { reason: 'normal' } }],
        },
        ...BROKEN,
        ...ABORT,
      },
    },
    'LAST-ACK': {
      on: {
        'ack.of-fin': { target: 'CLOSED', actions: [...ended('normal')] },
        ...BROKEN,
        ...ABORT,
      },
    },
    'TIME-WAIT': {
      on: {
        'fin.repeated': { actions: ['sendAck', 'startTimeWait'] },
        'timeout.time-wait': { target: 'CLOSED', actions: ['forget'] },
        'rst.accepted': { target: 'CLOSED', actions: ['forget'] },
        'syn.newer': { target: 'CLOSED', actions: ['forget'] },
        abort: { target: 'CLOSED', actions: ['forget'] },
      },
    },
  },
});

/** What segment handlers read of the machine. */
export interface TcpDecision {
  readonly state: TcpState;
  /** A SYN that waits for the far end's word. */
  readonly held: boolean;
  /** Data of the other side is taken in. */
  readonly receives: boolean;
  /** Data and FIN may be put on the wire. */
  readonly sends: boolean;
  /** The user may write. */
  readonly writable: boolean;
  /** The user has closed: FIN follows the last byte. */
  readonly finishes: boolean;
}

/** The 11 states (RFC 9293 section 3.3.2). */
export const TCP_STATES = [
  'CLOSED',
  'LISTEN',
  'SYN-SENT',
  'SYN-RECEIVED',
  'ESTABLISHED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
  'TIME-WAIT',
] as const;
export type TcpState = (typeof TCP_STATES)[number];

const decisionOf = (state: TcpState, is: Partial<TcpDecision>): TcpDecision =>
  Object.freeze({ state, held: false, receives: false, sends: false, writable: false, finishes: false, ...is });

const DECISIONS: Readonly<Record<TcpState, TcpDecision>> = {
  CLOSED: decisionOf('CLOSED', {}),
  LISTEN: decisionOf('LISTEN', {}),
  'SYN-SENT': decisionOf('SYN-SENT', { writable: true }),
  'SYN-RECEIVED': decisionOf('SYN-RECEIVED', { writable: true }),
  ESTABLISHED: decisionOf('ESTABLISHED', { receives: true, sends: true, writable: true }),
  'FIN-WAIT-1': decisionOf('FIN-WAIT-1', { receives: true, sends: true, finishes: true }),
  'FIN-WAIT-2': decisionOf('FIN-WAIT-2', { receives: true }),
  'CLOSE-WAIT': decisionOf('CLOSE-WAIT', { sends: true, writable: true }),
  CLOSING: decisionOf('CLOSING', { sends: true, finishes: true }),
  'LAST-ACK': decisionOf('LAST-ACK', { sends: true, finishes: true }),
  'TIME-WAIT': decisionOf('TIME-WAIT', {}),
};
const HELD = decisionOf('SYN-RECEIVED', { held: true });

/** The decision for a value of the machine's snapshot. */
export function tcpDecision(value: string | object): TcpDecision {
  if (typeof value === 'string') return DECISIONS[value as TcpState];
  return (value as { 'SYN-RECEIVED': string })['SYN-RECEIVED'] === 'HELD' ? HELD : DECISIONS['SYN-RECEIVED'];
}

/** The decision for a snapshot of the machine. */
export function tcpDecisionOf({ value }: { readonly value: string | object }): TcpDecision {
  return tcpDecision(value);
}
