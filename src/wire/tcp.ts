/** TCP headers and their options (RFC 9293 section 3.1; RFC 7323 window scale and timestamps; RFC 2018 SACK). */
import { put16, put32, u16, u32 } from './bytes.ts';

/** Control bits of a TCP header. */
export const Flag = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const;

/** Bytes of a TCP header without options. */
export const TCP_HEADER_BYTES = 20;
/** Most bytes that options can take. */
export const TCP_MAX_OPTIONS_BYTES = 40;

/** Kinds of TCP options. */
export const TcpOptionKind = {
  END: 0,
  NOP: 1,
  MSS: 2,
  WINDOW_SCALE: 3,
  SACK_PERMITTED: 4,
  SACK: 5,
  TIMESTAMPS: 8,
} as const;

/** A block of data received out of order: from `left` up to, not including, `right`. */
export interface SackBlock {
  left: number;
  right: number;
}

/** Options as values; absent ones are undefined. */
export interface TcpOptions {
  mss?: number | undefined;
  windowScale?: number | undefined;
  sackPermitted?: boolean | undefined;
  sacks?: readonly SackBlock[] | undefined;
  timestamps?: { value: number; echo: number } | undefined;
}

export const NO_TCP_OPTIONS: TcpOptions = Object.freeze({});

export interface TcpFields {
  sourcePort: number;
  destinationPort: number;
  seq: number;
  ack?: number;
  flags: number;
  window: number;
  urgent?: number;
  options?: TcpOptions;
}

/** A read header. `optionsMalformed`: an option had an illegal length (RFC 9293 MUST-7), and those behind it were not read. */
export interface TcpView {
  ok: true;
  offset: number;
  sourcePort: number;
  destinationPort: number;
  seq: number;
  ack: number;
  headerLength: number;
  flags: number;
  window: number;
  checksum: number;
  urgent: number;
  options: TcpOptions;
  optionsMalformed: boolean;
  headerEnd: number;
  end: number;
}

export type TcpReason = 'tcp-truncated' | 'tcp-bad-header-length';
export interface TcpMalformed {
  ok: false;
  reason: TcpReason;
}

/** Reads the header at `offset`; `end` is the end of the IP packet. */
export function parseTcp(bytes: Uint8Array, offset: number, end: number): TcpView | TcpMalformed {
  if (end - offset < TCP_HEADER_BYTES) return { ok: false, reason: 'tcp-truncated' };
  const headerLength = (bytes[offset + 12] >>> 4) * 4;
  if (headerLength < TCP_HEADER_BYTES) return { ok: false, reason: 'tcp-bad-header-length' };
  if (headerLength > end - offset) return { ok: false, reason: 'tcp-truncated' };
  const headerEnd = offset + headerLength;
  const read = parseTcpOptions(bytes, offset + TCP_HEADER_BYTES, headerEnd);
  return {
    ok: true,
    offset,
    sourcePort: u16(bytes, offset),
    destinationPort: u16(bytes, offset + 2),
    seq: u32(bytes, offset + 4),
    ack: u32(bytes, offset + 8),
    headerLength,
    flags: bytes[offset + 13],
    window: u16(bytes, offset + 14),
    checksum: u16(bytes, offset + 16),
    urgent: u16(bytes, offset + 18),
    options: read.options,
    optionsMalformed: read.malformed,
    headerEnd,
    end,
  };
}

const NOTHING_READ = Object.freeze({ options: NO_TCP_OPTIONS, malformed: false });

/** Reads the options of `bytes[from..to)`. Unknown ones and known ones of a strange length are skipped. */
export function parseTcpOptions(
  bytes: Uint8Array,
  from: number,
  to: number,
): { options: TcpOptions; malformed: boolean } {
  if (from === to) return NOTHING_READ;
  const options: TcpOptions = {};
  let at = nextTcpOption(bytes, from, to);
  while (at >= 0 && at < to) {
    readOption(options, bytes, at, bytes[at], bytes[at + 1]);
    at = nextTcpOption(bytes, at + bytes[at + 1], to);
  }
  return { options, malformed: at < 0 };
}

/** Where the first option of that kind begins in `bytes[from..to)`; -1 when there is none. */
export function findTcpOption(bytes: Uint8Array, from: number, to: number, kind: number): number {
  let at = nextTcpOption(bytes, from, to);
  while (at >= 0 && at < to && bytes[at] !== kind) at = nextTcpOption(bytes, at + bytes[at + 1], to);
  return at < to ? at : -1;
}

/** The first option at or behind `from` that has a length byte; `to` when there is no more, -1 when its length is illegal. */
function nextTcpOption(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] === TcpOptionKind.NOP) at += 1;
  if (at >= to || bytes[at] === TcpOptionKind.END) return to;
  const length = at + 1 < to ? bytes[at + 1] : 0;
  return length < 2 || at + length > to ? -1 : at;
}

function readOption(options: TcpOptions, bytes: Uint8Array, at: number, kind: number, length: number): void {
  if (kind === TcpOptionKind.MSS && length === 4) options.mss = u16(bytes, at + 2);
  else if (kind === TcpOptionKind.WINDOW_SCALE && length === 3) options.windowScale = bytes[at + 2];
  else if (kind === TcpOptionKind.SACK_PERMITTED && length === 2) options.sackPermitted = true;
  else if (kind === TcpOptionKind.TIMESTAMPS && length === 10) {
    options.timestamps = { value: u32(bytes, at + 2), echo: u32(bytes, at + 6) };
  } else if (kind === TcpOptionKind.SACK && length > 2 && length % 8 === 2) {
    const sacks: SackBlock[] = [];
    for (let i = at + 2; i < at + length; i += 8) sacks.push({ left: u32(bytes, i), right: u32(bytes, i + 4) });
    options.sacks = sacks;
  }
}

