import type { Command } from 'commander';

/** One command of `glassgate`: its name, its line in `--help`, and the module that builds it, loaded when it is asked for. */
interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** All commands, in the order of `--help`. A module in this folder exports a function that returns the commander `Command`. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'lab',
    summary: 'run a whole network in memory, on virtual time',
    load: async () => (await import('./lab.ts')).labCommand(),
  },
  {
    name: 'replay',
    summary: 'show what is in a journal, or replay it and compare',
    load: async () => (await import('./replay.ts')).replayCommand((await import('./builders.ts')).BUILDERS),
  },
  {
    name: 'export',
    summary: 'write a journal in a form that other tools read',
    load: async () => (await import('./export.ts')).exportCommand(),
  },
  {
    name: 'keys',
    summary: 'make a CA, certificates for gateways, and revocation lists',
    load: async () => (await import('./keys.ts')).keysCommand(),
  },
];
