import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'glassgate-script-'));
  writeFileSync(join(folder, 'good.tcp'), 'case Opens\n  open\ncase Listens\n  listen\n  state LISTEN\n');
  writeFileSync(join(folder, 'bad.tcp'), 'case Opens\n  open\n  state LISTEN\n');
  writeFileSync(join(folder, 'mistake.tcp'), 'case Opens\n  opne\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

function script(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const args = ['--disable-warning=ExperimentalWarning', 'src/cli/main.ts', 'script', ...words];
  return spawnSync(process.execPath, args, { encoding: 'utf8' });
}

describe('glassgate script', () => {
  it('runs cases and counts them; --trace shows what happened', () => {
    const { status, stdout } = script(join(folder, 'good.tcp'), '--trace');
    expect(stdout).toContain('pass  Opens\n');
    expect(stdout).toContain('> SYN seq 0 win 65535 <mss 1460, sackOK, ts 0 0, wscale 5>\n');
    expect(stdout).toMatch(/2 passed, 0 failed\n$/);
    expect(status).toBe(0);
    expect(script(join(folder, 'good.tcp'), '--only', 'Lis').stdout).toBe('pass  Listens\n1 passed, 0 failed\n');
  });

  it('ends with 1 when a case fails, and with the file and line of it', () => {
    const { status, stdout } = script(join(folder, 'good.tcp'), join(folder, 'bad.tcp'), join(folder, 'mistake.tcp'));
    expect(status).toBe(1);
    expect(stdout).toContain(
      `FAIL  ${folder}/bad.tcp:3: Opens\n  expected: state LISTEN\n  but: the state is ESTABLISHED\n`,
    );
    expect(stdout).toContain(`${folder}/mistake.tcp:2: nothing is called "opne": did you mean "open"?\n`);
    expect(stdout).toMatch(/2 passed, 1 failed, 1 files could not be read as scripts\n$/);
  });

  it('prints one JSON object', () => {
    const { status, stdout } = script(join(folder, 'bad.tcp'), '--json');
    expect(status).toBe(1);
    const { passed, files } = JSON.parse(stdout);
    expect(passed).toBe(false);
    expect(files[0].cases[0]).toMatchObject({ name: 'Opens', passed: false, failure: { line: 3 } });
    expect(files[0].cases[0].trace[0]).toEqual({ time_us: 0, line: 2, text: 'connect' });
  });

  it('ends with 2 when a file cannot be read', () => {
    expect(script(join(folder, 'none.tcp'))).toMatchObject({ status: 2, stdout: '' });
  });

  it('ends with 2 when no case has the name', () => {
    const { status, stdout, stderr } = script(join(folder, 'good.tcp'), '--only', 'Opnes');
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: '',
      stderr: 'glassgate: no case has "Opnes" in its name\n',
    });
  });
});
