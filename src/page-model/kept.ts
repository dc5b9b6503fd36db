import { membersOf } from '../actors/frame-data.ts';
import type { JournalData, JournalRecord } from '../actors/tap.ts';
import { tlsFlight } from './tls-flight.ts';

/** What the page needs a record for. Drops and TLS events can come with every frame, decisions cannot. */
export type KeptClass = 'decision' | 'tls' | 'drop';

export interface KeptRecord {
  readonly class: KeptClass;
  readonly record: JournalRecord;
}

/**
 * The part of a journal record that the page shows; undefined for what it does not show: frames, answers of the outside, and anything
 * else that grows with traffic. Bytes of TLS are replaced by the names of the records they hold.
 */
export function keptRecord(record: JournalRecord): KeptRecord | undefined {
  switch (record.kind) {
    case 'transition':
    case 'command':
    case 'note':
    case 'gap':
      return { class: 'decision', record };
    case 'drop':
      return { class: 'drop', record };
    case 'input':
      return record.name === 'tls' ? tlsRecord(record) : undefined;
    default:
      return undefined;
  }
}

function tlsRecord(record: JournalRecord): KeptRecord | undefined {
  const {
    kind,
    engine = null,
    bytes,
    reason = null,
    detail = null,
    peerName = null,
    cipher = null,
  } = membersOf(record.data);
  const keep = (data: JournalData): KeptRecord => ({ class: 'tls', record: { ...record, data } });
  if (kind === 'output' && bytes instanceof Uint8Array)
    return keep({ kind, engine, flight: tlsFlight(bytes), length: bytes.length });
  if (kind === 'secured') return keep({ kind, engine, peerName, cipher });
  if (kind === 'failed') return keep({ kind, engine, reason, detail });
  return kind === 'ended' ? keep({ kind, engine }) : undefined;
}
