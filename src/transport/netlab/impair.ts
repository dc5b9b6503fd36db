import { createInterface } from 'node:readline';
import type { ImpairmentOptions } from './fate.ts';
import { type HostName, spawn } from './hosts.ts';
import type { LineCounters } from './impaired-line.ts';
import { nodeCommand, programBeside } from './program.ts';

export type { ImpairmentOptions } from './fate.ts';

export interface Impairment {
  /** From now on the line does this to frames. Where a seed is given the sequence of fates begins anew, else it goes on. */
  change(options: ImpairmentOptions): Promise<void>;
  /** Frames from the near to the far interface, and the other way. */
  counters(): Promise<LineCounters[]>;
  stop(): Promise<void>;
}

/** Joins two interfaces of a host by a process that loses, delays, doubles and reorders frames. Resolves when it forwards. */
export async function impair(
  host: HostName,
  near: string,
  far: string,
  options: ImpairmentOptions,
): Promise<Impairment> {
  const argv = nodeCommand(programBeside(import.meta.url, 'impair-process'), [near, far, JSON.stringify(options)]);
  const running = spawn(host, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdin, stdout } = running.child;
  if (stdin === null || stdout === null) throw new Error('the impairment process has no pipes');
  stdin.on('error', () => {});
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: stdout }).on('line', (line) => waiting.shift()?.(line));
  const ended = running.exit.then((code) => {
    throw new Error(`the impairment process ended with code ${code}`);
  });
  // Whoever waits for an answer hears of it.
  ended.catch(() => {});
  const answer = (): Promise<string> => Promise.race([new Promise<string>((resolve) => waiting.push(resolve)), ended]);
  const ask = (question: object): Promise<string> => {
    stdin.write(`${JSON.stringify(question)}\n`);
    return answer();
  };
  await answer();
  return {
    async change(changed) {
      await ask({ change: changed });
    },
    async counters() {
      return JSON.parse(await ask({})) as LineCounters[];
    },
    async stop() {
      await running.stop();
    },
  };
}
