import { describe, expect, it } from 'vitest';
import { pattern, segment, type TcpEnd, TcpPair } from '../../../test/support/tcp-pair.ts';
import { Flag } from '../../wire/tcp.ts';
import { FIN_WAIT_KEEPALIVE } from './limits.ts';

/** Numbers of a pair that is open and has sent nothing. */
const CLIENT = 1_001;
const SERVER = 2_001;

const close = (end: TcpEnd): void => end.run((connection) => connection.close());
const states = (pair: TcpPair): string[] => [pair.client.connection.state, pair.server.connection.state];

/** Pairs whose client is in each synchronized state; nothing is lost, time stands. */
const IN: Readonly<Record<string, () => TcpPair>> = {
  ESTABLISHED: () => new TcpPair({ client: { timestamps: false } }).connect(),
  'FIN-WAIT-1': () => {
    const pair = IN.ESTABLISHED();
    pair.passes = () => false;
    close(pair.client);
    return pair;
  },
  'FIN-WAIT-2': () => {
    const pair = IN.ESTABLISHED();
    close(pair.client);
    pair.pass(10_000);
    return pair;
  },
  'CLOSE-WAIT': () => {
    const pair = IN.ESTABLISHED();
    close(pair.server);
    pair.pass(10_000);
    return pair;
  },
  CLOSING: () => {
    const pair = IN['FIN-WAIT-1']();
    pair.client.arrive(segment(Flag.FIN | Flag.ACK, SERVER, CLIENT));
    return pair;
  },
  'LAST-ACK': () => {
    const pair = IN['CLOSE-WAIT']();
    pair.passes = () => false;
    close(pair.client);
    return pair;
  },
  'TIME-WAIT': () => {
    const pair = IN['FIN-WAIT-2']();
    pair.passes = () => false;
    pair.client.arrive(segment(Flag.FIN | Flag.ACK, SERVER, CLIENT + 1));
    return pair;
  },
};
/** Next number that the client expects in each state. */
const EXPECTED: Readonly<Record<string, number>> = {
  ESTABLISHED: SERVER,
  'FIN-WAIT-1': SERVER,
  'FIN-WAIT-2': SERVER,
  'CLOSE-WAIT': SERVER + 1,
  CLOSING: SERVER + 1,
  'LAST-ACK': SERVER + 1,
  'TIME-WAIT': SERVER + 1,
};

