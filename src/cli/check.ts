import { Command } from 'commander';
import { type Config, configJsonSchema, hasTunnels, type TunnelConfig } from '../config/schema.ts';
import { loadConfig } from '../transport/runtime/config-file.ts';
import { controlPath } from '../transport/runtime/control-path.ts';
import { inspectInterface } from '../transport/runtime/open-interface.ts';
import { inspectPlaces, inspectSocketPath } from '../transport/runtime/places.ts';
import { inspectUser } from '../transport/runtime/privileges.ts';
import { SetupError } from '../transport/runtime/setup-error.ts';
import { EXIT_OK, telling } from './exit-codes.ts';

const DAY_MS = 86_400_000;
/** A certificate that ends sooner is worth a word. */
const EXPIRY_WARNING_DAYS = 30;

/** `glassgate check CONFIG`: all that `up` would refuse, without changing anything. */
export function checkCommand(): Command {
  return new Command('check')
    .description('Check a configuration, its certificates and its interface; change nothing.')
    .argument('[config]', 'YAML file')
    .option('--schema', 'print the JSON Schema of configurations instead (for editors)')
    .option('--no-interface', 'do not look at the interface, users and folders: the gateway runs on another machine')
    .addHelpText(
      'after',
      '\nExit codes: 0 good, 1 something failed, 2 the configuration is wrong, 3 a file may not be read.',
    )
    .action((file: string | undefined, options: { schema?: boolean; interface: boolean }) =>
      telling(async () => {
        if (options.schema === true) print(JSON.stringify(configJsonSchema(), undefined, 2));
        else check(file, options.interface);
        return EXIT_OK;
      }),
    );
}

function check(file: string | undefined, withInterface: boolean): void {
  if (file === undefined) throw new SetupError('config', 'say which configuration to check: glassgate check CONFIG');
  const now = new Date();
  const { config, folder, warnings, notAfter } = loadConfig(file, now);
  inspectSocketPath(controlPath(config.control.socket, folder, config.name));
  if (withInterface) {
    inspectUser(config, file);
    inspectPlaces(config, folder);
    inspectInterface(config, file);
  }
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  const days = notAfter && Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS);
  if (days !== undefined && days < EXPIRY_WARNING_DAYS)
    process.stderr.write(`warning: the certificate expires in ${days} days\n`);
  print(`${file} is good: ${config.role} ${config.name}, embodiment ${config.embodiment}, ${deeds(config)}`);
}

/** What a device will do, in a few words. */
function deeds(config: Config): string {
  const wire = config.interface.name;
  if (!hasTunnels(config)) return `between the kernel's ${config.tap.name} and ${wire}`;
  const peers = config.peers.map(deed);
  const listens = config.listen === undefined ? [] : [`listens on port ${config.listen.port}`];
  const kernel = config.role === 'host-gateway' ? `kernel on ${config.tap.name}, ` : '';
  return `${kernel}${config.address} on ${wire}; ${[...listens, ...peers].join(', ')}`;
}

function deed({ name, connect, ...peer }: TunnelConfig['peers'][number]): string {
  if (connect) return `connects to ${name}`;
  return 'demand' in peer && peer.demand !== undefined ? `connects to ${name} on demand` : `is connected to by ${name}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
