import { describe, expect, it } from 'vitest';
import { buildTestDevices, TestRun } from '../../test/support/journal-device.ts';
import type { JournalData, JournalLevel, JournalRecord } from '../actors/tap.ts';
import { type MemoryJournal, memoryJournal } from './memory.ts';
import { verifyJournal } from './replay.ts';
import type { Divergence } from './replay-result.ts';

function recorded(level: JournalLevel, names?: readonly string[]): MemoryJournal {
  const journal = memoryJournal(level);
  const run = new TestRun(journal, names);
  run.ask(30);
  run.stop();
  return journal;
}

/** The journal with one record changed, as if it had been written like that. */
function changed(
  journal: MemoryJournal,
  seq: number,
  change: (record: JournalRecord) => Partial<JournalRecord>,
): MemoryJournal {
  const copy = memoryJournal(journal.level);
  for (const record of journal.records) copy.record(record.seq === seq ? { ...record, ...change(record) } : record);
  return copy;
}

function divergenceOf(journal: MemoryJournal): Divergence {
  const result = verifyJournal(journal, buildTestDevices);
  if (result.equal !== false) throw new Error(`no divergence: ${JSON.stringify(result)}`);
  return result.divergence;
}

function find(journal: MemoryJournal, wanted: (record: JournalRecord) => boolean): JournalRecord {
  const found = journal.records.find(wanted);
  if (found === undefined) throw new Error('the run made no such record');
  return found;
}

/** What the input `seq` led to, without the answers that it got. */
function derivedOf(journal: MemoryJournal, seq: number): JournalRecord[] {
  const after = journal.records.filter((record) => record.seq > seq);
  const end = after.findIndex(({ kind }) => kind === 'input');
  return after.slice(0, end).filter(({ kind }) => kind !== 'answer');
}

