import { describe, expect, it } from 'vitest';
import { checksumVerdict, parseFrame } from '../wire/frame.ts';
import { Flag } from '../wire/tcp.ts';
import { ACKNOWLEDGE_EVERY_BYTES, F13Keeper, f13Overhead } from './f13.ts';

const TUPLE = { local: 0xc0000214, localPort: 40000, remote: 0xc633641e, remotePort: 443 };
const LINK = { own: 0x020000000020, nextHop: 0x020000000033 };

function keeper(shape: 'tcp' | 'udp' = 'tcp', next = 1000): F13Keeper {
  return new F13Keeper(TUPLE, shape, LINK, { next, acknowledged: 5000 });
}

function tcpOf(frame: Uint8Array): NonNullable<ReturnType<typeof parseFrame>['tcp']> {
  const parsed = parseFrame(frame);
  expect(checksumVerdict(frame, parsed)).toBe('good');
  return parsed.tcp as NonNullable<typeof parsed.tcp>;
}

describe('F13 keeper', () => {
  it('counts payload bytes and keeps flags constant', () => {
    const one = keeper();
    const [first, second, empty] = [
      one.frame(new Uint8Array(100)),
      one.frame(new Uint8Array(7)),
      one.emptyAcknowledgement(),
    ].map(tcpOf);
    expect([first?.seq, second?.seq, empty?.seq]).toEqual([1000, 1100, 1107]);
    expect([first?.flags, empty?.flags]).toEqual([Flag.ACK | Flag.PSH, Flag.ACK]);
    expect([first?.ack, first?.window, first?.sourcePort, first?.destinationPort]).toEqual([5000, 65535, 40000, 443]);
  });

  it('sends HELLO again with the number before the first byte', () => {
    const one = keeper('tcp', 0);
    for (const syn of [one.syn(), one.syn()].map(tcpOf)) {
      expect([syn.seq, syn.flags, syn.options.windowScale]).toEqual([0xffffffff, Flag.SYN, 14]);
    }
    expect(one.numbers.next).toBe(0);
  });

  it('answers a HELLO by the cookie as its number', () => {
    const answer = tcpOf(F13Keeper.synAck(TUPLE, LINK, 0xcafe0001, 0xffffffff));
    expect([answer.seq, answer.ack, answer.flags]).toEqual([0xcafe0001, 0, Flag.SYN | Flag.ACK]);
  });

  it('moves the acknowledgement forward only, and not by a wild jump', () => {
    const one = keeper();
    one.observed(5000, 200);
    one.observed(5000, 100);
    one.observed(4000, 10);
    one.observed(5200 + 2 ** 31, 10);
    expect(one.numbers.acknowledged).toBe(5200);
    expect(one.owesAcknowledgement).toBe(true);
    tcpOf(one.frame(new Uint8Array(1)));
    expect(one.owesAcknowledgement).toBe(false);
  });

  it('wants an acknowledgement at once after so many one-way bytes, across the wrap of numbers', () => {
    const one = new F13Keeper(TUPLE, 'tcp', LINK, { next: 1, acknowledged: 0xfffffff0 });
    for (let sent = 0; sent < ACKNOWLEDGE_EVERY_BYTES; sent += 2 ** 20)
      one.observed((0xfffffff0 + sent) >>> 0, 2 ** 20);
    expect(one.acknowledgementDue).toBe(true);
    expect(tcpOf(one.emptyAcknowledgement()).ack).toBe((0xfffffff0 + ACKNOWLEDGE_EVERY_BYTES) % 2 ** 32);
    expect(one.acknowledgementDue).toBe(false);
  });

  it('owes nothing in UDP shape', () => {
    const one = keeper('udp');
    one.observed(5000, 200);
    const parsed = parseFrame(one.frame(new Uint8Array(9)));
    expect([one.owesAcknowledgement, parsed.udp?.length, f13Overhead('udp'), f13Overhead('tcp')]).toEqual([
      false,
      17,
      28,
      40,
    ]);
  });

  it('goes on from saved numbers', () => {
    const one = keeper();
    one.frame(new Uint8Array(50));
    one.observed(5000, 9);
    const other = keeper();
    other.restore(structuredClone(one.save()));
    expect(other.frame(new Uint8Array(3))).toEqual(one.frame(new Uint8Array(3)));
  });
});
