import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { matching } from './benchmarks.ts';
import { factsText, machineFacts } from './support/machine-facts.ts';
import { FULL, measureAll, QUICK } from './support/measure.ts';
import { tablesText } from './support/table-text.ts';

const RESULTS_FOLDER = join(import.meta.dirname, 'results');
const EXIT_NOTHING_MATCHES = 2;

interface Flags {
  readonly filter: string;
  readonly quick?: true;
  readonly json?: true;
}

const command = new Command('npm run bench --')
  .description(
    'Measures layers, slow path, record ciphers, journal and machines; prints tables and writes JSON into bench/results/.',
  )
  .option('--filter <text>', 'only benchmarks that have it in their table or name, like "layers" or "mac"', '')
  .option(
    '--quick',
    'one short sample each, not written to a file: shows that everything works, its numbers mean little',
  )
  .option('--json', 'print one JSON object instead of tables')
  .parse();
process.exitCode = run(command.opts<Flags>());

function run({ filter, quick, json }: Flags): number {
  const benchmarks = matching(filter);
  if (benchmarks.length === 0) {
    process.stderr.write(`no benchmark has "${filter}" in its table or name\n`);
    return EXIT_NOTHING_MATCHES;
  }
  const effort = quick ? QUICK : FULL;
  const machine = machineFacts();
  const time = new Date().toISOString();
  if (!json)
    process.stdout.write(
      `${factsText(machine)}\n${effort.samples} samples of ${effort.sample_ms} ms each, interleaved\n\n`,
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
