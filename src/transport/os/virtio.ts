import type { FrameOffload, GsoInfo } from './types.ts';

/** `struct virtio_net_hdr` in front of every frame: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset. */
export const VIRTIO_HEADER_BYTES = 10;

const FLAG_NEEDS_CHECKSUM = 1;
const FLAG_DATA_VALID = 2;
const GSO_NONE = 0;
const GSO_ECN = 0x80;
const GSO_CODES: Record<GsoInfo['type'], number> = { tcp4: 1, tcp6: 4, udp: 5 };
const GSO_TYPES = new Map(Object.entries(GSO_CODES).map(([type, code]) => [code, type as GsoInfo['type']]));
const UDP_HEADER_BYTES = 8;
const TCP_DATA_OFFSET = 12;

/** Parsed header, or why it can't be used. */
export type VirtioParse = { ok: true; offload: FrameOffload | undefined } | { ok: false; reason: VirtioReason };
export type VirtioReason = 'unknown-gso' | 'bad-checksum-range';

const PLAIN: VirtioParse = { ok: true, offload: undefined };

/**
 * Reads the header at `at`. `frame` is what follows it; `shift` is how far the frame's payload moved behind the place the
 * kernel counted from (4 when a VLAN tag was put in).
 */
export function parseVirtioHeader(view: DataView, at: number, frame: Uint8Array, shift: number): VirtioParse {
  const flags = view.getUint8(at);
  const gsoCode = view.getUint8(at + 1);
  if (flags === 0 && gsoCode === GSO_NONE) return PLAIN;
  const offload: FrameOffload = {};
  if (flags & FLAG_NEEDS_CHECKSUM) {
    const start = view.getUint16(at + 6, true) + shift;
    const offset = view.getUint16(at + 8, true);
    if (start + offset + 2 > frame.length) return { ok: false, reason: 'bad-checksum-range' };
    offload.needsChecksum = { start, offset };
  }
  if (flags & FLAG_DATA_VALID) offload.checksumValid = true;
  if (gsoCode !== GSO_NONE) {
    const type = GSO_TYPES.get(gsoCode & ~GSO_ECN);
    const size = view.getUint16(at + 4, true);
    if (type === undefined || size === 0) return { ok: false, reason: 'unknown-gso' };
    const hint = view.getUint16(at + 2, true) + shift;
    offload.gso = { type, size, headerLength: headerLength(type, frame, offload.needsChecksum?.start, hint) };
    if (gsoCode & GSO_ECN) offload.gso.ecn = true;
  }
  return { ok: true, offload };
}

/** The kernel's hdr_len is only a hint (often the whole linear part), so that the transport header is looked at. */
function headerLength(type: GsoInfo['type'], frame: Uint8Array, start: number | undefined, hint: number): number {
  if (start === undefined) return Math.min(hint, frame.length);
  if (type === 'udp') return start + UDP_HEADER_BYTES;
  const dataOffset = frame[start + TCP_DATA_OFFSET];
  return dataOffset === undefined ? Math.min(hint, frame.length) : start + (dataOffset >> 4) * 4;
}

/** Writes the header for a frame that is to be sent; zeros where nothing is left to do. */
export function writeVirtioHeader(view: DataView, at: number, offload: FrameOffload | undefined): void {
  const { needsChecksum, gso } = offload ?? {};
  view.setUint8(at, needsChecksum ? FLAG_NEEDS_CHECKSUM : 0);
  view.setUint8(at + 1, gso ? GSO_CODES[gso.type] | (gso.ecn ? GSO_ECN : 0) : GSO_NONE);
  view.setUint16(at + 2, gso?.headerLength ?? 0, true);
  view.setUint16(at + 4, gso?.size ?? 0, true);
  view.setUint16(at + 6, needsChecksum?.start ?? 0, true);
  view.setUint16(at + 8, needsChecksum?.offset ?? 0, true);
}
