import { dirname } from 'node:path';
import { parseConfig } from '../../config/parse.ts';
import type { Config } from '../../config/schema.ts';
import { warningsOf } from '../../config/warnings.ts';
import { type LoadedCredentials, loadCredentials } from './credentials.ts';
import { readText } from './read-text.ts';
import { SetupError } from './setup-error.ts';

export interface LoadedConfig extends LoadedCredentials {
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
  const credentials = loadCredentials(parsed.config, file, folder, now);
  const warnings = [...warningsOf(parsed.config), ...credentials.warnings];
  return { config: parsed.config, folder, ...credentials, warnings };
}
