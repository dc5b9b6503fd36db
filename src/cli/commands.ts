import type { Command } from 'commander';

/** One command of `glassgate`: its name, its line in `--help`, and the module that builds it, loaded when it is asked for. */
interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** All commands, in the order of `--help`. A module in this folder exports a function that returns the commander `Command`. */
export const COMMANDS: readonly CommandEntry[] = [];
