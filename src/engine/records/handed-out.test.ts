import { describe, expect, it } from 'vitest';
import { RECORD_HEADER_BYTES, UNIT_DATA, writeRecordHeader } from '../../wire/record.ts';
import { RecordChannel } from './channel.ts';
import { HANDED_OUT, type RecordCipher } from './cipher.ts';

const PLAIN = new Uint8Array(20).fill(1);

/** A channel whose records go to a cipher elsewhere; `asked` are the headers that it was given. */
function channel() {
  const asked: Uint8Array[] = [];
  const cipher: RecordCipher = {
    seal: (_key, header) => {
      asked.push(header);
      return HANDED_OUT;
    },
    open: (_key, record) => {
      asked.push(record.subarray(0, RECORD_HEADER_BYTES));
      return HANDED_OUT;
    },
    nextEpoch: (key) => key,
    forget: () => {},
  };
  const made = new RecordChannel({ cipher, purpose: 'data', sendConnectionId: 9, receiveConnectionId: 9 });
  made.startSending(1, 0);
  made.startReceiving(2);
  return { channel: made, asked };
}

function record(sequence: number, epoch = 0): Uint8Array {
  const bytes = new Uint8Array(PLAIN.length + 32);
  writeRecordHeader(bytes, 0, { type: UNIT_DATA, connectionId: 9, epoch, sequence }, PLAIN.length);
  return bytes;
}

const numbers = (sequence: number, epoch = 0) => ({ flags: 0, epoch, sequence });

describe('a channel whose cipher is elsewhere', () => {
  it('numbers what it hands out to be sealed, and goes on to the next epoch', () => {
    const { channel: sender, asked } = channel();
    expect([sender.seal(PLAIN), sender.seal(PLAIN)]).toEqual([HANDED_OUT, HANDED_OUT]);
    sender.advanceSendEpoch(0);
    sender.seal(PLAIN);
    expect(asked.map((header) => [header[9], header[15]])).toEqual([
      [0, 1],
      [0, 2],
      [1, 1],
    ]);
  });

  it('judges a number before it hands the record out, and again when it is back', () => {
    const { channel: receiver, asked } = channel();
    expect([receiver.open(record(3), 0), receiver.open(record(3), 0)]).toEqual([
      { reason: HANDED_OUT },
      { reason: HANDED_OUT },
    ]);
    expect(receiver.settle(numbers(3), PLAIN, 0)).toMatchObject({ plaintext: PLAIN, sequence: 3, newest: true });
    expect(receiver.settle(numbers(3), PLAIN, 0)).toEqual({ reason: 'replayed' });
    expect(receiver.open(record(3), 0)).toEqual({ reason: 'replayed' });
    expect(asked).toHaveLength(2);
    expect(receiver.settle(numbers(4), undefined, 0)).toEqual({ reason: 'bad-tag' });
    expect(receiver.counters).toMatchObject({ opened: 1, failed: 1, replayed: 2 });
  });

  it('moves on to the next epoch when a record of it has opened, not when one claims it', () => {
    const { channel: receiver } = channel();
    receiver.open(record(1, 1), 0);
    expect(receiver.receiveEpoch).toBe(0);
    receiver.settle(numbers(1, 1), undefined, 0);
    expect(receiver.receiveEpoch).toBe(0);
    expect(receiver.settle(numbers(2, 1), PLAIN, 0)).toMatchObject({ newEpoch: true });
    expect(receiver.receiveEpoch).toBe(1);
    expect(receiver.settle(numbers(1, 3), PLAIN, 0)).toEqual({ reason: 'unknown-epoch' });
  });
});
