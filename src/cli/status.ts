import { Command } from 'commander';
import { ask, follow } from '../transport/runtime/control-client.ts';
import { onlyControlPath } from '../transport/runtime/control-path.ts';
import type { GatewayStatus } from '../transport/runtime/control-protocol.ts';
import { EXIT_OK, telling } from './exit-codes.ts';
import { statusText } from './status-text.ts';

interface StatusOptions {
  readonly json?: boolean;
  readonly follow?: boolean;
  readonly socket?: string;
}

/** `glassgate status`: what a running gateway is doing. */
export function statusCommand(): Command {
  return new Command('status')
    .description('Show what a running gateway is doing.')
    .option('--json', 'print one JSON object; with --follow, JSON lines')
    .option('--follow', 'then go on with events as they happen, until Ctrl-C')
    .option('--socket <path>', "control socket; left out: that of this user's one gateway")
    .addHelpText(
      'after',
      '\nExit codes: 0 shown, 1 no gateway answers, 2 wrong arguments, 3 the socket belongs to another user.',
    )
    .action((options: StatusOptions) => telling(() => status(options)));
}

async function status({ json, follow: isFollowing, socket }: StatusOptions): Promise<number> {
  const path = socket ?? onlyControlPath();
  const now = (await ask(path, { command: 'status' })) as GatewayStatus;
  const indent = isFollowing === true ? undefined : 2;
  print(json === true ? JSON.stringify(now, undefined, indent) : statusText(now));
  if (isFollowing !== true) return EXIT_OK;
  const interrupted = new AbortController();
  process.on('SIGINT', () => interrupted.abort());
  await follow(
    path,
    (event) => print(json === true ? JSON.stringify(event) : `${event.time.slice(11, 19)} ${event.text}`),
    interrupted.signal,
  );
  return EXIT_OK;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
