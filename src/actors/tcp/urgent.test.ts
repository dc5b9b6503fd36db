import { describe, expect, it } from 'vitest';
import { pattern, restoring, segment, TcpPair } from '../../../test/support/tcp-pair.ts';
import { EMPTY } from '../../wire/bytes.ts';
import { Flag } from '../../wire/tcp.ts';
import type { Segment } from './segment.ts';
import { Urgent } from './urgent.ts';

/** Numbers of a pair that is open and has sent nothing. */
const CLIENT = 1_001;
const SERVER = 2_001;

const open = (): TcpPair => new TcpPair({ client: { timestamps: false }, server: { timestamps: false } }).connect();
const urgentOf = (sent: readonly Segment[]) =>
  sent.filter(({ flags }) => (flags & Flag.URG) !== 0).map(({ seq, urgent }) => [seq - CLIENT, urgent]);
/** What an end was told of urgent data. */
const told = (pair: TcpPair): number[] =>
  pair.server.events.flatMap((event) => (event.kind === 'urgent' ? [event.bytes] : []));
const arrive = (pair: TcpPair, at: number, urgent: number, payload = EMPTY) =>
  pair.server.arrive({ ...segment(Flag.ACK | Flag.URG, CLIENT + at, SERVER, {}, payload), urgent });

describe('urgent data', () => {
  it('MUST-30 MUST-62: goes out with URG and a pointer to the first byte that is not urgent', () => {
    const pair = open();
    pair.client.run((connection) => connection.write(pattern(10)));
    pair.client.run((connection) => connection.write(pattern(5), true));
    pair.client.run((connection) => connection.write(pattern(7)));
    expect(urgentOf(pair.client.sent)).toEqual([[10, 5]]);
    pair.pass(100_000);
    expect(told(pair)).toEqual([5]);
    expect(pair.server.receivedBytes).toBe(22);
    pair.client.run((connection) => connection.write(pattern(10)));
    expect(urgentOf(pair.client.sent)).toHaveLength(1);
  });

  it('MUST-31: may be of any length, more than a pointer can say', () => {
    const pair = new TcpPair().connect();
    const bytes = pattern(300_000);
    pair.client.run((connection) => connection.write(bytes, true));
    expect(pair.client.sent.at(-1)).toMatchObject({ urgent: 65_535 });
    pair.run(() => pair.server.receivedBytes === bytes.length);
    expect(pair.server.received).toEqual(bytes);
    const ends = urgentOf(pair.client.sent).map(([seq, urgent]) => (seq as number) + (urgent as number));
    expect(Math.max(...ends)).toBe(300_000);
    expect(told(pair).length).toBeGreaterThan(4);
  });

  it('MUST-32: is told at once with the first pointer and with each that goes further, and no other', () => {
    const pair = open();
    arrive(pair, 0, 100);
    expect(told(pair)).toEqual([100]);
    arrive(pair, 0, 50);
    arrive(pair, 0, 100, pattern(40));
    expect(told(pair)).toEqual([100]);
    arrive(pair, 40, 80);
    expect(told(pair)).toEqual([100, 80]);
    pair.server.arrive(segment(Flag.ACK, CLIENT + 40, SERVER, {}, pattern(80)));
    arrive(pair, 120, 0);
    expect(told(pair)).toEqual([100, 80]);
    arrive(pair, 120, 1);
    expect(told(pair)).toEqual([100, 80, 1]);
  });

  it('MUST-32: is told however many bytes were not urgent since the last', () => {
    const urgent = new Urgent();
    const pointed = (seq: number, end: number) => ({ ...segment(Flag.ACK | Flag.URG, seq), urgent: end });
    expect(urgent.arrived(pointed(0, 10), 0, 0)).toBe(10);
    let nxt = 0;
    for (; nxt < 3 * 2 ** 30; nxt += 2 ** 28) expect(urgent.arrived(segment(Flag.ACK, nxt), nxt, nxt)).toBe(0);
    expect(urgent.arrived(pointed(nxt, 5), nxt, nxt)).toBe(5);
  });

  it('MUST-32: is told before its bytes', () => {
    const pair = open();
    const order: string[] = [];
    pair.server.onEvent = ({ kind }) => order.push(kind);
    arrive(pair, 0, 3, pattern(3));
    expect(order).toEqual(['urgent', 'data']);
  });

  it('MUST-33: the user learns how much of it is still to be worked off', () => {
    const pair = open();
    pair.server.consumes = false;
    expect(pair.server.connection.status.urgent).toBe(0);
    arrive(pair, 0, 60, pattern(100));
    expect(pair.server.connection.status).toMatchObject({ urgent: 60, unread: 100 });
    pair.server.run((connection) => connection.consumed(20));
    expect(pair.server.connection.status).toMatchObject({ urgent: 40, unread: 80 });
    pair.server.run((connection) => connection.consumed(70));
    expect(pair.server.connection.status).toMatchObject({ urgent: 0, unread: 10 });
  });

  it('MUST-66: is heard of while our window is shut, and told while theirs is', () => {
    const pair = open();
    pair.server.consumes = false;
    pair.client.run((connection) => connection.write(pattern(1_100_000)));
    const isShut = () => pair.server.connection.status.receiveWindow === 0;
    pair.run(() => isShut() && pair.client.connection.path.window === 0);
    expect(isShut()).toBe(true);
    const before = pair.client.sent.length;
    const edge = pair.server.receivedBytes;
    pair.client.run((connection) => connection.write(pattern(10), true));
    const urgent = 1_100_010 - edge;
    expect(pair.client.sent[before]).toMatchObject({ flags: Flag.ACK | Flag.URG, payload: EMPTY, urgent });
    pair.pass(10_000);
    expect(pair.server.receivedBytes).toBe(edge);
    expect(told(pair)).toEqual([urgent]);
  });

  it('is not looked at outside of the window, or without URG', () => {
    const pair = open();
    arrive(pair, -10_000, 20_000);
    pair.server.arrive({ ...segment(Flag.ACK, CLIENT, SERVER), urgent: 10 });
    expect(told(pair)).toEqual([]);
  });

  it('survives saving at both ends', () => {
    const pair = open();
    restoring(pair.client);
    restoring(pair.server);
    pair.client.run((connection) => connection.write(pattern(200_000), true));
    pair.run(() => pair.server.receivedBytes === 200_000);
    const plain = open();
    plain.client.run((connection) => connection.write(pattern(200_000), true));
    plain.run(() => plain.server.receivedBytes === 200_000);
    expect(told(pair)).toEqual(told(plain));
    expect(urgentOf(pair.client.sent)).toEqual(urgentOf(plain.client.sent));
  });
});
