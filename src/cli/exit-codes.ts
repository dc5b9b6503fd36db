import type { CommanderError } from 'commander';
import { SetupError, type SetupFault } from '../transport/runtime/setup-error.ts';

/** Exit codes of the commands around a running gateway; docs/GUIDE.md tells them. */
export const EXIT_OK = 0;
export const EXIT_RUNTIME = 1;
export const EXIT_CONFIG = 2;
export const EXIT_FACILITY = 3;
/** Of `lab` and `script`: what was run has failed. */
export const EXIT_FAILED = 1;

const OF_FAULT: Readonly<Record<SetupFault, number>> = {
  runtime: EXIT_RUNTIME,
  config: EXIT_CONFIG,
  facility: EXIT_FACILITY,
};

/** Does a command's work. What an operator can put right becomes one line (or one for each mistake) on stderr, and an exit code. */
export async function telling(work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    for (const line of error.message.split('\n')) process.stderr.write(`glassgate: ${line}\n`);
    process.exitCode = OF_FAULT[error.fault];
  }
}

/** Exit code for what commander refused: wrong arguments are {@link EXIT_CONFIG}; help and version are no error. */
export function exitCodeOf({ code, exitCode }: CommanderError): number {
  return exitCode === 1 && code.startsWith('commander.') ? EXIT_CONFIG : exitCode;
}