describe('a replay of an unchanged journal', () => {
  it.each(['inputs', 'frames', 'full'] as const)('is equal at level %s', (level) => {
    const journal = recorded(level);
    const result = verifyJournal(journal, buildTestDevices);
    expect(result).toMatchObject({ equal: true, gaps: 0, skipped: 0, cut: false });
    if (result.equal !== true) throw new Error('unreachable');
    const kinds = new Set(journal.records.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(
      [
        'answer',
        'command',
        'config',
        'drop',
        'input',
        'note',
        'output',
        'transition',
        ...(level === 'inputs' ? [] : ['crossing']),
      ].sort(),
    );
    expect(result.inputs).toBe(journal.records.filter(({ kind }) => kind === 'input').length);
    expect(result.inputs).toBeGreaterThan(80);
  });

  it('is equal for several devices of one world', () => {
    expect(verifyJournal(recorded('inputs', ['one', 'two', 'three']), buildTestDevices).equal).toBe(true);
  });

  it('needs no key, no TLS and no random source', () => {
    const questions = new Set(
      recorded('inputs')
        .records.filter(({ kind }) => kind === 'answer')
        .map(({ name }) => name),
    );
    expect([...questions].sort()).toEqual(['cookie', 'isn', 'open', 'random', 'tls-export', 'tls-write']);
  });

  it('copies notes from around the devices, also where they stand within an input', () => {
    const journal = memoryJournal('inputs');
    const run = new TestRun(journal);
    run.world.record({ time_us: 0, device: '', actor: 'cli', kind: 'note', name: 'hello', data: 1, cause: 0 });
    const [device] = run.devices;
    const answer = device.onOutput;
    device.onOutput = (port, frame) => {
      run.world.record({
        time_us: 0,
        device: '',
        actor: 'cli',
        kind: 'note',
        name: 'seen',
        data: frame.bytes.length,
        cause: 0,
      });
      answer(port, frame);
    };
    run.ask(9);
    expect(verifyJournal(journal, buildTestDevices)).toMatchObject({ equal: true, skipped: 0 });
  });
});

describe('a replay finds the first difference', () => {
  const journal = recorded('inputs');

  it('in a changed input frame: where the device first did something else', () => {
    const frame = find(
      journal,
      ({ kind, name, data }) =>
        kind === 'input' && name === 'frame' && (data as { checksum?: string }).checksum === 'good',
    );
    const flipped = changed(journal, frame.seq, ({ data }) => ({
      data: { ...(data as object), checksum: 'bad' } as JournalData,
    }));
    const divergence = divergenceOf(flipped);
    expect(divergence).toMatchObject({
      what: 'different',
      seq: derivedOf(journal, frame.seq)[0].seq,
      inputSeq: frame.seq,
    });
    expect(divergence.replayed).toMatchObject({ kind: 'drop', name: 'bad-checksum' });
    expect(divergence.context.length).toBeGreaterThan(1);
    expect(divergence.context.at(-1)?.seq).toBe(divergence.seq);
  });

  it('in an input whose frame number was changed', () => {
    const frame = find(journal, ({ kind, name }) => kind === 'input' && name === 'frame');
    const flipped = changed(journal, frame.seq, ({ data }) => ({
      data: { ...(data as object), frame: 9999 } as JournalData,
    }));
    expect(divergenceOf(flipped)).toMatchObject({ what: 'different', seq: frame.seq, inputSeq: frame.seq });
  });

  it('in a changed time of an input', () => {
    const ask = find(journal, ({ kind, name }) => kind === 'input' && name === 'ask');
    const moved = changed(journal, ask.seq, ({ time_us }) => ({ time_us: time_us + 1 }));
    expect(divergenceOf(moved)).toMatchObject({ what: 'different', seq: ask.seq + 1, inputSeq: ask.seq });
  });

  it('in a changed answer: in the frame that was made from it', () => {
    const draw = find(journal, ({ kind, name }) => kind === 'answer' && name === 'random');
    const flipped = changed(journal, draw.seq, ({ data }) => ({ data: (data as Uint8Array).map((byte) => byte ^ 1) }));
    const divergence = divergenceOf(flipped);
    expect(divergence.recorded?.kind).toBe('output');
    expect(divergence.inputSeq).toBe(find(journal, ({ seq }) => seq === draw.cause).cause);
  });

  it('in an answer of another type or length', () => {
    for (const name of ['random', 'isn', 'cookie', 'open', 'tls-export', 'tls-write']) {
      const answer = find(
        journal,
        (record) => record.kind === 'answer' && record.name === name && record.data !== null,
      );
      const broken = changed(journal, answer.seq, () => ({ data: name === 'isn' ? 'x' : 1.5 }));
      const { seq } = divergenceOf(broken);
      expect(seq).toBeGreaterThanOrEqual(answer.seq);
    }
  });

  it('in a question that was recorded under another name', () => {
    const draw = find(journal, ({ kind, name }) => kind === 'answer' && name === 'random');
    const renamed = changed(journal, draw.seq, () => ({ name: 'isn' }));
    expect(divergenceOf(renamed)).toMatchObject({ what: 'different', seq: draw.seq, replayed: { name: 'random' } });
  });

  it.each(['transition', 'command', 'output', 'drop', 'note'] as const)('in a changed %s, right there', (wanted) => {
    const record = find(journal, ({ kind, seq }) => kind === wanted && seq > 50);
    const flipped = changed(journal, record.seq, () => ({ name: 'changed' }));
    expect(divergenceOf(flipped)).toMatchObject({
      what: 'different',
      seq: record.seq,
      recorded: { name: 'changed' },
      replayed: { name: record.name },
    });
  });

  it('in a cause that was changed', () => {
    const record = find(journal, ({ kind, seq }) => kind === 'command' && seq > 50);
    expect(divergenceOf(changed(journal, record.seq, ({ cause }) => ({ cause: cause - 1 }))).seq).toBe(record.seq);
  });

  it('in a timer that is not armed, or fired too early', () => {
    const timer = find(journal, ({ kind, name }) => kind === 'input' && name === 'timer');
    const other = changed(journal, timer.seq, () => ({ data: { timer: 'other' } }));
    expect(divergenceOf(other)).toMatchObject({
      what: 'impossible',
      seq: timer.seq,
      detail: expect.stringContaining('not armed'),
    });
    const early = changed(journal, timer.seq, ({ time_us }) => ({ time_us: time_us - 1 }));
    expect(divergenceOf(early)).toMatchObject({
      what: 'impossible',
      seq: timer.seq,
      detail: expect.stringContaining('due at'),
    });
  });

  it('in a record that is missing, and in one too many', () => {
    const records = journal.records;
    const drop = find(journal, ({ kind }) => kind === 'drop');
    const without = memoryJournal('inputs');
    for (const record of records) if (record.seq !== drop.seq) without.record(record);
    expect(divergenceOf(without)).toMatchObject({ what: 'different', replayed: { kind: 'drop' } });
    const more = memoryJournal('inputs');
    for (const record of records.slice(0, -1)) more.record(record);
    const last = records.at(-1) as JournalRecord;
    more.record(last);
    more.record({ ...last, seq: last.seq + 1, kind: 'note', name: 'never' });
    expect(divergenceOf(more)).toMatchObject({ what: 'missing', seq: last.seq + 1 });
  });

  it('in records that end before the replay does', () => {
    const ask = journal.records.filter(({ kind, name }) => kind === 'input' && name === 'ask').at(-1) as JournalRecord;
    const short = memoryJournal('inputs');
    for (const record of journal.records) if (record.seq <= ask.seq + 1) short.record(record);
    expect(divergenceOf(short)).toMatchObject({ what: 'surplus', recorded: undefined, inputSeq: ask.seq });
  });

  it('whatever single record is changed', () => {
    for (const { seq } of journal.records.filter(({ seq: each }) => each % 7 === 0 && each > 1)) {
      const broken = changed(journal, seq, () => ({ device: 'nobody' }));
      expect(divergenceOf(broken).seq).toBe(seq);
    }
  });

  it('in inputs that hold anything but what a device gives', () => {
    const junk: JournalData[] = [
      null,
      1,
      'x',
      [],
      { head: 1 },
      { head: new Uint8Array(3), payloadLength: -9, checksum: 'good' },
      { head: new Uint8Array(1), payloadLength: 1e12, checksum: 'good' },
    ];
    const inputs = journal.records
      .filter(({ kind, name }) => kind === 'input' && ['frame', 'timer', 'tls'].includes(name))
      .slice(0, 12);
    for (const { seq, name } of inputs) {
      for (const data of junk) {
        const result = verifyJournal(
          changed(journal, seq, () => ({ data })),
          buildTestDevices,
        );
        if (name !== 'tls') expect(result.equal).toBe(false);
        expect(result.equal).not.toBe(undefined);
      }
    }
  });
});

describe('a journal that cannot be replayed', () => {
  it('has the level control, and it says so', () => {
    const result = verifyJournal(recorded('control'), buildTestDevices);
    expect(result).toEqual({ equal: undefined, notReplayable: expect.stringContaining('level "control"') });
  });

  it('has no config, or no input', () => {
    expect(verifyJournal(memoryJournal('inputs'), buildTestDevices)).toMatchObject({
      notReplayable: expect.stringContaining('config'),
    });
    const empty = memoryJournal('inputs');
    empty.record({ seq: 1, time_us: 0, device: '', actor: 'x', kind: 'config', name: 'config', data: {}, cause: 0 });
    expect(verifyJournal(empty, buildTestDevices)).toMatchObject({
      notReplayable: expect.stringContaining('no input'),
    });
  });

  it('was made by devices that cannot be built', () => {
    const result = verifyJournal(recorded('inputs'), () => {
      throw new Error('no such stack');
    });
    expect(result).toMatchObject({ notReplayable: expect.stringContaining('no such stack') });
  });
});

describe('a gap', () => {
  /** A run whose records in the middle were lost, with a snapshot some time after. */
  function withGap(withSnapshot: boolean): MemoryJournal {
    const journal = memoryJournal('inputs');
    let lost: { from: number; to: number } | undefined;
    let isLosing = false;
    const run = new TestRun({
      level: 'inputs',
      record: (record) => {
        if (isLosing) lost = { from: lost?.from ?? record.seq, to: record.seq };
        else journal.record(record);
      },
    });
    run.ask(10);
    isLosing = true;
    run.ask(3);
    isLosing = false;
    const { from, to } = lost as unknown as { from: number; to: number };
    journal.record({
      seq: from,
      time_us: 0,
      device: '',
      actor: 'journal',
      kind: 'gap',
      name: 'gap',
      data: { from, to, reason: 'overload' },
      cause: 0,
    });
    run.ask(2);
    if (withSnapshot)
      for (const device of run.devices) journal.snapshot(device.name, device.save() as unknown as JournalData);
    run.ask(10);
    run.stop();
    return journal;
  }

  it('makes the verification begin again at the next snapshot', () => {
    const journal = withGap(true);
    const result = verifyJournal(journal, buildTestDevices);
    expect(result).toMatchObject({ equal: true, gaps: 1 });
    if (result.equal !== true) throw new Error('unreachable');
    expect(result.skipped).toBeGreaterThan(10);
    expect(result.inputs).toBeGreaterThan(60);
    const last = journal.records.filter(({ kind }) => kind === 'output').at(-1) as JournalRecord;
    expect(
      divergenceOf(
        withSnapshots(
          journal,
          changed(journal, last.seq, () => ({ name: 'x' })),
        ),
      ).seq,
    ).toBe(last.seq);
  });

  it('without a snapshot after it leaves the rest unverified', () => {
    const journal = withGap(false);
    const gap = find(journal, ({ kind }) => kind === 'gap');
    const rest = journal.records.filter(({ seq }) => seq > gap.seq).length;
    expect(verifyJournal(journal, buildTestDevices)).toMatchObject({ equal: true, gaps: 1, skipped: rest });
  });

  function withSnapshots(from: MemoryJournal, to: MemoryJournal): MemoryJournal {
    return Object.assign(to, { snapshots: (seq?: number) => from.snapshots(seq) });
  }
});
