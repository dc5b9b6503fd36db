import { describe, expect, it } from 'vitest';
import { pattern, segment, TcpPair } from '../../../test/support/tcp-pair.ts';
import { Flag } from '../../wire/tcp.ts';
import type { Segment } from './segment.ts';

/** The client has sent 30 000 bytes and has got ACKs, the first of which comes again later. */
function acknowledged(timestamps: boolean, text = 0): { pair: TcpPair; old: Segment } {
  const pair = new TcpPair({ link: { delay_us: 10_000 }, client: { timestamps } }).connect();
  pair.client.run((connection) => connection.write(pattern(30_000)));
  pair.pass(200_000);
  const old = pair.server.sent.find(({ flags, ack }) => flags === Flag.ACK && ack > 1_001) as Segment;
  if (text > 0) pair.server.run((connection) => connection.write(pattern(text)));
  pair.pass(200_000);
  return { pair, old };
}

describe('a bare ACK that later segments have overtaken', () => {
  it.each([
    ['with an old timestamp', true, 0],
    ['with an old timestamp, left of the window', true, 5_000],
    ['without timestamps, left of the window', false, 5_000],
  ])('%s is no challenge and no old text (RFC 7323 section 5.3, R1)', (_, timestamps, text) => {
    const { pair, old } = acknowledged(timestamps, text);
    const { connection, sent } = pair.client;
    const before = sent.length;
    expect(connection.segment(old)).toBe('old-ack');
    expect(sent.slice(before)).toMatchObject([{ flags: Flag.ACK, seq: 31_001, ack: 2_001 + text }]);
    expect(connection.stats).toMatchObject({ overtakenAcks: 1, challenges: 0 });
  });

  it('is answered once a second, and takes no room from challenges', () => {
    const { pair, old } = acknowledged(true);
    const { connection, sent } = pair.client;
    const before = sent.length;
    for (let i = 0; i < 1_000; i++) pair.client.arrive(old);
    expect(sent.length - before).toBe(1);
    for (let i = 0; i < 1_000; i++) pair.client.arrive(segment(Flag.SYN, 2_500 + i));
    expect(sent.length - before).toBe(10);
    expect(connection.stats).toMatchObject({ overtakenAcks: 1_000, challenges: 9 });
    pair.pass(1_000_000);
    pair.client.arrive(old);
    expect(sent.length - before).toBe(11);
  });

  it('that acknowledges something new by an old timestamp is challenged: nobody has sent it so', () => {
    const { pair, old } = acknowledged(true);
    pair.passes = () => false;
    pair.client.run((connection) => connection.write(pattern(1_000)));
    expect(pair.client.connection.segment({ ...old, ack: 31_501 })).toBe('old-timestamp');
    expect(pair.client.connection.stats).toMatchObject({ overtakenAcks: 0, challenges: 1 });
    expect(pair.client.connection.stats.bytesOut).toBe(30_000);
  });

  it('is remembered by the limit of a restored connection', () => {
    const { pair, old } = acknowledged(true);
    pair.client.arrive(old);
    const saved = structuredClone(pair.client.connection.save());
    pair.client.connection.restore(saved);
    const before = pair.client.sent.length;
    pair.client.arrive(old);
    expect(pair.client.sent.length).toBe(before);
    expect(pair.client.connection.stats.overtakenAcks).toBe(2);
  });
});
