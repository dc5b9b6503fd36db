import { expect, it } from 'vitest';
import { pattern, segment, TcpPair } from '../../../test/support/tcp-pair.ts';
import { Flag } from '../../wire/tcp.ts';

const ISN = 1_000;
const PEER_ISN = 2_000;

it('counts a window from the ACK that came with it: reordered data does not move its right edge', () => {
  const pair = new TcpPair({ isn: [ISN, PEER_ISN], client: { timestamps: false, windowScale: false } }).connect();
  pair.passes = () => false;
  const { client } = pair;
  const from = (seq: number, ack: number, window: number, bytes: number) =>
    client.arrive({ ...segment(Flag.ACK, seq, ack, {}, pattern(bytes)), window });
  // The other side's second segment is there before its first one, which is sent again later and tells of less room.
  from(PEER_ISN + 101, ISN + 1, 5_000, 100);
  client.run((connection) => connection.write(pattern(20_000)));
  expect(client.sent.at(-1)?.seq).toBeLessThan(ISN + 1 + 5_000);
  const sentTo = client.connection.sendNext;
  from(PEER_ISN + 1, sentTo, 500, 100);
  const edge = sentTo + 500;
  for (const { seq, payload } of client.sent) expect(seq + payload.length).toBeLessThanOrEqual(edge);
});
