import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { cellCount, type GoodputCell, type GoodputPlan, goodputCells, RTTS_MS } from '../lab/compare.ts';
import { goodputText, observationText } from '../lab/compare-text.ts';
import { goodputSvg } from '../lab/goodput-chart.ts';
import { type Observation, observe } from '../lab/observe.ts';
import { topologyByName } from '../topologies/topologies.ts';
import { EXIT_CONFIG, EXIT_OK } from './exit-codes.ts';
import { OfferedArgument } from './offered-argument.ts';
import { noTopology, TOPOLOGY_NAMES } from './topology-name.ts';
import { byteCount, duration_us, wholeNumber } from './units.ts';
import { unwritable } from './unwritable.ts';

/** Compared when nothing is named: the embodiments and prior arts themselves, none of their variants. */
const USUAL = /^(e\d+|prior-art-\d|tcp-over-tcp)$/;
/** Round trip time that a chart is drawn for, milliseconds. */
const CHART_RTT_MS = 20;

interface CompareFlags {
  readonly seed: number;
  readonly seeds: number;
  readonly bytes: number;
  readonly limit: number;
  readonly svg?: string;
  readonly json?: true;
}

/** `glassgate lab compare [TOPOLOGY...]`: goodput over loss and round trip time, and what each does with a frame. */
export function labCompareCommand(): Command {
  return new Command('compare')
    .description(
      'Compare topologies: goodput by loss and round trip time, where the cipher runs, which TCPs send again.',
    )
    .addArgument(
      new OfferedArgument(
        '[topologies...]',
        'names of "lab list"; default: all embodiments and prior arts',
        TOPOLOGY_NAMES,
      ),
    )
    .option('--seed <number>', 'all chance comes from it', wholeNumber, 1)
    .option('--seeds <number>', 'transfers with so many seeds, of which the median counts', wholeNumber, 1)
    .addOption(
      new Option('--bytes <count>', 'bytes of each transfer, like 2M').argParser(byteCount).default(2_000_000, '2M'),
    )
    .addOption(
      new Option('--limit <time>', 'virtual time that a transfer may take')
        .argParser(duration_us)
        .default(30_000_000, '30s'),
    )
    .option('--svg <file>', `draw goodput over loss at ${CHART_RTT_MS} ms`)
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExit codes: 0 done, 2 wrong arguments or a file that cannot be written.')
    .action((names: string[], flags: CompareFlags, command: Command) => {
      process.exitCode = compare(names, flags, command);
    });
}

function compare(names: readonly string[], flags: CompareFlags, command: Command): number {
  for (const name of names)
    if (topologyByName(name) === undefined) command.error(noTopology(name), { exitCode: EXIT_CONFIG });
  const topologies = names.length > 0 ? names : TOPOLOGY_NAMES.filter((name) => USUAL.test(name));
  if (flags.seeds < 1) command.error('--seeds must be at least 1', { exitCode: EXIT_CONFIG });
  const plan = { topologies, seed: flags.seed, seeds: flags.seeds, bytes: flags.bytes, limit_us: flags.limit };
  const seen = topologies.map((topology) => progress(`what ${topology} does with a frame`, () => observe(topology)));
  const cells = measured(plan);
  try {
    if (flags.svg !== undefined) writeFileSync(flags.svg, chart(cells));
  } catch (error) {
    command.error(unwritable(flags.svg as string, error), { exitCode: EXIT_CONFIG });
  }
  process.stdout.write(`${flags.json ? JSON.stringify({ plan, cells, seen }) : text(plan, cells, seen)}\n`);
  return EXIT_OK;
}

function measured(plan: GoodputPlan): GoodputCell[] {
  const cells: GoodputCell[] = [];
  const running = goodputCells(plan);
  for (let at = 1; ; at++) {
    const next = progress(`cell ${at} of ${cellCount(plan)}`, () => running.next());
    if (next.done) return cells;
    cells.push(next.value);
  }
}

/** Says what is being done, where somebody watches. */
function progress<T>(what: string, work: () => T): T {
  if (!process.stderr.isTTY) return work();
  process.stderr.write(`\r\u001b[K${what}`);
  try {
    return work();
  } finally {
    process.stderr.write('\r\u001b[K');
  }
}

function text(
  { bytes, seed, seeds = 1 }: GoodputPlan,
  cells: readonly GoodputCell[],
  seen: readonly Observation[],
): string {
  return [
    `Goodput in Mbit/s of one transfer of ${bytes} bytes over 50 Mbit/s, on virtual time, ${seeds > 1 ? `median of ${seeds} seeds from ${seed} on` : `seed ${seed}`}`,
    goodputText(cells),
    '',
    observationText(seen),
  ].join('\n');
}

function chart(cells: readonly GoodputCell[]): string {
  const rtt_ms = RTTS_MS.find((each) => each === CHART_RTT_MS) ?? RTTS_MS[0];
  const at = cells.filter((cell) => cell.rtt_ms === rtt_ms);
  const series = [...new Set(at.map(({ topology }) => topology))].map((name) => ({
    name,
    points: at.filter(({ topology }) => topology === name),
  }));
  return goodputSvg({ title: `Lab: goodput of one transfer, RTT ${rtt_ms} ms`, series });
}
