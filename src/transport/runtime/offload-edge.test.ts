import { describe, expect, it } from 'vitest';
import type { Frame } from '../../actors/frame.ts';
import { buildTcpFrame, buildUdpFrame } from '../../wire/build.ts';
import { Flag } from '../../wire/tcp.ts';
import { inputOf, sentFrame } from './offload-edge.ts';

const ETHERNET = { destination: 0x0200_0000_0002, source: 0x0200_0000_0001 };
const IP = { source: 0x0a09_0001, destination: 0x0a09_0002 };
const TCP = { sourcePort: 1, destinationPort: 2, seq: 1, ack: 1, flags: Flag.ACK, window: 9 };
const tcp = (payload_bytes: number) =>
  buildTcpFrame({ ethernet: ETHERNET, ip: IP, tcp: TCP }, new Uint8Array(payload_bytes));
const udp = buildUdpFrame(
  { ethernet: ETHERNET, ip: IP, udp: { sourcePort: 1, destinationPort: 2 } },
  new Uint8Array(3_000),
);

function frame(bytes: Uint8Array, segment_bytes?: number): Frame {
  const offload = segment_bytes === undefined ? {} : { offload: { segment_bytes, headroom_bytes: 0 } };
  return { id: 1, parent: 0, bytes, checksum: 'good', ...offload };
}

describe('a frame that leaves', () => {
  it('says what is left to the interface', () => {
    const needsChecksum = { start: 34, offset: 16 };
    expect(sentFrame(frame(tcp(3_000)))).toEqual({ bytes: tcp(3_000) });
    expect(sentFrame(frame(tcp(1_000), 1_000)).offload).toEqual({ needsChecksum });
    expect(sentFrame(frame(tcp(1_001), 1_000)).offload).toEqual({
      needsChecksum,
      gso: { type: 'tcp4', size: 1_000, headerLength: 54 },
    });
  });

  it('goes as it is when it is no TCP frame', () => {
    expect(sentFrame(frame(udp, 1_000))).toEqual({ bytes: udp });
  });
});

describe('a frame that arrives', () => {
  const needsChecksum = { start: 34, offset: 16 };

  it('is given whole, with the size of its segments', () => {
    const gso = { type: 'tcp4' as const, size: 1_000, headerLength: 54 };
    expect(inputOf('2113', { bytes: tcp(3_000), offload: { needsChecksum, gso } })).toEqual({
      kind: 'frame',
      port: '2113',
      bytes: tcp(3_000),
      checksum: 'good',
      segment_bytes: 1_000,
    });
    expect(inputOf('2113', { bytes: tcp(100), offload: { needsChecksum } })).toMatchObject({ segment_bytes: 0xffff });
  });

  it('has no such word where nothing is left to do', () => {
    for (const received of [{ bytes: tcp(100) }, { bytes: tcp(100), offload: { checksumValid: true } }]) {
      expect(inputOf('2113', received)).toEqual({ kind: 'frame', port: '2113', bytes: tcp(100), checksum: 'good' });
    }
    const broken = tcp(100).map((byte, at) => (at === 60 ? byte ^ 1 : byte));
    expect(inputOf('2113', { bytes: broken })).toMatchObject({ checksum: 'bad' });
  });
});
