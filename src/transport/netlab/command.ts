import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';

/** How a command ended; `code` is 128 + n when signal n ended it. */
export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  /** Given to the command's standard input. */
  input?: string;
  /** The command is killed when it takes longer. */
  timeout_ms?: number;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs a command to its end. A failure is a result, not an exception. */
export function run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { input, timeout_ms, ...rest } = options;
  return new Promise((resolve) => {
    const settings = { ...rest, timeout: timeout_ms, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
    const child = execFile(argv[0], argv.slice(1), settings, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, stdout, stderr });
      else
        resolve({ code: typeof error.code === 'number' ? error.code : 127, stdout, stderr: stderr || error.message });
    });
    // A command that ends without reading its input is its own affair.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
  });
}

/** Runs a command that must succeed; the standard output. Throws {@link CommandError}. */
export async function mustRun(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.code !== 0) throw new CommandError(argv, result);
  return result.stdout;
}

export class CommandError extends Error {
  readonly result: CommandResult;

  constructor(argv: readonly string[], result: CommandResult) {
    super(`${argv.join(' ')}: exit code ${result.code}: ${result.stderr.trim()}`);
    this.name = 'CommandError';
    this.result = result;
  }
}

/** Starts a command and goes on; its owner ends it by `kill`. */
export function start(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(argv[0], argv.slice(1), options);
}

/** Resolves with the exit code (128 + n for signal n). */
export function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    const done = (): void => resolve(child.exitCode ?? 128 + (signalNumber(child.signalCode) ?? 0));
    if (child.exitCode !== null || child.signalCode !== null) done();
    else {
      child.once('exit', done);
      child.once('error', () => resolve(127));
    }
  });
}

function signalNumber(name: NodeJS.Signals | null): number | undefined {
  return name === null ? undefined : constants.signals[name];
}
