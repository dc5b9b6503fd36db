import { describe, expect, it } from 'vitest';
import { pattern, restoring, segment, TcpPair } from '../../../test/support/tcp-pair.ts';
import { Flag } from '../../wire/tcp.ts';
import type { TcpConnectionOptions } from './connection.ts';

/** An open pair whose client has lost its path. */
function cut(options: Partial<TcpConnectionOptions> = {}): TcpPair {
  const pair = new TcpPair({ client: options }).connect();
  pair.passes = () => false;
  return pair;
}
const write = (pair: TcpPair, bytes = 10) => pair.client.run((connection) => connection.write(pattern(bytes)));

describe('no answer', () => {
  it('SHLD-9 SHLD-10: is told after three retransmissions, once', () => {
    const pair = cut();
    write(pair);
    pair.run(() => pair.client.kinds.includes('troubled'));
    expect(pair.client.connection.stats.timeouts).toBe(3);
    pair.pass(100_000_000);
    expect(pair.client.kinds).toEqual(['connected', 'troubled']);
    pair.passes = () => true;
    pair.run(() => pair.server.receivedBytes === 10);
    pair.passes = () => false;
    write(pair);
    pair.pass(100_000_000);
    expect(pair.client.kinds).toEqual(['connected', 'troubled', 'troubled']);
  });

  it('MUST-20: from R1 on IP is asked to look after the path, and at R2 the connection ends', () => {
    const pair = cut();
    const advice: number[] = [];
    pair.client.host.doubtPath = () => advice.push(pair.client.connection.stats.timeouts);
    write(pair);
    pair.pass(1_000_000_000);
    expect(advice).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(pair.client.kinds.slice(-2)).toEqual(['closed timed-out', 'gone']);
  });

  it('SHLD-11: R2 is 100 seconds and more where the user has set nothing', () => {
    const pair = cut();
    write(pair);
    pair.pass(100_000_000);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
  });

  it('SHLD-20: is not told to a user that does not want to know', () => {
    const pair = cut({ reportTroubles: false });
    write(pair);
    pair.client.run((connection) => connection.unreachable(false));
    pair.pass(100_000_000);
    expect(pair.client.kinds).toEqual(['connected']);
  });

  it('MUST-47: a soft ICMP error is told, and changes nothing', () => {
    const pair = new TcpPair().connect();
    pair.client.run((connection) => connection.unreachable(false));
    expect(pair.client.events.at(-1)).toEqual({ kind: 'troubled', cause: 'icmp' });
    expect(pair.client.connection.state).toBe('ESTABLISHED');
  });

  it('MUST-22: a SYN has R1 and R2, too', () => {
    const pair = new TcpPair();
    pair.passes = () => false;
    const advice: number[] = [];
    pair.client.host.doubtPath = () => advice.push(pair.client.connection.stats.timeouts);
    pair.client.run((connection) => connection.openActive());
    pair.pass(600_000_000);
    expect(advice).toEqual([3, 4, 5, 6, 7]);
    expect(pair.client.kinds).toEqual(['troubled', 'closed timed-out', 'gone']);
  });
});

