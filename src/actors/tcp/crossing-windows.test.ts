import { describe, expect, it } from 'vitest';
import { pattern, segment, TcpPair } from '../../../test/support/tcp-pair.ts';
import { equal } from '../../wire/bytes.ts';
import { Flag } from '../../wire/tcp.ts';

const ISN = 1_000;
const PEER_ISN = 2_000;
const PLAIN = { timestamps: false, windowScale: false, sack: false };

/** A client whose other side is played by hand from now on. */
function alone() {
  const pair = new TcpPair({ isn: [ISN, PEER_ISN], client: PLAIN }).connect();
  pair.passes = () => false;
  const { client } = pair;
  client.sent.length = 0;
  const from = (seq: number, ack: number, bytes = 0, window = 65_535) =>
    client.arrive({ ...segment(Flag.ACK, seq, ack, {}, pattern(bytes)), window });
  return { pair, client, from };
}

describe('while a probe is under way behind a shut window', () => {
  const probing = () => {
    const { pair, client, from } = alone();
    from(PEER_ISN + 1, ISN + 1, 0, 0);
    client.run((connection) => connection.write(pattern(10)));
    pair.run(() => client.sent.length > 0);
    expect(client.sent.at(-1)).toMatchObject({ seq: ISN + 1, payload: pattern(1) });
    return { client, from };
  };

  it('ACKs have the number behind the window, which the other side takes', () => {
    const { client, from } = probing();
    from(PEER_ISN + 1, ISN + 1, 100, 0);
    expect(client.sent.at(-1)).toMatchObject({ flags: Flag.ACK, seq: ISN + 1, ack: PEER_ISN + 101 });
  });

  it('so has the RST of an abort', () => {
    const { client } = probing();
    client.run((connection) => connection.abort());
    expect(client.sent.at(-1)).toMatchObject({ flags: Flag.RST | Flag.ACK, seq: ISN + 1 });
  });
});

describe('an ACK counts', () => {
  it('with the number behind our window: its sender has filled it', () => {
    const { client, from } = alone();
    client.run((connection) => connection.write(pattern(100)));
    const { ack, window } = client.sent.at(-1) as { ack: number; window: number };
    from(ack + window, ISN + 101);
    expect(client.connection.isUnderWay(ISN + 1)).toBe(false);
  });

  it('with text that has arrived before, and never as far back as no window was', () => {
    const { client, from } = alone();
    from(PEER_ISN + 1, ISN + 1, 50);
    client.run((connection) => connection.write(pattern(100)));
    from(PEER_ISN + 1 - 2 ** 21, ISN + 101, 50);
    expect(client.connection.isUnderWay(ISN + 1)).toBe(true);
    from(PEER_ISN + 1, ISN + 101, 50);
    expect(client.connection.isUnderWay(ISN + 1)).toBe(false);
    expect(client.receivedBytes).toBe(50);
  });
});

it.each([0, 1, 2, 3])('two full windows that cross while %i segments each way are lost are worked off', (lost) => {
  const options = { ...PLAIN, receiveBufferBytes: 4 * 1460 };
  const pair = new TcpPair({ isn: [ISN, PEER_ISN], client: options, server: options }).connect();
  const { client, server } = pair;
  const left = { client: lost, server: lost };
  pair.passes = ({ payload }, from) => payload.length === 0 || left[from]-- <= 0;
  const bytes = pattern(100_000);
  const before_us = pair.scheduler.now_us();
  for (const end of [client, server]) end.run((connection) => connection.write(bytes));
  expect(pair.run(() => [client, server].every((end) => end.receivedBytes === bytes.length))).toBe(true);
  expect(equal(client.received, bytes) && equal(server.received, bytes)).toBe(true);
  expect(pair.scheduler.now_us() - before_us).toBeLessThan(3_000_000);
});

it('two ends that probe each other at the same time go on when both windows open', () => {
  const options = { ...PLAIN, receiveBufferBytes: 2_000 };
  const pair = new TcpPair({ isn: [ISN, PEER_ISN], client: options, server: options }).connect();
  const { client, server } = pair;
  const ends = [client, server];
  for (const end of ends) {
    end.consumes = false;
    end.run((connection) => connection.write(pattern(10_000)));
  }
  const probed = () => ends.every((end) => end.connection.stats.windowProbes > 0);
  expect(pair.run(probed)).toBe(true);
  // The windows open after the probes were sent and before they arrive; no update of a window gets through.
  let updates = 2;
  pair.passes = ({ payload }) => payload.length > 0 || updates-- <= 0;
  for (const end of ends) {
    end.consumes = true;
    end.run((connection) => connection.consumed(end.receivedBytes));
  }
  expect(pair.run(() => ends.every((end) => end.receivedBytes === 10_000), 30_000_000)).toBe(true);
});
