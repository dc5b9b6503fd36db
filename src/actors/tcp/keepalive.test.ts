import { describe, expect, it } from 'vitest';
import { pattern, segment, type TcpEnd, TcpPair } from '../../../test/support/tcp-pair.ts';
import { EMPTY } from '../../wire/bytes.ts';
import { Flag } from '../../wire/tcp.ts';

const HOUR_US = 3_600_000_000;
const FAST = { idle_us: 5_000_000, interval_us: 1_000_000, probes: 3 };
const sentSince = (end: TcpEnd, before: number) => end.sent.slice(before);

describe('keepalive', () => {
  it('MUST-25: sends nothing at all unless somebody asks for it', () => {
    const pair = new TcpPair().connect();
    const before = pair.client.sent.length;
    pair.pass(100 * HOUR_US);
    expect(sentSince(pair.client, before)).toEqual([]);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
  });

  it('MUST-24 MAY-5: is switched on and off by the user of a connection', () => {
    const pair = new TcpPair().connect();
    pair.client.run((connection) => connection.choose({ keepalive: FAST }));
    const before = pair.client.sent.length;
    pair.pass(22_000_000);
    const probes = sentSince(pair.client, before).length;
    expect(probes).toBe(4);
    pair.client.run((connection) => connection.choose({ keepalive: null }));
    pair.pass(HOUR_US);
    expect(sentSince(pair.client, before).length).toBe(probes);
  });

  it('MUST-28: waits two hours where the user names no time', () => {
    const pair = new TcpPair({ client: { keepalive: {} } }).connect();
    const before = pair.client.sent.length;
    pair.pass(2 * HOUR_US - 10_000);
    expect(sentSince(pair.client, before)).toEqual([]);
    pair.pass(20_000);
    expect(sentSince(pair.client, before)).toHaveLength(1);
  });

  it.each([1_000_000, 60_000_000])('MUST-27: waits as long as the user wants: %i us', (idle_us) => {
    const pair = new TcpPair({ client: { keepalive: { idle_us } } }).connect();
    const before = pair.client.sent.length;
    pair.pass(idle_us - 10_000);
    expect(sentSince(pair.client, before)).toEqual([]);
    pair.pass(20_000);
    expect(sentSince(pair.client, before)).toHaveLength(1);
  });

  it('MUST-26: probes only when nothing is under way and nothing was heard for that long', () => {
    const pair = new TcpPair({ client: { keepalive: FAST } }).connect();
    const before = pair.client.sent.length;
    for (let i = 0; i < 20; i++) {
      pair.server.run((connection) => connection.write(pattern(10)));
      pair.pass(4_000_000);
    }
    expect(sentSince(pair.client, before).filter(({ seq }) => seq !== 1_001)).toEqual([]);
    pair.passes = () => false;
    pair.client.run((connection) => connection.write(pattern(10)));
    const busy = pair.client.sent.length;
    pair.pass(40_000_000);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
    expect(sentSince(pair.client, busy).every(({ payload }) => payload.length === 10)).toBe(true);
  });

  it('SHLD-12: probes carry no data, and one number less than the next', () => {
    const pair = new TcpPair({ client: { keepalive: FAST } }).connect();
    pair.client.run((connection) => connection.write(pattern(100)));
    pair.pass(1_000_000);
    const before = pair.client.sent.length;
    pair.pass(5_000_000);
    expect(sentSince(pair.client, before)).toMatchObject([{ seq: 1_100, flags: Flag.ACK, payload: EMPTY }]);
    expect(pair.server.sent.at(-1)).toMatchObject({ ack: 1_101, flags: Flag.ACK });
    expect(pair.server.receivedBytes).toBe(100);
  });

  it('MUST-29: does not take one lost answer, or two, for the end', () => {
    const pair = new TcpPair({ client: { keepalive: FAST } }).connect();
    let lost = 0;
    pair.passes = (_, from) => from === 'client' || ++lost > 2;
    pair.pass(60_000_000);
    expect(lost).toBeGreaterThan(2);
    expect(pair.client.connection.state).toBe('ESTABLISHED');
  });

  it.each([0, 1])(
    'SHLD-12: probes of the other side with %i bytes are answered and counted as what they are',
    (bytes) => {
      const pair = new TcpPair().connect();
      pair.server.run((connection) => connection.write(pattern(100)));
      pair.pass(1_000_000);
      const { connection, sent } = pair.client;
      const [before, timestamps] = [sent.length, pair.server.sent.at(-1)?.options.timestamps];
      const probe = segment(Flag.ACK, 2_100, 1_001, { timestamps }, new Uint8Array(bytes));
      expect(connection.segment(probe)).toBeUndefined();
      expect(sent.slice(before)).toMatchObject([{ flags: Flag.ACK, seq: 1_001, ack: 2_101 }]);
      expect(connection.stats).toMatchObject({ probesAnswered: 1, challenges: 0, bytesIn: 100 });
    },
  );

  it('two ends that take each other’s answers for probes come to rest', () => {
    const pair = new TcpPair({ client: { timestamps: false } }).connect();
    const { connection, sent } = pair.client;
    const before = sent.length;
    for (let i = 0; i < 1_000; i++) pair.client.arrive(segment(Flag.ACK, 2_000, 1_001));
    expect(sent.length - before).toBe(10);
    expect(connection.stats).toMatchObject({ probesAnswered: 10, challenges: 0 });
    expect(connection.segment(segment(Flag.ACK, 2_000, 1_001))).toBe('out-of-window');
  });
});