describe('the user timeout', () => {
  const SECOND_US = 1_000_000;

  it.each([3, 40, 2_000])('MUST-21: is R2 of one connection: %i s', (seconds) => {
    const pair = cut({ userTimeout_us: seconds * SECOND_US, retransmissions: 100 });
    pair.pass(100 * SECOND_US);
    write(pair);
    pair.pass(seconds * SECOND_US - 1);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
    pair.pass(1);
    expect(pair.client.kinds.slice(-2)).toEqual(['closed timed-out', 'gone']);
    expect(pair.client.timers.save()).toEqual([]);
  });

  it('MUST-21: is set while the connection lives, and taken back', () => {
    const pair = cut();
    write(pair);
    pair.pass(10 * SECOND_US);
    pair.client.run((connection) => connection.choose({ userTimeout_us: 20 * SECOND_US }));
    pair.pass(15 * SECOND_US);
    pair.client.run((connection) => connection.choose({ userTimeout_us: 0 }));
    pair.pass(100 * SECOND_US);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
    pair.client.run((connection) => connection.choose({ userTimeout_us: 20 * SECOND_US }));
    pair.pass(20 * SECOND_US);
    expect(pair.client.connection.state).toBe('CLOSED');
  });

  it('MUST-21: is as long as the user last said, also while something waits', () => {
    const pair = cut({ userTimeout_us: 600 * SECOND_US });
    write(pair);
    pair.pass(10 * SECOND_US);
    pair.client.run((connection) => connection.choose({ userTimeout_us: 20 * SECOND_US }));
    pair.pass(20 * SECOND_US);
    expect(pair.client.connection.state).toBe('CLOSED');
  });

  it('starts anew with each progress, and means nothing while nothing waits', () => {
    const pair = new TcpPair({
      client: { userTimeout_us: 5 * SECOND_US },
      link: { delay_us: 2 * SECOND_US },
    }).connect();
    pair.pass(60 * SECOND_US);
    for (let i = 0; i < 10; i++) {
      write(pair, 2_000);
      pair.pass(3 * SECOND_US);
    }
    pair.pass(60 * SECOND_US);
    expect(pair.server.receivedBytes).toBe(20_000);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
  });

  it('MUST-37: does not end a connection whose zero window is kept shut by answers', () => {
    const pair = new TcpPair({ client: { userTimeout_us: 100 * SECOND_US } }).connect();
    pair.server.consumes = false;
    write(pair, 2_000_000);
    pair.pass(3_600 * SECOND_US);
    expect(pair.client.connection.path.window).toBe(0);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
    pair.passes = () => false;
    pair.pass(170 * SECOND_US);
    expect(pair.client.connection.state).toBe('CLOSED');
  });

  it('holds for a SYN and for a FIN', () => {
    const opening = new TcpPair({ client: { userTimeout_us: 4 * SECOND_US } });
    opening.passes = () => false;
    opening.client.run((connection) => connection.openActive());
    opening.pass(4 * SECOND_US);
    expect(opening.client.kinds.slice(-2)).toEqual(['closed timed-out', 'gone']);
    const closing = cut({ userTimeout_us: 4 * SECOND_US });
    closing.client.run((connection) => connection.close());
    closing.pass(4 * SECOND_US);
    expect(closing.client.kinds.slice(-2)).toEqual(['closed timed-out', 'gone']);
  });

  it('survives saving', () => {
    const pair = cut({ userTimeout_us: 30 * SECOND_US });
    restoring(pair.client);
    write(pair);
    pair.pass(30 * SECOND_US - 1);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
    pair.pass(1);
    expect(pair.client.connection.state).toBe('CLOSED');
  });
});

describe('text on a SYN', () => {
  it('waits until the connection is open, and is acknowledged then', () => {
    const pair = new TcpPair({ server: { timestamps: false } });
    pair.server.arrive(segment(Flag.SYN, 100, 0, {}, pattern(30)));
    expect(pair.server.sent.at(-1)).toMatchObject({ flags: Flag.SYN | Flag.ACK, ack: 101 });
    expect(pair.server.receivedBytes).toBe(0);
    pair.server.arrive(segment(Flag.ACK, 101, 2_001));
    expect(pair.server.received).toEqual(pattern(30));
    expect(pair.server.sent.at(-1)).toMatchObject({ flags: Flag.ACK, ack: 131 });
  });

  it('counts once when it comes again with the ACK', () => {
    const pair = new TcpPair({ server: { timestamps: false } });
    restoring(pair.server);
    pair.server.arrive(segment(Flag.SYN, 100, 0, {}, pattern(30)));
    pair.server.arrive(segment(Flag.ACK, 101, 2_001, {}, pattern(60)));
    expect(pair.server.received).toEqual(pattern(60));
  });

  it('is kept up to one segment', () => {
    const pair = new TcpPair({ server: { timestamps: false } });
    pair.server.arrive(segment(Flag.SYN, 100, 0, {}, pattern(5_000)));
    pair.server.arrive(segment(Flag.ACK, 101, 2_001));
    expect(pair.server.received).toEqual(pattern(1_460));
  });

  it('comes with a SYN+ACK, too', () => {
    const pair = new TcpPair({ client: { timestamps: false } });
    pair.passes = () => false;
    pair.client.run((connection) => connection.openActive());
    pair.client.arrive(segment(Flag.SYN | Flag.ACK, 2_000, 1_001, {}, pattern(30)));
    expect(pair.client.received).toEqual(pattern(30));
    expect(pair.client.sent.at(-1)).toMatchObject({ flags: Flag.ACK, ack: 2_031 });
  });
});
