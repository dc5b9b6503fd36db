import { dirname } from 'node:path';
import { parseConfig } from '../../config/parse.ts';
import { type Config, hasTunnels } from '../../config/schema.ts';
import { warningsOf } from '../../config/warnings.ts';
import { type LoadedCredentials, loadCredentials } from './credentials.ts';
import { readText } from './read-text.ts';
import { SetupError } from './setup-error.ts';

/** Credentials are there where tunnels end. */
export interface LoadedConfig extends Partial<LoadedCredentials> {
  readonly warnings: readonly string[];
  readonly config: Config;
  /** Relative paths in the configuration start here. */
  readonly folder: string;
}

/** Reads and checks a configuration file and the TLS files it names. Throws SetupError, with one line for each mistake. */
export function loadConfig(file: string, now: Date): LoadedConfig {
  const text = readText(
    file,
    'configuration',
    'give the path of a YAML file; `glassgate check --schema` tells what goes into it',
  );
  const parsed = parseConfig(text, file);
  if (!parsed.ok) throw new SetupError('config', parsed.errors.join('\n'));
  const folder = dirname(file);
  const { config } = parsed;
  if (!hasTunnels(config)) return { config, folder, warnings: [] };
  const credentials = loadCredentials(config, file, folder, now);
  return { config, folder, ...credentials, warnings: [...warningsOf(config), ...credentials.warnings] };
}
