import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { buildTestDevices, TestRun } from '../../test/support/journal-device.ts';
import type { JournalData, JournalRecord } from '../actors/tap.ts';
import { verifyJournal } from './replay.ts';
import { JournalError, type JournalFault } from './schema.ts';
import {
  BATCH_RECORDS,
  HASH_RECORDS,
  type Journal,
  type JournalOptions,
  nextPath,
  openJournal,
  QUEUE_RECORDS,
} from './store.ts';
import { type JournalReader, openReader } from './store-reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'glassgate-journal-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function newPath(): string {
  return join(folder, `test-${++files}.journal`);
}

function record(seq: number, more: Partial<JournalRecord> = {}): JournalRecord {
  return {
    seq,
    time_us: seq * 10,
    device: 'one',
    actor: 'edge',
    kind: 'note',
    name: 'n',
    data: { seq },
    cause: 0,
    ...more,
  };
}

function withReader<T>(path: string, use: (reader: JournalReader) => T): T {
  const reader = openReader(path);
  try {
    return use(reader);
  } finally {
    reader.close();
  }
}

function faultOf(action: () => unknown): JournalFault {
  try {
    action();
  } catch (error) {
    if (error instanceof JournalError) return error.fault;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** A run of the test device into a file. */
function recordRun(path: string, questions: number, options: Partial<JournalOptions> = {}): void {
  const journal = openJournal(path, { level: 'inputs', ...options });
  const run = new TestRun(journal);
  run.ask(questions);
  run.stop();
  journal.close();
}

describe('a journal file', () => {
  it('gives back every record as it was, also while it is being written', () => {
    const path = newPath();
    const journal = openJournal(path, {
      level: 'full',
      created: '2024-05-01T00:00:00Z',
      created_us: 5,
      tls: 'model',
      seed: 7,
    });
    const records = [
      record(1, { kind: 'config', device: '', data: { builder: 'x' } }),
      record(2, { kind: 'input', data: Uint8Array.of(1, 2, 3) }),
      record(3, { cause: 2, data: null, time_us: 2 ** 41 + 1 }),
      record(4, { cause: 3, device: 'two', actor: 'other', kind: 'drop', data: 'ä€' }),
      record(5, { cause: 1 }),
      record(6, { kind: 'input' }),
      record(7, { cause: 6 }),
    ];
    for (const each of records) journal.record(each);
    journal.flush();
    const reader = openReader(path);
    expect(reader.closed).toBe(false);
    expect([...reader.records()]).toEqual(records);
    expect(reader.meta).toEqual({
      level: 'full',
      created: '2024-05-01T00:00:00Z',
      created_us: 5,
      tls: 'model',
      seed: 7,
      devices: ['one', 'two'],
      part: 1,
      config: { builder: 'x' },
    });
    reader.close();
    journal.close();
    withReader(path, (closed) => {
      expect(closed.closedAt).toBe(7);
      expect([...closed.records({ from: 2, to: 4 })].map(({ seq }) => seq)).toEqual([2, 3, 4]);
      expect([...closed.records({ kinds: ['input', 'drop'] })].map(({ seq }) => seq)).toEqual([2, 4, 6]);
      expect(
        [...closed.records({ devices: ['two'] }), ...closed.records({ actors: ['other'] })].map(({ seq }) => seq),
      ).toEqual([4, 4]);
      expect([closed.count(), closed.count({ kinds: ['note'] }), closed.first()?.seq, closed.last()?.seq]).toEqual([
        7, 3, 1, 7,
      ]);
      expect(closed.causes(4).map(({ seq }) => seq)).toEqual([4, 3, 2]);
      expect(closed.effects(2).map(({ seq }) => seq)).toEqual([3, 4]);
      expect(closed.countsByKind().get('note')).toBe(3);
      expect(closed.record(99)).toBeUndefined();
    });
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it('writes batches by itself, and they end between inputs', () => {
    const path = newPath();
    const journal = openJournal(path, { level: 'inputs' });
    for (let seq = 1; seq <= BATCH_RECORDS + 100; seq++)
      journal.record(record(seq, { kind: seq % 30 === 1 ? 'input' : 'note' }));
    const committed = withReader(path, (reader) => reader.last()?.seq ?? 0);
    expect(committed).toBeGreaterThanOrEqual(BATCH_RECORDS);
    expect(committed % 30).toBe(0);
    journal.close();
    expect(withReader(path, (reader) => reader.count())).toBe(BATCH_RECORDS + 100);
  });

  it('keeps a hash every so many derived records', () => {
    const path = newPath();
    recordRun(path, 400);
    withReader(path, (reader) => {
      const derived = reader.count({ kinds: ['event', 'transition', 'command', 'crossing', 'output', 'drop', 'note'] });
      expect([...reader.hashes()].length).toBe(Math.floor(derived / HASH_RECORDS));
      expect(derived).toBeGreaterThan(HASH_RECORDS);
    });
  });

  it('takes nothing after it was closed, and closes once', () => {
    const path = newPath();
    const journal = openJournal(path, { level: 'inputs' });
    journal.record(record(1));
    journal.close();
    journal.record(record(2));
    journal.flush();
    journal.close();
    expect(withReader(path, (reader) => reader.count())).toBe(1);
  });

  it('replays equal', () => {
    const path = newPath();
    recordRun(path, 100);
    expect(withReader(path, (reader) => verifyJournal(reader, buildTestDevices))).toMatchObject({
      equal: true,
      cut: false,
    });
  });
});

describe('a record changed in the file', () => {
  function changedFile(sql: string): ReturnType<typeof verifyJournal> {
    const path = newPath();
    recordRun(path, 60);
    const db = new DatabaseSync(path);
    expect(db.prepare(sql).run().changes).toBe(1);
    db.close();
    return withReader(path, (reader) => verifyJournal(reader, buildTestDevices));
  }
  const firstFrame = `(SELECT min(seq) FROM records WHERE kind = 'input' AND name = 'frame')`;

  it('is found even where it has no effect', () => {
    // A byte of the frame's address, which the device never looks at.
    const result = changedFile(
      `UPDATE records SET data = replace(data, '{"head":{"$b":"AAAA', '{"head":{"$b":"ABAA') WHERE seq = ${firstFrame}`,
    );
    expect(result).toMatchObject({ equal: false, divergence: { altered: expect.any(Number) } });
    if (result.equal !== false) throw new Error('unreachable');
    expect(result.divergence.inputSeq).toBe(result.divergence.altered);
  });

  it('is named as the reason of the divergence that follows from it', () => {
    const result = changedFile(`UPDATE records SET data = replace(data, '"good"', '"bad"') WHERE seq = ${firstFrame}`);
    expect(result).toMatchObject({ equal: false, divergence: { what: 'different' } });
    if (result.equal !== false) throw new Error('unreachable');
    expect(result.divergence.altered).toBe(result.divergence.inputSeq);
    expect(result.divergence.seq).toBe(result.divergence.inputSeq + 1);
  });

  it('is found where a whole derived record was removed', () => {
    const result = changedFile(`DELETE FROM records WHERE seq = (SELECT min(seq) FROM records WHERE kind = 'drop')`);
    expect(result).toMatchObject({ equal: false, divergence: { what: 'different', replayed: { kind: 'drop' } } });
  });
});

describe('after kill -9', () => {
  it('all that was committed is there, the cut is said, and it replays equal', async () => {
    const path = newPath();
    const node = process.execPath;
    const writer = spawn(node, ['--disable-warning=ExperimentalWarning', 'test/support/journal-writer.ts', path]);
    let committed = 0;
    let lines = 0;
    await new Promise<void>((resolve, reject) => {
      writer.stderr.on('data', (text) => reject(new Error(String(text))));
      writer.on('exit', () => resolve());
      writer.stdout.on('data', (text) => {
        const told = String(text).trim().split('\n');
        committed = Number(told.at(-1));
        lines += told.length;
        if (lines > 5) writer.kill('SIGKILL');
      });
    });
    withReader(path, (reader) => {
      expect(reader.closed).toBe(false);
      const last = reader.last()?.seq ?? 0;
      expect(last).toBeGreaterThanOrEqual(committed);
      expect(reader.count()).toBe(last);
      const result = verifyJournal(reader, buildTestDevices);
      expect(result).toMatchObject({ equal: true, cut: true });
    });
  });

  it('a journal that ends within an input is equal as far as it goes', () => {
    const path = newPath();
    recordRun(path, 30);
    const db = new DatabaseSync(path);
    db.exec(`DELETE FROM meta WHERE key = 'closed';
      DELETE FROM records WHERE seq > (SELECT max(seq) FROM records WHERE kind = 'answer' AND name = 'random')`);
    db.close();
    expect(withReader(path, (reader) => verifyJournal(reader, buildTestDevices))).toMatchObject({
      equal: true,
      cut: true,
    });
  });
});

describe('rotation', () => {
  function rotated(limits: JournalOptions['limits']): { paths: string[]; journal: Journal } {
    const paths = [newPath()];
    let run: TestRun | undefined;
    const journal = openJournal(paths[0], {
      level: 'inputs',
      limits,
      snapshot: () =>
        (run?.devices ?? []).map((device) => [device.name, device.save() as unknown as JournalData] as const),
      onRotated: (finished, next) => {
        expect(finished).toBe(paths.at(-1));
        paths.push(next);
      },
    });
    run = new TestRun(journal, ['one', 'two']);
    for (let round = 0; round < 30; round++) {
      run.ask(10);
      journal.flush();
    }
    run.stop();
    journal.close();
    return { paths, journal };
  }

  it.each([
    ['size', { file_bytes: 300_000 }],
    ['age', { age_us: 400_000 }],
  ])('by %s goes on in a next file that replays alone', (_, limits) => {
    const { paths, journal } = rotated(limits);
    expect(paths.length).toBeGreaterThan(2);
    expect(journal.path).toBe(paths.at(-1));
    let nextSeq = 1;
    paths.forEach((path, at) => {
      withReader(path, (reader) => {
        expect(reader.meta).toMatchObject({ part: at + 1, config: { builder: 'test' }, devices: ['one', 'two'] });
        expect(reader.first()?.seq).toBe(nextSeq);
        nextSeq = (reader.last()?.seq ?? 0) + 1;
        const result = verifyJournal(reader, buildTestDevices);
        expect(result).toMatchObject({ equal: true, gaps: 0, skipped: 0, cut: false });
      });
    });
  });

  it('names files one after the other', () => {
    expect(nextPath('/a.b/run.journal', 1, 2)).toBe('/a.b/run.2.journal');
    expect(nextPath('/a.b/run.2.journal', 2, 3)).toBe('/a.b/run.3.journal');
    expect(nextPath('/a.b/run', 1, 2)).toBe('/a.b/run.2');
  });

  it('needs snapshots', () => {
    expect(() => openJournal(newPath(), { level: 'inputs', limits: { file_bytes: 1 } })).toThrow(JournalError);
  });
});

describe('overload', () => {
  it('loses what does not fit, says it in a gap record, and is verified again from a snapshot', () => {
    const path = newPath();
    let run: TestRun | undefined;
    const journal = openJournal(path, {
      level: 'inputs',
      writes: 'deferred',
      snapshot: () =>
        (run?.devices ?? []).map((device) => [device.name, device.save() as unknown as JournalData] as const),
    });
    run = new TestRun(journal);
    const write = (records: number): void => {
      const world = run?.world;
      for (let count = 0; count < records; count++) world?.record({ ...record(0), device: '', cause: 0 });
    };
    run.ask(5);
    write(QUEUE_RECORDS);
    run.ask(5);
    expect(journal.lost).toBeGreaterThan(50);
    journal.flush();
    run.ask(5);
    run.stop();
    journal.close();
    withReader(path, (reader) => {
      const gaps = [...reader.records({ kinds: ['gap'] })];
      expect(gaps).toMatchObject([
        {
          seq: QUEUE_RECORDS + 1,
          data: { reason: 'overload', from: QUEUE_RECORDS + 1, to: QUEUE_RECORDS + journal.lost },
        },
      ]);
      const result = verifyJournal(reader, buildTestDevices);
      expect(result).toMatchObject({ equal: true, gaps: 1, skipped: 0, cut: false });
      if (result.equal === true) expect(result.inputs).toBeGreaterThan(20);
    });
  });
});

describe('what is no good journal', () => {
  it('is refused by its reader with the reason', () => {
    const garbage = newPath();
    writeFileSync(garbage, 'x'.repeat(10_000));
    const empty = newPath();
    writeFileSync(empty, '');
    const other = newPath();
    new DatabaseSync(other).exec('CREATE TABLE t (x)');
    const newer = newPath();
    recordRun(newer, 3);
    const db = new DatabaseSync(newer);
    db.exec('PRAGMA user_version = 99');
    db.close();
    expect(
      [join(folder, 'none'), folder, garbage, empty, other, newer].map((path) => faultOf(() => openReader(path))),
    ).toEqual(['unreadable', 'unreadable', 'not-a-journal', 'not-a-journal', 'not-a-journal', 'schema']);
  });

  it('is a file that was cut anywhere: a fault, never another error, never a wrong verdict', () => {
    const path = newPath();
    recordRun(path, 200);
    const whole = readFileSync(path);
    for (let part = 1; part < 16; part++) {
      const cut = newPath();
      writeFileSync(cut, whole);
      truncateSync(cut, Math.floor((whole.length * part) / 16) + part);
      let said: string;
      try {
        const result = withReader(cut, (reader) => verifyJournal(reader, buildTestDevices));
        said = result.equal === undefined ? result.notReplayable : 'a verdict';
      } catch (error) {
        expect(error).toBeInstanceOf(JournalError);
        said = (error as Error).message;
      }
      expect(said).toMatch(/cut or damaged/);
    }
  });

  it('is not written over, nor is any other file', () => {
    const path = newPath();
    recordRun(path, 3);
    expect(faultOf(() => openJournal(path, { level: 'inputs' }))).toBe('exists');
    const text = newPath();
    writeFileSync(text, 'a text that somebody needs\n'.repeat(100));
    expect(faultOf(() => openJournal(text, { level: 'inputs' }))).toBe('unwritable');
    expect(faultOf(() => openJournal(join(folder, 'no', 'folder'), { level: 'inputs' }))).toBe('unwritable');
    expect(readFileSync(text, 'utf8')).toMatch(/^a text/);
  });
});

describe('a disk that refuses', () => {
  it('is told once, stops nothing, and what waited is written when it works again', () => {
    const path = newPath();
    const troubles: string[] = [];
    const journal = openJournal(path, { level: 'inputs', onTrouble: (message) => troubles.push(message) });
    const locker = new DatabaseSync(path);
    locker.exec('BEGIN IMMEDIATE');
    for (let seq = 1; seq <= 10; seq++) journal.record(record(seq));
    journal.flush();
    journal.flush();
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toContain(path);
    locker.exec('ROLLBACK');
    locker.close();
    journal.flush();
    journal.close();
    expect(withReader(path, (reader) => reader.count())).toBe(10);
  });
});

describe('throughput', () => {
  it('is printed', () => {
    const RECORDS = 100_000;
    const journal = openJournal(newPath(), { level: 'inputs' });
    const head = new Uint8Array(54).fill(0x5a);
    const started_ms = performance.now();
    for (let seq = 1; seq <= RECORDS; seq++) {
      const isInput = seq % 4 === 1;
      const data: JournalData = isInput
        ? { head, payloadLength: 1400, checksum: 'good', frame: seq }
        : { machine: 'tcp', from: 'A', to: 'B' };
      journal.record({
        seq,
        time_us: seq,
        device: 'gateway20',
        actor: '2003',
        kind: isInput ? 'input' : 'transition',
        name: 'frame',
        data,
        cause: seq - 1,
      });
    }
    journal.close();
    const perSecond = Math.round(RECORDS / ((performance.now() - started_ms) / 1000));
    console.log(`journal store: ${perSecond} records/s`);
    expect(perSecond).toBeGreaterThan(20_000);
  });
});
