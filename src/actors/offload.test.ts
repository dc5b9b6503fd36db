import { describe, expect, it } from 'vitest';
import { TestHost } from '../../test/support/test-host.ts';
import { put16 } from '../wire/bytes.ts';
import { partialChecksum } from '../wire/checksum.ts';
import { checksumVerdict, parseFrame } from '../wire/frame.ts';
import { IP4_HEADER_BYTES } from '../wire/ipv4.ts';
import { Flag, NO_TCP_OPTIONS } from '../wire/tcp.ts';
import type { Frame } from './frame.ts';
import { framesOnWire, lengthOnWire, withoutHeadroom, withRoomInFront } from './offload.ts';
import { PhyLayer } from './phy/layer.ts';
import { restoreFrame, saveFrame } from './saved-frame.ts';
import { HEADROOM_BYTES, PAYLOAD_HEADROOM_BYTES, packetFromSegment, segmentFromPacket } from './tcp/segment.ts';

const TUPLE = { local: 0x0a09_0001, localPort: 1, remote: 0x0a09_0002, remotePort: 2 };
const MSS = 1_000;

function packet(host: TestHost, payload_bytes: number): Frame {
  const payload = new Uint8Array(payload_bytes).map((_, at) => at * 7);
  const segment = { seq: 5, ack: 6, flags: Flag.ACK | Flag.PSH, window: 7, options: NO_TCP_OPTIONS, payload };
  const bytes = packetFromSegment({ ...segment, segment_bytes: MSS }, TUPLE);
  return host.frame(bytes, undefined, 'good', { segment_bytes: MSS, headroom_bytes: HEADROOM_BYTES });
}

/** As the IP stack makes it. */
function frame(host: TestHost, payload_bytes: number): Frame {
  const inner = packet(host, payload_bytes);
  const bytes = withRoomInFront(inner, 14);
  bytes.fill(2, 0, 12);
  put16(bytes, 12, 0x0800);
  return host.frame(bytes, inner, 'good', withoutHeadroom(inner.offload));
}

describe('a frame that an interface is to finish', () => {
  it('carries the sum of its pseudo-header, as the kernel expects', () => {
    const { bytes } = packet(new TestHost(), 10);
    expect(parseFrame(frame(new TestHost(), 10).bytes).tcp?.checksum).toBe(partialChecksum(bytes, 0, 30));
    expect(segmentFromPacket(bytes, MSS)).toMatchObject({ ok: true, segment: { segment_bytes: MSS, seq: 5 } });
  });

  it('gets its next header in its own headroom, and in a copy where it has none', () => {
    const one = packet(new TestHost(), 100);
    const inPlace = withRoomInFront(one, 14);
    expect(inPlace.buffer).toBe(one.bytes.buffer);
    expect(inPlace.subarray(14)).toEqual(one.bytes);
    const copied = withRoomInFront({ ...one, offload: withoutHeadroom(one.offload) } as Frame, 14);
    expect(copied.buffer).not.toBe(one.bytes.buffer);
    expect(copied.subarray(14)).toEqual(one.bytes);
    expect(withoutHeadroom(undefined)).toBeUndefined();
  });

  it('is written around its payload where that has room in front, and around a copy where not', () => {
    const roomy = new Uint8Array(PAYLOAD_HEADROOM_BYTES + 500).subarray(PAYLOAD_HEADROOM_BYTES).fill(3);
    const segment = { seq: 5, ack: 6, flags: Flag.ACK, window: 7, options: NO_TCP_OPTIONS, payload: roomy };
    const around = packetFromSegment({ ...segment, segment_bytes: MSS, headroom_bytes: PAYLOAD_HEADROOM_BYTES }, TUPLE);
    expect(around.buffer).toBe(roomy.buffer);
    const copied = packetFromSegment({ ...segment, segment_bytes: MSS }, TUPLE);
    expect(copied.buffer).not.toBe(roomy.buffer);
    expect(copied).toEqual(around);
    expect(packetFromSegment({ ...segment, segment_bytes: MSS, headroom_bytes: 50 }, TUPLE)).toEqual(around);
  });

  it('counts as long as its longest piece', () => {
    const host = new TestHost();
    const length = (one: Frame) => lengthOnWire(one, IP4_HEADER_BYTES);
    expect(length(packet(host, 5_500))).toBe(MSS + 40);
    expect(length(packet(host, 300))).toBe(340);
    const { offload: _, ...finished } = packet(host, 300);
    expect(length(finished)).toBe(340);
  });

  it('is saved while it waits, without its headroom', () => {
    const one = packet(new TestHost(), 50);
    expect(restoreFrame(structuredClone(saveFrame(one)))).toEqual({
      ...one,
      offload: { segment_bytes: MSS, headroom_bytes: 0 },
    });
  });
});

describe('the segment cutter', () => {
  it('makes whole frames with good checksums', () => {
    const host = new TestHost();
    const source = frame(host, 2_500);
    const cut = framesOnWire(host, source);
    expect(cut.map(({ bytes }) => bytes.length - 54)).toEqual([MSS, MSS, 500]);
    expect(cut.every(({ bytes }) => checksumVerdict(bytes, parseFrame(bytes)) === 'good')).toBe(true);
    expect(cut.every(({ parent, offload }) => parent === source.id && offload === undefined)).toBe(true);
    const [short] = framesOnWire(host, frame(host, 10)) as [Frame];
    expect(checksumVerdict(short.bytes, parseFrame(short.bytes))).toBe('good');
  });

  it('leaves alone what is no TCP frame, and what is finished', () => {
    const host = new TestHost();
    const odd = host.frame(new Uint8Array(60), undefined, 'none', { segment_bytes: 10, headroom_bytes: 0 });
    expect(framesOnWire(host, odd).map(({ bytes }) => bytes)).toEqual([odd.bytes]);
    const finished = host.frame(new Uint8Array(60));
    expect(framesOnWire(host, finished)).toEqual([finished]);
  });
});

describe('PHY', () => {
  const sent = (offloads: boolean): readonly number[] => {
    const host = new TestHost();
    host.attach(new PhyLayer(host, '2012', { offloads }));
    host.start();
    host.inject('upper', frame(host, 2_500));
    return host.sentOn('cable').map(({ bytes }) => bytes.length);
  };

  it('cuts where no interface behind the cable does', () => {
    expect(sent(false)).toEqual([1_054, 1_054, 554]);
    expect(sent(true)).toEqual([2_554]);
  });
});