describe('closing', () => {
  it('MUST-13: goes through FIN-WAIT, and through TIME-WAIT for 2 MSL, at the side that closes first', () => {
    const pair = new TcpPair().connect();
    close(pair.client);
    expect(pair.client.connection.state).toBe('FIN-WAIT-1');
    pair.pass(5_000);
    expect(states(pair)).toEqual(['FIN-WAIT-2', 'CLOSE-WAIT']);
    close(pair.server);
    expect(pair.server.connection.state).toBe('LAST-ACK');
    pair.pass(5_000);
    expect(states(pair)).toEqual(['TIME-WAIT', 'CLOSED']);
    expect(pair.client.kinds).toEqual(['connected', 'remote-closed', 'closed normal']);
    expect(pair.server.kinds).toEqual(['connected', 'remote-closed', 'closed normal', 'gone']);
    pair.pass(59_000_000);
    expect(pair.client.connection.state).toBe('TIME-WAIT');
    pair.pass(1_000_000);
    expect(pair.client.kinds.at(-1)).toBe('gone');
    expect(pair.client.timers.save()).toEqual([]);
    expect(pair.server.timers.save()).toEqual([]);
  });

  it('works from both ends at once', () => {
    const pair = new TcpPair().connect();
    close(pair.client);
    close(pair.server);
    pair.pass(1_000);
    expect(states(pair)).toEqual(['CLOSING', 'CLOSING']);
    pair.pass(2_000);
    expect(states(pair)).toEqual(['TIME-WAIT', 'TIME-WAIT']);
    pair.pass(60_000_000);
    expect(pair.client.kinds).toEqual(['connected', 'remote-closed', 'closed normal', 'gone']);
    expect(pair.server.kinds).toEqual(['connected', 'remote-closed', 'closed normal', 'gone']);
  });

  it('sends everything written before FIN, and still receives after it', () => {
    const pair = new TcpPair().connect();
    const up = pattern(300_000, 1);
    const down = pattern(500_000, 2);
    pair.client.run((connection) => connection.write(up));
    close(pair.client);
    expect(pair.client.connection.write(up)).toBe(false);
    pair.run(() => pair.server.kinds.includes('remote-closed'));
    expect(pair.server.received).toEqual(up);
    pair.server.run((connection) => connection.write(down));
    close(pair.server);
    pair.run(() => pair.client.kinds.includes('closed normal'));
    expect(pair.client.received).toEqual(down);
  });

  it('waits shorter in TIME-WAIT where told to', () => {
    const pair = new TcpPair({ client: { timeWait_us: 2_000 } }).connect();
    close(pair.client);
    close(pair.server);
    pair.pass(10_000);
    expect(pair.client.kinds.at(-1)).toBe('gone');
  });

  it('acknowledges a repeated FIN in TIME-WAIT and waits anew', () => {
    const pair = IN['TIME-WAIT']();
    pair.pass(50_000_000);
    const before = pair.client.sent.length;
    pair.client.arrive(segment(Flag.FIN | Flag.ACK, SERVER, CLIENT + 1));
    expect(pair.client.sent.slice(before)).toMatchObject([{ flags: Flag.ACK, ack: SERVER + 1 }]);
    pair.pass(50_000_000);
    expect(pair.client.connection.state).toBe('TIME-WAIT');
    pair.pass(10_000_000);
    expect(pair.client.connection.state).toBe('CLOSED');
  });

  it('MAY-2: makes room in TIME-WAIT for a newer SYN only', () => {
    const pair = IN['TIME-WAIT']();
    expect(pair.client.connection.yieldTo(segment(Flag.SYN, SERVER - 50))).toBe(false);
    expect(pair.client.connection.yieldTo(segment(Flag.ACK, SERVER + 50))).toBe(false);
    expect(IN.ESTABLISHED().client.connection.yieldTo(segment(Flag.SYN, SERVER + 50))).toBe(false);
    expect(pair.client.connection.yieldTo(segment(Flag.SYN, SERVER + 50))).toBe(true);
    expect(pair.client.kinds.at(-1)).toBe('gone');
  });

  it('SHLD-4: a newer timestamp makes room in TIME-WAIT, whatever the number', () => {
    const pair = new TcpPair().connect();
    close(pair.client);
    close(pair.server);
    pair.pass(10_000);
    expect(pair.client.connection.state).toBe('TIME-WAIT');
    const last = pair.server.sent.at(-1)?.options.timestamps?.value as number;
    const syn = (value: number) => segment(Flag.SYN, SERVER - 1_000, 0, { timestamps: { value, echo: 0 } });
    expect(pair.client.connection.yieldTo(syn(last))).toBe(false);
    expect(pair.client.connection.yieldTo(syn(last + 1))).toBe(true);
    expect(pair.client.kinds.at(-1)).toBe('gone');
  });

  it('MUST-25: probes in FIN-WAIT-2 only where told to, and notices then that the other side is gone', () => {
    const quiet = IN['FIN-WAIT-2']();
    quiet.pass(3_600_000_000);
    expect(quiet.client.flags.length).toBe(3);
    const pair = new TcpPair({ client: { finWaitKeepalive: FIN_WAIT_KEEPALIVE } }).connect();
    close(pair.client);
    pair.pass(10_000);
    pair.passes = () => false;
    pair.pass(130_000_000);
    expect(pair.client.kinds.slice(-2)).toEqual(['closed timed-out', 'gone']);
    expect(pair.client.flags.at(-1)).toBe('RST+ACK');
  });

  it('stays in FIN-WAIT-2 for as long as the other side lives', () => {
    const pair = new TcpPair({ client: { finWaitKeepalive: FIN_WAIT_KEEPALIVE } }).connect();
    close(pair.client);
    pair.pass(3_600_000_000);
    expect(pair.client.connection.state).toBe('FIN-WAIT-2');
    expect(pair.client.connection.stats.segmentsOut).toBeGreaterThan(50);
  });
});

