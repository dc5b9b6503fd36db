import type { JournalData, JournalRecord, RecordKind } from '../actors/tap.ts';
import { LINK_ETHERNET, LINK_RAW, PcapngWriter } from './pcapng.ts';
import { type JournalMeta, type JournalSource, type RowFilter, recordOf } from './schema.ts';

/** Kinds of records that hold frames. */
const FRAME_KINDS: readonly RecordKind[] = ['input', 'output', 'crossing'];

/** Takes what passes a tapped place: its name, the whole frame, and the time since 1970 in microseconds. */
export type FrameTap = (place: string, bytes: Uint8Array, time_us: number, comment?: string) => void;

/** A pcapng file of live taps (cables, interfaces): one interface per place, frames whole. */
export function pcapngFromTaps(write: (block: Uint8Array) => void): FrameTap {
  const writer = new PcapngWriter(write);
  return (place, bytes, time_us, comment) =>
    writer.packet({ interface: writer.interface(place), time_us, bytes, comment });
}

/**
 * A pcapng file of a journal: one interface per device and port, of each frame the bytes that the journal kept and its true
 * length, `seq` and frame ids in the packet's comment. Checksums over payload are 0 there. Returns what was written.
 */
export function pcapngFromJournal(
  source: JournalSource,
  write: (block: Uint8Array) => void,
  filter: RowFilter = {},
): { packets: number; interfaces: number } {
  const writer = new PcapngWriter(write);
  const offset_us = wallClockOffset_us(source.meta);
  let packets = 0;
  for (const row of source.rows({ ...filter, kinds: FRAME_KINDS })) {
    const record = recordOf(row);
    const kept = keptFrame(record.data);
    if (kept === undefined) continue;
    packets += 1;
    writer.packet({
      interface: writer.interface(placeOf(record), linkTypeOf(kept)),
      time_us: record.time_us + offset_us,
      bytes: kept.head,
      length: kept.length,
      comment: commentOf(record),
      direction: directionOf(record.kind),
    });
  }
  return { packets, interfaces: writer.interfaces };
}

interface KeptFrame {
  readonly head: Uint8Array;
  readonly length: number;
}

function keptFrame(data: JournalData): KeptFrame | undefined {
  const { head, payloadLength } = (data ?? {}) as { head?: JournalData; payloadLength?: JournalData };
  if (!(head instanceof Uint8Array) || typeof payloadLength !== 'number') return undefined;
  return { head, length: head.length + payloadLength };
}

/** Between IP stack and TCP packets begin with the IP header; the length that it has tells them from Ethernet frames. */
function linkTypeOf({ head, length }: KeptFrame): number {
  const isIp4 = head.length >= 20 && head[0] >> 4 === 4 && ((head[2] << 8) | head[3]) === length;
  const isIp6 = head.length >= 40 && head[0] >> 4 === 6 && ((head[4] << 8) | head[5]) + 40 === length;
  return isIp4 || isIp6 ? LINK_RAW : LINK_ETHERNET;
}

function placeOf({ device, actor, kind, name }: JournalRecord): string {
  return kind === 'crossing' ? `${device}/${actor}.${name}` : `${device}/${actor}`;
}

function commentOf({ seq, cause, data }: JournalRecord): string {
  const { frame, parent } = data as { frame?: JournalData; parent?: JournalData };
  const from = typeof parent === 'number' && parent > 0 ? ` made from ${parent}` : '';
  return `seq ${seq}, cause ${cause}, frame ${frame}${from}`;
}

function directionOf(kind: RecordKind): 'in' | 'out' | undefined {
  if (kind === 'crossing') return undefined;
  return kind === 'input' ? 'in' : 'out';
}

function wallClockOffset_us({ created, created_us }: JournalMeta): number {
  const wall_ms = Date.parse(created);
  return Number.isNaN(wall_ms) ? 0 : wall_ms * 1000 - created_us;
}
