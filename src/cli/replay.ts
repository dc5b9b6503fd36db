import { Command } from 'commander';
import { config as rxjs } from 'rxjs';
import type { JournalData } from '../actors/tap.ts';
import { type DeviceBuilder, verifyJournal } from '../journal/replay.ts';
import { type ReplayResult, unreplayableLevel } from '../journal/replay-result.ts';
import type { JournalReader } from '../journal/store-reader.ts';
import { EXIT_UNREADABLE, isHeldByOther, withJournal } from './journal-file.ts';
import { resultJson, resultText, summaryJson, summaryOf, summaryText } from './replay-text.ts';

const EXIT_EQUAL = 0;
const EXIT_DIVERGED = 1;
/** Time between two lines of progress. */
const PROGRESS_MS = 2000;

/** Builders by the name that a run puts into its config record as `builder`; loaded when a journal needs them. */
export type BuilderLoaders = Readonly<Record<string, () => Promise<DeviceBuilder>>>;

interface ReplayOptions {
  readonly verify?: boolean;
  readonly json?: boolean;
}

/** `glassgate replay FILE`: what is in a journal; with `--verify`, whether the devices do the same again. */
export function replayCommand(builders: BuilderLoaders = {}): Command {
  return new Command('replay')
    .description('Show what is in a journal, or replay it and compare every record.')
    .argument('<file>', 'journal file')
    .option('--verify', 'replay all inputs and compare all that the devices do with what was recorded')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExit codes: 0 equal (or summary shown), 1 the replay diverged, 2 wrong arguments, or the journal cannot be read or replayed.',
    )
    .action(async (file: string, options: ReplayOptions) => {
      process.exitCode = await withJournal(file, (reader) =>
        options.verify === true
          ? verify(reader, builders, options.json === true)
          : summarize(reader, options.json === true),
      );
    });
}

async function summarize(reader: JournalReader, isJson: boolean): Promise<number> {
  const summary = summaryOf(reader, isLive(reader));
  print(isJson ? summaryJson(summary) : summaryText(summary));
  return EXIT_EQUAL;
}

async function verify(reader: JournalReader, builders: BuilderLoaders, isJson: boolean): Promise<number> {
  const live = isLive(reader);
  const build = await builderOf(reader, builders);
  const result: ReplayResult =
    typeof build === 'string' ? { equal: undefined, notReplayable: build } : run(reader, build);
  const text = isJson ? resultJson(reader.path, result, live) : resultText(reader.path, result, live);
  print(text);
  if (result.equal === undefined) return EXIT_UNREADABLE;
  return result.equal ? EXIT_EQUAL : EXIT_DIVERGED;
}

function isLive({ closed, path }: JournalReader): boolean {
  return !closed && isHeldByOther(path);
}

/** The builder of the journal's devices; a string says why there is none. */
async function builderOf({ meta }: JournalReader, builders: BuilderLoaders): Promise<DeviceBuilder | string> {
  const level = unreplayableLevel(meta.level);
  if (level !== undefined) return level;
  const name = builderName(meta.config);
  if (name === undefined) return 'its config record does not say what to build';
  if (!Object.hasOwn(builders, name)) return `it was made by "${name}", which this glassgate cannot build`;
  return builders[name]();
}

function builderName(config: JournalData): string | undefined {
  const name = (config as { builder?: unknown } | null)?.builder;
  return typeof name === 'string' ? name : undefined;
}

function run(reader: JournalReader, build: DeviceBuilder): ReplayResult {
  // RxJS throws a handler's error later, out of reach. The comparison finds what the handler then failed to do.
  rxjs.onUnhandledError = (error) =>
    process.stderr.write(`glassgate: a layer failed in the replay: ${error?.message ?? error}\n`);
  const last = reader.last()?.seq ?? 0;
  let told_ms = performance.now();
  return verifyJournal(reader, build, (seq) => {
    const now_ms = performance.now();
    if (now_ms - told_ms < PROGRESS_MS) return;
    told_ms = now_ms;
    process.stderr.write(`replayed ${seq} of ${last} records (${Math.floor((100 * seq) / last)} %)\n`);
  });
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