describe('RST', () => {
  it.each(Object.keys(IN))('of the very next number ends %s', (state) => {
    const pair = IN[state]();
    expect(pair.client.connection.state).toBe(state);
    const before = pair.client.sent.length;
    pair.client.arrive(segment(Flag.RST, EXPECTED[state]));
    expect(pair.client.connection.state).toBe('CLOSED');
    expect(pair.client.kinds.slice(state === 'TIME-WAIT' ? -1 : -2)).toEqual(
      state === 'TIME-WAIT' ? ['gone'] : ['closed reset', 'gone'],
    );
    expect(pair.client.sent.length).toBe(before);
    expect(pair.client.timers.save()).toEqual([]);
  });

  it.each(Object.keys(IN))('MAY-12: elsewhere in the window is answered by an ACK in %s', (state) => {
    const pair = IN[state]();
    const before = pair.client.sent.length;
    pair.client.arrive(segment(Flag.RST, EXPECTED[state] + 10));
    expect(pair.client.connection.state).toBe(state);
    expect(pair.client.sent.slice(before)).toMatchObject([{ flags: Flag.ACK, ack: EXPECTED[state] }]);
  });

  it.each(Object.keys(IN))('outside of the window is ignored in %s', (state) => {
    const pair = IN[state]();
    const before = pair.client.sent.length;
    pair.client.arrive(segment(Flag.RST, EXPECTED[state] - 10));
    expect(pair.client.connection.state).toBe(state);
    expect(pair.client.sent.length).toBe(before);
  });

  it.each(Object.keys(IN))('is what abort sends in %s', (state) => {
    const pair = IN[state]();
    const before = pair.client.sent.length;
    pair.client.run((connection) => connection.abort());
    expect(pair.client.connection.state).toBe('CLOSED');
    const isSilent = state === 'TIME-WAIT';
    expect(pair.client.flags.slice(before)).toEqual(isSilent ? [] : ['RST+ACK']);
    expect(pair.client.kinds.slice(isSilent ? -1 : -2)).toEqual(isSilent ? ['gone'] : ['closed aborted', 'gone']);
  });

  it('of abort reaches the other end', () => {
    const pair = new TcpPair().connect();
    pair.client.run((connection) => connection.write(pattern(100_000)));
    pair.client.run((connection) => connection.abort());
    pair.pass(100_000);
    expect(pair.server.kinds).toEqual(['connected', 'closed reset', 'gone']);
  });

  it('ends SYN-RECEIVED', () => {
    const pair = new TcpPair();
    pair.server.arrive(segment(Flag.SYN, 7));
    pair.server.arrive(segment(Flag.RST, 8));
    expect(pair.server.kinds).toEqual(['closed refused', 'gone']);
  });
});

describe('a SYN on an open connection', () => {
  it.each(Object.keys(IN))('is answered by an ACK and changes nothing in %s', (state) => {
    const pair = IN[state]();
    for (const seq of [EXPECTED[state] + 10, EXPECTED[state] - 1]) {
      const before = pair.client.sent.length;
      pair.client.arrive(segment(Flag.SYN, seq));
      expect(pair.client.connection.state).toBe(state);
      expect(pair.client.sent.slice(before)).toMatchObject([{ flags: Flag.ACK, ack: EXPECTED[state] }]);
    }
  });
});

describe('giving up', () => {
  it.each(['ESTABLISHED', 'CLOSE-WAIT'])('ends %s after 15 retransmissions of data', (state) => {
    const pair = IN[state]();
    pair.passes = () => false;
    pair.client.run((connection) => connection.write(pattern(10)));
    pair.pass(1_000_000_000);
    expect(pair.client.kinds.slice(-2)).toEqual(['closed timed-out', 'gone']);
    expect(pair.client.connection.stats.timeouts).toBe(15);
  });

  it.each(['FIN-WAIT-1', 'CLOSING', 'LAST-ACK'])('ends %s when its FIN is never acknowledged', (state) => {
    const pair = IN[state]();
    pair.pass(1_000_000_000);
    expect(pair.client.kinds.slice(-2)).toEqual(['closed timed-out', 'gone']);
  });

  it('does so sooner where told to', () => {
    const pair = new TcpPair({ client: { retransmissions: 2 } }).connect();
    pair.passes = () => false;
    pair.client.run((connection) => connection.write(pattern(10)));
    pair.pass(5_000_000);
    expect(pair.client.kinds.slice(-2)).toEqual(['closed timed-out', 'gone']);
  });

  it.each(['ESTABLISHED', 'CLOSE-WAIT'])('ends %s when keepalive probes go unanswered', (state) => {
    const keepalive = { idle_us: 5_000_000, interval_us: 1_000_000, probes: 3 };
    const pair = new TcpPair({ client: { keepalive } }).connect();
    if (state === 'CLOSE-WAIT') close(pair.server);
    pair.pass(60_000_000);
    expect(pair.client.connection.state).toBe(state);
    pair.passes = () => false;
    pair.pass(10_000_000);
    expect(pair.client.kinds.slice(-2)).toEqual(['closed timed-out', 'gone']);
  });
});
