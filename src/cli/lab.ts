import { closeSync, openSync, writeSync } from 'node:fs';
import { Command, Option } from 'commander';
import { pcapngFromTaps } from '../journal/pcapng-export.ts';
import { JournalError } from '../journal/schema.ts';
import { type Journal, openJournal } from '../journal/store.ts';
import { isSuccess, NO_SECURITY_NOTE, reportText } from '../lab/report.ts';
import { type LabResult, type RunPlan, runLab } from '../lab/run.ts';
import { type LabSettings, labPlan, labSettings } from '../lab/settings.ts';
import { HOST_MTU } from '../topologies/network.ts';
import { TOPOLOGIES, topologyByName } from '../topologies/topologies.ts';
import { EXIT_CONFIG, EXIT_FAILED, EXIT_OK, telling } from './exit-codes.ts';
import { labCompareCommand } from './lab-compare.ts';
import { type GivenOptions, idleOption } from './lab-contradictions.ts';
import { showLab } from './lab-page.ts';
import { OfferedArgument } from './offered-argument.ts';
import { type PageFlag, pageOption } from './page-option.ts';
import { noTopology, TOPOLOGY_NAMES } from './topology-name.ts';
import { byteCount, duration_us, rate_bps, ratio, wholeNumber } from './units.ts';
import { unwritable } from './unwritable.ts';

const DEFAULT_TOPOLOGY = 'e4';
const LIST = 'list';
const NAME_WIDTH = Math.max(...TOPOLOGIES.map(({ name }) => name.length)) + 2;

interface LabFlags {
  readonly seed: number;
  readonly loss: number;
  readonly burst: number;
  readonly delay: number;
  readonly rate: number;
  readonly reorder: number;
  readonly duplicate: number;
  readonly bytes: number;
  readonly pings: number;
  readonly f13: 'tcp' | 'udp';
  readonly udp?: true;
  readonly handshake: 'hold' | 'immediate';
  readonly mtu: number;
  readonly journal?: string;
  readonly level: 'control' | 'inputs' | 'frames' | 'full';
  readonly pcap?: string;
  readonly inside?: true;
  readonly json?: true;
  readonly page?: PageFlag;
  readonly slower: number;
}

/** `glassgate lab [TOPOLOGY]`: a whole network in memory, on virtual time. */
export function labCommand(): Command {
  return new Command('lab')
    .description('Run a two-LAN network in memory on virtual time: set-up, ping, transfer, tear-down.')
    .addArgument(
      new OfferedArgument('[topology]', `one of ${TOPOLOGY_NAMES.join(', ')}; "${LIST}" tells what they are`, [
        LIST,
        ...TOPOLOGY_NAMES,
      ]).default(DEFAULT_TOPOLOGY),
    )
    .option('--loss <ratio>', 'frames lost between the gateways, like 1%', ratio, 0)
    .option('--burst <frames>', 'mean number of frames lost in a row', wholeNumber, 1)
    .addOption(
      new Option('--delay <time>', 'one way between the gateways, like 20ms')
        .argParser(duration_us)
        .default(10_000, '10ms'),
    )
    .addOption(
      new Option('--rate <bits>', 'bits per second between the gateways, like 100M; 0: no limit')
        .argParser(rate_bps)
        .default(100_000_000, '100M'),
    )
    .option('--reorder <ratio>', 'frames that others overtake', ratio, 0)
    .option('--duplicate <ratio>', 'frames that arrive twice', ratio, 0)
    .option('--seed <number>', 'all chance comes from it: the same seed gives the same run', wholeNumber, 1)
    .addOption(
      new Option('--bytes <count>', 'bytes to transfer from terminal 21 to server 31, like 10M; 0: none')
        .argParser(byteCount)
        .default(1_000_000, '1M'),
    )
    .option('--pings <count>', 'echo requests', wholeNumber, 3)
    .addOption(new Option('--f13 <shape>', 'shape of the tunnel').choices(['tcp', 'udp']).default('tcp'))
    .option('--udp', 'the same as --f13 udp')
    .addOption(
      new Option('--handshake <mode>', 'when the SYN is answered').choices(['hold', 'immediate']).default('hold'),
    )
    .option('--mtu <bytes>', 'of terminal and server, bytes of an IP packet', wholeNumber, HOST_MTU)
    .option('--journal <file>', 'write a journal that "glassgate replay" can verify')
    .addOption(
      new Option('--level <level>', 'detail of the journal')
        .choices(['control', 'inputs', 'frames', 'full'])
        .default('inputs'),
    )
    .option('--pcap <file>', 'write what passes the cables (W1 …) as pcapng, one interface for each')
    .option(
      '--inside',
      'with --pcap: also the places inside devices, S below the IP stack, M below the MAC layer, V at the virtual NIC',
    )
    .option('--json', 'print one JSON object')
    .addOption(pageOption())
    .option('--slower <times>', 'with --page: so many times slower than real time', wholeNumber, 50)
    .addHelpText(
      'after',
      `\nExit codes: 0 all of it worked, 1 it did not, 2 wrong arguments or a file that cannot be written.\nThe lab has ${NO_SECURITY_NOTE}.`,
    )
    .addCommand(labCompareCommand())
    .enablePositionalOptions()
    .action(async (topology: string, flags: LabFlags, command: Command) => {
      if (flags.page !== undefined && topology !== LIST) await telling(() => showOnPage(topology, flags, command));
      else process.exitCode = topology === LIST ? list(flags) : run(topology, flags, command);
    });
}

