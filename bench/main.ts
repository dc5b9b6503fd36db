import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command, CommanderError } from 'commander';
import { canSandbox, enterSandbox, inSandbox } from '../src/transport/netlab/sandbox.ts';
import { matching } from './benchmarks.ts';
import { FULL_STREAMS, measureStreams, QUICK_STREAMS, streamsText } from './beside-kernel.ts';
import { factsText, machineFacts } from './support/machine-facts.ts';
import { FULL, measureAll, QUICK } from './support/measure.ts';
import { tablesText } from './support/table-text.ts';

const RESULTS_FOLDER = join(import.meta.dirname, 'results');
const EXIT_WRONG_ARGUMENTS = 2;
const EXIT_NOT_POSSIBLE = 3;
const TUN_DEVICE = '/dev/net/tun';
const NO_TUN = {
  ok: false,
  reason: `${TUN_DEVICE} cannot be read and written`,
  remedy: 'load the tun module (`modprobe tun`), run as root',
} as const;

interface Flags {
  readonly filter: string;
  readonly quick?: true;
  readonly json?: true;
}

const command = new Command('npm run bench --')
  .description(
    'Measures layers, slow path, record ciphers, journal and machines; prints tables and writes JSON into bench/results/.',
  )
  .addArgument(
    new Argument(
      '[what]',
      'streams: our TCP on a TAP beside the kernel in network namespaces, needs root or user namespaces',
    ).choices(['streams']),
  )
  .option('--filter <text>', 'only benchmarks that have it in their table or name, like "layers" or "mac"', '')
  .option(
    '--quick',
    'one short sample each, not written to a file: shows that everything works, its numbers mean little',
  )
  .option('--json', 'print one JSON object instead of tables')
  .showSuggestionAfterError()
  .configureOutput({ outputError: (text) => tellError(text.replace(/^error: /, '')) })
  .exitOverride();
process.exitCode = await main();

async function main(): Promise<number> {
  try {
    command.parse();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EXIT_WRONG_ARGUMENTS;
  }
  const flags = command.opts<Flags>();
  return command.args.length === 0 ? runBenchmarks(flags) : runStreams(flags);
}

/** One form for everything that the command refuses. */
function tellError(text: string): void {
  process.stderr.write(`bench: ${text.trimEnd()}\n`);
}

/** `1 round`, `5 rounds`. */
function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

function canOpenTun(): boolean {
  try {
    accessSync(TUN_DEVICE, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Streams need hosts of their own: this program starts itself again inside a sandbox. */
async function runStreams({ quick, json }: Flags): Promise<number> {
  if (!inSandbox()) {
    const ability = canOpenTun() ? await canSandbox() : NO_TUN;
    if (ability.ok) return enterSandbox([process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
    tellError(`no streams beside the kernel here: ${ability.reason} (${ability.remedy})`);
    return EXIT_NOT_POSSIBLE;
  }
  const machine = machineFacts();
  const time = new Date().toISOString();
  const effort = quick ? QUICK_STREAMS : FULL_STREAMS;
  if (!json)
    process.stdout.write(
      `${factsText(machine)}\n${counted(effort.rounds, 'round')} of ${effort.bytes / 1e9} GB each, interleaved\n\n`,
    );
  const streams = await measureStreams(
    effort,
    (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`),
  );
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  const report = { time, machine, effort, streams };
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${streamsText(streams)}\n`);
  if (!quick) save(report);
  return 0;
}

function runBenchmarks({ filter, quick, json }: Flags): number {
  const benchmarks = matching(filter);
  if (benchmarks.length === 0) {
    tellError(`no benchmark has "${filter}" in its table or name`);
    return EXIT_WRONG_ARGUMENTS;
  }
  const effort = quick ? QUICK : FULL;
  const machine = machineFacts();
  const time = new Date().toISOString();
  if (!json)
    process.stdout.write(
      `${factsText(machine)}\n${counted(effort.samples, 'sample')} of ${effort.sample_ms} ms each, interleaved\n\n`,
    );
  const results = measureAll(benchmarks, effort, progress);
  const report = { time, machine, effort, filter, results };
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${tablesText(results)}\n`);
  if (!quick) save(report);
  return 0;
}

function save(report: { readonly time: string }): void {
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  const file = join(RESULTS_FOLDER, `${report.time.replaceAll(':', '-')}.json`);
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  process.stderr.write(`written to ${file}\n`);
}

/** Tells a waiting person how far it is. */
function progress(done: number, of: number): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(done === of ? '\r\x1b[K' : `\r${done}/${of} samples`);
}
