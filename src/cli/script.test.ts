import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const LINES_OF_EXAMPLE = 5;

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

  it('ends with 1 when a case fails', () => {
    expect(script(join(folder, 'good.tcp'), join(folder, 'bad.tcp'))).toMatchObject({ status: 1 });
  });

  it('ends with 2 when a file is no script, and tells file and line of all that is wrong', () => {
    const { status, stdout } = script(join(folder, 'good.tcp'), join(folder, 'bad.tcp'), join(folder, 'mistake.tcp'));
    expect(status).toBe(2);
    expect(stdout).toContain(
      `FAIL  ${folder}/bad.tcp:3: Opens\n  expected: state LISTEN\n  but: the state is ESTABLISHED\n`,
    );
    expect(stdout).toContain(`${folder}/mistake.tcp:2: nothing is called "opne": did you mean "open"?\n`);
    expect(stdout).toMatch(/2 passed, 1 failed, 1 file is no script\n$/);
  });

  it('shows an example in its help that passes', () => {
    const { stdout } = script('--help');
    const example = /^ {2}case (?:.*\n {2})+.*\n/m.exec(stdout)?.[0] ?? '';
    expect(example.trim().split('\n').length).toBe(LINES_OF_EXAMPLE);
    const file = join(folder, 'help.tcp');
    writeFileSync(file, example);
    expect(script(file).stdout).toBe('pass  A lost segment is sent again\n1 passed, 0 failed\n');
    const told = readFileSync('docs/TCP-SCRIPTS.md', 'utf8');
    expect(told).toContain(`\`\`\`\n${example.replaceAll(/^ {2}/gm, '')}\`\`\`\n`);
  });

  it('prints one JSON object', () => {
    const { status, stdout } = script(join(folder, 'bad.tcp'), '--json');
    expect(status).toBe(1);
    const { passed, files } = JSON.parse(stdout);
    expect(passed).toBe(false);
    expect(files[0].cases[0]).toMatchObject({ name: 'Opens', passed: false, failure: { line: 3 } });
    expect(files[0].cases[0].trace[0]).toEqual({ time_us: 0, line: 2, text: 'connect' });
  });

  it('ends with 2 when a file cannot be read, and says why; nothing is run then', () => {
    const none = `cannot read ${join(folder, 'none.tcp')}: there is no such file`;
    const isFolder = `cannot read ${folder}: it is a folder`;
    const stderr = `glassgate: ${none}\nglassgate: ${isFolder}\n`;
    const words = [join(folder, 'good.tcp'), join(folder, 'none.tcp'), folder];
    expect(script(...words)).toMatchObject({ status: 2, stdout: '', stderr });
    const told = script(...words, '--json');
    expect(told).toMatchObject({ status: 2, stderr });
    expect(JSON.parse(told.stdout)).toEqual({ passed: false, files: [], errors: [none, isFolder] });
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