function list({ json }: LabFlags): number {
  const text = TOPOLOGIES.map(
    ({ name, title, figure }) => `${name.padEnd(NAME_WIDTH)}${title}${figure ? ` (figure ${figure})` : ''}`,
  );
  print(
    json ? JSON.stringify(TOPOLOGIES.map(({ name, title, figure }) => ({ name, title, figure }))) : text.join('\n'),
  );
  return EXIT_OK;
}

/** Set-up alone, slowly, on the live page. */
async function showOnPage(topology: string, flags: LabFlags, command: Command): Promise<number> {
  const settings = checkedSettings(topology, flags, command);
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.abort());
  await showLab({ settings, page: flags.page ?? true, slower: flags.slower, print, signal: ending.signal });
  return EXIT_OK;
}

function run(topology: string, flags: LabFlags, command: Command): number {
  const settings = checkedSettings(topology, flags, command);
  const opened: { close(): void }[] = [];
  try {
    const journal = flags.journal === undefined ? undefined : openLabJournal(flags.journal, flags);
    if (journal !== undefined) opened.push(journal);
    const pcap = flags.pcap === undefined ? undefined : openPcap(flags.pcap);
    if (pcap !== undefined) opened.push(pcap);
    return show(
      runLab({
        settings,
        bytes: flags.bytes,
        pings: flags.pings,
        ...(journal && { journal }),
        ...(pcap && { onFrame: pcap.onFrame, inside: flags.inside === true }),
      }),
      flags,
    );
  } catch (error) {
    if (!(error instanceof JournalError) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    process.stderr.write(`glassgate: ${(error as Error).message}\n`);
    return EXIT_CONFIG;
  } finally {
    for (const each of opened) each.close();
  }
}

function checkedSettings(topology: string, flags: LabFlags, command: Command): LabSettings {
  if (topologyByName(topology) === undefined) command.error(noTopology(topology), { exitCode: EXIT_CONFIG });
  if (flags.mtu < 576 || flags.mtu > 1500) command.error('--mtu must be from 576 to 1500', { exitCode: EXIT_CONFIG });
  if (flags.slower < 1) command.error('--slower must be at least 1');
  const settings = settingsOf(topology, flags);
  const idle = idleOption(topology, labPlan(settings), given(settings, flags, command));
  if (idle !== undefined) command.error(idle, { exitCode: EXIT_CONFIG });
  return settings;
}

function given({ shape, handshake }: LabSettings, { inside, pcap, udp }: LabFlags, command: Command): GivenOptions {
  const isGiven = (name: string) => command.getOptionValueSource(name) === 'cli';
  return {
    ...((udp === true || isGiven('f13')) && { shape }),
    ...(isGiven('handshake') && { handshake }),
    ...(inside && { inside }),
    ...(pcap !== undefined && { pcap }),
  };
}

function settingsOf(topology: string, flags: LabFlags): LabSettings {
  const { seed, handshake, mtu: hostMtu, loss, burst, delay, rate, reorder, duplicate } = flags;
  const path = { loss, burst_frames: Math.max(1, burst), delay_us: delay, rate_bps: rate, reorder, duplicate };
  return labSettings(topology, { seed, handshake, hostMtu, shape: flags.udp ? 'udp' : flags.f13, path });
}

function openLabJournal(path: string, { level, seed }: LabFlags): Journal {
  return openJournal(path, { level, tls: 'model', seed });
}

function openPcap(path: string): { onFrame: NonNullable<RunPlan['onFrame']>; close(): void } {
  const fd = written(path, () => openSync(path, 'w'));
  const write = pcapngFromTaps((block) => {
    for (let at = 0; at < block.length; ) at += written(path, () => writeSync(fd, block, at));
  });
  return {
    onFrame: ({ place, bytes, time_us, way, fate }) => write(place, bytes, time_us, `${way} ${fate}`),
    close: () => closeSync(fd),
  };
}

/** Says which file it is where the system does not let it be written. */
function written<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw Object.assign(error as Error, { message: unwritable(path, error) });
  }
}

function show(result: LabResult, { json }: LabFlags): number {
  print(json ? JSON.stringify({ ...result, note: NO_SECURITY_NOTE }) : reportText(result));
  return isSuccess(result) ? EXIT_OK : EXIT_FAILED;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
