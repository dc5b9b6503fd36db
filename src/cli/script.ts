import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { type FileResult, failureText, hasPassed, runScript, traceText } from '../lab/tcp-script/report.ts';
import { EXIT_CONFIG, EXIT_FAILED, EXIT_OK } from './exit-codes.ts';

/** Why a file cannot be read, by what the system says. */
const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'reading it is not permitted',
};

interface ScriptFlags {
  readonly only?: string;
  readonly trace?: true;
  readonly json?: true;
}

interface ScriptFile {
  readonly file: string;
  readonly text: string;
}

/** `glassgate script FILE...`: packet-level cases against this TCP, on virtual time. */
export function scriptCommand(): Command {
  return new Command('script')
    .description('Run TCP packet scripts against the TCP of glassgate, on virtual time: nothing leaves this machine.')
    .argument('<files...>', 'files of cases, like test/tcp-scripts/handshake.tcp')
    .option('--only <text>', 'only the cases whose name contains this')
    .option('--trace', 'show all that happened in each case, also in those that pass')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
A case in five lines:
  case A lost segment is sent again
    open rtt 100ms
    write 100
    > PSH+ACK seq 1:101 ack 1
    +300ms > PSH+ACK seq 1:101 ack 1
The language is told in docs/TCP-SCRIPTS.md.
Exit codes: 0 all cases passed, 1 one did not, 2 wrong arguments, a file that cannot be read or is no script, or no case of that name.`,
    )
    .action((files: string[], flags: ScriptFlags) => {
      process.exitCode = run(files, flags);
    });
}

function run(paths: readonly string[], flags: ScriptFlags): number {
  const files = paths.map(read);
  const unread = files.filter((file) => typeof file === 'string');
  if (unread.length > 0) return refuse(unread, flags);
  const scripts = files.filter((file) => typeof file !== 'string');
  const results = scripts.map(({ file, text }) => runScript(file, text, flags.only));
  if (results.every(({ cases, mistake }) => cases.length === 0 && mistake === undefined))
    return refuse([`no case has "${flags.only}" in its name`], flags);
  if (flags.json) print(JSON.stringify({ passed: results.every(hasPassed), files: results }));
  else {
    for (const [at, result] of results.entries()) show(result, (scripts[at] as ScriptFile).text, flags);
    print(countText(results));
  }
  if (results.some(({ mistake }) => mistake !== undefined)) return EXIT_CONFIG;
  return results.every(hasPassed) ? EXIT_OK : EXIT_FAILED;
}

/** The file, or why it cannot be read. */
function read(file: string): ScriptFile | string {
  try {
    return { file, text: readFileSync(file, 'utf8') };
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    return `cannot read ${file}: ${WHY[code] ?? message}`;
  }
}

/** Nothing was run: says why, also to who reads JSON. */
function refuse(errors: readonly string[], { json }: ScriptFlags): number {
  for (const error of errors) process.stderr.write(`glassgate: ${error}\n`);
  if (json) print(JSON.stringify({ passed: false, files: [], errors }));
  return EXIT_CONFIG;
}

function show(result: FileResult, text: string, { trace }: ScriptFlags): void {
  const { file, cases, mistake } = result;
  if (mistake !== undefined) print(`${file}:${mistake.line}: ${mistake.message}`);
  for (const each of cases) {
    print(each.passed ? `pass  ${each.name}` : `FAIL  ${failureText(file, text, each)}`);
    if (trace && each.passed) print(traceText(each));
  }
}

function countText(results: readonly FileResult[]): string {
  const cases = results.flatMap((result) => result.cases);
  const failed = cases.filter(({ passed }) => !passed).length;
  const unread = results.filter(({ mistake }) => mistake !== undefined).length;
  return [
    `${cases.length - failed} passed, ${failed} failed`,
    ...(unread > 0 ? [unread === 1 ? '1 file is no script' : `${unread} files are no scripts`] : []),
  ].join(', ');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
