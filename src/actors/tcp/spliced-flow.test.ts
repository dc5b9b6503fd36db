import { expect, it } from 'vitest';
import { pattern } from '../../../test/support/tcp-pair.ts';
import { equal } from '../../wire/bytes.ts';
import type { TcpConnection } from './connection.ts';
import { SendQueue } from './send-queue.ts';
import { SplicedFlow } from './spliced-flow.ts';

/** A flow into a queue, without the connections around it. */
function flowInto(queue: SendQueue) {
  let consumed = 0;
  const from = { consumed: (bytes: number) => (consumed += bytes) } as unknown as TcpConnection;
  const written: Uint8Array[] = [];
  const to = {
    write: (bytes: Uint8Array) => {
      written.push(bytes);
      queue.append(bytes);
      return true;
    },
  } as unknown as TcpConnection;
  return { flow: new SplicedFlow(from, to), written, consumed: () => consumed };
}

it('gathers small pieces: they keep no packets alive, and those that stand together are one chunk', () => {
  const queue = new SendQueue();
  const { flow, written } = flowInto(queue);
  const bytes = pattern(3_000);
  for (let at = 0; at < bytes.length; at++) flow.data(bytes.subarray(at, at + 1));
  expect(new Set(written.map(({ buffer }) => buffer)).size).toBe(1);
  // A view, not a copy: one chunk holds all of it.
  expect(queue.slice(0, bytes.length).buffer).toBe(written[0].buffer);
  expect(equal(queue.slice(0, bytes.length), bytes)).toBe(true);
});

it('passes on without a copy what fills its buffer', () => {
  const { flow, written } = flowInto(new SendQueue());
  const packet = new Uint8Array(1_500);
  flow.data(packet.subarray(40));
  expect(written[0].buffer).toBe(packet.buffer);
});

it('keeps no large buffer alive for a part of it, however large the part', () => {
  const { flow, written } = flowInto(new SendQueue());
  const superSegment = pattern(65_000).slice();
  flow.data(superSegment.subarray(0, 5_000));
  expect(written[0].buffer.byteLength).toBe(5_000);
  expect(equal(written[0], superSegment.subarray(0, 5_000))).toBe(true);
});

it('reports as consumed only what comes while the queue is below its mark', () => {
  const { flow, consumed } = flowInto(new SendQueue());
  flow.data(new Uint8Array(10));
  flow.full();
  flow.data(new Uint8Array(20));
  expect(consumed()).toBe(10);
  flow.writable();
  flow.writable();
  expect(consumed()).toBe(30);
});
