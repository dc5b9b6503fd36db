import { Argument, Command } from 'commander';
import { VERSION } from '../version.ts';
import { COMMANDS } from './commands.ts';
import { completionScript, SHELLS, type Shell } from './completion-shells.ts';
import { type CompletionNode, completionTree } from './completion-tree.ts';

/** `glassgate completion SHELL`: a completion script, made from the definitions of all commands. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('Print a completion script for a shell.')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      '\nFor bash: eval "$(glassgate completion bash)" in ~/.bashrc. The first line of each script says where it goes.',
    )
    .action(async (shell: Shell) => {
      process.stdout.write(completionScript(shell, await programTree()));
    });
}

/** The tree of the whole program. */
export async function programTree(): Promise<CompletionNode> {
  const program = new Command('glassgate').version(VERSION);
  for (const { summary, load } of COMMANDS) program.addCommand((await load()).summary(summary));
  return completionTree(program);
}
