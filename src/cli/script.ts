import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { type FileResult, failureText, hasPassed, runScript, traceText } from '../lab/tcp-script/report.ts';
import { EXIT_CONFIG, EXIT_OK } from './exit-codes.ts';

/** A case did not pass, or a file is no script. */
const EXIT_FAILED = 1;

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
    open
    write 100
    > PSH+ACK seq 1:101 ack 1
    +200ms > PSH+ACK seq 1:101 ack 1
The language is told in docs/TCP-SCRIPTS.md.
Exit codes: 0 all cases passed, 1 one did not, 2 wrong arguments, a file that cannot be read, or no case of that name.`,
    )
    .action((files: string[], flags: ScriptFlags) => {
      process.exitCode = run(files, flags);
    });
}

function run(paths: readonly string[], flags: ScriptFlags): number {
  let files: ScriptFile[];
  try {
    files = paths.map((file) => ({ file, text: readFileSync(file, 'utf8') }));
  } catch (error) {
    process.stderr.write(`glassgate: ${(error as Error).message}\n`);
    return EXIT_CONFIG;
  }
  const results = files.map(({ file, text }) => runScript(file, text, flags.only));
  if (results.every(({ cases, mistake }) => cases.length === 0 && mistake === undefined)) {
    process.stderr.write(`glassgate: no case has "${flags.only}" in its name\n`);
    return EXIT_CONFIG;
  }
  if (flags.json) print(JSON.stringify({ passed: results.every(hasPassed), files: results }));
  else {
    for (const [at, result] of results.entries()) show(result, (files[at] as ScriptFile).text, flags);
    print(countText(results));
  }
  return results.every(hasPassed) ? EXIT_OK : EXIT_FAILED;
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
    ...(unread > 0 ? [`${unread} files could not be read as scripts`] : []),
  ].join(', ');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
