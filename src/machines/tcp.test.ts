import { describe, expect, it } from 'vitest';
import { type MachineCommand, MachineHost } from '../actors/machine-host.ts';
import { type TcpEvent, tcpDecision, tcpMachine } from './tcp.ts';

type Kind = TcpEvent['type'];

/** Events that lead from CLOSED to each state. */
const WAY: Readonly<Record<string, readonly Kind[]>> = {
  CLOSED: [],
  LISTEN: ['open.passive'],
  'SYN-SENT': ['open.active'],
  'SYN-RECEIVED.HELD': ['open.passive', 'segment.syn'],
  'SYN-RECEIVED.ANSWERED': ['open.active', 'segment.syn'],
  ESTABLISHED: ['open.active', 'segment.syn-ack'],
  'FIN-WAIT-1': ['open.active', 'segment.syn-ack', 'close'],
  'FIN-WAIT-2': ['open.active', 'segment.syn-ack', 'close', 'ack.of-fin'],
  'CLOSE-WAIT': ['open.active', 'segment.syn-ack', 'fin.received'],
  CLOSING: ['open.active', 'segment.syn-ack', 'close', 'fin.received'],
  'LAST-ACK': ['open.active', 'segment.syn-ack', 'fin.received', 'close'],
  'TIME-WAIT': ['open.active', 'segment.syn-ack', 'close', 'ack.of-fin', 'fin.received'],
};

const EVENTS: readonly Kind[] = [
  'open.active',
  'open.passive',
  'open.cookie',
  'close',
  'abort',
  'release',
  'refuse',
  'segment.syn',
  'segment.syn-ack',
  'ack.of-syn',
  'ack.of-fin',
  'fin.received',
  'fin.repeated',
  'rst.accepted',
  'syn.newer',
  'unreachable',
  'timeout.retransmission',
  'timeout.keepalive',
  'timeout.time-wait',
];

const RESET = 'CLOSED: closed reset, forget';
const TIMED_OUT = 'CLOSED: closed timed-out, forget';
const ABORTED = 'CLOSED: sendReset, closed aborted, forget';
const SILENT_ABORT = 'CLOSED: closed aborted, forget';
const KEEPALIVE = 'CLOSED: sendReset, closed timed-out, forget';
const TIME_WAIT = 'startTimeWait, closed normal';

/** New state and commands of every transition (RFC 9293 figure 5 and section 3.10); what is not here changes nothing. */
const TABLE: Readonly<Record<string, Readonly<Partial<Record<Kind, string>>>>> = {
  CLOSED: {
    'open.active': 'SYN-SENT: sendSyn',
    'open.passive': 'LISTEN: ',
    'open.cookie': 'ESTABLISHED: tellConnected',
  },
  LISTEN: { 'segment.syn': 'SYN-RECEIVED.HELD: tellSynReceived' },
  'SYN-SENT': {
    'segment.syn-ack': 'ESTABLISHED: sendAck, tellConnected',
    'segment.syn': 'SYN-RECEIVED.ANSWERED: sendSynAck',
    'rst.accepted': 'CLOSED: closed refused, forget',
    'timeout.retransmission': TIMED_OUT,
    unreachable: 'CLOSED: closed unreachable, forget',
    close: SILENT_ABORT,
    abort: SILENT_ABORT,
  },
  'SYN-RECEIVED.HELD': {
    release: 'SYN-RECEIVED.ANSWERED: sendSynAck',
    refuse: 'CLOSED: sendReset, closed refused, forget',
    close: ABORTED,
    abort: ABORTED,
    'rst.accepted': 'CLOSED: closed refused, forget',
  },
  'SYN-RECEIVED.ANSWERED': {
    'ack.of-syn': 'ESTABLISHED: tellConnected',
    close: 'FIN-WAIT-1: sendFin',
    abort: ABORTED,
    'rst.accepted': 'CLOSED: closed refused, forget',
    'timeout.retransmission': TIMED_OUT,
    unreachable: 'CLOSED: closed unreachable, forget',
  },
  ESTABLISHED: {
    'fin.received': 'CLOSE-WAIT: sendAck, tellRemoteClosed',
    close: 'FIN-WAIT-1: sendFin',
    abort: ABORTED,
    'rst.accepted': RESET,
    'timeout.retransmission': TIMED_OUT,
    'timeout.keepalive': KEEPALIVE,
  },
  'FIN-WAIT-1': {
    'ack.of-fin': 'FIN-WAIT-2: ',
    'fin.received': 'CLOSING: sendAck, tellRemoteClosed',
    abort: ABORTED,
    'rst.accepted': RESET,
    'timeout.retransmission': TIMED_OUT,
  },
  'FIN-WAIT-2': {
    'fin.received': `TIME-WAIT: sendAck, tellRemoteClosed, ${TIME_WAIT}`,
    abort: ABORTED,
    'rst.accepted': RESET,
    'timeout.keepalive': KEEPALIVE,
  },
  'CLOSE-WAIT': {
    close: 'LAST-ACK: sendFin',
    abort: ABORTED,
    'rst.accepted': RESET,
    'timeout.retransmission': TIMED_OUT,
    'timeout.keepalive': KEEPALIVE,
  },
  CLOSING: {
    'ack.of-fin': `TIME-WAIT: ${TIME_WAIT}`,
    abort: ABORTED,
    'rst.accepted': RESET,
    'timeout.retransmission': TIMED_OUT,
  },
  'LAST-ACK': {
    'ack.of-fin': 'CLOSED: closed normal, forget',
    abort: ABORTED,
    'rst.accepted': RESET,
    'timeout.retransmission': TIMED_OUT,
  },
  'TIME-WAIT': {
    'fin.repeated': 'TIME-WAIT: sendAck, startTimeWait',
    'timeout.time-wait': 'CLOSED: forget',
    'rst.accepted': 'CLOSED: forget',
    'syn.newer': 'CLOSED: forget',
    abort: 'CLOSED: forget',
  },
};

function hostIn(state: string, commands: string[], holds = true) {
  const host = new MachineHost({
    machine: tcpMachine,
    instance: 'test',
    input: { holds },
    decide: (snapshot) => tcpDecision(snapshot.value),
    execute: (command) => commands.push(nameOf(command)),
  });
  for (const type of WAY[state] ?? []) host.send({ type });
  expect(host.state).toBe(state);
  commands.length = 0;
  return host;
}

function nameOf({ type, params }: MachineCommand): string {
  return type === 'tellClosed' ? `closed ${params.reason}` : type;
}

describe('the TCP machine', () => {
  for (const [state, row] of Object.entries(TABLE)) {
    it.each(EVENTS)(`in ${state} takes %s as the table says`, (type) => {
      const commands: string[] = [];
      const host = hostIn(state, commands);
      host.send({ type });
      expect(`${host.state}: ${commands.join(', ')}`).toBe(row[type] ?? `${state}: `);
    });
  }

  it('answers a SYN at once where it is not to be held', () => {
    const commands: string[] = [];
    const host = hostIn('LISTEN', commands, false);
    host.send({ type: 'segment.syn' });
    expect([host.state, ...commands]).toEqual(['SYN-RECEIVED.ANSWERED', 'sendSynAck']);
  });

  it.each(Object.keys(TABLE))('decides for %s by its own name', (state) => {
    const { decision } = hostIn(state, []);
    expect(decision.state).toBe(state.split('.')[0]);
    expect(decision.held).toBe(state === 'SYN-RECEIVED.HELD');
  });
});
