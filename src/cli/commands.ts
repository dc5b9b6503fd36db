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
    name: 'demo',
    summary: 'two LANs, two gateways and a tunnel, step by step; nothing on this machine changes',
    load: async () => (await import('./demo.ts')).demoCommand(),
  },
  {
    name: 'up',
    summary: 'run a gateway on a real interface',
    load: async () => (await import('./up.ts')).upCommand(),
  },
  {
    name: 'check',
    summary: 'check a configuration, its certificates and its interface',
    load: async () => (await import('./check.ts')).checkCommand(),
  },
  {
    name: 'status',
    summary: 'show what a running gateway is doing',
    load: async () => (await import('./status.ts')).statusCommand(),
  },
  {
    name: 'connect',
    summary: 'open the session with a peer',
    load: async () => (await import('./connect.ts')).peerCommand('connect'),
  },
  {
    name: 'disconnect',
    summary: 'end the session with a peer',
    load: async () => (await import('./connect.ts')).peerCommand('disconnect'),
  },
  {
    name: 'renew',
    summary: 'make fresh keys for the session with a peer',
    load: async () => (await import('./connect.ts')).peerCommand('renew'),
  },
  {
    name: 'lab',
    summary: 'run a whole network in memory, on virtual time',
    load: async () => (await import('./lab.ts')).labCommand(),
  },
  {
    name: 'script',
    summary: 'run TCP packet scripts on virtual time',
    load: async () => (await import('./script.ts')).scriptCommand(),
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
  {
    name: 'completion',
    summary: 'print a completion script for a shell',
    load: async () => (await import('./completion.ts')).completionCommand(),
  },
];
