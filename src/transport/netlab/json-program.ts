import { createInterface } from 'node:readline';
import { type HostName, type HostProcess, spawn } from './hosts.ts';
import { nodeCommand } from './program.ts';

/** A running program of ours that tells what happens in JSON lines, each with a member `event`. */
export interface JsonProgram {
  readonly process: HostProcess;
  /** The line with this event; fails when the program ends without it. */
  heard<T>(event: string): Promise<T>;
}

/** Starts a program of ours in a host. `onLine` hears every line. */
export function jsonProgram(
  host: HostName,
  file: string,
  args: readonly string[],
  onLine: (line: { readonly event: string }) => void = () => {},
): JsonProgram {
  const process = spawn(host, nodeCommand(file, args), { stdio: ['ignore', 'pipe', 'pipe'] });
  const events = new Map<string, unknown>();
  const waiting = new Map<string, (line: never) => void>();
  let errors = '';
  process.child.stderr?.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const closed = new Promise<void>((resolve) => process.child.once('close', () => resolve()));
  createInterface({ input: process.child.stdout! }).on('line', (text) => {
    const line = JSON.parse(text) as { event: string };
    onLine(line);
    events.set(line.event, line);
    waiting.get(line.event)?.(line as never);
  });
  const heard = <T>(event: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const known = events.get(event);
      if (known !== undefined) return resolve(known as T);
      waiting.set(event, resolve as (line: never) => void);
      void closed.then(() => reject(new Error(`${args[0]} in ${host} ended without "${event}" ${errors.trim()}`)));
    });
  return { process, heard };
}
