import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildUdpFrame } from '../../wire/build.ts';
import { checksumVerdict, parseFrame } from '../../wire/frame.ts';
import { normalise } from './normalise.ts';
import type { FrameOffload, ReceivedFrame } from './types.ts';
import { parseVirtioHeader, VIRTIO_HEADER_BYTES, writeVirtioHeader } from './virtio.ts';

const header = (...bytes: number[]): DataView => new DataView(new Uint8Array([...bytes, ...Array(10).fill(0)]).buffer);
const FRAME = new Uint8Array(200);

describe('virtio header', () => {
  it('survives a round trip', () => {
    const offload = fc.record(
      {
        needsChecksum: fc.record({ start: fc.integer({ min: 14, max: 100 }), offset: fc.constantFrom(6, 16) }),
        gso: fc.record({
          type: fc.constantFrom('tcp4' as const, 'tcp6' as const, 'udp' as const),
          size: fc.integer({ min: 1, max: 65_535 }),
          headerLength: fc.integer({ min: 42, max: 200 }),
        }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(offload, (written: FrameOffload) => {
        const view = new DataView(new ArrayBuffer(VIRTIO_HEADER_BYTES));
        writeVirtioHeader(view, 0, written);
        const frame = new Uint8Array(200);
        const { gso, needsChecksum } = written;
        // The length is read from the transport header where there is one.
        if (gso && needsChecksum) frame[needsChecksum.start + 12] = 5 << 4;
        const expected = structuredClone(written);
        if (gso && needsChecksum) expected.gso!.headerLength = needsChecksum.start + (gso.type === 'udp' ? 8 : 20);
        const parsed = parseVirtioHeader(view, 0, frame, 0);
        expect(parsed).toEqual({ ok: true, offload: gso || needsChecksum ? expected : undefined });
      }),
    );
  });

  it('has the layout of virtio 1.2 section 5.1.6', () => {
    const view = new DataView(new ArrayBuffer(VIRTIO_HEADER_BYTES));
    const gso = { type: 'tcp4' as const, size: 1448, headerLength: 66, ecn: true };
    writeVirtioHeader(view, 0, { needsChecksum: { start: 34, offset: 16 }, gso });
    expect([...new Uint8Array(view.buffer)]).toEqual([1, 0x81, 66, 0, 0xa8, 5, 34, 0, 16, 0]);
  });

  it.each([
    ['a checksum field beyond the end', header(1, 0, 0, 0, 0, 0, 190, 0, 9, 0), 'bad-checksum-range'],
    ['an unknown kind of super-frame', header(1, 9, 54, 0, 100, 0, 34, 0, 16, 0), 'unknown-gso'],
    ['super-frames of no size', header(1, 1, 54, 0, 0, 0, 34, 0, 16, 0), 'unknown-gso'],
  ])('refuses %s', (_name, view, reason) => {
    expect(parseVirtioHeader(view, 0, FRAME, 0)).toEqual({ ok: false, reason });
  });

  it('counts from behind a VLAN tag that was put back', () => {
    const parsed = parseVirtioHeader(header(1, 0, 0, 0, 0, 0, 34, 0, 16, 0), 0, FRAME, 4);
    expect(parsed).toEqual({ ok: true, offload: { needsChecksum: { start: 38, offset: 16 } } });
  });
});

describe('normalise, for a receiver that offloads', () => {
  const keep = { keepSuperFrames: true };
  const ends = {
    ethernet: { destination: 0x0200_0000_0002, source: 0x0200_0000_0001 },
    ip: { source: 0x0a09_0001, destination: 0x0a09_0002 },
  };
  const udp = buildUdpFrame({ ...ends, udp: { sourcePort: 1, destinationPort: 2 } }, new Uint8Array(3_000));
  const gso = { type: 'udp' as const, size: 1_000, headerLength: 42 };

  it('finishes what is no TCP frame', () => {
    const out: ReceivedFrame[] = [];
    expect(normalise(udp, { needsChecksum: { start: 34, offset: 6 }, gso }, keep, out)).toBe(true);
    expect(out.map(({ offload }) => offload)).toEqual(Array(3).fill({ checksumValid: true }));
    expect(out.map(({ bytes }) => checksumVerdict(bytes, parseFrame(bytes)))).toEqual(Array(3).fill('good'));
  });

  it('says so when that cannot be done', () => {
    const out: ReceivedFrame[] = [];
    expect(normalise(udp.subarray(0, 2_000), { gso: { ...gso, headerLength: 30 } }, keep, out)).toBe(false);
    expect(out).toEqual([]);
  });
});

it('never throws, whatever header and frame arrive', () => {
  const bytes = fc.uint8Array({ minLength: VIRTIO_HEADER_BYTES, maxLength: VIRTIO_HEADER_BYTES });
  fc.assert(
    fc.property(bytes, fc.uint8Array({ minLength: 14, maxLength: 300 }), (head, frame) => {
      const parsed = parseVirtioHeader(new DataView(head.slice().buffer), 0, frame, 0);
      if (!parsed.ok) return;
      const out: ReceivedFrame[] = [];
      const good = normalise(frame, parsed.offload, { keepSuperFrames: false }, out);
      expect(out.length > 0).toBe(good);
    }),
  );
});
