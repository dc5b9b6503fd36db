import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { COMMANDS } from './commands.ts';
import { exitCodeOf } from './exit-codes.ts';

/**
 * Entry point of `glassgate`. Only the module of the command that was asked for is loaded, so that `--version` and `--help` are quick
 * and a missing native package hurts only the commands that need it.
 */
async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('glassgate')
    .description('A layer-2 VPN gateway you can see through.')
    .version(VERSION)
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureOutput({ outputError })
    .exitOverride();
  const words = argv.filter((word) => !word.startsWith('-'));
  const wanted = words[0] === 'help' ? words[1] : words[0];
  for (const { name, summary, load } of COMMANDS) {
    if (name === wanted) program.addCommand(throwing((await load()).summary(summary)));
    else program.command(name).summary(summary);
  }
  await program.parseAsync([...argv], { from: 'user' });
}

/** What commander refuses begins like all that commands refuse. */
function outputError(text: string, write: (text: string) => void): void {
  write(`glassgate: ${text.replace(/^(error|glassgate): /, '')}`);
}

/** Commander's errors come out as exceptions, so that wrong arguments get their own exit code. */
function throwing(command: Command): Command {
  for (const child of command.commands) throwing(child);
  return command.configureOutput({ outputError }).exitOverride();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = exitCodeOf(error);
}
