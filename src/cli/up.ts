import { Command, Option } from 'commander';
import { type JournalLevel, LEVEL_RANK } from '../actors/tap.ts';
import { type RunningGateway, startGateway } from '../transport/runtime/gateway-process.ts';
import { EXIT_OK, EXIT_RUNTIME, telling } from './exit-codes.ts';
import { openPage, type PageFlag, pageOption } from './page-option.ts';
import { humanOutput, jsonOutput, type UpOutput } from './up-output.ts';

/** What files made here never let others do. */
const OWNER_ONLY = 0o077;

interface UpCommandOptions {
  readonly json?: boolean;
  readonly steps?: boolean;
  readonly journal?: string;
  readonly level?: JournalLevel;
  readonly page?: PageFlag;
}

/** `glassgate up CONFIG`: runs one gateway until it is told to stop. */
export function upCommand(): Command {
  return new Command('up')
    .description('Run a gateway, a relay or the driver of a host on a real interface, until SIGTERM or SIGINT.')
    .argument('<config>', 'YAML file')
    .option('--json', 'print JSON lines')
    .option('--steps', 'print every step of a session being set up (always with --json)')
    .option('--journal <file>', 'journal file, instead of the one in the configuration')
    .addOption(new Option('--level <level>', 'detail of the journal').choices(Object.keys(LEVEL_RANK)))
    .addOption(pageOption())
    .addHelpText(
      'after',
      `
Signals: SIGTERM and SIGINT end all sessions in order, within 3 seconds; SIGUSR2 commits the journal and tells where it is.
Exit codes: 0 ended as asked, 1 runtime failure, 2 wrong configuration or arguments, 3 a right or facility is missing.`,
    )
    .action((configFile: string, options: UpCommandOptions) => telling(() => up(configFile, options)));
}

async function up(configFile: string, { json, steps, journal, level, page: flag }: UpCommandOptions): Promise<number> {
  const output = json === true ? jsonOutput() : humanOutput((text) => process.stdout.write(text), steps === true);
  // The journal tells who speaks with whom: it is for its owner alone.
  process.umask(OWNER_ONLY);
  const gateway = await startGateway({
    configFile,
    ...(journal !== undefined && { journalFile: journal }),
    ...(level !== undefined && { journalLevel: level }),
    onEvent: output.event,
  });
  tellReady(gateway, output);
  const ending = untilEnd(gateway, output);
  const page = flag === undefined ? undefined : await openPage(flag, [gateway.runtime.pageSource]);
  if (page !== undefined) output.say(`page: ${page.url}`);
  const lost = await ending;
  await page?.close();
  await gateway.stop();
  output.say('stopped');
  return lost ? EXIT_RUNTIME : EXIT_OK;
}

function tellReady({ runtime, controlPath, journal }: RunningGateway, output: UpOutput): void {
  const { name, interface: port, address, listen, role, tap, embodiment } = runtime.status();
  const listening = listen === null ? '' : `, listens on port ${listen.port} (${listen.f13}, ${listen.handshake})`;
  output.ready(
    {
      name,
      interface: port.name,
      mac: port.mac,
      address: address ?? undefined,
      socket: controlPath,
      journal: journal?.path,
    },
    `${role} ${name} (${embodiment}) is up: ${tap === null ? '' : `kernel on ${tap.name}, `}${address === null ? '' : `${address} `}on ${port.name}, MAC ${port.mac}${listening}`,
  );
}

/** Resolves with true when the interface was lost, with false when a signal asked for the end. */
function untilEnd(gateway: RunningGateway, output: UpOutput): Promise<boolean> {
  return new Promise((resolve) => {
    let isEnding = false;
    const asked = (signal: NodeJS.Signals): void => {
      if (isEnding) return;
      isEnding = true;
      output.say(`${signal}: ending sessions`);
      resolve(false);
    };
    // Never taken off: a launcher forwards a signal that the whole process group got, and a second one must not kill the ending.
    process.on('SIGTERM', asked);
    process.on('SIGINT', asked);
    process.on('SIGUSR2', () => dump(gateway, output));
    void gateway.lost.then(() => resolve(true));
  });
}

/** What the journal has is on the disk before the line that says so. */
function dump({ runtime, journal }: RunningGateway, output: UpOutput): void {
  journal?.flush();
  output.say(
    journal === undefined
      ? 'SIGUSR2: there is no journal'
      : `SIGUSR2: journal ${journal.path} is complete up to record ${runtime.status().journal?.records}`,
  );
}
