import { spawnSync } from 'node:child_process';
import { Argument, Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { TOPOLOGIES } from '../topologies/topologies.ts';
import { COMMANDS } from './commands.ts';
import { programTree } from './completion.ts';
import { completionScript } from './completion-shells.ts';
import { allNodes, completionTree } from './completion-tree.ts';
import { OfferedArgument } from './offered-argument.ts';

const program = new Command('glassgate').version('1');
program
  .command('up')
  .description('run')
  .argument('<config>')
  .option('--json', 'JSON lines')
  .option('-j, --journal <file>', 'a file');
program.commands[0]!.addOption(new Option('--level <level>', "how much, not 'all'").choices(['off', 'full']));
const keys = program.command('keys').description('make keys');
keys.command('issue').description('issue one').option('--days <days>', 'validity');
keys.command('list').description('list them');
program
  .command('completion')
  .description('script')
  .addArgument(new Argument('<shell>').choices(['bash', 'zsh']));
const lab = program.command('lab').addArgument(new OfferedArgument('[name]', 'what', ['list', 'e1', 'prior-art-1']));
lab.command('compare').addArgument(new OfferedArgument('[names...]', 'which', ['e1', 'prior-art-1', 'prior-art-2']));
const tree = completionTree(program);

/** What bash offers for a line that ends at the cursor; the last word may be empty. */
function offered(...words: string[]): string[] {
  const script = `${completionScript('bash', tree)}
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _glassgate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', 'glassgate', ...words], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean);
}

describe('completion for bash', () => {
  it('offers commands, subcommands and options as far as they are typed', () => {
    expect(offered('')).toEqual(['up', 'keys', 'completion', 'lab']);
    expect(offered('k')).toEqual(['keys']);
    expect(offered('keys', '')).toEqual(['issue', 'list']);
    expect(offered('keys', 'issue', '--')).toEqual(['--days', '--help']);
    expect(offered('up', '--j')).toEqual(['--json', '--journal']);
    expect(offered('--v')).toEqual(['--version']);
  });

  it('offers the values that an option or argument can have, and files elsewhere', () => {
    expect(offered('up', '--level', '')).toEqual(['off', 'full']);
    expect(offered('completion', 'z')).toEqual(['zsh']);
    // Nothing offered: bash falls back to file names.
    expect(offered('up', '--journal', '')).toEqual([]);
    expect(offered('up', '-j', '')).toEqual([]);
    expect(offered('up', '')).toEqual([]);
  });

  it('offers the words of an argument beside subcommands, and again for each further one', () => {
    expect(offered('lab', '')).toEqual(['compare', 'list', 'e1', 'prior-art-1']);
    expect(offered('lab', 'compare', 'e1', 'pri')).toEqual(['prior-art-1', 'prior-art-2']);
  });

  it('is not led astray by options between the words', () => {
    expect(offered('keys', '--help', '')).toEqual(['issue', 'list']);
  });
});

describe('completion for zsh and fish', () => {
  it('has every command and option, with texts that cannot break out of their quotes', () => {
    const zsh = completionScript('zsh', tree);
    expect(zsh).toContain("'*--journal[a file]:file:_files'");
    expect(zsh).not.toMatch(/\bpath=/);
    expect(zsh).toContain("'*--level[how much, not  all ]:value:(off full)'");
    const fish = completionScript('fish', tree);
    expect(fish).toContain("complete -c glassgate -n '__fish_seen_subcommand_from up' -l journal -s j -r -d 'a file'");
    expect(fish).toContain("-l level -x -a 'off full' -d 'how much, not \\'all\\''");
    expect(fish).toContain(
      "complete -c glassgate -n '__fish_seen_subcommand_from keys; and not __fish_seen_subcommand_from issue list' -f -a issue -d 'issue one'",
    );
  });

  it.for(['zsh', 'fish'] as const)(
    '%s can read its script (skipped where there is no such shell)',
    (shell, { skip }) => {
      const input = completionScript(shell, tree);
      const { status, stderr } = spawnSync('sh', ['-c', `command -v ${shell} >/dev/null || exit 99; ${shell} -n`], {
        input,
        encoding: 'utf8',
      });
      if (status === 99) skip(`there is no ${shell} here`);
      expect(stderr).toBe('');
    },
  );
});

describe('the program itself', () => {
  it('has all its commands in its completion', async () => {
    const nodes = allNodes(await programTree());
    const paths = nodes.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining([...COMMANDS.map(({ name }) => name), 'keys issue']));
    const topologies = TOPOLOGIES.map(({ name }) => name);
    const choices = (wanted: string) => nodes.find(({ path }) => path === wanted)?.choices;
    expect([choices('lab'), choices('lab compare')]).toEqual([['list', ...topologies], topologies]);
  });
});
