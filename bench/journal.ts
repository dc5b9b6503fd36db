import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frameData } from '../src/actors/frame-data.ts';
import type { JournalRecord, JournalTap } from '../src/actors/tap.ts';
import { memoryJournal } from '../src/journal/memory.ts';
import { openJournal } from '../src/journal/store.ts';
import type { Benchmark, Running } from './support/benchmark.ts';
import { FRAME_SIZES_BYTES, INBOUND, OTHER, OWN, tcpFrame } from './support/frames.ts';

type Template = Omit<JournalRecord, 'seq' | 'cause'>;

const BASE = { time_us: 1_000_000, device: 'gateway20' } as const;
/** What a slow path writes at level `inputs`, about as often: a frame comes in, a frame leaves. */
const FRAMES: readonly Template[] = FRAME_SIZES_BYTES.flatMap((frame_bytes): Template[] => {
  const frame = frameData(tcpFrame(OTHER, OWN, INBOUND, frame_bytes));
  return [
    { ...BASE, actor: '2013', kind: 'input', name: 'frame', data: { ...frame, checksum: 'good', frame: 1 } },
    { ...BASE, actor: '2013', kind: 'output', name: 'frame', data: { ...frame, frame: 2, parent: 1 } },
  ];
});
/** What decisions write. */
const TRANSITIONS: readonly Template[] = [
  {
    ...BASE,
    actor: '2003/one',
    kind: 'transition',
    name: 'syn',
    data: { machine: 'tcp', from: 'LISTEN', to: 'SYN-RECEIVED' },
  },
  { ...BASE, actor: '2003/one', kind: 'command', name: 'sendSynAck', data: null },
];

function writing(tap: JournalTap, templates: readonly Template[], flush: () => void, close?: () => void): Running {
  let seq = 0;
  return {
    prepare: (operations) => () => {
      for (let at = 0; at < operations; at++) {
        tap.record({ ...(templates[at % templates.length] as Template), seq: ++seq, cause: seq - 1 });
      }
      flush();
      return { operations };
    },
    ...(close !== undefined && { close }),
  };
}

/** Holds everything in memory, so each sample gets a fresh one. */
function inMemory(templates: readonly Template[]): Running {
  return { prepare: (operations) => writing(memoryJournal('inputs'), templates, () => {}).prepare(operations) };
}

function inSqlite(templates: readonly Template[]): Running {
  const folder = mkdtempSync(join(tmpdir(), 'glassgate-bench-'));
  const journal = openJournal(join(folder, 'bench.journal'), { level: 'inputs' });
  const close = () => {
    journal.close();
    rmSync(folder, { recursive: true });
  };
  return writing(journal, templates, () => journal.flush(), close);
}

/** The journal alone: one operation is one record taken, encoded and hashed; in SQLite committed too. */
export const journalBenchmarks: readonly Benchmark[] = [
  { table: 'journal', name: 'memory, frames', unit: 'events', open: () => inMemory(FRAMES) },
  { table: 'journal', name: 'memory, transitions', unit: 'events', open: () => inMemory(TRANSITIONS) },
  { table: 'journal', name: 'SQLite, frames', unit: 'events', open: () => inSqlite(FRAMES) },
  { table: 'journal', name: 'SQLite, transitions', unit: 'events', open: () => inSqlite(TRANSITIONS) },
];
