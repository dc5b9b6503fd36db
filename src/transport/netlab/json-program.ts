import { createInterface } from 'node:readline';
import { type HostName, type HostProcess, spawn } from './hosts.ts';
import { nodeCommand } from './program.ts';

/** A running program of ours that tells what happens in JSON lines, each with a member `event`. */
export interface JsonProgram {
  readonly process: HostProcess;
  /** The line with this event; fails when the program ends without it. */
  heard<T>(event: string): Promise<T>;
  /** Writes a line to the program. */
  order(order: object): void;
  /** What it has written to its standard error so far. */
  errors(): string;
}

/** Starts a program of ours in a host. `onLine` hears every line. */
export function jsonProgram(
  host: HostName,
  file: string,
  args: readonly string[],
  onLine: (line: { readonly event: string }) => void = () => {},
): JsonProgram {
  const process = spawn(host, nodeCommand(file, args), { stdio: ['pipe', 'pipe', 'pipe'] });
  const { stdin, stdout, stderr } = process.child;
  // It may have ended: whoever waits for its lines hears of that.
  stdin?.on('error', () => {});
  const events = new Map<string, unknown>();
  const waiting = new Map<string, (line: never) => void>();
  let errors = '';
  stderr?.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const closed = new Promise<void>((resolve) => process.child.once('close', () => resolve()));
  createInterface({ input: stdout! }).on('line', (text) => {
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
  const order = (each: object): void => void stdin?.write(`${JSON.stringify(each)}\n`);
  return { process, heard, order, errors: () => errors.trim() };
}
