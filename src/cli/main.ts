import { Command } from 'commander';
import { VERSION } from '../version.ts';
import { COMMANDS } from './commands.ts';

/**
 * Entry point of `glassgate`. Only the module of the command that was asked for is loaded, so that `--version` and `--help` are quick
 * and a missing native package hurts only the commands that need it.
 */
async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('glassgate')
    .description('A layer-2 VPN gateway you can see through.')
    .version(VERSION)
    .showSuggestionAfterError();
  const words = argv.filter((word) => !word.startsWith('-'));
  const wanted = words[0] === 'help' ? words[1] : words[0];
  for (const { name, summary, load } of COMMANDS) {
    if (name === wanted) program.addCommand((await load()).summary(summary));
    else program.command(name).summary(summary);
  }
  await program.parseAsync([...argv], { from: 'user' });
}

await main(process.argv.slice(2));
