import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A program in the place of the published one: says on which Node it runs, then does what its argument says. */
const PROGRAM = `
  console.log(process.versions.node.split('.')[0], ...process.argv.slice(2));
  process.emitWarning('experimental', 'ExperimentalWarning');
  process.emitWarning('other', 'OtherWarning');
  if (process.argv[2] === 'exit') process.exitCode = 3;
  if (process.argv[2] === 'wait') {
    const keep = setInterval(() => {}, 1000);
    process.on('SIGTERM', () => { clearInterval(keep); process.exitCode = 5; });
    console.log('waiting');
  }
`;

/** Makes the running Node look like an old one to the launcher; the Node that the launcher starts is not touched. */
const PRETEND_OLD = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'18.0.0'}})`;

const folder = mkdtempSync(join(tmpdir(), 'glassgate-launcher-'));
const launcher = join(folder, 'bin/glassgate.js');

beforeAll(() => {
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'dist/cli'), { recursive: true });
  copyFileSync('bin/glassgate.js', launcher);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'dist/cli/main.js'), PROGRAM);
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function launch(
  onOldNode: boolean,
  ...args: string[]
): { child: ChildProcess; output: () => string; ended: Promise<unknown[]> } {
  const child = spawn(process.execPath, [...(onOldNode ? ['--import', PRETEND_OLD] : []), launcher, ...args]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  return { child, output: () => output, ended: once(child, 'close') };
}

describe.each([
  { on: 'Node 24', old: false },
  { on: 'an older Node', old: true },
])('the launcher on $on', ({ old }) => {
  it('runs the program on Node 24 with the same arguments and hands its exit code on', async () => {
    const { output, ended } = launch(old, 'exit', 'b c');
    expect(await ended).toEqual([3, null]);
    expect(output()).toMatch(/^24 exit b c$/m);
  });

  it('keeps experimental warnings quiet, and no others', async () => {
    const { output, ended } = launch(old);
    expect(await ended).toEqual([0, null]);
    expect(output()).toContain('OtherWarning');
    expect(output()).not.toContain('ExperimentalWarning');
  });

  it('passes signals on and waits for the program to end', async () => {
    const { child, output, ended } = launch(old, 'wait');
    await expect.poll(output).toContain('waiting');
    child.kill('SIGTERM');
    expect(await ended).toEqual([5, null]);
  });
});

describe('the launcher without the pinned Node', () => {
  it('says what is missing', async () => {
    rmSync(join(folder, 'node_modules'));
    const { output, ended } = launch(true);
    expect(await ended).toEqual([69, null]);
    expect(output()).toContain('glassgate needs Node 24');
  });
});
