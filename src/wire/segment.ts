/** What a network card's offloads do, in software: segmentation, checksum completion, MSS clamping. */
import { put16, put32, u16 } from './bytes.ts';
import { fold, ip4HeaderChecksum, onesComplementSum, replace16, transportChecksum } from './checksum.ts';
import type { FrameView } from './frame.ts';
import { parseFrame } from './frame.ts';
import { IP6_HEADER_BYTES } from './ipv6.ts';
import { seqAdd } from './seq.ts';
import { Flag, findTcpOption, TCP_HEADER_BYTES, TcpOptionKind } from './tcp.ts';

const ONLY_ON_LAST = Flag.FIN | Flag.PSH;
const ONLY_ON_FIRST = Flag.CWR;
const TCP_CHECKSUM_AT = 16;
const UDP_CHECKSUM_AT = 6;

/**
 * Cuts an IPv4 or IPv6 TCP frame into frames of at most `mss` bytes of payload each, as TCP segmentation offload does: IP
 * ids count up, FIN and PSH stay on the last, CWR on the first, all checksums are made anew. A frame that is not a whole
 * TCP frame, or needs no cut, comes back as it is (its checksum untouched).
 */
export function segmentTcpFrame(bytes: Uint8Array, mss: number): Uint8Array[] {
  const parsed = parseFrame(bytes);
  const tcp = parsed.tcp;
  if (!parsed.ok || tcp === undefined || mss < 1) return [bytes];
  return cut(bytes, parsed, tcp.headerEnd, mss, (frame, index, from, isLast) => {
    const cleared = (isLast ? 0 : ONLY_ON_LAST) | (index === 0 ? 0 : ONLY_ON_FIRST);
    frame[tcp.offset + 13] &= ~cleared;
    put32(frame, tcp.offset + 4, seqAdd(tcp.seq, from));
    return tcp.offset + TCP_CHECKSUM_AT;
  });
}

/**
 * What an offloading interface makes of a TCP frame whose checksum field holds the pseudo-header's sum alone: whole frames of at most
 * `mss` bytes of payload each. A frame that is no TCP frame comes back as it is.
 */
export function wireTcpFrames(bytes: Uint8Array, mss: number): Uint8Array[] {
  const cut = segmentTcpFrame(bytes, mss);
  const { ok, tcp } = parseFrame(bytes);
  if (cut.length > 1 || !ok || tcp === undefined) return cut;
  const whole = bytes.slice(0, tcp.end);
  completeChecksum(whole, tcp.offset, TCP_CHECKSUM_AT);
  return [whole];
}

/** Cuts an IPv4 or IPv6 UDP frame into datagrams of `size` bytes of payload each, the last maybe shorter, as UDP segmentation offload does. */
export function segmentUdpFrame(bytes: Uint8Array, size: number): Uint8Array[] {
  const parsed = parseFrame(bytes);
  const udp = parsed.udp;
  if (!parsed.ok || udp === undefined || size < 1) return [bytes];
  return cut(bytes, parsed, udp.headerEnd, size, (frame) => {
    put16(frame, udp.offset + 4, frame.length - udp.offset);
    return udp.offset + UDP_CHECKSUM_AT;
  });
}

interface Network {
  readonly ipOffset: number;
  readonly l4Offset: number;
  readonly protocol: number;
}

/** Changes the transport header of one part; returns where its checksum field is. `from` is the part's place in the whole payload. */
type PatchTransport = (frame: Uint8Array, index: number, from: number, isLast: boolean) => number;

function cut(bytes: Uint8Array, parsed: FrameView, headersEnd: number, size: number, patch: PatchTransport) {
  const payloadLength = parsed.payloadEnd - headersEnd;
  if (payloadLength <= size) return [bytes];
  const frames: Uint8Array[] = [];
  for (let from = 0; from < payloadLength; from += size) {
    const length = Math.min(size, payloadLength - from);
    const frame = new Uint8Array(headersEnd + length);
    frame.set(bytes.subarray(0, headersEnd));
    frame.set(bytes.subarray(headersEnd + from, headersEnd + from + length), headersEnd);
    const { ipOffset, l4Offset, protocol } = patchNetwork(frame, parsed, frames.length);
    const field = patch(frame, frames.length, from, from + length === payloadLength);
    put16(frame, field, transportChecksum(frame, ipOffset, l4Offset, frame.length - l4Offset, protocol));
    frames.push(frame);
  }
  return frames;
}

function patchNetwork(frame: Uint8Array, parsed: FrameView, index: number): Network {
  const { ip, ip6 } = parsed;
  if (ip !== undefined) {
    put16(frame, ip.offset + 2, frame.length - ip.offset);
    put16(frame, ip.offset + 4, ip.id + index);
    put16(frame, ip.offset + 10, ip4HeaderChecksum(frame, ip.offset, ip.ihl));
    return { ipOffset: ip.offset, l4Offset: ip.headerEnd, protocol: ip.protocol };
  }
  const { offset, headerEnd, protocol } = ip6!;
  put16(frame, offset + 4, frame.length - offset - IP6_HEADER_BYTES);
  return { ipOffset: offset, l4Offset: headerEnd, protocol };
}

/**
 * Completes a partial checksum as virtio's NEEDS_CSUM asks: the field at `start + offset` holds the pseudo-header's sum, and
 * everything from `start` to the end of the frame belongs to the sum. False, and nothing is done, when the field lies outside.
 */
export function completeChecksum(bytes: Uint8Array, start: number, offset: number): boolean {
  const field = start + offset;
  if (field + 2 > bytes.length) return false;
  const checksum = fold(onesComplementSum(bytes, start, bytes.length));
  put16(bytes, field, checksum === 0 ? 0xffff : checksum);
  return true;
}

/**
 * Lowers the MSS option of a SYN to `maxMss`, in place, and keeps the checksum right if it was. Needs a complete checksum, not
 * a partial one. True when something was changed.
 */
export function clampMss(bytes: Uint8Array, maxMss: number): boolean {
  const field = mssAbove(bytes, maxMss);
  if (field === undefined) return false;
  replace16(bytes, field.at, maxMss, field.tcpOffset + TCP_CHECKSUM_AT, field.tcpOffset);
  return true;
}

/** The same for bytes that must not change: a changed copy of a SYN whose MSS is too large, everything else as it is. */
export function withClampedMss(bytes: Uint8Array, maxMss: number): Uint8Array {
  if (mssAbove(bytes, maxMss) === undefined) return bytes;
  const copy = bytes.slice();
  clampMss(copy, maxMss);
  return copy;
}

/** Where a SYN's MSS value stands, if it is above `maxMss`. */
function mssAbove(bytes: Uint8Array, maxMss: number): { at: number; tcpOffset: number } | undefined {
  const { ok, tcp } = parseFrame(bytes);
  if (!ok || tcp === undefined || (tcp.flags & Flag.SYN) === 0) return undefined;
  if (tcp.options.mss === undefined || tcp.options.mss <= maxMss) return undefined;
  const at = findTcpOption(bytes, tcp.offset + TCP_HEADER_BYTES, tcp.headerEnd, TcpOptionKind.MSS);
  if (at < 0 || bytes[at + 1] !== 4 || u16(bytes, at + 2) <= maxMss) return undefined;
  return { at: at + 2, tcpOffset: tcp.offset };
}