/** Bytes that these options take in a header, padding to a multiple of 4 included. */
export function tcpOptionsLength(options: TcpOptions): number {
  const length = lengthWithoutSacks(options);
  const blocks = sackBlocksWritten(options, length);
  return (length + (blocks === 0 ? 0 : 2 + 8 * blocks) + 3) & ~3;
}

function lengthWithoutSacks(options: TcpOptions): number {
  let length = 0;
  if (options.mss !== undefined) length += 4;
  if (options.sackPermitted) length += 2;
  if (options.timestamps !== undefined) length += options.sackPermitted ? 10 : 12;
  if (options.windowScale !== undefined) length += 3;
  return length;
}

function sackBlocksWritten(options: TcpOptions, lengthBefore: number): number {
  const fitting = (TCP_MAX_OPTIONS_BYTES - lengthBefore - 2) >> 3;
  return Math.min(options.sacks?.length ?? 0, fitting);
}

/**
 * Writes options at `offset`, padded with zeros to a multiple of 4 (RFC 9293 MUST-69); returns the offset behind them. SACK blocks that do not
 * fit the 40 bytes are left out: 3 fit beside timestamps, 4 alone.
 */
export function writeTcpOptions(bytes: Uint8Array, offset: number, options: TcpOptions): number {
  const end = offset + tcpOptionsLength(options);
  let at = offset;
  if (options.mss !== undefined) {
    at = writeOptionHead(bytes, at, TcpOptionKind.MSS, 4);
    put16(bytes, at, options.mss);
    at += 2;
  }
  if (options.sackPermitted) at = writeOptionHead(bytes, at, TcpOptionKind.SACK_PERMITTED, 2);
  if (options.timestamps !== undefined) at = writeTimestamps(bytes, at, options.timestamps, !options.sackPermitted);
  if (options.windowScale !== undefined) {
    at = writeOptionHead(bytes, at, TcpOptionKind.WINDOW_SCALE, 3);
    bytes[at++] = options.windowScale;
  }
  at = writeSacks(bytes, at, options);
  bytes.fill(TcpOptionKind.END, at, end);
  return end;
}

/** With two NOPs in front the values are aligned, as receivers' fast paths expect (RFC 7323 appendix A). */
function writeTimestamps(
  bytes: Uint8Array,
  offset: number,
  timestamps: { value: number; echo: number },
  isPadded: boolean,
): number {
  let at = offset;
  if (isPadded) {
    bytes[at++] = TcpOptionKind.NOP;
    bytes[at++] = TcpOptionKind.NOP;
  }
  at = writeOptionHead(bytes, at, TcpOptionKind.TIMESTAMPS, 10);
  put32(bytes, at, timestamps.value);
  put32(bytes, at + 4, timestamps.echo);
  return at + 8;
}

function writeSacks(bytes: Uint8Array, offset: number, options: TcpOptions): number {
  const blocks = sackBlocksWritten(options, lengthWithoutSacks(options));
  if (options.sacks === undefined || blocks === 0) return offset;
  let at = writeOptionHead(bytes, offset, TcpOptionKind.SACK, 2 + 8 * blocks);
  for (let i = 0; i < blocks; i++) {
    put32(bytes, at, options.sacks[i].left);
    put32(bytes, at + 4, options.sacks[i].right);
    at += 8;
  }
  return at;
}

function writeOptionHead(bytes: Uint8Array, at: number, kind: number, length: number): number {
  bytes[at] = kind;
  bytes[at + 1] = length;
  return at + 2;
}

/** Bytes that the header of these fields takes. */
export function tcpHeaderLength(fields: Pick<TcpFields, 'options'>): number {
  return TCP_HEADER_BYTES + (fields.options === undefined ? 0 : tcpOptionsLength(fields.options));
}

/** Length that the header at `offset` says it has; 0 when its field lies outside. */
export function tcpHeaderLengthAt(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset + 12] ?? 0) >>> 4) * 4;
}

/** Writes a header with checksum field 0 at `offset`; returns the offset behind it. */
export function writeTcp(bytes: Uint8Array, offset: number, fields: TcpFields): number {
  const headerEnd = writeTcpOptions(bytes, offset + TCP_HEADER_BYTES, fields.options ?? NO_TCP_OPTIONS);
  put16(bytes, offset, fields.sourcePort);
  put16(bytes, offset + 2, fields.destinationPort);
  put32(bytes, offset + 4, fields.seq);
  put32(bytes, offset + 8, fields.ack ?? 0);
  bytes[offset + 12] = ((headerEnd - offset) / 4) << 4;
  bytes[offset + 13] = fields.flags;
  put16(bytes, offset + 14, fields.window);
  put16(bytes, offset + 16, 0);
  put16(bytes, offset + 18, fields.urgent ?? 0);
  return headerEnd;
}

const FLAG_ORDER = ['SYN', 'FIN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;

/** Like `SYN+ACK`; `none` without any flag. */
export function flagNames(flags: number): string {
  const names = FLAG_ORDER.filter((name) => (flags & Flag[name]) !== 0);
  return names.length === 0 ? 'none' : names.join('+');
}

/** Sequence numbers that a segment takes up: its payload, one for SYN, one for FIN (RFC 9293 section 3.4). */
export function segmentLength(flags: number, payloadLength: number): number {
  return payloadLength + ((flags & Flag.SYN) !== 0 ? 1 : 0) + ((flags & Flag.FIN) !== 0 ? 1 : 0);
}
