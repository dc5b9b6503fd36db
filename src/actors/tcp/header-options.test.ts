import { describe, expect, it } from 'vitest';
import { TUPLE } from '../../../test/support/tcp-host.ts';
import { pattern } from '../../../test/support/tcp-pair.ts';
import { put16 } from '../../wire/bytes.ts';
import { transportChecksum } from '../../wire/checksum.ts';
import { Flag, TCP_HEADER_BYTES, type TcpOptions, writeTcpOptions } from '../../wire/tcp.ts';
import { packetFromSegment, segmentFromPacket } from './segment.ts';

const IP_BYTES = 20;

/** A segment whose option bytes are these. */
function withOptions(
  bytes: readonly number[],
  flags: number = Flag.SYN,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const made = { seq: 1, ack: 0, flags, window: 9, options: {}, payload };
  const plain = packetFromSegment(made, TUPLE);
  const out = new Uint8Array(plain.length + bytes.length);
  out.set(plain.subarray(0, IP_BYTES + TCP_HEADER_BYTES));
  out.set(bytes, IP_BYTES + TCP_HEADER_BYTES);
  out.set(plain.subarray(IP_BYTES + TCP_HEADER_BYTES), IP_BYTES + TCP_HEADER_BYTES + bytes.length);
  put16(out, 2, out.length);
  out[IP_BYTES + 12] = ((TCP_HEADER_BYTES + bytes.length) / 4) << 4;
  put16(out, IP_BYTES + 16, 0);
  put16(out, IP_BYTES + 16, transportChecksum(out, 0, IP_BYTES, out.length - IP_BYTES));
  return out;
}
const read = (packet: Uint8Array) => segmentFromPacket(packet);
const optionsOf = (packet: Uint8Array): TcpOptions | undefined => {
  const result = read(packet);
  return result.ok ? result.segment.options : undefined;
};
/** Option bytes that we write. */
function written(options: TcpOptions): number[] {
  const bytes = new Uint8Array(60).fill(0xee);
  return [...bytes.subarray(0, writeTcpOptions(bytes, 0, options))];
}

describe('TCP options', () => {
  it('MUST-4: end of list, no operation and maximum segment size are known', () => {
    expect(optionsOf(withOptions([1, 1, 2, 4, 5, 0xb4, 0, 99]))).toEqual({ mss: 1_460 });
    expect(optionsOf(withOptions([0, 2, 4, 5, 0xb4, 0, 0, 0]))).toEqual({});
  });

  it('MUST-5: are read in any segment', () => {
    for (const flags of [Flag.ACK, Flag.RST, Flag.FIN | Flag.ACK, Flag.SYN | Flag.ACK]) {
      const stamps = [1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9];
      expect(optionsOf(withOptions(stamps, flags, pattern(30)))).toEqual({ timestamps: { value: 7, echo: 9 } });
    }
  });

  it('MUST-6 MUST-68: those that nobody knows are skipped by their length', () => {
    expect(optionsOf(withOptions([250, 6, 1, 2, 3, 4, 2, 4, 1, 0, 253, 2]))).toEqual({ mss: 256 });
    // What it holds may look like another option.
    expect(optionsOf(withOptions([250, 5, 3, 3, 9, 2, 4, 1, 0, 1, 1, 1]))).toEqual({ mss: 256 });
  });

  it.each([[[2, 0, 0, 0]], [[2, 1, 0, 0]], [[1, 1, 1, 2]], [[2, 40, 5, 0]], [[250, 0, 0, 0]]])(
    'MUST-7: an illegal length costs the segment, and no more: %j',
    (bytes) => {
      expect(read(withOptions(bytes))).toEqual({ ok: false, reason: 'bad-tcp-header' });
    },
  );

  it.each([0, 1, 2, 3])('MUST-64: stand anywhere, also %i bytes off a word', (off) => {
    const bytes = [...Array(off).fill(1), 2, 4, 5, 0xb4, 3, 3, 7];
    while (bytes.length % 4 !== 0) bytes.push(0);
    expect(optionsOf(withOptions(bytes))).toEqual({ mss: 1_460, windowScale: 7 });
  });

  it('MUST-68: each that we write has its length', () => {
    expect(written({ mss: 1_460, sackPermitted: true, windowScale: 7, timestamps: { value: 1, echo: 2 } })).toEqual([
      2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 3, 3, 7, 0,
    ]);
  });

  it('MUST-69: what is left of the last word is zero', () => {
    expect(written({ mss: 1_460, windowScale: 7 })).toEqual([2, 4, 5, 0xb4, 3, 3, 7, 0]);
    expect(written({ sackPermitted: true })).toEqual([4, 2, 0, 0]);
    expect(written({})).toEqual([]);
  });
});
