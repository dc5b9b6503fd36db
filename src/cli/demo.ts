import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { gatewayFiles } from '../transport/demo/gateways.ts';
import { leaveEntrance } from '../transport/demo/hints.ts';
import { labDemo } from '../transport/demo/lab-demo.ts';
import { networkDemo } from '../transport/demo/network-demo.ts';
import type { DemoOptions, Embodiment } from '../transport/demo/options.ts';
import { jsonPrinter, type Printer, textPrinter } from '../transport/demo/printer.ts';
import { canSandbox, enterSandbox, inSandbox } from '../transport/netlab/index.ts';
import type { Page } from '../transport/page/server.ts';
import { SocketSource } from '../transport/page/socket-source.ts';
import { EXIT_OK, EXIT_RUNTIME, telling } from './exit-codes.ts';
import { openPage, type PageFlag, pageOption } from './page-option.ts';
import { byteCount } from './units.ts';

/** Names the demo's folder to the process inside the sandbox. */
const FOLDER_VARIABLE = 'GLASSGATE_DEMO_FOLDER';
const EXIT_INTERRUPTED = 130;
const DEFAULT_BYTES = 100_000_000;

interface DemoFlags {
  readonly embodiment: string;
  readonly f13: 'tcp' | 'udp';
  readonly handshake: 'hold' | 'immediate';
  readonly bytes: number;
  readonly once?: true;
  readonly json?: true;
  readonly lab?: true;
  readonly keep?: string;
  readonly page?: PageFlag;
}

/** `glassgate demo` (`npm start`): two LANs, two gateways, a tunnel, step by step. */
export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Build two LANs with a firewall between them out of network namespaces, open a tunnel through it, and show each step. ' +
        'Nothing on this machine changes: all of it is private to the demo and ends with it.',
    )
    .addOption(
      new Option('--embodiment <number>', '2: engines, 3: one engine, 4: software')
        .choices(['2', '3', '4'])
        .default('2'),
    )
    .addOption(new Option('--f13 <shape>', 'what tunnel packets look like').choices(['tcp', 'udp']).default('tcp'))
    .addOption(
      new Option('--handshake <mode>', 'when the SYN is answered').choices(['hold', 'immediate']).default('hold'),
    )
    .addOption(
      new Option('--bytes <count>', 'to transfer from terminal 21 to server 31, like 10M')
        .argParser(byteCount)
        .default(DEFAULT_BYTES, '100M'),
    )
    .option('--once', 'end after the transfer')
    .option('--json', 'print steps as JSON lines')
    .option('--lab', 'in memory, on virtual time, as where namespaces cannot be had; stays up too without --once')
    .addOption(pageOption())
    .option('--keep <folder>', 'leave configurations, journals and logs in this folder')
    .addHelpText('after', '\nExit codes: 0 all of it worked, 1 it did not, 130 interrupted before the end.')
    .action(async (flags: DemoFlags) => {
      await telling(() => demo(flags));
    });
}

async function demo(flags: DemoFlags): Promise<number> {
  const printer = flags.json === true ? jsonPrinter(process.stdout) : textPrinter(process.stdout);
  const folder = process.env[FOLDER_VARIABLE];
  // What an interrupted demo still waits for must not keep it.
  if (inSandbox() && folder !== undefined) process.exit(await inside(flags, printer, folder));
  const reason = flags.lab === true ? 'asked for' : await obstacle();
  if (reason === undefined) return withFolder(flags.keep, (made) => outside(flags, printer, made));
  tellLab(printer, reason);
  return untilInterrupted((signal) => labDemo({ options: optionsOf(flags), printer, signal }));
}

/** Why there can be no namespaces, and what would help; undefined when they can be had. */
async function obstacle(): Promise<string | undefined> {
  const ability = await canSandbox();
  return ability.ok ? undefined : `${ability.reason}. What would help: ${ability.remedy}`;
}

function tellLab(printer: Printer, reason: string): void {
  printer.say(`No network namespaces: ${reason}.`);
  printer.step({
    step: 'fallback',
    box: 'demo',
    at_ms: 0,
    text: 'the in-memory lab does the same, on virtual time and without kernels',
    reason,
  });
}

/** Runs this same command in a sandbox; the page stays outside, where a browser can reach it. */
async function outside(flags: DemoFlags, printer: Printer, folder: string): Promise<number> {
  const page = await demoPage(flags, printer, folder);
  try {
    return await enterSandbox([...nodeCommand(), ...process.argv.slice(2)], {
      env: { [FOLDER_VARIABLE]: folder },
      onStart: (pid) => leaveEntrance(folder, pid),
    });
  } finally {
    await page?.close();
  }
}

/** The page is part of a demo that is looked at: on unless it runs by itself, and no reason to fail. */
async function demoPage(flags: DemoFlags, printer: Printer, folder: string): Promise<Page | undefined> {
  const isLookedAt = flags.once !== true && flags.json !== true;
  if (flags.page === undefined && !isLookedAt) return undefined;
  const sources = ([20, 30] as const).map((number) => {
    return new SocketSource(`gateway${number}`, gatewayFiles(folder, number).socket);
  });
  try {
    const page = await openPage(flags.page ?? true, sources);
    printer.say(`Watch it in a browser: ${page.url}`);
    return page;
  } catch (error) {
    if (flags.page !== undefined) throw error;
    printer.say(`No page: ${(error as Error).message}`);
    return undefined;
  }
}

function inside(flags: DemoFlags, printer: Printer, folder: string): Promise<number> {
  return untilInterrupted((signal) =>
    networkDemo({ options: optionsOf(flags), printer, folder, command: nodeCommand(), signal }),
  );
}

/** What an interrupted demo has not reached is not a success. */
async function untilInterrupted(perform: (signal: AbortSignal) => Promise<boolean>): Promise<number> {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort());
  const isThrough = await perform(ending.signal);
  if (isThrough) return EXIT_OK;
  return ending.signal.aborted ? EXIT_INTERRUPTED : EXIT_RUNTIME;
}

/** A folder of the demo's own, gone with it; or the one that was asked for, which stays. */
async function withFolder(keep: string | undefined, use: (folder: string) => Promise<number>): Promise<number> {
  if (keep !== undefined) {
    mkdirSync(keep, { recursive: true });
    return use(resolve(keep));
  }
  const folder = mkdtempSync(join(tmpdir(), 'glassgate-demo-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The command line that runs glassgate as it runs here. */
function nodeCommand(): string[] {
  return [process.execPath, ...process.execArgv, process.argv[1] as string];
}

function optionsOf({ embodiment, f13, handshake, bytes, once }: DemoFlags): DemoOptions {
  return { embodiment: Number(embodiment) as Embodiment, f13, handshake, bytes, once: once === true };
}
