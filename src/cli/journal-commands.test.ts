import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildTestDevices, TestRun } from '../../test/support/journal-device.ts';
import type { JournalLevel } from '../actors/tap.ts';
import { openJournal } from '../journal/store.ts';
import { exportCommand } from './export.ts';
import { replayCommand } from './replay.ts';

const folder = mkdtempSync(join(tmpdir(), 'glassgate-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

let out = '';
let err = '';

beforeEach(() => {
  out = '';
  err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

let files = 0;
function recorded(level: JournalLevel = 'inputs'): string {
  const path = join(folder, `run-${++files}.journal`);
  const journal = openJournal(path, { level, created: '2024-05-01T00:00:00.000Z', tls: 'model' });
  const run = new TestRun(journal);
  run.ask(30);
  run.stop();
  journal.close();
  return path;
}

async function replay(...args: string[]): Promise<number> {
  await replayCommand({ test: async () => buildTestDevices }).parseAsync(args, { from: 'user' });
  return Number(process.exitCode);
}

async function exported(...args: string[]): Promise<number> {
  await exportCommand().parseAsync(args, { from: 'user' });
  return Number(process.exitCode);
}

function change(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

describe('glassgate replay --verify', () => {
  it('says equal, exit code 0', async () => {
    const path = recorded();
    expect(await replay(path, '--verify')).toBe(0);
    expect(out).toMatch(/replays equal: \d+ inputs, \d+ derived records/);
    out = '';
    expect(await replay(path, '--verify', '--json')).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ file: path, result: 'equal', cut: false });
  });

  it('shows both sides of a divergence and what was before it, exit code 1', async () => {
    const path = recorded();
    change(
      path,
      `UPDATE records SET data = replace(data, '"good"', '"bad"') WHERE seq = (SELECT min(seq) FROM records WHERE kind = 'input' AND name = 'frame')`,
    );
    expect(await replay(path, '--verify')).toBe(1);
    expect(out).toMatch(
      /diverges at record (\d+): the replay did something else\nrecord \d+ was changed after it was written\nwhile handling input \d+/,
    );
    expect(out).toMatch(/recorded {2}\d+ .* transition ANSWERED/);
    expect(out).toMatch(/replayed {2}\d+ .* drop bad-checksum/);
    expect(out.split('\n').length).toBeGreaterThan(12);
    out = '';
    expect(await replay(path, '--verify', '--json')).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      result: 'diverged',
      divergence: { what: 'different', replayed: { name: 'bad-checksum' } },
    });
  });

  it('says why a journal cannot be replayed, exit code 2', async () => {
    expect(await replay(recorded('control'), '--verify')).toBe(2);
    expect(out).toMatch(/cannot be replayed: .*level "control"/);
    const foreign = recorded();
    change(foreign, `UPDATE meta SET value = '{"builder":"constructor"}' WHERE key = 'config'`);
    expect(await replay(foreign, '--verify')).toBe(2);
    expect(out).toMatch(/made by "constructor", which this glassgate cannot build/);
  });

  it('says that the writer was killed', async () => {
    const path = recorded();
    change(path, `DELETE FROM meta WHERE key = 'closed'`);
    expect(await replay(path, '--verify')).toBe(0);
    expect(out).toMatch(/was not closed/);
  });
});

describe('glassgate replay of a journal that is being written', () => {
  it('says up to where, without alarm', async () => {
    const path = recorded();
    change(path, `DELETE FROM meta WHERE key = 'closed'`);
    const script = `const db = new (require('node:sqlite').DatabaseSync)(process.argv[1]);
      db.exec('PRAGMA journal_mode = WAL'); db.prepare('SELECT count(*) FROM records').get();
      console.log('open'); process.stdin.on('end', () => db.close()).resume();`;
    const writer = spawn(process.execPath, ['-e', script, path], { stdio: ['pipe', 'pipe', 'ignore'] });
    await once(writer.stdout, 'data');
    try {
      expect(await replay(path, '--verify')).toBe(0);
      expect(out).toMatch(/replays equal: .*\nstill being written: verified up to record \d+\n$/);
      out = '';
      expect(await replay(path)).toBe(0);
      expect(out).toMatch(/still being written: read up to record \d+\n$/);
    } finally {
      writer.stdin.end();
      await once(writer, 'exit');
    }
  });
});

describe('glassgate replay', () => {
  it('sums up a journal', async () => {
    const path = recorded();
    expect(await replay(path)).toBe(0);
    expect(out).toMatch(/level {4}inputs, recorded 2024-05-01T00:00:00.000Z, TLS by model/);
    expect(out).toMatch(/devices {2}one/);
    expect(out).toMatch(/transition +\d+/);
    out = '';
    expect(await replay(path, '--json')).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ level: 'inputs', devices: ['one'], firstSeq: 1, closed: true });
  });

  it('has one line for each kind of bad file, and exit code 2', async () => {
    const garbage = join(folder, 'garbage');
    writeFileSync(garbage, 'garbage '.repeat(1000));
    const cut = recorded();
    truncateSync(cut, 30_000);
    const newer = recorded();
    change(newer, 'PRAGMA user_version = 2');
    for (const path of [join(folder, 'none'), folder, garbage, cut, newer]) {
      for (const run of [
        () => replay(path),
        () => replay(path, '--verify'),
        () => exported(path, '--jsonl', join(folder, 'x')),
      ]) {
        out = '';
        err = '';
        expect(await run()).toBe(2);
        expect((out + err).trim().split('\n')).toHaveLength(1);
        expect(out + err).toMatch(/glassgate: |cannot be replayed/);
      }
    }
  });
});

describe('glassgate export', () => {
  it('writes JSON lines', async () => {
    const path = recorded();
    const target = join(folder, 'run.jsonl');
    expect(await exported(path, '--jsonl', target, '--from', '2', '--to', '20')).toBe(0);
    const lines = readFileSync(target, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ seq }) => seq)).toEqual(Array.from({ length: 19 }, (_, at) => at + 2));
    expect(lines[0]).toEqual({
      seq: 2,
      time_us: 0,
      device: 'one',
      actor: 'device',
      kind: 'input',
      name: 'build',
      cause: 0,
      data: null,
    });
  });

  it('writes pcapng', async () => {
    const target = join(folder, 'run.pcapng');
    expect(await exported(recorded('frames'), '--pcapng', target)).toBe(0);
    expect(err).toMatch(/\d+ packets of 4 ports/);
    expect(readFileSync(target).subarray(0, 4)).toEqual(Buffer.from([0x0a, 0x0d, 0x0d, 0x0a]));
  });

  it('says where it cannot write', async () => {
    expect(await exported(recorded(), '--jsonl', join(folder, 'no', 'folder'))).toBe(2);
    expect(err).toMatch(/^glassgate: cannot write .*: there is no such folder$/m);
  });
});
