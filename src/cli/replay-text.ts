import type { JournalData, JournalRecord } from '../actors/tap.ts';
import type { Divergence, DivergenceWhat, ReplayEqual, ReplayResult } from '../journal/replay-result.ts';
import { encodeData } from '../journal/schema.ts';
import type { JournalReader } from '../journal/store-reader.ts';

/** Characters of a record's data that a line of context shows. */
const CONTEXT_CHARACTERS = 120;
const US_PER_SECOND = 1_000_000;

interface Summary {
  readonly file: string;
  readonly level: string;
  readonly created: string;
  readonly tls: string;
  readonly part: number;
  readonly devices: readonly string[];
  readonly records: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly span_us: number;
  readonly closed: boolean;
  /** Its writer still runs. */
  readonly live: boolean;
}

export function summaryOf(reader: JournalReader, live: boolean): Summary {
  const { level, created, tls, part, devices } = reader.meta;
  const kinds = Object.fromEntries(reader.countsByKind());
  const first = reader.first();
  const last = reader.last();
  return {
    file: reader.path,
    level,
    created,
    tls,
    part,
    devices,
    records: Object.values(kinds).reduce((sum, count) => sum + count, 0),
    kinds,
    firstSeq: first?.seq ?? 0,
    lastSeq: last?.seq ?? 0,
    span_us: (last?.time_us ?? 0) - (first?.time_us ?? 0),
    closed: reader.closed,
    live,
  };
}

export function summaryJson(summary: Summary): string {
  return JSON.stringify(summary);
}

export function summaryText(summary: Summary): string {
  const { file, level, created, tls, part, devices, records, kinds, firstSeq, lastSeq, span_us, closed, live } =
    summary;
  const lines = [
    `${file}${part > 1 ? ` (part ${part} of its run)` : ''}`,
    `  level    ${level}${created === '' ? '' : `, recorded ${created}`}${tls === '' ? '' : `, TLS by ${tls}`}`,
    `  devices  ${devices.join(', ') || 'none'}`,
    `  records  ${records}, number ${firstSeq} to ${lastSeq}, over ${seconds(span_us)}`,
    ...Object.entries(kinds).map(([kind, count]) => `    ${kind.padEnd(10)} ${String(count).padStart(10)}`),
  ];
  if (live) lines.push(`  still being written: read up to record ${lastSeq}`);
  else if (!closed) lines.push(`  ${cutText(lastSeq)}`);
  return lines.join('\n');
}

export function resultText(file: string, result: ReplayResult, live: boolean): string {
  if (result.equal === undefined) return `${file} cannot be replayed: ${result.notReplayable}`;
  return result.equal ? equalText(file, result, live) : divergenceText(file, result.divergence);
}

export function resultJson(file: string, result: ReplayResult, live: boolean): string {
  if (result.equal === undefined)
    return JSON.stringify({ file, result: 'not-replayable', reason: result.notReplayable });
  if (result.equal) return JSON.stringify({ file, result: 'equal', ...result, live });
  return encodeData({ file, result: 'diverged', ...result } as unknown as JournalData);
}

function equalText(file: string, { inputs, derived, gaps, skipped, lastSeq, cut }: ReplayEqual, live: boolean): string {
  const lines = [`${file} replays equal: ${inputs} inputs, ${derived} derived records`];
  if (gaps > 0 || skipped > 0) lines.push(`not verified: ${skipped} records around ${gaps} gaps`);
  if (live) lines.push(`still being written: verified up to record ${lastSeq}`);
  else if (cut) lines.push(cutText(lastSeq));
  return lines.join('\n');
}

function cutText(lastSeq: number): string {
  return `the journal was not closed: its writer was killed; what was not committed after record ${lastSeq} is lost`;
}

const WHAT_TEXT: Readonly<Record<DivergenceWhat, string>> = {
  different: 'the replay did something else',
  missing: 'the replay did not do what was recorded',
  surplus: 'the replay did more than was recorded',
  impossible: 'the recorded input does not fit',
  altered: 'the record is not what was written, although the replay shows no other difference',
  error: 'the replayed device failed',
};

function divergenceText(
  file: string,
  { what, seq, recorded, replayed, detail, inputSeq, altered, context }: Divergence,
): string {
  const lines = [`${file} diverges at record ${seq}: ${WHAT_TEXT[what]}${detail === undefined ? '' : `: ${detail}`}`];
  if (altered !== undefined) lines.push(`record ${altered} was changed after it was written`);
  lines.push(`while handling input ${inputSeq}`, '', `recorded  ${sideText(recorded)}`);
  if (what === 'different' || what === 'surplus' || what === 'missing') lines.push(`replayed  ${sideText(replayed)}`);
  lines.push(
    '',
    'before it:',
    ...context.filter((record) => record.seq !== seq).map((record) => `  ${shortText(record)}`),
  );
  return lines.join('\n');
}

function sideText(record: JournalRecord | undefined): string {
  return record === undefined ? 'nothing' : `${headText(record)} ${encodeData(record.data)}`;
}

function shortText(record: JournalRecord): string {
  const data = encodeData(record.data);
  return `${headText(record)} ${data.length > CONTEXT_CHARACTERS ? `${data.slice(0, CONTEXT_CHARACTERS)}…` : data}`;
}

function headText({ seq, time_us, device, actor, kind, name, cause }: JournalRecord): string {
  return `${seq} ${seconds(time_us)} ${device}/${actor} ${kind} ${name} (cause ${cause})`;
}

function seconds(time_us: number): string {
  return `${(time_us / US_PER_SECOND).toFixed(6)} s`;
}
